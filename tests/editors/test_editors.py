"""Real editors without an extension of ours, headless, against the server: what their own LSP clients make of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from tests.patience import PATIENCE
from tests.server.harness import ROOT

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
SERVER = [sys.executable, "-m", "tests.server.fake_server", "--pages"]
COMMANDS = {
    "nvim": ["nvim", "--headless", "-u", "NONE", "-n", "-c", f"luafile {HERE / 'neovim.lua'}"],
    "emacs": ["emacs", "--batch", "--load", str(HERE / "emacs.el")],
}


@pytest.mark.parametrize("editor", COMMANDS)
def test_an_editor_opens_a_page_about_a_selection_and_hovers(editor: str, tmp_path: Path) -> None:
    if shutil.which(editor) is None:
        pytest.skip(f"{editor} is not installed")
    text = tmp_path / "notes.txt"
    text.write_text("The girl ran.\n")
    variables = {
        "SERVER": "\n".join(SERVER),
        "STORE": str(tmp_path / "store"),
        "ANSWERS": str(tmp_path / "answers.json"),
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
    }
    command = [*COMMANDS[editor], str(text)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | variables, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE
    )
    assert (tmp_path / "answers.json").is_file(), (done.stdout, done.stderr)
    answers = json.loads((tmp_path / "answers.json").read_text())
    page = Path(url2pathname(urlsplit(answers["result"]["uri"]).path))
    assert "<title>The girl ran.</title>" in page.read_text(encoding="utf-8")
    assert answers["title"].startswith("exBERT:")
    assert answers["hover"]["contents"]["value"].startswith("**The** looks at *The* 20%")
    told = [answers.get("shown"), *answers["messages"]]
    assert any(answers["result"]["uri"] in str(one) for one in told), answers
    assert done.returncode == 0, done.stderr
