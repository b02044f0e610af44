"""Vectors alone, without texts: what scans and search graphs are measured on where a whole corpus would be too large.

Codes lie in one file, mapped; segments are stretches of it. They stand where a scope has a corpus and its segments.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.fake import FakeModel, config_of
from exbert_rpc.corpus.search.filters import Eligible
from exbert_rpc.corpus.search.finding import Scope
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.folders import CorpusFolder
from exbert_rpc.corpus.store.manifest import CorpusConfig, FileEntry, Manifest
from exbert_rpc.corpus.store.quantize import OUTLIER, Scale, StoredVectors, choose_scale, quantize
from exbert_rpc.corpus.types import Precision, Space
from exbert_rpc.corpus.vectors import unit_parts

T = TypeVar("T")

PARTS, WIDTH = 12, 384
_SEGMENT_ROWS = 1 << 19
_CHUNK = 1 << 14
_CALIBRATION = 4096
_TABLE = 8192
_SERIAL = itertools.count(1 << 40)


@dataclass(frozen=True, slots=True)
class ArrayCodes:
    """Codes in an array, as :class:`~exbert_rpc.corpus.store.quantize.StoredCodes`."""

    array: NDArray[np.int8]

    def stretch(self, start: int, end: int) -> NDArray[np.int8]:
        """Rows ``start`` to ``end``."""
        return self.array[start:end]

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.int8]:
        """A copy of some rows."""
        return self.array[rows]


@dataclass(frozen=True, slots=True)
class VectorSegment:
    """A stretch of the vectors."""

    codes: ArrayCodes
    stored: StoredVectors

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.codes.array)

    def vectors(self, space: Space, layer: int, precision: Precision) -> StoredVectors:
        """All rows."""
        del space, layer, precision
        return self.stored


class VectorCorpus:
    """Stands for :class:`~exbert_rpc.corpus.search.reader.CorpusReader`: one layer of head outputs, all eligible.

    Args:
        folder: Where its graphs lie.
        codes: int8 ``[N, 384]``.
        scale: How they are read.
    """

    def __init__(self, folder: Path, codes: NDArray[np.int8], scale: Scale) -> None:
        self.serial = next(_SERIAL)
        self.folder = CorpusFolder(folder)
        self.name = folder.name
        self.config: CorpusConfig = config_of(FakeModel().info)
        self.gather = None
        pieces = [ArrayCodes(codes[start : start + _SEGMENT_ROWS]) for start in range(0, len(codes), _SEGMENT_ROWS)]
        none = np.zeros(0, OUTLIER)
        self.segments = [VectorSegment(piece, StoredVectors("int8", piece, none, scale)) for piece in pieces]
        entries = tuple(
            FileEntry(f"segment-{n}.exb", one.n_rows * WIDTH, str(n)) for n, one in enumerate(self.segments)
        )
        self.manifest = Manifest(1, self.config, entries, FileEntry("documents-1.json", 0), 0, 0, len(codes))

    def cached(self, key: Hashable, compute: Callable[[], T]) -> T:
        """All rows: nothing else is asked for."""
        del key, compute
        return cast(T, self.everything.eligible)

    @property
    def everything(self) -> Scope:
        """All of it."""
        weights = tuple(np.ones(one.n_rows, np.int32) for one in self.segments)
        eligible = Eligible(weights, None, sum(one.n_rows for one in self.segments))
        return Scope(cast(CorpusReader, self), "headOutput", 0, eligible)


def made_up(count: int, seed: int = 5) -> Iterator[NDArray[np.float32]]:
    """Unit rows ``[n, 384]``, some thousand at a time: a word and a context each, added up, then noise."""
    rng = np.random.default_rng(seed)
    words, contexts = (rng.standard_normal((_TABLE, WIDTH), dtype=np.float32) for _ in range(2))
    for start in range(0, count, _CHUNK):
        n = min(_CHUNK, count - start)
        # words as frequent as words are: the rank is drawn from Zipf's law
        word = np.minimum(rng.zipf(1.2, n) - 1, _TABLE - 1)
        rows = words[word] + 0.7 * contexts[rng.integers(_TABLE, size=n)]
        rows += 0.3 * rng.standard_normal((n, WIDTH), dtype=np.float32)
        yield unit_parts(rows.reshape(n, PARTS, -1)).reshape(n, -1)


def write_codes(path: Path, rows: Iterator[NDArray[np.float32]], count: int) -> tuple[NDArray[np.int8], Scale]:
    """Round rows to int8 codes in a file, a chunk at a time; the file, mapped, and the scale."""
    first = next(rows)
    scale = choose_scale(first[:_CALIBRATION], "int8")
    with path.open("wb") as stream:
        for chunk in itertools.chain([first], rows):
            stream.write(np.ascontiguousarray(quantize(chunk, scale, "int8").codes).tobytes())
    return np.memmap(path, np.int8, "r", shape=(count, WIDTH)), scale
