"""The exact scan: every vector of a layer is compared.

A query is rounded to one or two int8 rows that are zero outside the chosen heads; numkong's kernels multiply the rows
of all queries with all codes of the layer, stretch by stretch on all cores. Rows that may not be hits get minus
infinity.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numkong
import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.finding import Candidates, Scope, Score
from exbert_rpc.corpus.vectors import Query, scan_rows
from exbert_rpc.tasks import Task

_STRETCH = 1 << 16
_FEW_ROWS = 2  # of one query

_THREADS = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="scan")

_Found = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Rows and what they scored."""


def find_exactly(scope: Scope, query: Query, count: int, task: Task) -> list[Candidates]:
    """The nearest rows by a scan of all vectors; a :class:`~exbert_rpc.corpus.search.finding.Find`."""
    (candidates,) = scan(scope, [query], count, task)
    return candidates


def scan(scope: Scope, queries: Sequence[Query], count: int, task: Task) -> list[list[Candidates]]:
    """The best ``count`` eligible rows for each query; a :class:`~exbert_rpc.corpus.search.finding.Scan`."""
    best = [Best(count) for _ in queries]

    def run(stretch: tuple[int, int, int]) -> list[_Found]:
        task.check()
        return _scan_stretch(scope, queries, best, *stretch)

    stretches = list(_stretches(scope))
    found = list(_THREADS.map(run, stretches))
    return [
        [
            Candidates(segment, rows[among], scores[among].astype(np.float32))
            for (segment, _, _), of_queries in zip(stretches, found, strict=True)
            for rows, scores in (of_queries[number],)
            for among in (scores >= one.least,)
            if among.any()
        ]
        for number, one in enumerate(best)
    ]


def multiply(scope: Scope, segment: int, queries: Sequence[Query], task: Task) -> NDArray[np.float64]:
    """float64 ``[len(queries), R]``: rounded dot products of all rows of a segment, eligible or not.

    They rank as scores do; each query's lack a number that is the same for all rows.

    Raises:
        CorpusDamaged: a file of the corpus is not what was written.
        Cancelled: the task was cancelled.
    """
    vectors, n_rows = scope.vectors(segment), scope.segments[segment].n_rows

    def run(start: int) -> NDArray[np.float64]:
        task.check()
        integers = vectors.integers(start, min(start + _STRETCH, n_rows))
        return np.stack(list(_dots(queries, vectors.scale.steps, integers)))

    parts = _THREADS.map(run, range(0, n_rows, _STRETCH))
    return np.concatenate([np.zeros((len(queries), 0)), *parts], axis=1)


def score_by_codes(scope: Scope, score: Score, candidates: Sequence[Candidates]) -> list[Candidates]:
    """The same rows with the scores of their dequantized vectors."""
    scored = []
    for one in candidates:
        rows = np.sort(one.rows)
        scores = score(scope.segments[one.segment], rows, scope.vectors(one.segment).dequantize)
        scored.append(Candidates(one.segment, rows, scores))
    return scored


class Best:
    """The best ``count`` of the scores that were seen so far. Safe to use from several threads.

    All of equal scores are taken or none: which come first is decided by corpus position, not by a partition.

    Attributes:
        least: What a score must reach to be one of them; it only ever rises.
    """

    def __init__(self, count: int) -> None:
        self.least = -sys.float_info.max  # rows that may not be hits have minus infinity
        self._count = count
        self._scores: NDArray[np.float64] = np.zeros(0)
        self._lock = threading.Lock()

    def add(self, scores: NDArray[np.float64]) -> None:
        """Take scores of rows that may be hits into account."""
        with self._lock:
            scores = np.concatenate([self._scores, scores])
            at = len(scores) - self._count
            if at > 0:
                scores = np.partition(scores, at)[at:]
                self.least = float(scores[0])
            self._scores = scores


def _scan_stretch(
    scope: Scope, queries: Sequence[Query], best: Sequence[Best], segment: int, start: int, end: int
) -> list[_Found]:
    """For each query the rows of a stretch that may be among the best."""
    outside = scope.eligible.weights[segment][start:end] == 0
    if outside.all():
        return [(np.zeros(0, np.int64), np.zeros(0)) for _ in queries]
    vectors = scope.vectors(segment)
    kept = []
    for one, total in zip(best, _dots(queries, vectors.scale.steps, vectors.integers(start, end)), strict=True):
        total[outside] = -np.inf
        rows = np.flatnonzero(total >= one.least)
        found = total[rows]
        one.add(found)
        kept.append((rows + start, found))
    return kept


def _dots(
    queries: Sequence[Query], steps: NDArray[np.float32], integers: NDArray[np.int8]
) -> Iterator[NDArray[np.float64]]:
    """For each query float64 ``[N]``: its rounded rows times codes ``[N, D]``, which are read once for all queries."""
    rounded = [scan_rows(query, steps) for query in queries]
    rows = [row for of_query in rounded for row, _ in of_query]
    dots = iter(_products(np.concatenate(rows), integers) if rows else ())
    for of_query in rounded:
        total: NDArray[np.float64] | None = None
        for _, factor in of_query:
            scaled: NDArray[np.float64] = np.multiply(next(dots), factor)
            total = scaled if total is None else np.add(total, scaled, out=total)
        yield np.zeros(len(integers)) if total is None else total


def _products(rows: NDArray[np.int8], integers: NDArray[np.int8]) -> NDArray[np.generic]:
    """``[len(rows), N]``: exact dot products."""
    if len(rows) <= _FEW_ROWS:
        return np.asarray(numkong.cdist(rows, integers, "dot"))
    # a third of the time of cdist for 12 rows, as each block of codes stays in the cache for all of them
    return np.asarray(numkong.dots_packed(integers, numkong.dots_pack(rows, "int8"))).T


def _stretches(scope: Scope) -> Iterator[tuple[int, int, int]]:
    """Pieces of segments, small enough to be shared between cores and to make a cancel bite: number, start, end."""
    for number, segment in enumerate(scope.segments):
        for start in range(0, segment.n_rows, _STRETCH):
            yield number, start, min(start + _STRETCH, segment.n_rows)
