"""A search graph (usearch HNSW) of one layer of one space, bound to a corpus as it is now.

A graph finds candidates; their scores are computed as those of an exact search are. It holds all rows of the segments
that the corpus had when it was made. What has changed since then does no harm:

1. Rows that may not be hits (of a segment that is gone, of a text that has left, or outside of a filter) are taken out
   of what it finds, and more is asked of it until enough remain. If that does not help, the search is exact.
2. Segments that it does not hold are scanned exactly beside it.

A graph is used for a head set only with the number of candidates at which its measured recall was at least
:data:`LEAST_RECALL`.
"""

from __future__ import annotations

import errno
import threading
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.exact import find_exactly
from exbert_rpc.corpus.search.finding import Candidates, Scope
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.graphs import GraphFile, GraphHeader, Recall
from exbert_rpc.corpus.store.segment import damaged
from exbert_rpc.corpus.types import Space
from exbert_rpc.corpus.vectors import Query
from exbert_rpc.tasks import Task

if TYPE_CHECKING:
    from usearch.index import Index

LEAST_RECALL = 0.97
"""Share of the nearest fifty that a graph must find to be used."""

ROW_BITS = 32
"""A key is the number of a slot and that of a row, which has so many bits."""

_LEVELS = 127
_MOST_WANTED = 1 << 14


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph that can be searched.

    Attributes:
        index: Keys are numbers of slots and rows.
        header: What is known of it.
        corpus: Name of the corpus.
        section: Serial number of the corpus' reader, space and layer.
        owner: int64 ``[n_slots]``: number of each slot's segment in the corpus; -1 for one that is gone.
        n_rows: int64 ``[n_slots]``: rows of each slot.
        missing: Numbers of the segments that it does not hold.
        covered: Rows of the corpus that it holds.
        file: Keeps what is mapped; ``None`` for a graph in memory.
    """

    index: Index
    header: GraphHeader
    corpus: str
    section: tuple[int, Space, int]
    owner: NDArray[np.int64]
    n_rows: NDArray[np.int64]
    missing: tuple[int, ...]
    covered: int
    file: GraphFile | None
    _lock: threading.Lock

    def measured(self, n_heads: int) -> Recall | None:
        """What was measured of queries of so many heads or of a few less; ``None`` if nothing was."""
        return next((one for one in self.header.recall if one.n_heads <= n_heads), None)

    def serves(self, n_heads: int) -> Recall | None:
        """The same if it finds enough of the nearest, else ``None``."""
        found = self.measured(n_heads)
        return found if found is not None and found.recall >= LEAST_RECALL else None

    def find(self, scope: Scope, query: Query, count: int, task: Task) -> list[Candidates]:
        """About the nearest ``count`` eligible rows; a :class:`~exbert_rpc.corpus.search.finding.Find`.

        All rows are compared where nothing was measured of so few heads, or too few of what it finds is eligible.

        Raises:
            ValueError: the scope is another layer than the graph was bound to.
            CorpusDamaged: a file of the corpus is not what was written.
            Cancelled: the task was cancelled.
        """
        measured = self.measured(int(np.count_nonzero(query.weights)))
        if measured is None:
            return find_exactly(scope, query, count, task)
        return self.find_among(scope, query, count, measured.candidates, task)

    def find_among(self, scope: Scope, query: Query, count: int, wanted: int, task: Task) -> list[Candidates]:
        """The same, of so many candidates."""
        if (scope.reader.serial, scope.space, scope.layer) != self.section:
            raise ValueError("a graph finds rows of the layer it was made for")
        found = self._among_covered(scope, query, count, wanted, task)
        if found is None:
            return find_exactly(scope, query, count, task)
        return found + find_exactly(self._rest(scope), query, count, task) if self.missing else found

    def _among_covered(
        self, scope: Scope, query: Query, count: int, wanted: int, task: Task
    ) -> list[Candidates] | None:
        """The nearest rows that the graph holds; ``None`` if it does not find enough that are eligible."""
        wanted = max(wanted, count)
        while True:
            task.check()
            segment, row = self._search(query, min(wanted, len(self.index)))
            eligible = _eligible(scope, segment, row)
            if eligible.sum() >= count or eligible.sum() == self._n_eligible(scope):
                segment, row = segment[eligible][:count], row[eligible][:count]
                return [
                    Candidates(int(number), row[segment == number], np.zeros(0, np.float32))
                    for number in np.unique(segment)
                ]
            if wanted >= min(len(self.index), _MOST_WANTED):
                return None
            wanted *= 4

    def _search(self, query: Query, wanted: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Segments (-1: gone) and rows, nearest first."""
        if wanted == 0:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        weighted = (query.parts * query.weights[:, None]).ravel()
        codes = to_codes(weighted, float(np.abs(weighted).max()) / _LEVELS)
        with self._lock:
            keys = np.asarray(self.index.search(codes, wanted, threads=1).keys).astype(np.int64)
        slots, rows = keys >> ROW_BITS, keys & ((1 << ROW_BITS) - 1)
        if len(keys) and (slots.max() >= len(self.owner) or (rows >= self.n_rows[slots]).any()):
            raise damaged("a search graph", "it holds rows that no segment has")
        return self.owner[slots], rows

    def _n_eligible(self, scope: Scope) -> int:
        return sum(int(np.count_nonzero(scope.eligible.weights[number])) for number in self.owner if number >= 0)

    def _rest(self, scope: Scope) -> Scope:
        """The part of a scope that the graph does not hold."""
        none = np.zeros(1, np.int32)
        weights = tuple(
            weight if number in self.missing else np.broadcast_to(none, weight.shape)
            for number, weight in enumerate(scope.eligible.weights)
        )
        return replace(scope, eligible=replace(scope.eligible, weights=weights))


