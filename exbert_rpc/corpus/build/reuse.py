"""Which blocks the segments of a corpus hold."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from exbert_rpc.corpus.store.blocks import block_digests, rows_before_sentence
from exbert_rpc.corpus.store.folders import CorpusFolder
from exbert_rpc.corpus.store.manifest import CorpusConfig, FileEntry
from exbert_rpc.corpus.store.segment import Segment
from exbert_rpc.corpus.store.sums import has_current_sums
from exbert_rpc.corpus.store.validation import check_thoroughly
from exbert_rpc.errors import CorpusDamaged
from exbert_rpc.tasks import Task


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """Where a block is: number of the segment, number of the block in it, and what it holds."""

    segment: int
    block: int
    n_sentences: int
    n_rows: int


class BlockTable:
    """Blocks of several segments by their digest; the first segment that has one wins.

    There may be many millions: each takes a key of 16 bytes and four numbers of an array, about 160 bytes in all.

    Attributes:
        entries: The segments, by their number.
        n_rows: Rows of each.
        losses: What had to be left out of blocks, by their digest.
    """

    def __init__(self) -> None:
        self.entries: list[FileEntry] = []
        self.n_rows: list[int] = []
        self.losses: dict[str, list[list[str]]] = {}
        self._numbers: dict[bytes, int] = {}
        self._blocks = array("I")  # segment, block, sentences and rows of each number

    def __contains__(self, digest: str) -> bool:
        return bytes.fromhex(digest) in self._numbers

    def __getitem__(self, digest: str) -> StoredBlock:
        at = 4 * self._numbers[bytes.fromhex(digest)]
        return StoredBlock(*self._blocks[at : at + 4])

    def add(self, entry: FileEntry, segment: Segment, *, instead: bool = False) -> None:
        """Add the blocks of one more segment; ``instead``: it replaces blocks that are in the table already."""
        number = len(self.entries)
        self.entries.append(replace(entry, checksum=segment.checksum))
        self.n_rows.append(int(segment.meta["rows"]))
        sentences = segment.array("block/sentences").astype(np.int64)
        rows = rows_before_sentence(segment)[sentences]
        for block, digest in enumerate(block_digests(segment)):
            key = bytes.fromhex(digest)
            if instead or key not in self._numbers:
                self._numbers[key] = len(self._blocks) // 4
                held = sentences[block + 1] - sentences[block], rows[block + 1] - rows[block]
                self._blocks.extend((number, block, int(held[0]), int(held[1])))
        self.losses |= segment.meta["losses"]

    def alive(self, digests: Iterable[str]) -> dict[int, int]:
        """Segments that hold some of these blocks, by their number, ascending; and how many rows those have there."""
        rows: dict[int, int] = {}
        for digest in digests:
            stored = self[digest]
            rows[stored.segment] = rows.get(stored.segment, 0) + stored.n_rows
        return dict(sorted(rows.items()))

    def blocks_of(self, segments: Iterable[int], digests: Iterable[str]) -> dict[int, list[int]]:
        """Which of these blocks some segments hold, by the segment's number; no block twice in ``digests``."""
        found: dict[int, list[int]] = {number: [] for number in segments}
        for digest in digests:
            stored = self[digest]
            if stored.segment in found:
                found[stored.segment].append(stored.block)
        return found


def reusable_blocks(folder: CorpusFolder, config: CorpusConfig, task: Task) -> tuple[BlockTable, list[str]]:
    """Blocks that need not be computed again, and names of the segments in the folder that are damaged.

    Every segment of the folder with the same configuration counts, whether the manifest names it or an unfinished
    build left it. Segments of earlier versions, without peaks and sums of this version, do not count: what they lack
    cannot be had without running their blocks again.
    """
    table, broken = BlockTable(), []
    for entry in folder.segment_files():
        task.check()
        try:
            segment = folder.segment(entry)
            if segment.meta["config"] != config.key():
                continue
            if not has_current_sums(segment):
                continue
            check_thoroughly(segment, config)
            table.add(entry, segment)
        except (CorpusDamaged, KeyError):
            broken.append(entry.name)
    return table, broken
