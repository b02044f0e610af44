"""The exact scan: every vector of a layer is compared.

A query is rounded to one or two int8 rows that are zero outside the chosen heads; numkong's kernels multiply the rows
of all queries with all codes of the layer, stretch by stretch on all cores. A query for few heads reads their columns
only (:mod:`~exbert_rpc.corpus.search.columns`). Rows that may not be hits are left out.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.columns import chosen_columns, column_products, products
from exbert_rpc.corpus.search.finding import Candidates, Scope, Score
from exbert_rpc.corpus.store.quantize import dequantize_many
from exbert_rpc.corpus.vectors import Query, scan_rows, score_parts
from exbert_rpc.tasks import Task

_STRETCH = 1 << 16
_LEAST_DOT = -(1 << 31)
_FIRST = 4

_THREADS = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="scan")

_Found = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Rows and what they scored."""


def find_exactly(scope: Scope, query: Query, count: int, task: Task) -> list[Candidates]:
    """The nearest rows by a scan of all vectors; a :class:`~exbert_rpc.corpus.search.finding.Find`."""
    (candidates,) = scan(scope, [query], count, task)
    return candidates


def scan(scope: Scope, queries: Sequence[Query], count: int, task: Task) -> list[list[Candidates]]:
    """The best ``count`` eligible rows for each query; a :class:`~exbert_rpc.corpus.search.finding.Scan`.

    Where the segments are scanned is the reader's to say.
    """
    return scope.gather(Scanning(tuple(queries)), count, task)


@dataclass(frozen=True, slots=True)
class Scanning:
    """A scan with these queries; a :class:`~exbert_rpc.corpus.search.finding.Work`."""

    queries: tuple[Query, ...]

    def __call__(self, scope: Scope, count: int, task: Task) -> list[list[Candidates]]:
        """The scan of all segments of a scope, in this process."""
        return scan_here(scope, self.queries, count, task)