def bind(index: Index, header: GraphHeader, reader: CorpusReader, file: GraphFile | None) -> Graph:
    """A graph for a corpus as it is now."""
    numbers = {(entry.name, entry.checksum): number for number, entry in enumerate(reader.manifest.segments)}
    owner = [numbers.get((slot.name, slot.checksum), -1) for slot in header.slots]
    return Graph(
        index=index,
        header=header,
        corpus=reader.name,
        section=(reader.serial, header.space, header.layer),
        owner=np.array(owner, dtype=np.int64),
        n_rows=np.array([slot.n_rows for slot in header.slots], dtype=np.int64),
        missing=tuple(number for number in range(len(reader.segments)) if number not in owner),
        covered=sum(reader.segments[number].n_rows for number in owner if number >= 0),
        file=file,
        _lock=threading.Lock(),
    )


def open_index(file: GraphFile, *, to_be_extended: bool = False) -> Index:
    """The graph of a file that was checked: mapped, or read into memory to be extended.

    Raises:
        CorpusDamaged: this version of usearch cannot read it.
    """
    check_library(file)
    index = new_index(file.header.width)
    try:
        if to_be_extended:
            index.load(file.body)
        else:
            index.view(file.body)
    except (RuntimeError, ValueError) as exc:
        raise damaged(file.name, "usearch cannot read it") from exc
    if len(index) != file.header.n_rows:
        raise damaged(file.name, "it does not hold the rows that it says")
    return index


def check_library(file: GraphFile) -> None:
    """Raise ``CorpusDamaged`` for a file of another major version of usearch."""
    installed = version("usearch")
    if installed.partition(".")[0] != file.header.library.partition(".")[0]:
        raise damaged(file.name, f"it was made by usearch {file.header.library}, this is {installed}")


def save_index(index: Index, path: str) -> None:
    """Write what usearch keeps of a graph to a path; raises ``OSError`` if that fails."""
    try:
        index.save(path)
    except RuntimeError as exc:
        raise OSError(errno.EIO, str(exc)) from exc


def new_index(width: int) -> Index:
    """An empty graph."""
    # imported when needed: a process that has loaded usearch cannot start Ray any more (corpus/build/distributed.py)
    from usearch.index import Index

    return Index(ndim=width, metric="cos", dtype="i8", connectivity=16, expansion_add=128, enable_key_lookups=False)


def to_codes(vectors: NDArray[np.float32], step: float) -> NDArray[np.int8]:
    """Numbers as the graph compares them: int8, of the same shape. One step for all of them keeps angles."""
    if step == 0:
        return np.zeros(vectors.shape, np.int8)
    codes: NDArray[np.int8] = np.clip(np.rint(vectors / step), -_LEVELS, _LEVELS).astype(np.int8)
    return codes


def _eligible(scope: Scope, segment: NDArray[np.int64], row: NDArray[np.int64]) -> NDArray[np.bool_]:
    found = np.zeros(len(row), dtype=bool)
    for number in np.unique(segment[segment >= 0]).tolist():
        at = segment == number
        found[at] = scope.eligible.weights[number][row[at]] > 0
    return found
