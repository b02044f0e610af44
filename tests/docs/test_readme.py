"""The README's examples run, print what they say, and its links lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from exbert_rpc.cli import main
from exbert_rpc.cli.arguments import make_parser
from tests.docs.figures import agree
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TOPICS = ("assignment", "comparisons", "with", "import", "identifiers")


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with some notes, and a store of its own."""
    from pydoc_data.topics import topics

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXBERT_RPC_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "notes").mkdir()
    for name in TOPICS:
        (tmp_path / "notes" / f"{name}.txt").write_text(topics[name][:6000], encoding="utf-8")


@pytest.mark.slow
def test_the_python_examples_run_and_print_what_the_readme_says(
    notes: None, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace: dict[str, object] = {"__name__": "readme"}
    printed = ""
    for language, code in FENCE.findall(README):
        if language == "python":
            exec(compile(code, "README.md", "exec"), namespace)
            printed = capsys.readouterr().out
        elif language == "text":
            assert agree(code, printed), printed
        if "hit.score" in code:
            assert re.fullmatch(r"(0\.\d\d|1\.00) file:\S+\.txt:\d+:\d+ \w+\n" * 3, printed)
        if "summary.findings" in code:
            assert "strongest attention goes to" in printed and "maxAttention pos PART" in printed
        if "head.findings" in code:
            assert re.match(r"Head 2\.11: .* % of attention ", printed), printed
    assert printed.startswith("[1, 1, 10, 10] ")
    server = namespace["server"]
    assert isinstance(server, subprocess.Popen)
    with server:  # closes its pipes
        assert server.wait(timeout=PATIENCE) == 0


@pytest.mark.slow
def test_the_commands_run(notes: None, capsys: pytest.CaptureFixture[str]) -> None:
    for command in _commands():
        assert main(command) == 0, capsys.readouterr().err
        assert capsys.readouterr().out


def test_every_command_of_the_readme_can_be_typed() -> None:
    commands = _commands()
    assert len(commands) >= 6
    for command in commands:
        make_parser().parse_args(command)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    missing = [one for one in targets if "://" not in one and not (document.parent / one).exists()]
    assert missing == []


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {
        name for document in DOCUMENTS for name in re.findall(r"`make (\w+)`", document.read_text(encoding="utf-8"))
    }
    assert {name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)} == set()


def test_the_code_map_names_every_module_and_no_other() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b(\w+\.py)\b", text))
    there = {path.name for path in (ROOT / "exbert_rpc").rglob("*.py") if path.name != "__init__.py"}
    assert there - named == set()
    assert named - there == set()


def _commands() -> list[list[str]]:
    blocks = [code for language, code in FENCE.findall(README) if language == "console"]
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line.removeprefix("$ "))[1:] for line in lines if line.startswith("$ exbert-rpc")]
