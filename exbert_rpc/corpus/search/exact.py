"""Searching a corpus exactly.

1. The query is rounded to one or two int8 rows that are zero outside the chosen heads; numkong's kernels multiply them
   with all codes of the layer, stretch by stretch on all cores. Rows that may not be hits get minus infinity.
2. The best few hundred candidates are decoded to float32 and scored again under the true metric: the weighted mean of
   the cosines of the parts (:func:`exbert_rpc.corpus.vectors.score`).
3. Rows are laid out over the places where they stand; equal scores are ordered by corpus position.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter

import numkong
import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.filters import Eligible
from exbert_rpc.corpus.search.hits import FoundRow
from exbert_rpc.corpus.search.reader import CorpusReader, Occurrence
from exbert_rpc.corpus.types import Space
from exbert_rpc.corpus.vectors import Query, scan_rows, score
from exbert_rpc.tasks import Task

_STRETCH = 1 << 16
_MARGIN = 8
_LEAST_CANDIDATES = 512
_SCORE_DIGITS = 6

_THREADS = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="scan")


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows of one segment with their scores, in any order: int64 ``[n]`` and float32 ``[n]``."""

    segment: int
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


Find = Callable[[int], list[Candidates]]
Rescore = Callable[[Sequence[Candidates]], list[Candidates]]


def search_exactly(
    reader: CorpusReader,
    space: Space,
    layer: int,
    query: Query,
    eligible: Eligible,
    k: int,
    *,
    distinct: bool,
    task: Task,
    rescore: Rescore | None = None,
    candidates: int = 0,
    find: Find | None = None,
) -> tuple[list[FoundRow], int]:
    """The ``k`` best places of a corpus, best first (fewer if fewer are eligible), and how many rows were scored again.

    Args:
        reader: The corpus.
        space: What is compared.
        layer: Layer of that space.
        query: What is looked for.
        eligible: Rows that may be hits.
        k: How many places.
        distinct: One place for each distinct sentence.
        task: Reported to and obeyed.
        rescore: Scores candidates; by default from their decoded codes.
        candidates: Least number of candidates to score again.
        find: Gives so many candidates; by default the scan of all vectors.

    Raises:
        CorpusDamaged: a file of the corpus is not what was written.
        Cancelled: the task was cancelled.
    """
    wanted = candidates or max(_LEAST_CANDIDATES, _MARGIN * k)
    again = rescore or (lambda rows: rescore_by_codes(reader, space, layer, query, rows))
    while True:
        scanned = find(wanted) if find else scan(reader, space, layer, query, eligible, wanted, task)
        found = lay_out(reader, again(scanned), eligible, None if distinct else k)
        if distinct:
            found = _collapse(reader, found)
        # identical sentences may have used up the candidates
        n_scanned = sum(len(one.rows) for one in scanned)
        if len(found) >= k or n_scanned < wanted or n_scanned >= eligible.total:
            return found[:k], n_scanned
        wanted *= 4


def scan(
    reader: CorpusReader, space: Space, layer: int, query: Query, eligible: Eligible, wanted: int, task: Task
) -> list[Candidates]:
    """The best ``wanted`` eligible rows by the rounded query."""
    best = _Best(wanted)

    def run(job: tuple[int, int, int]) -> tuple[int, NDArray[np.int64], NDArray[np.float64]]:
        task.check()
        segment, start, end = job
        outside = eligible.weights[segment][start:end] == 0
        if outside.all():
            return segment, np.zeros(0, np.int64), np.zeros(0)
        vectors = reader.segments[segment].vectors(space, layer, reader.config.precision)
        total = _dots(query, vectors.scale.steps, vectors.integers(start, end))
        total[outside] = -np.inf
        rows = np.flatnonzero(total >= best.least)
        found = total[rows]
        best.add(found)
        return segment, rows + start, found

    parts = list(_THREADS.map(run, _stretches(reader)))
    candidates = []
    for segment, rows, found in parts:
        among = found >= best.least
        if among.any():
            candidates.append(Candidates(segment, rows[among], found[among].astype(np.float32)))
    return candidates


