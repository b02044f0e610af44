"""The relation that a head draws from one token to another, compared at both of its ends.

1. Of each row, the peak table of one head names the target: the token, not special, that gets its strongest attention.
2. The score is ½ cos(h_i, h_i′) + ½ cos(h_j, h_j′). Here i and j are source and target of the query, i′ and j′ a row
   and its target, and h the hidden states that the head's layer reads.
3. To find candidates, all rows are multiplied with both ends of the query. Each row then adds what its target got: rows
   of one sentence are in one segment, so that is one look-up.

``R`` rows of a segment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.exact import Best, multiply
from exbert_rpc.corpus.search.filters import Eligible
from exbert_rpc.corpus.search.finding import Candidates, Scope
from exbert_rpc.corpus.search.reader import CorpusReader, OpenSegment
from exbert_rpc.corpus.store.segment import damaged
from exbert_rpc.corpus.vectors import Query, score
from exbert_rpc.tasks import Progress, Task


@dataclass(frozen=True, slots=True)
class Relation:
    """A head's attention from one token to another, as a query.

    Attributes:
        source: The hidden state of the token that attends.
        target: The hidden state of the token that is attended to.
        layer: Attention layer of the head.
        head: The head, whose peaks say which pairs there are.
    """

    source: Query
    target: Query
    layer: int
    head: int

    def find(self, scope: Scope, query: Query, count: int, task: Task) -> list[Candidates]:  # noqa: ARG002
        """The best ``count`` pairs by their sources; a :class:`~exbert_rpc.corpus.search.finding.Find`."""
        (candidates,) = scope.gather(self, count, task)
        return candidates

    def __call__(self, scope: Scope, count: int, task: Task) -> list[list[Candidates]]:
        """The same by this process; a :class:`~exbert_rpc.corpus.search.finding.Work`."""
        best, found = Best(count), []
        for number, segment in enumerate(scope.segments):
            task.check()
            task.report(Progress("comparing pairs of tokens", number, len(scope.segments)))
            of_source, of_target = multiply(scope, number, (self.source, self.target), task)
            total = of_source + of_target[self.target_rows(segment)]
            total[scope.eligible.weights[number] == 0] = -np.inf
            rows = np.flatnonzero(total >= best.least)
            best.add(total[rows])
            found.append((number, rows, total[rows]))
        return [
            [
                Candidates(number, rows[among], scores[among])
                for number, rows, scores in found
                for among in (scores >= best.least,)
                if among.any()
            ]
        ]

    def score(
        self,
        segment: OpenSegment,
        rows: NDArray[np.int64],
        vectors: Callable[[NDArray[np.int64]], NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        """float32 ``[len(rows)]`` in [-1, 1]; a :class:`~exbert_rpc.corpus.search.finding.Score`."""
        targets = self.target_rows(segment)[rows]
        of_source, of_target = score(self.source, vectors(rows)), score(self.target, vectors(targets))
        mean: NDArray[np.float32] = np.multiply(of_source + of_target, np.float32(0.5))
        return mean

    def target_rows(self, segment: OpenSegment) -> NDArray[np.int64]:
        """int64 ``[R]``: the row of each row's target.

        Raises:
            CorpusDamaged: a target is a special token, which no build writes.
        """
        target, _weight = segment.peaks(self.layer, self.head)
        rows = segment.token_row[target]
        if rows.min(initial=0) < 0:
            raise damaged(segment.segment.name, f"a peak of head {self.layer}.{self.head} is a special token")
        return rows

    def target_token(self, segment: OpenSegment, row: int) -> int:
        """The token, counted in its sentence, that a row attends to most."""
        return int(segment.stored_peaks(self.layer, self.head)[0][row])


def attending_rows(reader: CorpusReader, eligible: Eligible, layer: int, head: int, least: float) -> Eligible:
    """Those of the eligible rows whose strongest attention has a weight of ``least`` or more.

    Weights are kept to 1/255, so the least weight is compared after rounding.
    """
    lowest = round(least * 255)
    if lowest <= 0:
        return eligible
    weights = tuple(
        np.where(segment.stored_peaks(layer, head)[1] >= lowest, weight, 0).astype(np.int32)
        for segment, weight in zip(reader.segments, eligible.weights, strict=True)
    )
    return replace(eligible, weights=weights, total=int(sum(int(weight.sum()) for weight in weights)))
