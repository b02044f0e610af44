"""Offsets of a text as lines and columns, counted as the Language Server Protocol counts them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from exbert_rpc.text.types import Extent

LINE_END = re.compile(r"\r\n|\n|\r")
"""What ends a line in LSP, and nothing else (no form feed, no U+2028)."""


class LineIndex:
    """Where the lines of one text begin; made once, asked often.

    Args:
        text: Any text. Columns and offsets count its code points.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(start for _, start in _line_ends(self._text))]

    @cached_property
    def _stops(self) -> list[int]:
        return [*(stop for stop, _ in _line_ends(self._text)), len(self._text)]

    @cached_property
    def _is_plain(self) -> bool:
        """Whether lines end with a line feed alone."""
        return "\r" not in self._text

    @property
    def n_lines(self) -> int:
        """Number of lines; a text that ends with a line end has an empty last one."""
        return len(self._starts)

    def locate(self, offset: int) -> tuple[int, int, str]:
        """``(line, column, line_text)`` of an offset, 0-based; offsets outside the text are moved to its ends."""
        if not self._is_plain:
            line, column = self.place(offset)
            return line, column, self._text[self._starts[line] : self._stops[line]]
        # for a few places, the lines of a long text need not be listed
        text, inside = self._text, min(max(offset, 0), len(self._text))
        start, stop = text.rfind("\n", 0, inside) + 1, text.find("\n", inside)
        return text.count("\n", 0, inside), inside - start, text[start:] if stop < 0 else text[start:stop]

    def place(self, offset: int) -> tuple[int, int]:
        """``(line, column)`` of an offset, as :meth:`locate` gives them."""
        inside = min(max(offset, 0), len(self._text))
        line = bisect_right(self._starts, inside) - 1
        return line, min(inside, self._stops[line]) - self._starts[line]

    def locate_many(self, offsets: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Lines and columns, int64 ``[n]`` each, of offsets ``[n]``; one inside a line end counts as before it."""
        starts, stops = (np.array(places, dtype=np.int64) for places in (self._starts, self._stops))
        inside = np.clip(np.asarray(offsets, dtype=np.int64), 0, len(self._text))
        lines = np.searchsorted(starts, inside, side="right") - 1
        return lines, np.minimum(inside, stops[lines]) - starts[lines]

    def line_text(self, line: int) -> str:
        """The line without its line end; ``""`` for a line that does not exist."""
        if not 0 <= line < self.n_lines:
            return ""
        return self._text[self._starts[line] : self._stops[line]]

    def offset(self, line: int, column: int) -> int:
        """Offset of a place; a column behind the line's end means its end, a line behind the last the text's end."""
        if line >= self.n_lines:
            return len(self._text)
        start, stop = self._starts[max(line, 0)], self._stops[max(line, 0)]
        return min(start + max(column, 0), stop)


def _line_ends(text: str) -> Iterator[tuple[int, int]]:
    """Where each line end of a text begins and stops."""
    if "\r" in text:
        yield from (match.span() for match in LINE_END.finditer(text))
        return
    at = text.find("\n")  # a twentieth of the expression's time, of a long paragraph
    while at >= 0:
        yield at, at + 1
        at = text.find("\n", at + 1)


def extent(text: str) -> Extent:
    """How long a text is in each of the three units."""
    if text.isascii():
        return len(text), len(text), len(text)
    return len(text), len(text.encode("utf-16-le")) // 2, len(text.encode("utf-8"))


class Ruler:
    """Places of offsets of a text, asked for in ascending order; the time is linear in the text.

    Args:
        text: The text, which may begin within a line.
        line: That line.
        before: How long the line is before the text.
    """

    def __init__(self, text: str, line: int = 0, before: Extent = (0, 0, 0)) -> None:
        self._text = text
        self._index = LineIndex(text)
        self._line = line
        self._before = before
        self._last = (0, 0, before)

    def at(self, offset: int) -> tuple[int, Extent]:
        """Line of the file, and how long that line is before the offset."""
        line, column = self._index.place(offset)
        start = self._index.offset(line, 0)
        known_line, known, length = self._last
        if line != known_line or offset < known:
            length, known = (self._before if line == 0 else (0, 0, 0)), start
        found = add_extents(length, extent(self._text[known : start + column]))
        self._last = (line, start + column, found)
        return self._line + line, found


def add_extents(one: Extent, other: Extent) -> Extent:
    """The length of two stretches together."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]
