"""``python -m benchmarks``: every section in a process of its own, then one table.

OMP_WAIT_POLICY is set before anything imports torch: threads of a finished kernel that spin would take the cores from
whatever is measured next.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine
from benchmarks.page import table, write_figures
from benchmarks.rows import Row
from benchmarks.scale import CACHE, FULL, QUICK, ROOT

SECTIONS = (
    "start",
    "load",
    "attend",
    "build",
    "memory",
    "files",
    "search",
    "open",
    "summarize",
    "recall",
    "insight",
    "tables",
    "size",
)
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Run what is asked for; 1 if a section failed to run (a missed goal is a figure, not a failure)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that all of it works, in two minutes")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="run this section (may be repeated)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--child", choices=SECTIONS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        return _run_child(given.child, given.quick)
    return _run_all(given.only or SECTIONS, given.quick, given.write)


def _run_child(section: str, quick: bool) -> int:
    module = importlib.import_module(f"benchmarks.sections.{section}")
    rows: list[Row] = module.run(QUICK if quick else FULL)
    _rows_file(section).write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")
    return 0


def _run_all(sections: tuple[str, ...] | list[str], quick: bool, write: bool) -> int:
    CACHE.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    failed = []
    started, load = time.monotonic(), machine.load()
    for section in sections:
        begun = time.monotonic()
        found = _measure(section, quick)
        failed += [section] if found is None else []
        rows += found or []
        print(f"{section}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    figures = _figures(rows, quick, time.monotonic() - started, load)
    print(figures)
    if write:
        write_figures(PAGE, figures, sections[0] if len(sections) == 1 else None)
    if failed:
        print(f"did not run: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _measure(section: str, quick: bool) -> list[Row] | None:
    """Rows of one section; ``None`` if it failed (it has said why)."""
    command = [sys.executable, "-m", "benchmarks", "--child", section, *(["--quick"] if quick else [])]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false"}
    file = _rows_file(section)
    file.unlink(missing_ok=True)
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0 or not file.is_file():
        return None
    return [Row(**row) for row in json.loads(file.read_text(encoding="utf-8"))]


def _figures(rows: list[Row], quick: bool, seconds: float, load: float) -> str:
    form = "the quick form: sizes too small for figures to mean much" if quick else "the full form"
    goals = [row for row in rows if row.bound != "none"]
    reached = sum(row.verdict == "reached" for row in goals)
    head = (
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {form}, {seconds / 60:.1f} minutes, "
        f"load at the start {load:.1f}. {machine.describe()}.\n\n{reached} of {len(goals)} goals reached."
    )
    return f"{head}\n\n{table(rows)}"


def _rows_file(section: str) -> Path:
    return CACHE / f"rows-{section}.json"


if __name__ == "__main__":
    sys.exit(main())
