"""Places of a block's characters in the file."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from exbert_rpc.corpus.store.documents import BlockPlace, PlacedPiece
from exbert_rpc.corpus.types import TextPosition
from exbert_rpc.text.positions import LINE_END, LineIndex, add_extents, extent
from exbert_rpc.text.types import Extent


def position(place: BlockPlace, block: str, lines: LineIndex, offset: int, *, is_end: bool = False) -> TextPosition:
    """The place of an offset of a block in its document.

    Args:
        place: Where the block stands.
        block: Its text.
        lines: Of that text.
        offset: A character of it, or the place behind its last one.
        is_end: Whether the character before the offset counts, not the one behind it.
    """
    if place.pieces is None:
        return _plain(place, lines, offset)
    starts = [piece[0] for piece in place.pieces]
    number = (bisect_left if is_end else bisect_right)(starts, offset) - 1
    if number < 0:
        return TextPosition(place.line, place.before)
    line, before = _within(place.pieces[number], block, offset)
    return TextPosition(line, before)


def _plain(place: BlockPlace, lines: LineIndex, offset: int) -> TextPosition:
    """Of a block that stands in its document as it is; the line is known up to the end of the block."""
    line, column, text = lines.locate(offset)
    prefix = "" if line else place.prefix
    return TextPosition(place.line + line, extent(prefix + text[:column]))


def _within(piece: PlacedPiece, block: str, offset: int) -> tuple[int, Extent]:
    start, length, line, points, utf16, utf8, raw_length = piece
    before = (points, utf16, utf8)
    done = min(offset - start, length)
    if raw_length == length:
        text = block[start : start + done]
        ends = [match.end() for match in LINE_END.finditer(text)]
        return (line + len(ends), extent(text[ends[-1] :])) if ends else (line, add_extents(before, extent(text)))
    # escapes and references are ASCII, and stand in one line
    width = raw_length // length * done if raw_length % length == 0 else raw_length * (done > 0)
    return line, add_extents(before, (width, width, width))
