"""Making a search graph, from nothing or from the one before, and measuring what it finds.

1. Rows of every segment that the graph does not hold are added, in order: unit vectors, decoded, then rounded to one
   int8 step for the whole layer.
2. Rows of the corpus, a seeded sample, are searched again, by the graph and exactly, with random head sets of all
   heads, of a half, of a quarter, and of one. For each size the number of candidates grows until the graph finds
   :data:`~exbert_rpc.corpus.search.graph.LEAST_RECALL` of the nearest fifty. Rows that score as high as the fiftieth
   count as found; the row that is searched for does not count.

With one thread, the same corpus gives the same graph.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.exact import find_exactly, score_by_codes
from exbert_rpc.corpus.search.finding import Candidates, Scope
from exbert_rpc.corpus.search.graph import LEAST_RECALL, ROW_BITS, Graph, bind, new_index, open_index, to_codes
from exbert_rpc.corpus.store.graphs import GraphFile, GraphHeader, Recall, Slot
from exbert_rpc.corpus.vectors import Query, make_query, score
from exbert_rpc.errors import CorpusDamaged
from exbert_rpc.tasks import Progress, Task

if TYPE_CHECKING:
    from usearch.index import Index

    from exbert_rpc.corpus.search.reader import OpenSegment

CANDIDATES = (512, 1024, 2048, 4096)
"""Numbers of candidates that are tried, in this order."""

_K = 50
_PROBES = 40
_CHUNK = 1024
_SAMPLE = 1 << 14
_CLIPPED = 1e-4  # of the numbers of the sample
_LEVELS = 127
_LEAST_SHARE = 0.5  # of the corpus that the graph before must hold, and of its rows that must still be there
_SEED = 16
_TIE = 1e-6


def build_graph(everything: Scope, task: Task, *, threads: int = 1, base: GraphFile | None = None) -> Graph:
    """The graph of a layer, in memory, measured.

    Args:
        everything: The layer, with all rows of the corpus.
        task: Reported to and obeyed.
        threads: How many add rows; by more than one, it is not the same every time.
        base: A graph of an earlier state of the corpus, which is extended if that is less work.

    Raises:
        CorpusDamaged: a file of the corpus is not what was written.
        Cancelled: the task was cancelled.
    """
    index, header = _begin(everything, base, threads)
    held = {(slot.name, slot.checksum) for slot in header.slots}
    reader = everything.reader
    new = [number for number, entry in enumerate(reader.manifest.segments) if (entry.name, entry.checksum) not in held]
    clock, total, done = time.monotonic(), sum(reader.segments[number].n_rows for number in new), 0
    what = f"search graph of {everything.space} {everything.layer}"
    slots = list(header.slots)
    for number in new:
        entry = reader.manifest.segments[number]
        for start, codes in _codes(everything, number, header.step):
            task.check()
            keys = (len(slots) << ROW_BITS) + np.arange(start, start + len(codes), dtype=np.uint64)
            index.add(keys, codes, threads=threads)
            done += len(codes)
            left = (time.monotonic() - clock) / done * (total - done)
            task.report(Progress(what, done, total, left))
        slots.append(Slot(entry.name, entry.checksum, reader.segments[number].n_rows))
    graph = bind(index, replace(header, slots=tuple(slots)), reader, None)
    task.report(Progress(f"{what}: measuring recall"))
    return replace(graph, header=replace(graph.header, recall=measure_recall(graph, everything, task)))


def measure_recall(graph: Graph, everything: Scope, task: Task) -> tuple[Recall, ...]:
    """What a graph finds, by number of heads, descending; ends at the first number for which it never finds enough."""
    n_parts = everything.reader.config.n_heads if everything.space == "headOutput" else 1
    rng = np.random.default_rng(_SEED)
    probes = list(_probes(everything, rng))
    found: list[Recall] = []
    for n_heads in sorted({n_parts, max(1, n_parts // 2), max(1, n_parts // 4), 1}, reverse=True):
        queries = [(row, _query(everything, row, n_parts, n_heads, rng)) for row in probes]
        exact = [
            _scores(everything, query, row, find_exactly(everything, query, _K + 1, task)) for row, query in queries
        ]
        for candidates in CANDIDATES:
            near = [
                _scores(everything, query, row, graph.find_among(everything, query, CANDIDATES[0], candidates, task))
                for row, query in queries
            ]
            share = float(np.mean([_share(*pair) for pair in zip(exact, near, strict=True)])) if probes else 0.0
            if share >= LEAST_RECALL:
                break
        found.append(Recall(n_heads, candidates, round(share, 4)))
        if share < LEAST_RECALL:
            break
    return tuple(found)


def is_worth_extending(everything: Scope, header: GraphHeader) -> bool:
    """Whether the graph before holds most of the corpus, and little that has left it."""
    entries = zip(everything.reader.manifest.segments, everything.segments, strict=True)
    rows = {(entry.name, entry.checksum): segment.n_rows for entry, segment in entries}
    kept = sum(rows.get((slot.name, slot.checksum), 0) for slot in header.slots)
    same = header.config == everything.reader.config.key()
    return same and kept >= _LEAST_SHARE * max(1, sum(rows.values()), header.n_rows)


def _begin(everything: Scope, base: GraphFile | None, threads: int) -> tuple[Index, GraphHeader]:
    """What rows are added to: the graph before, if most of both is the same; otherwise an empty one."""
    if base is not None and is_worth_extending(everything, base.header):
        try:
            index = open_index(base, to_be_extended=True)
            return index, replace(base.header, threads=max(threads, base.header.threads), library=version("usearch"))
        except CorpusDamaged:
            pass
    config = everything.reader.config
    width = config.width(everything.space, everything.layer)
    header = GraphHeader(
        config=config.key(),
        space=everything.space,
        layer=everything.layer,
        width=width,
        step=_step(everything),
        slots=(),
        recall=(),
        library=version("usearch"),
        threads=threads,
    )
    return new_index(width), header


def _step(everything: Scope) -> float:
    """What a number is divided by: a ten-thousandth of the first rows' numbers is clipped."""
    for number, segment in enumerate(everything.segments):
        if segment.n_rows:
            rows = np.arange(min(segment.n_rows, _SAMPLE))
            return float(np.quantile(np.abs(everything.vectors(number).dequantize(rows)), 1 - _CLIPPED)) / _LEVELS
    return 1.0


