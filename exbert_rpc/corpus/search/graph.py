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
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.exact import Candidates, scan
from exbert_rpc.corpus.search.filters import Eligible
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.types import Space
from exbert_rpc.corpus.vectors import Query, make_query
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
    """

    index: Index
    bases: NDArray[np.int64]
    recall: dict[int, float]

    def serves(self, n_parts: int) -> bool:
        """Whether its measured recall holds for a query of so many parts."""
        measured = [recall for parts, recall in self.recall.items() if parts <= n_parts]
        return bool(measured) and min(measured) >= LEAST_RECALL

    def candidates(self, query: Query, count: int) -> list[Candidates]:
        """About the nearest ``count`` rows, by segment."""
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
        self._ready: OrderedDict[tuple[int, Space, int], Graph] = OrderedDict()
        self._wanted: set[tuple[int, Space, int]] = set()
        self._jobs: queue.SimpleQueue[tuple[CorpusReader, Space, int, Eligible]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stop = Task()
        self._thread: threading.Thread | None = None

    def find(
        self, reader: CorpusReader, space: Space, layer: int, n_parts: int, everything: Eligible, *, asked: bool
    ) -> Graph | None:
        """The graph of a layer if it is ready and good enough; otherwise ``None``, and it is built if it would pay.

        Args:
            reader: The corpus.
            space: What is compared.
            layer: Layer of that space.
            n_parts: Parts (heads) of the query that count.
            everything: All rows of the corpus.
            asked: Whether an approximate answer was asked for, whatever the size.
        """
        key = (reader.serial, space, layer)
        with self._lock:
            graph = self._ready.get(key)
            if graph is not None:
                self._ready.move_to_end(key)
                return graph if asked or graph.serves(n_parts) else None
            if (asked or everything.total >= self._pays_from) and key not in self._wanted and not self._stop.cancelled:
                self._wanted.add(key)
                self._jobs.put((reader, space, layer, everything))
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
                reader, space, layer, everything = self._jobs.get(timeout=0.5)
            except queue.Empty:
                continue
            key = (reader.serial, space, layer)
            try:
                graph = build_graph(reader, space, layer, everything, self._stop)
                with self._lock:
                    self._ready[key] = graph
                    while len(self._ready) > _MOST_GRAPHS:
                        self._ready.popitem(last=False)
            except Exception:
                # searches stay exact; the next process may try again
                logger.exception("no graph for %s %s %d", reader.name, space, layer)
            finally:
                with self._lock:
                    self._wanted.discard(key)


def build_graph(reader: CorpusReader, space: Space, layer: int, everything: Eligible, task: Task) -> Graph:
    """Build and measure the graph of one layer; single-threaded, so that it is the same every time."""
    # imported when needed: a process that has loaded usearch cannot start Ray any more (corpus/build/distributed.py)
    from usearch.index import Index

    bases = np.cumsum([0, *(segment.n_rows for segment in reader.segments)], dtype=np.int64)
    index: Index | None = None
    for number, segment in enumerate(reader.segments):
        vectors = segment.vectors(space, layer, reader.config.precision)
        rows = np.flatnonzero(everything.weights[number])
        for start in range(0, len(rows), _CHUNK):
            task.check()
            some = rows[start : start + _CHUNK]
            decoded = vectors.dequantize(some)
            if index is None:
                index = Index(ndim=decoded.shape[1], metric="cos", dtype="i8", connectivity=16, expansion_search=256)
            index.add(bases[number] + some, decoded, threads=1)
    if index is None:
        index = Index(ndim=1, metric="cos", dtype="i8")
    graph = Graph(index, bases, {})
    n_parts = reader.config.n_heads if space == "headOutput" else 1
    sizes = {n_parts, max(1, n_parts // 2)}
    measured = {size: _recall(reader, space, layer, graph, everything, n_parts, size, task) for size in sizes}
    return Graph(index, bases, measured)


def _recall(
    reader: CorpusReader,
    space: Space,
    layer: int,
    graph: Graph,
    everything: Eligible,
    n_parts: int,
    size: int,
    task: Task,
) -> float:
    """Share of the exact nearest ``_K`` among the graph's candidates, mean over a sample of the corpus' own rows."""
    rng = np.random.default_rng(_SEED)
    shares = []
    for _ in range(_PROBES):
        key = int(rng.integers(graph.bases[-1])) if graph.bases[-1] else 0
        number = int(np.searchsorted(graph.bases, key, side="right")) - 1
        if graph.bases[-1] == 0 or everything.weights[number][key - graph.bases[number]] == 0:
            continue
        vectors = reader.segments[number].vectors(space, layer, reader.config.precision)
        vector = vectors.dequantize(np.array([key - graph.bases[number]])).reshape(n_parts, -1)
        heads = None if size == n_parts else rng.choice(n_parts, size, replace=False)
        query = make_query(vector, heads, by_norm=False)
        exact = _keys(graph, scan(reader, space, layer, query, everything, _K, task))
        near = _keys(graph, graph.candidates(query, _CANDIDATES))
        shares.append(len(exact & near) / max(1, len(exact)))
    return float(np.mean(shares)) if shares else 0.0


def _keys(graph: Graph, candidates: list[Candidates]) -> set[int]:
    return {int(graph.bases[one.segment] + row) for one in candidates for row in one.rows}
