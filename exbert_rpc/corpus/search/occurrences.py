"""Where the blocks of a corpus stand in its documents, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.store.document_rows import DocumentRows


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A block where it stands: number of its document's row, and its number among the blocks of that row."""

    document: int
    order: int


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Where each block of a segment stands.

    Attributes:
        start: int64 ``[B + 1]``: the first place of each block.
        document: int32 ``[n_places]``: the row of each place, ascending within a block.
        order: int32 ``[n_places]``: which of that row's blocks it is.
    """

    start: NDArray[np.int64]
    document: NDArray[np.int32]
    order: NDArray[np.int32]

    @classmethod
    def none(cls, n_blocks: int) -> Occurrences:
        """Of blocks that stand nowhere."""
        nothing = np.zeros(0, dtype=np.int32)
        return cls(np.zeros(n_blocks + 1, dtype=np.int64), nothing, nothing)

    def __len__(self) -> int:
        """Number of blocks."""
        return len(self.start) - 1

    def of(self, block: int) -> Iterator[Occurrence]:
        """The places of a block, in corpus order."""
        for at in range(int(self.start[block]), int(self.start[block + 1])):
            yield Occurrence(int(self.document[at]), int(self.order[at]))

    @property
    def block(self) -> NDArray[np.int64]:
        """int64 ``[n_places]``: the block of each place."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    @property
    def first_document(self) -> NDArray[np.int32]:
        """int32 ``[B]``: the first row that each block stands in; 0 for those that stand nowhere."""
        found = np.zeros(len(self), dtype=np.int32)
        there = np.diff(self.start) > 0
        found[there] = self.document[self.start[:-1][there]]
        return found


@dataclass(frozen=True, slots=True)
class Located:
    """All places of a corpus.

    Attributes:
        segments: Those of the blocks of each segment.
        owner: int64 ``[n_places]``: for each place of ``rows.digests`` the block that stands there, counted through all
            segments; -1 if no segment has it.
        n_lost: Number of different blocks that no segment has.
    """

    segments: tuple[Occurrences, ...]
    owner: NDArray[np.int64]
    n_lost: int


def locate(rows: DocumentRows, blocks: Sequence[NDArray[np.uint8]]) -> Located:
    """Where the blocks of segments stand; the first one that has a block's key wins.

    Args:
        rows: The document table.
        blocks: For each segment uint8 ``[B, 16]``, the keys of its blocks.
    """
    sizes = [len(one) for one in blocks]
    known = _as_texts(np.concatenate([*blocks, np.zeros((0, 16), dtype=np.uint8)]))
    keys, first = np.unique(known, return_index=True)
    wanted = _as_texts(rows.digests)
    at = np.searchsorted(keys, wanted)
    found = np.zeros(len(wanted), dtype=bool)
    found[at < len(keys)] = keys[at[at < len(keys)]] == wanted[at < len(keys)]
    owner = np.full(len(wanted), -1, dtype=np.int64)
    owner[found] = first[at[found]]
    places = np.flatnonzero(found)
    places = places[np.argsort(owner[places], kind="stable")]
    row = np.searchsorted(rows.first_place, places, side="right") - 1
    order = places - rows.first_place[row]
    counts = np.bincount(owner[places], minlength=sum(sizes))
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    segments, before = [], 0
    for size in sizes:
        mine = start[before : before + size + 1]
        span = slice(int(mine[0]), int(mine[-1]))
        segments.append(Occurrences(mine - mine[0], row[span].astype(np.int32), order[span].astype(np.int32)))
        before += size
    return Located(tuple(segments), owner, len(np.unique(wanted[~found])))


def _as_texts(digests: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Keys as one value each, which can be sorted and compared."""
    return np.ascontiguousarray(digests).view("S16").reshape(-1)
