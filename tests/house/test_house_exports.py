"""Each package says what is public, and the types of the whole are there for others to check against."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted((ROOT / "exbert_rpc").rglob("__init__.py"))


def bound_names(tree: ast.Module) -> set[str]:
    """Names that a module binds at its top, but for dunders."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom) and getattr(node, "module", "") != "__future__":
            found |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in found if not name.startswith("__")}


@pytest.mark.parametrize("file", PACKAGES, ids=lambda file: file.parent.relative_to(ROOT).as_posix())
def test_a_package_that_binds_names_says_which_are_public(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    module = importlib.import_module(".".join(file.parent.relative_to(ROOT).parts))
    if bound_names(tree):
        assert module.__all__, f"{file} has no __all__"
    for name in getattr(module, "__all__", ()):
        assert getattr(module, name) is not None


def test_every_folder_of_modules_is_a_package():
    folders = {path.parent for path in (ROOT / "exbert_rpc").rglob("*.py")}
    assert folders == {file.parent for file in PACKAGES}


def test_the_public_names_of_package_and_client_are_these():
    import exbert_rpc
    import exbert_rpc.client as client

    assert exbert_rpc.__all__ == ["__version__"]
    assert {"AsyncClient", "Client", "ServerFailed", "ServerGone", "to_array"} <= set(client.__all__)


@pytest.mark.slow  # mypy, two seconds
def test_a_program_that_uses_the_client_is_checked_against_its_types(tmp_path):
    """Without py.typed, mypy takes everything of an installed package for Any."""
    program = tmp_path / "program.py"
    program.write_text(
        "from exbert_rpc import __version__\n"
        "from exbert_rpc.client import Client\n"
        "with Client.spawn() as exbert:\n"
        "    reveal_type(exbert.attend(text='The girl ran.').layers)\n"
        "reveal_type(__version__)\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "mypy", "--config-file", "", "--follow-imports", "silent", str(program)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # where mypy looks as it does for what is installed
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=500
    )
    assert '"builtins.list[builtins.int]"' in ran.stdout or '"list[int]"' in ran.stdout, ran.stdout + ran.stderr
