"""The long form: ``python -m tests.store_faults.soak --kills 2000 --builds 10000 --faults 10000 --injections all``.

Prints one table (or with ``--json`` one line), and ends with 1 if anything was violated or a control passed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch  # noqa: F401 - once here, instead of once in each of the children that are forked

from tests.store_faults import traces
from tests.store_faults.controls import (
    stock_under_faults,
    stock_under_kills,
    store_that_believes,
    store_that_forgets_sources,
    store_that_writes_in_place,
)
from tests.store_faults.faults import run_faults
from tests.store_faults.forgeries import run_forgeries
from tests.store_faults.kills import run_kills
from tests.store_faults.overwrites import run_overwrites


@dataclass(frozen=True)
class Line:
    """One row of the table."""

    what: str
    count: int
    outcome: str
    violations: list[str]
    seconds: float


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description="Kill and stop builds; cut and damage corpora.")
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--builds", type=int, default=10_000, help="builds whose every change to a file is watched")
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument("--injections", default="all", help="how many system calls to fail: a number, or all")
    parser.add_argument("--controls", type=int, default=400, help="faults against stock usearch files")
    parser.add_argument("--forgeries", type=int, help="a tenth of the faults, if not given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.forgeries is None:
        asked.forgeries = asked.faults // 10
    warnings.simplefilter("ignore", RuntimeWarning)  # forged and stock files hold numbers that overflow
    with tempfile.TemporaryDirectory(prefix="store-faults-") as folder:
        lines = list(run(Path(folder), asked))
    if asked.json:
        print(json.dumps([vars(line) for line in lines]))
    else:
        print_table(lines)
    return 1 if any(line.violations for line in lines) else 0


def run(root: Path, asked: argparse.Namespace) -> Iterator[Line]:
    """All harnesses, controls last."""
    if asked.kills:
        yield kill_line(root, asked)
    if asked.builds:
        yield overwrite_line(root, asked)
    if asked.injections != "0":
        yield from trace_lines(root, asked)
    if asked.faults:
        yield fault_line(root, asked)
    if asked.forgeries:
        yield forgery_line(root, asked)
    if asked.controls:
        yield from control_lines(root, asked)


def kill_line(root: Path, asked: argparse.Namespace) -> Line:
    """SIGKILL at random moments."""
    report = run_kills(root / "kills", asked.kills, asked.seed)
    moments = ", ".join(f"{name} {n}" for name, n in report.moments.most_common())
    outcome = (
        f"{report.acknowledged} segments acknowledged, {report.finished} builds finished in between, "
        f"{report.compared} compared with a fresh one; last word before the end: {moments}"
    )
    return Line(
        "SIGKILL at random moments of builds on one store", report.kills, outcome, report.violations, report.seconds
    )


def overwrite_line(root: Path, asked: argparse.Namespace) -> Line:
    """Files of the current corpus that a build changes."""
    report = run_overwrites(root / "overwrites", asked.builds, asked.seed)
    stopped = report.builds - report.finished
    outcome = (
        f"{report.finished:,} finished, {stopped:,} stopped; {report.copies:,} copied segments into one; "
        f"{report.changes:,} changes to files, {report.same_bytes} put the same bytes in a current one's place"
    )
    return Line(
        "builds stopped at random moments, every change to a file watched",
        report.builds,
        outcome,
        report.violations,
        report.seconds,
    )


def trace_lines(root: Path, asked: argparse.Namespace) -> Iterator[Line]:
    """Order of system calls, and each of them failing."""
    reason = traces.available()
    if reason:
        yield Line("system calls that fail", 0, f"not run: {reason}", [], 0.0)
        return
    calls = 0
    for state in (0, 1):
        traces.trace(root / "order", state, root / "log")
        found, _ = traces.calls_of(root / "log")
        calls += len(found)
        yield Line(
            "order of flushes, build " + str(state + 1),
            len(found),
            "",
            traces.order_violations(found, root / "order"),
            0.0,
        )
    traces.trace(root / "unsynced", 0, root / "log", ["--unsynced"])
    noticed = traces.order_violations(traces.calls_of(root / "log")[0], root / "unsynced")
    missing = [] if len(noticed) > 2 else ["a store that never flushes passed"]
    yield Line("control: a store without fsync", 1, f"{len(noticed)} violations found, as must be", missing, 0.0)
    expressions = traces.injections(root / "inject")
    if asked.injections != "all":
        expressions = expressions[:: max(1, len(expressions) // int(asked.injections))]
    report = traces.run_injections(root / "inject", expressions)
    kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(report.kinds.items()))
    ends = ", ".join(f"{end} {n}" for end, n in sorted(report.ends.items()))
    yield Line(
        "mutating system calls made to fail, one a build",
        report.injected,
        f"{kinds}; builds: {ends}",
        report.violations,
        report.seconds,
    )


def fault_line(root: Path, asked: argparse.Namespace) -> Line:
    """Damaged files."""
    report = run_faults(root / "faults", asked.faults, asked.seed)
    kinds = ", ".join(f"{kind} {n}" for kind, n in report.kinds.most_common())
    outcome = (
        f"{report.named} named, {report.same} hit padding and changed nothing, {report.signals} signals; "
        f"{report.repaired} segments repaired by indexing again; {kinds}"
    )
    return Line("files damaged", report.faults, outcome, report.violations, report.seconds)


def forgery_line(root: Path, asked: argparse.Namespace) -> Line:
    """Corpora whose checksums are right and whose contents mean harm."""
    report = run_forgeries(root / "forgeries", asked.forgeries, asked.seed)
    outcome = ", ".join(f"{name} {n}" for name, n in report.outcomes.most_common())
    return Line("forged corpora", report.forgeries, outcome, report.violations, report.seconds)


def control_lines(root: Path, asked: argparse.Namespace) -> Iterator[Line]:
    """Stock usearch files under the same harness."""
    report = stock_under_faults(root / "stock", asked.controls, asked.seed)
    wrong = sum("another answer" in violation for violation in report.violations)
    outcome = f"{wrong} wrong answers, {report.signals} signals, then stopped: as must be"
    missing = [] if wrong + report.signals > 0 else ["stock usearch files passed"]
    yield Line("control: faults in stock Index.save files", report.faults, outcome, missing, report.seconds)
    direct = store_that_writes_in_place(root / "in-place", 200, asked.seed)
    missing = [] if direct.violations else ["a store that writes in place survived every kill"]
    outcome = "a promise was broken, then stopped: as must be"
    yield Line("control: SIGKILL of a store that writes in place", direct.kills, outcome, missing, direct.seconds)
    forgetful = store_that_forgets_sources(root / "forgetful", 2000, asked.seed)
    missing = [] if forgetful.violations else ["a store that names copies after their blocks alone passed"]
    outcome = "a current file was replaced, then stopped: as must be"
    what = "control: builds of a store that names copies after their blocks alone"
    yield Line(what, forgetful.builds, outcome, missing, forgetful.seconds)
    believing = store_that_believes(root / "believing", 40, asked.seed)
    missing = [] if believing.violations else ["a store that believes what it reads survived every forgery"]
    outcome = f"{len(believing.violations)} untyped errors or worse, as must be"
    yield Line("control: forgeries for a store that checks checksums only", 40, outcome, missing, believing.seconds)
    torn = stock_under_kills(root / "torn", 12, asked.seed)
    missing = [] if torn else ["stock Index.save survived every kill"]
    yield Line("control: SIGKILL during stock Index.save", 12, f"{torn} torn files, as must be", missing, 0.0)


def print_table(lines: list[Line]) -> None:
    """As Markdown."""
    print("| what | count | outcome | violations | seconds |\n|---|---|---|---|---|")
    for line in lines:
        print(f"| {line.what} | {line.count:,} | {line.outcome} | {len(line.violations)} | {line.seconds:.0f} |")
    for line in lines:
        for violation in line.violations[:20]:
            print(f"\n{line.what}: {violation}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
