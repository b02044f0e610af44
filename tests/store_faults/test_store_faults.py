"""The short forms of the soak: every harness, with fixed seeds, and what each must find fault with."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.samples import sizes
from tests.store_faults import traces
from tests.store_faults.building import build, open_folder
from tests.store_faults.fakes import make_text
from tests.store_faults.overwrites import OverwriteReport, Watch, watching

PROJECT = Path(__file__).parents[2]
NOTHING = {f"--{name}": 0 for name in ("kills", "builds", "faults", "injections", "forgeries", "controls")}
needs_strace = pytest.mark.skipif(bool(traces.available()), reason=traces.available())


def soak(**asked: int) -> list[dict]:
    """Lines of the table; in a process without threads, whose children can be killed."""
    options = {**NOTHING, **{f"--{name}": value for name, value in asked.items()}}
    command = [
        sys.executable,
        "-m",
        "tests.store_faults.soak",
        "--json",
        *(str(word) for pair in options.items() for word in pair),
    ]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=850)
    assert ran.stdout, ran.stderr
    return json.loads(ran.stdout)


CHANGES: dict[str, Callable[[Path], object]] = {
    "replaced": lambda file: file.with_name("lock").replace(file),
    "written": lambda file: file.write_bytes(b""),
    "opened to be changed": lambda file: os.close(os.open(file, os.O_RDWR)),
    "cut": lambda file: os.truncate(file, 9),
    "deleted": lambda file: file.unlink(),
    "moved away": lambda file: file.rename(file.with_name("other")),
    "folder moved away": lambda file: file.parent.rename(file.parent.with_name("other")),
    "folder deleted": lambda file: shutil.rmtree(file.parent),
}


def copied(file: Path) -> Path:
    """Another file with the same bytes."""
    return Path(shutil.copyfile(file, file.with_name("other")))


def watched_change(root: Path, change: Callable[[Path], object]) -> tuple[OverwriteReport, str]:
    """What is seen of a change to the segment of a corpus, and its name."""
    build(root, {"a.txt": make_text(1)})
    folder, report = root.resolve() / "corpus", OverwriteReport()
    segment = folder / open_folder(root).manifest().segments[0].name
    with watching(Watch(folder, report, math.inf, until_commit=False)):
        change(segment)
    return report, segment.name


@pytest.mark.parametrize("kills", sizes(5, 25))
def test_builds_that_are_killed_at_random_moments_lose_nothing_that_was_acknowledged(kills):
    (line,) = soak(kills=kills)
    assert line["violations"] == []
    assert line["count"] == kills


@pytest.mark.parametrize("builds", sizes(40, 300))
def test_a_build_that_stops_anywhere_has_changed_no_file_of_the_current_corpus(builds):
    (line,) = soak(builds=builds)
    assert line["violations"] == []
    assert line["count"] == builds
    finished, stopped, copied = map(int, re.findall(r"(\d+) (?:finished|stopped|copied)", line["outcome"]))
    assert finished + stopped == builds
    assert min(finished, stopped, copied) > builds / 6


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_is_done_to_a_current_file_is_seen(tmp_path, name):
    report, segment = watched_change(tmp_path, CHANGES[name])
    assert any(segment in violation for violation in report.violations)


def test_reading_a_current_file_or_putting_the_same_bytes_in_its_place_is_no_violation(tmp_path):
    report, _ = watched_change(tmp_path, lambda segment: copied(segment).replace(segment))
    assert (report.changes, report.same_bytes, report.violations) == (2, 1, [])


@pytest.mark.parametrize("faults", sizes(40, 600))
def test_damaged_files_are_named_or_harmless_and_never_answer_wrongly(faults):
    (line,) = soak(faults=faults)
    assert line["violations"] == []
    assert line["count"] == faults
    assert " 0 signals" in line["outcome"]


@pytest.mark.parametrize("forgeries", sizes(6, 40))
def test_a_corpus_that_means_harm_ends_in_an_answer_or_a_typed_error_that_names_a_file(forgeries):
    (line,) = soak(forgeries=forgeries)
    assert line["violations"] == []
    assert line["count"] == forgeries


@needs_strace
@pytest.mark.slow
def test_everything_is_flushed_before_it_is_promised_and_failing_calls_are_told():
    lines = {line["what"]: line for line in soak(injections=6)}
    assert [line["violations"] for line in lines.values()] == [[]] * len(lines)
    assert lines["mutating system calls made to fail, one a build"]["count"] >= 6
    assert lines["order of flushes, build 2"]["count"] > 30


@pytest.mark.slow
def test_stock_index_files_and_stores_that_do_less_fail_in_the_same_harnesses():
    lines = soak(controls=100)
    assert len(lines) == 5
    for line in lines:
        assert line["violations"] == []
        assert "as must be" in line["outcome"]
