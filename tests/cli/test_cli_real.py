"""The demo and the command line over the real model, and a real Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from exbert_rpc.cli import demo
from tests.cli.conftest import Run

TOPICS = ("assignment", "comparisons", "with", "import", "identifiers", "binary")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def few_topics(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A demo of few topics, in a store of its own."""
    from pydoc_data import topics

    monkeypatch.setattr(topics, "topics", {name: topics.topics[name] for name in TOPICS})
    monkeypatch.setenv("EXBERT_RPC_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path / "store"


@pytest.mark.slow
def test_the_demo_indexes_then_reuses_and_finds_the_infinitive(
    few_topics: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.main() == 0
    first = capsys.readouterr().out
    assert f"{len(TOPICS)} documents indexed" in first
    assert 'looks at "to" (42%)' in first
    assert 'tagged TO (infinitival "to")' in first
    assert first.count(".txt:") == demo.SHOWN_HITS
    assert demo.main() == 0
    assert "found unchanged" in capsys.readouterr().out
    assert max(len(line) for line in first.splitlines() if "exbert-rpc" not in line) <= 100


@pytest.mark.slow
def test_a_hit_of_the_demo_opens_at_its_file(few_topics: Path, run: Run) -> None:
    texts = demo.write_topics(few_topics / "demo-texts")
    assert run("index", "pydoc", texts, "--store", few_topics).code == 0
    done = run(
        "search", "pydoc", demo.SENTENCE, "--token", "avoid", "--layer", "2", "--heads", "11", "--store", few_topics
    )
    row = next(line for line in done.out.splitlines() if ".txt:" in line)
    name, line, column = row.split()[1].split(":")
    match = row[row.index("[") + 1 : row.index("]")].strip()
    assert (texts / name).read_text(encoding="utf-8").splitlines()[int(line) - 1][int(column) - 1 :].startswith(match)


@pytest.mark.slow
def test_ctrl_c_leaves_the_corpus_as_it_was(few_topics: Path, run: Run) -> None:
    texts = demo.write_topics(few_topics / "demo-texts")
    assert run("index", "pydoc", texts / "with.txt", "--store", few_topics).code == 0
    before = run("corpora", "describe", "pydoc", "--store", few_topics).out
    command = [sys.executable, "-m", "exbert_rpc", "index", "pydoc", str(texts), "--store", str(few_topics)]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    while process.poll() is None and psutil.Process(process.pid).memory_info().rss < 200 << 20:
        time.sleep(0.05)  # until the heavy libraries are there
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert out == ""
    assert "nothing that was stored before has changed" in err.splitlines()[-1] or "interrupted" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert run("corpora", "describe", "pydoc", "--store", few_topics).out == before
