"""The short form of the soak: every harness once, with fixed seeds, and what each must find fault with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store_faults import traces

PROJECT = Path(__file__).parents[2]
NOTHING = {"--kills": "0", "--faults": "0", "--injections": "0", "--forgeries": "0", "--controls": "0"}
needs_strace = pytest.mark.skipif(bool(traces.available()), reason=traces.available())


def soak(**asked: str) -> list[dict]:
    """Lines of the table; in a process without threads, whose children can be killed."""
    options = {**NOTHING, **{f"--{name}": value for name, value in asked.items()}}
    command = [
        sys.executable,
        "-m",
        "tests.store_faults.soak",
        "--json",
        *(word for pair in options.items() for word in pair),
    ]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=850)
    assert ran.stdout, ran.stderr
    return json.loads(ran.stdout)


def test_builds_that_are_killed_at_random_moments_lose_nothing_that_was_acknowledged():
    (line,) = soak(kills="25")
    assert line["violations"] == []
    assert line["count"] == 25


def test_damaged_files_are_named_or_harmless_and_never_answer_wrongly():
    (line,) = soak(faults="600")
    assert line["violations"] == []
    assert line["count"] == 600
    assert " 0 signals" in line["outcome"]


def test_a_corpus_that_means_harm_ends_in_an_answer_or_a_typed_error_that_names_a_file():
    (line,) = soak(forgeries="40")
    assert line["violations"] == []
    assert line["count"] == 40


@needs_strace
def test_everything_is_flushed_before_it_is_promised_and_failing_calls_are_told():
    lines = {line["what"]: line for line in soak(injections="6")}
    assert [line["violations"] for line in lines.values()] == [[]] * len(lines)
    assert lines["mutating system calls made to fail, one a build"]["count"] >= 6
    assert lines["order of flushes, build 2"]["count"] > 30


def test_stock_index_files_and_stores_that_do_less_fail_in_the_same_harnesses():
    lines = soak(controls="100")
    assert len(lines) == 4
    for line in lines:
        assert line["violations"] == []
        assert "as must be" in line["outcome"]
