from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exbert_rpc.cli import main
from exbert_rpc.engine.annotations import Annotators
from tests.model import zoo

TEXT = "The girl ran to a local pub to escape the din of her city."
NOTES = {
    "pub.txt": f"It rained.\n{TEXT} She didn't know why.\n",
    "fox.md": "# The fox\n\nThe quick brown fox jumps over the lazy dog while the cat sleeps on a warm mat.\n",
}


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(zoo.make_model("bert", tmp_path_factory.mktemp("cli-model") / "tiny"))


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notes")
    for name, text in NOTES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "picture.txt").write_bytes(b"\x00\x01\x02\xff")
    return folder


class _KeptAnnotators(Annotators):
    """Outlives the engines that use it: a process of spaCy's for each command would take most of the time."""

    def close(self) -> None:
        """Nothing: :meth:`end` does it once."""

    def end(self) -> None:
        super().close()


@pytest.fixture(scope="session")
def annotators() -> Iterator[Annotators]:
    kept = _KeptAnnotators()
    yield kept
    kept.end()


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, annotators: Annotators
) -> Run:
    """A command in this process, in a store of its own unless ``--store`` is given."""
    monkeypatch.setattr("exbert_rpc.engine.facade.Annotators", lambda *_: annotators)
    monkeypatch.setenv("EXBERT_RPC_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def command(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command


@pytest.fixture(scope="session")
def built(tiny_model: str, notes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds the corpus ``notes``; treat it as read-only."""
    store = tmp_path_factory.mktemp("built")
    code = main(["index", "notes", str(notes), "--store", str(store), "--model", tiny_model, "--pipeline", "blank:en"])
    assert code == 0
    return store


@pytest.fixture
def copied(built: Path, tmp_path: Path) -> Path:
    """The same store, to be harmed."""
    return Path(shutil.copytree(built, tmp_path / "copied"))


@pytest.fixture
def query(tiny_model: str) -> list[str]:
    return ["notes", TEXT, "--token", "escape", "--layer", "1", "--heads", "0", "--model", tiny_model]