class _Best:
    """The best ``wanted`` of the scores that were seen so far. Safe to use from several threads.

    All of equal scores are taken or none: which come first is decided by corpus position, not by a partition.

    Attributes:
        least: What a score must reach to be one of them; it only ever rises.
    """

    def __init__(self, wanted: int) -> None:
        self.least = float(np.finfo(np.float64).min)  # rows that may not be hits have minus infinity
        self._wanted = wanted
        self._scores: NDArray[np.float64] = np.zeros(0)
        self._lock = threading.Lock()

    def add(self, scores: NDArray[np.float64]) -> None:
        """Take scores of rows that may be hits into account."""
        with self._lock:
            scores = np.concatenate([self._scores, scores])
            at = len(scores) - self._wanted
            if at > 0:
                scores = np.partition(scores, at)[at:]
                self.least = float(scores[0])
            self._scores = scores


def _dots(query: Query, steps: NDArray[np.float32], integers: NDArray[np.int8]) -> NDArray[np.float64]:
    """float64 ``[N]``: the rounded query times codes ``[N, D]``."""
    total: NDArray[np.float64] | None = None
    for row, factor in scan_rows(query, steps):
        dots: NDArray[np.float64] = np.multiply(np.asarray(numkong.cdist(row, integers, "dot"))[0], factor)
        total = dots if total is None else np.add(total, dots, out=total)
    return np.zeros(len(integers)) if total is None else total


def rescore_by_codes(
    reader: CorpusReader, space: Space, layer: int, query: Query, candidates: Sequence[Candidates]
) -> list[Candidates]:
    """The same rows with the scores of their decoded vectors."""
    again = []
    for one in candidates:
        vectors = reader.segments[one.segment].vectors(space, layer, reader.config.precision)
        rows = np.sort(one.rows)
        again.append(Candidates(one.segment, rows, score(query, vectors.dequantize(rows))))
    return again


def lay_out(
    reader: CorpusReader, candidates: Sequence[Candidates], eligible: Eligible, enough: int | None
) -> list[FoundRow]:
    """The places of candidates, best first, equal scores by corpus position.

    Args:
        reader: The corpus.
        candidates: Rows with their scores.
        eligible: Where hits may be.
        enough: Stop when so many places are laid out, whole groups of equal scores at a time; ``None``: the first
            place of every row.
    """
    scored = [
        (-round(value, _SCORE_DIGITS), one.segment, row)
        for one in candidates
        for row, value in zip(one.rows.tolist(), one.scores.tolist(), strict=True)
    ]
    found: list[FoundRow] = []
    for negative, equals in groupby(sorted(scored), key=itemgetter(0)):
        places = [
            (place.document, place.order, row, number, place)
            for _, number, row in equals
            for place in islice(_places(reader, number, row, eligible), 1 if enough is None else None)
        ]
        places.sort(key=itemgetter(0, 1, 2))
        found += [FoundRow(-negative, number, row, place) for _, _, row, number, place in places]
        if enough is not None and len(found) >= enough:
            break
    return found


def _places(reader: CorpusReader, number: int, row: int, eligible: Eligible) -> Iterator[Occurrence]:
    """Where a row stands and may be a hit, in corpus order."""
    segment = reader.segments[number]
    for place in segment.occurrences[int(segment.sentence_block[segment.row_sentence[row]])]:
        if eligible.documents is None or eligible.documents[place.document]:
            yield place


def _stretches(reader: CorpusReader) -> Iterator[tuple[int, int, int]]:
    """Pieces of segments, small enough to be shared between cores and to make a cancel bite."""
    for number, segment in enumerate(reader.segments):
        for start in range(0, segment.n_rows, _STRETCH):
            yield number, start, min(start + _STRETCH, segment.n_rows)


def _collapse(reader: CorpusReader, found: Sequence[FoundRow]) -> list[FoundRow]:
    """Only the best hit of each distinct sentence."""
    best: dict[str, FoundRow] = {}
    for one in found:
        segment = reader.segments[one.segment]
        best.setdefault(segment.sentence_text(int(segment.row_sentence[one.row])), one)
    return list(best.values())
