"""The seam between finding candidates and all that is done with them.

A search first *finds* candidates, a few hundred rows that are probably the nearest, then scores them under the true
metric. How candidates are found can be exchanged; everything behind it stays the same. There are two protocols.

:class:`Scan` compares every row of a scope with one query or several, in one pass over the stored vectors. The default
is :func:`exbert_rpc.corpus.search.exact.scan`, on the cores of this machine. What it is there for:

- The nearest rows of another layer under the same filter: a scan of ``replace(scope, layer=…)``.
- Other heads of the same layer: another query of the same scope. All heads of a layer: one scan with a query a head.

:class:`Find` gives the candidates of one query, exactly or not. The default is
:func:`exbert_rpc.corpus.search.exact.find_exactly`, a scan with one query. A graph's
:meth:`~exbert_rpc.corpus.search.graph.Graph.find` is approximate; coarse codes would be another ``Find``.

What an exact search does over all segments is a :class:`Work`. Where a work is carried out can be exchanged as well: a
reader has a :class:`Gather` (``reader.gather``), by default :func:`gather_here`, in this process. One that hands shares
of the segments to other machines is :class:`exbert_rpc.corpus.search.actors.SearchActors`; docs/scale.md says what
another one has to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.filters import Eligible
from exbert_rpc.corpus.search.reader import CorpusReader, OpenSegment
from exbert_rpc.corpus.store.quantize import StoredVectors
from exbert_rpc.corpus.types import Space
from exbert_rpc.corpus.vectors import Query
from exbert_rpc.tasks import Task


@dataclass(frozen=True, slots=True)
class Scope:
    """What is searched: one layer of one space of a corpus.

    Attributes:
        reader: The corpus.
        space: What is compared.
        layer: Layer of that space, from 0; a layer that the corpus stores (``reader.check_layer``).
        eligible: Rows that may be hits.
    """

    reader: CorpusReader
    space: Space
    layer: int
    eligible: Eligible

    @property
    def segments(self) -> Sequence[OpenSegment]:
        """Segments of the corpus, by their number."""
        return self.reader.segments

    def gather(self, work: Work, count: int, task: Task) -> list[list[Candidates]]:
        """Have a work done over all segments, wherever the reader has that done; see :class:`Gather`."""
        gather = gather_here if self.reader.gather is None else self.reader.gather
        return gather(work, self, count, task)

    def vectors(self, segment: int) -> StoredVectors:
        """Vectors of all rows of a segment."""
        return self.segments[segment].vectors(self.space, self.layer, self.reader.config.precision)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows of one segment with their scores, in any order: int64 ``[n]``, and ``[n]`` float64 of a scan, or float32.

    Scores of candidates that were found but not yet scored rank only within one answer; they may be missing (``[0]``).
    """

    segment: int
    rows: NDArray[np.int64]
    scores: NDArray[np.float32] | NDArray[np.float64]


class Scan(Protocol):
    """Compares every eligible row of a scope with queries, in one pass over its vectors."""

    def __call__(self, scope: Scope, queries: Sequence[Query], count: int, task: Task) -> list[list[Candidates]]:
        """For each query the best ``count`` rows by its rounded dot products (more if the last ones are equal).

        Raises:
            CorpusDamaged: a file of the corpus is not what was written.
            Cancelled: the task was cancelled.
        """
        ...


class Work(Protocol):
    """Finds candidates among all segments of a scope. It can be pickled, and stands for no place but the scope."""

    def __call__(self, scope: Scope, count: int, task: Task) -> list[list[Candidates]]:
        """For each query every row whose float64 score is among the best ``count``; equal ones all or none.

        Candidates come by segment, and within it by row. What a row scores must not depend on what else is in the
        scope, so that the best of several scopes are the best of them all (:func:`best_of`).
        """
        ...


class Gather(Protocol):
    """Has a work done over all segments of a scope, wherever they are."""

    def __call__(self, work: Work, scope: Scope, count: int, task: Task) -> list[list[Candidates]]:
        """What ``work(scope, count, task)`` would give here, bit for bit.

        Raises:
            CorpusDamaged: a file of the corpus is not what was written.
            StorageFailed: a disk that segments are copied to refused.
            Cancelled: the task was cancelled.
            ExbertError: the process that should have done the work is gone.
        """
        ...


def gather_here(work: Work, scope: Scope, count: int, task: Task) -> list[list[Candidates]]:
    """The work done by this process; the default :class:`Gather`."""
    return work(scope, count, task)


def best_of(shares: Iterable[list[list[Candidates]]], n_queries: int, count: int) -> list[list[Candidates]]:
    """What a work over all segments gives, from what it gave over shares of them.

    Args:
        shares: For each share its answer, with the numbers that segments have in the corpus.
        n_queries: Queries of the work.
        count: How many rows were wanted of each share.
    """
    of_query: list[list[Candidates]] = [[] for _ in range(n_queries)]
    for share in shares:
        for among, found in zip(of_query, share, strict=True):
            among += found
    return [_best(found, count) for found in of_query]


def _best(found: list[Candidates], count: int) -> list[Candidates]:
    scores = np.concatenate([np.zeros(0), *(one.scores for one in found)])
    at = len(scores) - count
    least = np.partition(scores, at)[at] if at > 0 else -np.inf
    kept = [
        Candidates(one.segment, one.rows[among], one.scores[among])
        for one in found
        for among in (one.scores >= least,)
        if among.any()
    ]
    return sorted(kept, key=lambda one: (one.segment, int(one.rows[0])))


class Score(Protocol):
    """Scores rows that were found, under the true metric."""

    def __call__(
        self,
        segment: OpenSegment,
        rows: NDArray[np.int64],
        vectors: Callable[[NDArray[np.int64]], NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        """float32 ``[len(rows)]`` in [-1, 1].

        Args:
            segment: Whose rows they are.
            rows: int64, ascending.
            vectors: Gives float32 ``[len(rows), D]`` of these and of other rows of the same sentences.
        """
        ...


class Find(Protocol):
    """Finds candidates of one query."""

    def __call__(self, scope: Scope, query: Query, count: int, task: Task) -> list[Candidates]:
        """About the nearest ``count`` eligible rows; fewer only if there are no more. Raises as :class:`Scan` does."""
        ...
