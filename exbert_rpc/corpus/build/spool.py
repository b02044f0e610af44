"""Blocks that wait to be computed: few in memory, many in a file, so that a build takes no more of it than another."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Self, cast

from exbert_rpc.corpus.store.atomic import storage_errors
from exbert_rpc.text.types import Block

_IN_MEMORY = 16 << 20


class Spool:
    """Blocks in the order in which they came."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        self._count = 0
        self.characters = 0
        """Characters of all blocks."""

    def __len__(self) -> int:
        """Number of blocks."""
        return self._count

    def add(self, block: Block) -> None:
        """Add a block."""
        self._count += 1
        self.characters += len(block.text)
        with storage_errors("blocks that wait"):
            pickle.dump(block, self._file, protocol=pickle.HIGHEST_PROTOCOL)

    def __iter__(self) -> Iterator[Block]:
        """All blocks; only once at a time, and none may be added meanwhile."""
        self._file.seek(0)
        for _ in range(self._count):
            yield cast(Block, pickle.load(self._file))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
