"""Characters counted as the client counts them: code points inside, UTF-16, UTF-8 or UTF-32 units on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

PositionEncoding = Literal["utf-16", "utf-8", "utf-32"]
ENCODINGS: tuple[PositionEncoding, ...] = get_args(PositionEncoding)


def units(text: str, encoding: PositionEncoding) -> int:
    """Length of ``text`` in units of ``encoding``."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def code_points(text: str, count: int, encoding: PositionEncoding) -> int:
    """How many characters of ``text`` lie in its first ``count`` units; the end of ``text`` if it is shorter.

    A count that ends within a character gives the place before it.
    """
    if encoding == "utf-32" or text.isascii():
        return min(count, len(text))
    passed = 0
    for index, character in enumerate(text):
        passed += units(character, encoding)
        if passed > count:
            return index
    return len(text)


class OffsetMap:
    """Offsets of one text, from code points to units."""

    def __init__(self, text: str, encoding: PositionEncoding) -> None:
        self._table: NDArray[np.int64] | None = None
        if encoding != "utf-32" and not text.isascii():
            points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
            widths = np.ones(len(points), dtype=np.int64)
            if encoding == "utf-16":
                widths += points > 0xFFFF
            else:
                widths += (points > 0x7F).astype(np.int64) + (points > 0x7FF) + (points > 0xFFFF)
            self._table = np.concatenate([[0], np.cumsum(widths)])

    def __call__(self, offsets: Sequence[int] | NDArray[np.int32]) -> list[int]:
        """Units before each of ``offsets``."""
        if self._table is None:
            return offsets.tolist() if isinstance(offsets, np.ndarray) else list(offsets)
        found: list[int] = self._table[np.asarray(offsets, dtype=np.int64)].tolist()
        return found
