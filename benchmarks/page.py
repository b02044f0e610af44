"""The table of a run, for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.rows import Row

BEGIN = "<!-- figures: begin -->"
END = "<!-- figures: end -->"


def table(rows: Sequence[Row]) -> str:
    """A Markdown table, sections in the order they ran."""
    head = ("what", "against", "goal", "figure", "verdict", "absolute")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    section = ""
    for row in rows:
        if row.section != section:
            section = row.section
            lines.append(f"| **{section}** |{' |' * (len(head) - 1)}")
        verdict = f"**{row.verdict}**" if row.verdict == "missed" else row.verdict
        cells = (row.what, row.against or "–", _goal(row), _number(row.figure, row.unit), verdict, row.detail or "–")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def replace_figures(page: str, figures: str, section: str | None = None) -> str:
    """The page with what stands between the markers replaced; raises ``ValueError`` without markers.

    A section that was run alone has markers of its own, if the page shows it apart from the others.
    """
    begin, end = (marker.replace("figures", f"figures of {section}") for marker in (BEGIN, END))
    if begin not in page:
        begin, end = BEGIN, END
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page lacks {begin} or {end}")
    return f"{before}{begin}\n\n{figures}\n\n{end}{after}"


def write_figures(path: Path, figures: str, section: str | None = None) -> None:
    """Put the figures of a run into the page; of ``section`` if it was run alone."""
    path.write_text(replace_figures(path.read_text(encoding="utf-8"), figures, section), encoding="utf-8")


def _goal(row: Row) -> str:
    sign = {"at most": "≤", "at least": "≥", "none": ""}[row.bound]
    return f"{sign} {_number(row.goal, row.unit)}" if sign else "–"


def _number(value: float, unit: str) -> str:
    digits = 3 if unit == "" and abs(value) < 10 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    space = "" if unit in ("×", "%", "") else " "
    return f"{value:,.{digits}f}{space}{unit}"