def scan_here(scope: Scope, queries: Sequence[Query], count: int, task: Task) -> list[list[Candidates]]:
    """The same as :func:`scan` by this process, over the files that the scope has mapped."""
    best = [Best(count) for _ in queries]

    def run(stretch: tuple[int, int, int]) -> list[_Found]:
        task.check()
        return _scan_stretch(scope, queries, best, *stretch)

    stretches = list(_stretches(scope))
    found = list(_THREADS.map(run, stretches))
    return [
        [
            Candidates(segment, rows[among], scores[among])
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


def score_query(scope: Scope, query: Query, candidates: Sequence[Candidates]) -> list[Candidates]:
    """What :func:`score_by_codes` gives for one query, all segments at once, and only of the parts that count."""
    ordered = [(one.segment, np.sort(one.rows)) for one in candidates]
    if not ordered:
        return []
    dims = query.parts.shape[1]
    parts = np.flatnonzero(query.weights)
    columns = None if len(parts) == len(query.weights) else (parts[:, None] * dims + np.arange(dims)).ravel()
    vectors = dequantize_many([(scope.vectors(segment), rows) for segment, rows in ordered], columns)
    scores = score_parts(query, parts, vectors.reshape(len(vectors), -1, dims))
    ends = np.cumsum([len(rows) for _, rows in ordered])
    return [
        Candidates(segment, rows, scores[end - len(rows) : end])
        for (segment, rows), end in zip(ordered, ends.tolist(), strict=True)
    ]


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

    def start(self, terms: Sequence[tuple[NDArray[np.int32], float]]) -> None:
        """Before any score is known: what ``count`` of the first rows of a stretch reach, all of which may be hits."""
        if self.least > -sys.float_info.max or len(terms) != 1 or len(terms[0][0]) <= _FIRST * self._count:
            return
        dots, factor = terms[0]
        least = float(np.partition(dots[: _FIRST * self._count], -self._count)[-self._count]) * factor
        with self._lock:
            self.least = max(self.least, least)

    def add(self, scores: NDArray[np.float64]) -> None:
        """Take scores of rows that may be hits into account."""
        with self._lock:
            scores = np.concatenate([self._scores, scores])
            at = len(scores) - self._count
            if at > 0:
                scores = np.partition(scores, at)[at:]
                self.least = max(self.least, float(scores[0]))
            self._scores = scores


def _scan_stretch(
    scope: Scope, queries: Sequence[Query], best: Sequence[Best], segment: int, start: int, end: int
) -> list[_Found]:
    """For each query the rows of a stretch that may be among the best."""
    weights = scope.eligible.weights[segment][start:end]
    if weights.max(initial=0) == 0:
        return [(np.zeros(0, np.int64), np.zeros(0)) for _ in queries]
    steps = scope.vectors(segment).scale.steps
    rounded = [scan_rows(query, steps) for query in queries]
    few = chosen_columns(queries[0]) if len(queries) == 1 else None
    if few is not None and rounded[0]:
        dots = iter(column_products(scope, segment, start, end, few, [row for row, _ in rounded[0]]))
    else:
        dots = _all_products(rounded, scope.vectors(segment).integers(start, end))
    all_may = bool(weights.min() > 0)
    kept = []
    for one, of_query in zip(best, rounded, strict=True):
        terms = [(next(dots), factor) for _, factor in of_query]
        if all_may:
            one.start(terms)
        rows, found = _reaching(one.least, terms, len(weights))
        if not all_may:
            among = weights[rows] != 0
            rows, found = rows[among], found[among]
        one.add(found)
        kept.append((rows + start, found))
    return kept


def _reaching(
    least: float, terms: Sequence[tuple[NDArray[np.int32], float]], n: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows whose sum of ``dots * factor`` is ``least`` or more, and these sums."""
    if len(terms) == 1 and least > -sys.float_info.max:
        dots, factor = terms[0]
        # whole numbers are compared, so that most rows are never multiplied; one less, as the quotient is rounded
        rows = np.flatnonzero(dots >= max(math.floor(least / factor) - 1, _LEAST_DOT))
        sums = dots[rows].astype(np.float64) * factor
        among = sums >= least
        return rows[among], sums[among]
    total = _weighted(terms, n)
    rows = np.flatnonzero(total >= least)
    return rows, total[rows]


def _weighted(terms: Iterable[tuple[NDArray[np.int32], float]], n: int) -> NDArray[np.float64]:
    """float64 ``[n]``: the sum of ``dots * factor``, in order."""
    total: NDArray[np.float64] | None = None
    for dots, factor in terms:
        scaled: NDArray[np.float64] = np.multiply(dots, factor)
        total = scaled if total is None else np.add(total, scaled, out=total)
    return np.zeros(n) if total is None else total


def _dots(
    queries: Sequence[Query], steps: NDArray[np.float32], integers: NDArray[np.int8]
) -> Iterator[NDArray[np.float64]]:
    """For each query float64 ``[N]``: its rounded rows times codes ``[N, D]``, which are read once for all queries."""
    rounded = [scan_rows(query, steps) for query in queries]
    dots = _all_products(rounded, integers)
    for of_query in rounded:
        yield _weighted([(next(dots), factor) for _, factor in of_query], len(integers))


def _all_products(
    rounded: Sequence[Sequence[tuple[NDArray[np.int8], float]]], integers: NDArray[np.int8]
) -> Iterator[NDArray[np.int32]]:
    """int32 ``[N]`` for each row of each query."""
    rows = [row for of_query in rounded for row, _ in of_query]
    return iter(products(np.concatenate(rows), integers) if rows else ())


def _stretches(scope: Scope) -> Iterator[tuple[int, int, int]]:
    """Pieces of segments, small enough to be shared between cores and to make a cancel bite: number, start, end."""
    for number, segment in enumerate(scope.segments):
        for start in range(0, segment.n_rows, _STRETCH):
            yield number, start, min(start + _STRETCH, segment.n_rows)
