"""Tables for a terminal of any width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.text import clip, pad, width

GAP = "  "
_NARROWEST = 6


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: Shown above it; a table whose titles are all empty has no heading.
        align: ``left`` or ``right``.
        may_shrink: Whether its cells may be cut where the screen is narrow.
    """

    title: str = ""
    align: str = "left"
    may_shrink: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """Text, and how it looks once it has been cut and padded."""

    text: str
    style: Callable[[str], str] | None = None


Row = Sequence[str | Cell]


def draw(screen: Screen, columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Write a table that fits the screen; columns that may shrink are cut, the widest first."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    widths = _fit(screen.width, columns, cells)
    if any(column.title for column in columns):
        heading = [pad(clip(c.title, w), w, c.align) for c, w in zip(columns, widths, strict=True)]
        screen.line(screen.dim(GAP.join(heading).rstrip()))
    for row in cells:
        parts = [_cell(cell, column, size) for cell, column, size in zip(row, columns, widths, strict=True)]
        screen.line(GAP.join(parts).rstrip())


def _cell(cell: Cell, column: Column, size: int) -> str:
    text = pad(clip(cell.text, size), size, column.align)
    return text if cell.style is None else cell.style(text)


def _fit(available: int, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[int]:
    widths = [max([width(c.title), *(width(row[i].text) for row in rows)]) for i, c in enumerate(columns)]
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - available
    for _ in range(max(0, excess)):
        shrinkable = [i for i, column in enumerate(columns) if column.may_shrink and widths[i] > _NARROWEST]
        if not shrinkable:
            break
        widths[max(shrinkable, key=lambda i: widths[i])] -= 1
    return widths
