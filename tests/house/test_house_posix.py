"""The package needs no module that only POSIX has: each of them is made impossible to import, as on Windows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
POSIX_ONLY = ("fcntl", "resource", "pwd", "grp", "termios")

WITHOUT = f"""
import os, socket, sys, warnings
for name in {POSIX_ONLY!r}:
    sys.modules[name] = None  # an import of it raises ImportError
for name in ("O_NONBLOCK", "O_DIRECTORY", "O_NOFOLLOW"):
    delattr(os, name)
del socket.AF_UNIX
# without fcntl, filelock says that it locks by a file's existence; on Windows it has a lock of its own
warnings.filterwarnings("ignore", "only soft file lock is available")
"""

IMPORT_ALL = """
import importlib, pkgutil
import exbert_rpc
for module in pkgutil.walk_packages(exbert_rpc.__path__, "exbert_rpc."):
    # mcp, which is optional, asks sys.platform which system it is on
    if module.name not in ("exbert_rpc.__main__", "exbert_rpc.agents.tools"):
        importlib.import_module(module.name)
"""

VERSION = """
from exbert_rpc.cli import main
sys.argv = ["exbert-rpc", "--version"]
sys.exit(main())
"""

INDEX_AND_SEARCH = """
from pathlib import Path
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.folders import Store
from exbert_rpc.errors import Busy
from tests.store_faults.building import build, open_folder, search
from tests.store_faults.fakes import FakeModel, make_text

root = Path(sys.argv[1])
model = FakeModel()
texts = {f"{number}.txt": make_text(number, 3) for number in range(4)}
build(root, texts, model=model)
build(root, {**texts, "0.txt": make_text(9, 3)}, model=model)
hits = search(CorpusReader(open_folder(root)), model, make_text(9, 3).split(".")[0] + ".", token=1, k=5)
assert len(hits) == 5 and hits[0].score > 0.98, hits
with open_folder(root).locked():
    try:
        build(root, texts, model=model)
    except Busy:
        pass
    else:
        raise AssertionError("two builds at once")
Store(root).remove("corpus")
assert Store(root).names() == []
"""


def without_posix(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", WITHOUT + code, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)


def test_modules_that_are_blocked_cannot_be_imported():
    for name in POSIX_ONLY:
        assert "ModuleNotFoundError" in without_posix(f"import {name}").stderr


@pytest.mark.parametrize("code", [IMPORT_ALL, VERSION], ids=["import every module", "exbert-rpc --version"])
def test_without_posix_modules_the_package_is_imported(code):
    ran = without_posix(code)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_without_posix_modules_a_corpus_is_built_searched_locked_and_removed(tmp_path):
    ran = without_posix(INDEX_AND_SEARCH, str(tmp_path / "store"))
    assert ran.returncode == 0, ran.stderr


def test_a_unix_socket_is_refused_where_there_is_none(tmp_path):
    served = without_posix(
        "from exbert_rpc.server.transports.entry import TransportOptions\n"
        "from pathlib import Path\n"
        "TransportOptions('unix', path=Path(sys.argv[1])).check()",
        str(tmp_path / "socket"),
    )
    assert "InvalidParams: path: this system has no Unix sockets" in served.stderr
    dialed = without_posix("from exbert_rpc.client.links import dial\ndial('unix:' + sys.argv[1], None)", "/nowhere")
    assert "OSError: this system has no Unix sockets" in dialed.stderr


def test_a_posix_module_is_imported_only_where_it_may_be_missing():
    pattern = re.compile(rf"^( *)(?:import|from) (?:{'|'.join(POSIX_ONLY)})\b", re.MULTILINE)
    found = {
        path.relative_to(ROOT / "exbert_rpc").as_posix(): match[1]
        for path in (ROOT / "exbert_rpc").rglob("*.py")
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    }
    # a wider pipe is half the time of a large answer; where there is no fcntl the pipe stays as it is
    assert found == {"server/transports/stdio.py": " " * 12}
