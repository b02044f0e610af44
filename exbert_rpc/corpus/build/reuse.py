"""Which blocks the segments of a corpus hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from exbert_rpc.corpus.store.blocks import block_digests, rows_before_sentence
from exbert_rpc.corpus.store.folders import CorpusFolder
from exbert_rpc.corpus.store.manifest import CorpusConfig, FileEntry
from exbert_rpc.corpus.store.segment import Segment
from exbert_rpc.corpus.store.sums import has_head_tables
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
    """Blocks of several segments by their digest; the first segment that has one wins."""

    def __init__(self) -> None:
        self.entries: list[FileEntry] = []
        self.losses: dict[str, list[list[str]]] = {}
        self._blocks: dict[str, StoredBlock] = {}

    def __contains__(self, digest: str) -> bool:
        return digest in self._blocks

    def __getitem__(self, digest: str) -> StoredBlock:
        return self._blocks[digest]

    def add(self, entry: FileEntry, segment: Segment, *, instead: bool = False) -> None:
        """Add the blocks of one more segment; ``instead``: it replaces blocks that are in the table already."""
        number = len(self.entries)
        self.entries.append(replace(entry, checksum=segment.checksum))
        sentences = segment.array("block/sentences").astype(np.int64)
        rows = rows_before_sentence(segment)[sentences]
        for block, digest in enumerate(block_digests(segment)):
            stored = StoredBlock(
                number, block, int(sentences[block + 1] - sentences[block]), int(rows[block + 1] - rows[block])
            )
            if instead or digest not in self._blocks:
                self._blocks[digest] = stored
        self.losses |= segment.meta["losses"]

    def by_segment(self, digests: Iterable[str]) -> dict[int, list[StoredBlock]]:
        """These blocks, each once, by the number of their segment."""
        found: dict[int, list[StoredBlock]] = {}
        for digest in dict.fromkeys(digests):
            stored = self._blocks[digest]
            found.setdefault(stored.segment, []).append(stored)
        return dict(sorted(found.items()))


def reusable_blocks(folder: CorpusFolder, config: CorpusConfig, task: Task) -> tuple[BlockTable, list[str]]:
    """Blocks that need not be computed again, and names of the segments in the folder that are damaged.

    Every segment of the folder with the same configuration counts, whether the manifest names it or an unfinished
    build left it. Segments of earlier versions, without peaks and sums, do not count: what they lack cannot be had
    without running their blocks again.
    """
    table, broken = BlockTable(), []
    for entry in folder.segment_files():
        task.check()
        try:
            segment = folder.segment(entry)
            if segment.meta["config"] != config.key():
                continue
            if not has_head_tables(segment):
                continue
            check_thoroughly(segment, config)
            table.add(entry, segment)
        except (CorpusDamaged, KeyError):
            broken.append(entry.name)
    return table, broken
