"""Search graphs (usearch HNSW): for corpora so large that scanning every vector would be felt.

A graph is built in the background for one layer of one space when a search asks for that layer, over all vectors that
are in the corpus. It never delays an answer: until it is ready, and wherever it does not pay, searches are exact. When
it is built, its recall is measured against the exact scan on a seeded sample of the corpus' own vectors, for all heads
and for half of them, and it is only used where that is at least ``LEAST_RECALL``. It finds candidates; their scores
are computed as those of an exact search are.

Graphs live in memory (850 bytes a vector of 384 dimensions, measured with 40,000) and are built again by the next
process: usearch's files carry no checksum, and a flipped bit in one can end the process.
"""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.exact import find_exactly
from exbert_rpc.corpus.search.finding import Candidates, Scope
from exbert_rpc.corpus.types import Space
from exbert_rpc.corpus.vectors import Query, make_query
from exbert_rpc.recent import Recent
from exbert_rpc.tasks import Task

if TYPE_CHECKING:
    from usearch.index import Index

logger = logging.getLogger(__name__)

PAYS_FROM = 1_500_000
"""Vectors from which on a graph is built unasked: an exact search of a million takes 22 ms."""

LEAST_RECALL = 0.97
_K = 50
_PROBES = 40
_CANDIDATES = 512
_MOST_GRAPHS = 4
_CHUNK = 4096
_SEED = 16


@dataclass(frozen=True, slots=True)
class Graph:
    """A finished graph.

    Attributes:
        index: Keys are rows, counted through all segments.
        bases: int64 ``[n_segments + 1]``: first key of each segment.
        recall: Measured recall@50 by number of heads (1 stands for a hidden state).
        layer: Corpus, space and layer that it was built for.
        total: Places of all its rows.
    """

    index: Index
    bases: NDArray[np.int64]
    recall: dict[int, float]
    layer: tuple[int, Space, int]
    total: int

    def serves(self, n_parts: int) -> bool:
        """Whether its measured recall holds for a query of so many parts."""
        measured = [recall for parts, recall in self.recall.items() if parts <= n_parts]
        return bool(measured) and min(measured) >= LEAST_RECALL

    def find(self, scope: Scope, query: Query, count: int, task: Task) -> list[Candidates]:
        """About the nearest ``count`` rows; a :class:`~exbert_rpc.corpus.search.finding.Find`.

        Raises:
            ValueError: the scope is not all of the layer that the graph was built for.
        """
        task.check()
        if _key(scope) != self.layer or scope.eligible.total != self.total:
            raise ValueError("a graph finds rows of the layer it was built for, without a filter")
        weighted = (query.parts * query.weights[:, None]).ravel()
        found = self.index.search(weighted, max(count, _CANDIDATES))
        keys = np.asarray(found.keys, dtype=np.int64)
        owner = np.searchsorted(self.bases, keys, side="right") - 1
        return [
            Candidates(int(segment), keys[owner == segment] - self.bases[segment], np.zeros(0, np.float32))
            for segment in np.unique(owner)
        ]


