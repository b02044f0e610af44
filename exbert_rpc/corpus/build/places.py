"""Where the blocks of a document stand in its file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from exbert_rpc.corpus.store.blocks import block_digest
from exbert_rpc.corpus.store.documents import BlockPlace, PlacedPiece
from exbert_rpc.text.positions import Ruler
from exbert_rpc.text.types import Block, Document, Excerpt, Piece

LONGEST_PREFIX = 2000
"""Longest beginning of a line that is stored as it is; of longer ones, only the length is."""


def block_places(document: Document, blocks: Sequence[Block]) -> tuple[BlockPlace, ...]:
    """The places of blocks of a document, in order; the time is linear in the document."""
    digests = [block_digest(block.text, block.variant) for block in blocks]
    placed = _derived(document.excerpt, blocks) if document.excerpt is not None else _plain(document.text, blocks)
    return tuple(
        BlockPlace(digest, line, prefix, pieces, before)
        for digest, (line, prefix, pieces, before) in zip(digests, placed, strict=True)
    )


_Placed = tuple[int, str, tuple[PlacedPiece, ...] | None, tuple[int, int, int]]


def _plain(text: str, blocks: Sequence[Block]) -> Iterator[_Placed]:
    ruler = Ruler(text)
    for block in blocks:
        line, before = ruler.at(block.start)
        if before[0] <= LONGEST_PREFIX:
            yield line, text[block.start - before[0] : block.start], None, (0, 0, 0)
        else:
            n = len(block.text)
            yield line, "", ((0, n, line, *before, n),), before


def _derived(excerpt: Excerpt, blocks: Sequence[Block]) -> Iterator[_Placed]:
    ruler = Ruler(excerpt.raw, excerpt.line, excerpt.before)
    starts = [piece[0] for piece in excerpt.pieces]
    line, before = excerpt.line, excerpt.before
    for block in blocks:
        pieces = []
        end = block.start + len(block.text)
        for piece in excerpt.pieces[max(0, bisect_right(starts, block.start) - 1) : bisect_right(starts, end - 1)]:
            clipped = _clipped(piece, block.start, end)
            if clipped is not None:
                start, length, raw, raw_length = clipped
                at, extent = ruler.at(raw)
                pieces.append((start - block.start, length, at, *extent, raw_length))
        if pieces:
            line, before = pieces[0][2], (pieces[0][3], pieces[0][4], pieces[0][5])
        yield line, "", tuple(pieces), before


def _clipped(piece: Piece, start: int, end: int) -> Piece | None:
    """The part of a piece that lies in ``start..end`` of the text."""
    at, length, raw, raw_length = piece
    low, high = max(at, start), min(at + length, end)
    if low >= high:
        return None
    if raw_length % length:
        return low, high - low, raw, raw_length
    ratio = raw_length // length
    return low, high - low, raw + (low - at) * ratio, (high - low) * ratio