def _codes(everything: Scope, number: int, step: float) -> Iterator[tuple[int, NDArray[np.int8]]]:
    """Rows of a segment as the graph compares them, a stretch at a time: the first row, and int8 ``[n, D]``."""
    vectors, n_rows = everything.vectors(number), everything.segments[number].n_rows
    for start in range(0, n_rows, _CHUNK):
        yield start, to_codes(vectors.dequantize(np.arange(start, min(start + _CHUNK, n_rows))), step)


def _probes(everything: Scope, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Segment and row of a sample of the rows that are in the corpus."""
    eligible = [np.flatnonzero(weights) for weights in everything.eligible.weights]
    before = np.cumsum([0, *(len(rows) for rows in eligible)])
    for key in rng.integers(before[-1], size=_PROBES).tolist() if before[-1] else ():
        number = int(np.searchsorted(before, key, side="right")) - 1
        yield number, int(eligible[number][key - before[number]])


def _query(everything: Scope, row: tuple[int, int], n_parts: int, n_heads: int, rng: np.random.Generator) -> Query:
    vector = everything.vectors(row[0]).dequantize(np.array([row[1]])).reshape(n_parts, -1)
    heads = None if n_heads == n_parts else rng.choice(n_parts, n_heads, replace=False)
    return make_query(vector, heads, by_norm=False)


def _scores(everything: Scope, query: Query, own: tuple[int, int], found: list[Candidates]) -> NDArray[np.float32]:
    """The best scores of what was found, descending, without the row itself."""

    def of(
        segment: OpenSegment, rows: NDArray[np.int64], vectors: Callable[[NDArray[np.int64]], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        del segment
        return score(query, vectors(rows))

    scored = score_by_codes(everything, of, found)
    others = [one.scores[(one.rows != own[1]) | (one.segment != own[0])] for one in scored]
    return np.sort(np.concatenate([np.zeros(0, np.float32), *others]))[::-1][:_K]


def _share(exact: NDArray[np.float32], near: NDArray[np.float32]) -> float:
    return float(np.sum(near >= exact[-1] - _TIE)) / len(exact) if len(exact) else 1.0
