"""The seam between finding candidates and all that is done with them.

A search first *finds* candidates, a few hundred rows that are probably the nearest, then scores them under the true
metric. How candidates are found can be exchanged; everything behind it stays the same. There are two protocols.

:class:`Scan` compares every row of a scope with one query or several, in one pass over the stored vectors. The default
is :func:`exbert_rpc.corpus.search.exact.scan`, on the cores of this machine. What it is there for:

- The nearest rows of another layer under the same filter: a scan of ``replace(scope, layer=…)``.
- Other heads of the same layer: another query of the same scope. All heads of a layer: one scan with a query a head.
- Several machines: another ``Scan``. Each machine scans its segments, and the best of all are kept.

:class:`Find` gives the candidates of one query, exactly or not. The default is
:func:`exbert_rpc.corpus.search.exact.find_exactly`, a scan with one query. A graph's
:meth:`~exbert_rpc.corpus.search.graph.Graph.find` is approximate; coarse codes would be another ``Find``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

    def vectors(self, segment: int) -> StoredVectors:
        """Vectors of all rows of a segment."""
        return self.segments[segment].vectors(self.space, self.layer, self.reader.config.precision)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows of one segment with their scores, in any order: int64 ``[n]`` and float32 ``[n]``.

    Scores of candidates that were found but not yet scored rank only within one answer; they may be missing (``[0]``).
    """

    segment: int
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


class Scan(Protocol):
    """Compares every eligible row of a scope with queries, in one pass over its vectors."""

    def __call__(self, scope: Scope, queries: Sequence[Query], count: int, task: Task) -> list[list[Candidates]]:
        """For each query the best ``count`` rows by its rounded dot products (more if the last ones are equal).

        Raises:
            CorpusDamaged: a file of the corpus is not what was written.
            Cancelled: the task was cancelled.
        """
        ...


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