class Graphs:
    """Graphs of the corpora that are open; builds one at a time.

    Args:
        pays_from: Vectors from which on a graph is built unasked.
    """

    def __init__(self, pays_from: int = PAYS_FROM) -> None:
        self._pays_from = pays_from
        self._ready: Recent[tuple[int, Space, int], Graph] = Recent(_MOST_GRAPHS)
        self._wanted: set[tuple[int, Space, int]] = set()
        self._jobs: queue.SimpleQueue[Scope] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stop = Task()
        self._thread: threading.Thread | None = None

    def graph_of(self, everything: Scope, n_parts: int, *, asked: bool) -> Graph | None:
        """The graph of a layer if it is ready and good enough; otherwise ``None``, and it is built if it would pay.

        Args:
            everything: The layer, with all rows of the corpus.
            n_parts: Parts (heads) of the query that count.
            asked: Whether an approximate answer was asked for, whatever the size.
        """
        key = _key(everything)
        with self._lock:
            graph = self._ready.get(key)
            if graph is not None:
                return graph if asked or graph.serves(n_parts) else None
            pays = asked or everything.eligible.total >= self._pays_from
            if pays and key not in self._wanted and not self._stop.cancelled:
                self._wanted.add(key)
                self._jobs.put(everything)
                self._start()
        return None

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is being built; whether that came to pass in time."""
        end = threading.Event()
        with self._lock:
            idle = not self._wanted
        for _ in range(max(1, int(seconds * 20))):
            if idle:
                return True
            end.wait(0.05)
            with self._lock:
                idle = not self._wanted
        return idle

    def close(self) -> None:
        """Stop building, within a chunk."""
        self._stop.cancel()
        thread = self._thread
        if thread is not None:
            thread.join(timeout=10)

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="graphs", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._stop.cancelled:
            try:
                everything = self._jobs.get(timeout=0.5)
            except queue.Empty:
                continue
            key = _key(everything)
            try:
                graph = build_graph(everything, self._stop)
                self._ready.put(key, graph)
            except Exception:
                # searches stay exact; the next process may try again
                logger.exception("no graph for %s %s %d", everything.reader.name, everything.space, everything.layer)
            finally:
                with self._lock:
                    self._wanted.discard(key)


def build_graph(everything: Scope, task: Task) -> Graph:
    """Build and measure the graph of one layer; single-threaded, so that it is the same every time."""
    # imported when needed: a process that has loaded usearch cannot start Ray any more (corpus/build/distributed.py)
    from usearch.index import Index

    bases = np.cumsum([0, *(segment.n_rows for segment in everything.segments)], dtype=np.int64)
    index: Index | None = None
    for number in range(len(everything.segments)):
        vectors = everything.vectors(number)
        rows = np.flatnonzero(everything.eligible.weights[number])
        for start in range(0, len(rows), _CHUNK):
            task.check()
            some = rows[start : start + _CHUNK]
            unit = vectors.dequantize(some)
            if index is None:
                index = Index(ndim=unit.shape[1], metric="cos", dtype="i8", connectivity=16, expansion_search=256)
            index.add(bases[number] + some, unit, threads=1)
    if index is None:
        index = Index(ndim=1, metric="cos", dtype="i8")
    graph = Graph(index, bases, {}, _key(everything), everything.eligible.total)
    n_parts = everything.reader.config.n_heads if everything.space == "headOutput" else 1
    sizes = {n_parts, max(1, n_parts // 2)}
    return replace(graph, recall={size: _recall(graph, everything, n_parts, size, task) for size in sizes})


def _recall(graph: Graph, everything: Scope, n_parts: int, size: int, task: Task) -> float:
    """Share of the exact nearest ``_K`` among the graph's candidates, mean over a sample of the corpus' own rows."""
    rng = np.random.default_rng(_SEED)
    shares = []
    for _ in range(_PROBES):
        key = int(rng.integers(graph.bases[-1])) if graph.bases[-1] else 0
        number = int(np.searchsorted(graph.bases, key, side="right")) - 1
        if graph.bases[-1] == 0 or everything.eligible.weights[number][key - graph.bases[number]] == 0:
            continue
        vector = everything.vectors(number).dequantize(np.array([key - graph.bases[number]])).reshape(n_parts, -1)
        heads = None if size == n_parts else rng.choice(n_parts, size, replace=False)
        query = make_query(vector, heads, by_norm=False)
        exact = _keys(graph, find_exactly(everything, query, _K, task))
        near = _keys(graph, graph.find(everything, query, _CANDIDATES, task))
        shares.append(len(exact & near) / max(1, len(exact)))
    return float(np.mean(shares)) if shares else 0.0


def _key(scope: Scope) -> tuple[int, Space, int]:
    return scope.reader.serial, scope.space, scope.layer


def _keys(graph: Graph, candidates: list[Candidates]) -> set[int]:
    return {int(graph.bases[one.segment] + row) for one in candidates for row in one.rows}
