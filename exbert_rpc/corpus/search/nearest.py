"""The nearest places of a corpus, as a plan says.

1. Candidates are found (:mod:`~exbert_rpc.corpus.search.finding`), several times as many as places are wanted.
2. They are scored under the true metric, the weighted mean of the cosines of the parts
   (:func:`exbert_rpc.corpus.vectors.score`): by their dequantized codes, or by a rerun of their sentences.
3. Rows are laid out over the places where they stand; equal scores are ordered by corpus position.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, groupby, islice
from operator import itemgetter

import numpy as np

from exbert_rpc.corpus.search.exact import score_by_codes, score_query
from exbert_rpc.corpus.search.finding import Candidates, Scope
from exbert_rpc.corpus.search.hits import FoundRow
from exbert_rpc.corpus.search.occurrences import Occurrence
from exbert_rpc.corpus.search.plan import SearchPlan
from exbert_rpc.corpus.search.rerun import rerank
from exbert_rpc.tasks import Task

_SCORE_DIGITS = 6
_MORE = 4  # times the candidates, if identical sentences have used them up


def nearest_places(plan: SearchPlan, task: Task) -> tuple[list[FoundRow], int]:
    """The ``plan.k`` best places, best first (fewer if fewer are eligible), and how many rows were scored.

    Raises:
        CorpusDamaged: a file of the corpus is not what was written.
        Cancelled: the task was cancelled.
    """
    scope, count = plan.scope, plan.candidates
    while True:
        candidates = plan.find(scope, plan.query, count, task)
        scored = _score(plan, candidates, task)
        found = _distinct(scope, scored, plan.k) if plan.distinct else lay_out(scope, scored, plan.k)
        n_scored = sum(len(one.rows) for one in candidates)
        if len(found) >= plan.k or n_scored < count or n_scored >= scope.eligible.total:
            return found[: plan.k], n_scored
        count *= _MORE


def lay_out(scope: Scope, candidates: Sequence[Candidates], enough: int) -> list[FoundRow]:
    """The places of candidates, best first, equal scores by corpus position.

    Args:
        scope: Where hits may be.
        candidates: Rows with their scores.
        enough: Stop when so many places are laid out, whole groups of equal scores at a time.
    """
    found: list[FoundRow] = []
    for group in _groups(scope, _foremost(candidates, enough), first_only=False):
        found += group
        if len(found) >= enough:
            break
    return found


def _foremost(candidates: Sequence[Candidates], enough: int) -> Sequence[Candidates]:
    """Those of scored candidates that can be among the best ``enough``: each stands at one place at least."""
    if sum(len(one.rows) for one in candidates) <= enough:
        return candidates
    scores = np.concatenate([one.scores for one in candidates])
    least = np.partition(scores, -enough)[-enough] - 2 * 10.0**-_SCORE_DIGITS  # what is rounded to it counts, too
    some = [(one, one.scores >= least) for one in candidates]
    return [Candidates(one.segment, one.rows[among], one.scores[among]) for one, among in some if among.any()]


def _groups(scope: Scope, candidates: Sequence[Candidates], *, first_only: bool) -> Iterator[list[FoundRow]]:
    """The places of candidates, or the first of each, by groups of equal scores, best first."""
    scored = [
        (-round(value, _SCORE_DIGITS), one.segment, row)
        for one in candidates
        for row, value in zip(one.rows.tolist(), one.scores.tolist(), strict=True)
    ]
    for negative, equals in groupby(sorted(scored), key=itemgetter(0)):
        places = [
            (place.document, place.order, row, number, place)
            for _, number, row in equals
            for place in islice(places_of(scope, number, row), 1 if first_only else None)
        ]
        places.sort(key=itemgetter(0, 1, 2))
        yield [FoundRow(-negative, number, row, place) for _, _, row, number, place in places]


def _score(plan: SearchPlan, candidates: Sequence[Candidates], task: Task) -> list[Candidates]:
    if plan.reranks:
        return rerank(plan.scope, plan.model, plan.score, candidates, task)
    if plan.relation is None:
        return score_query(plan.scope, plan.query, candidates)
    return score_by_codes(plan.scope, plan.score, candidates)


def places_of(scope: Scope, number: int, row: int) -> Iterator[Occurrence]:
    """Where a row stands and may be a hit, in corpus order."""
    segment, documents = scope.segments[number], scope.eligible.documents
    for place in segment.occurrences.of(int(segment.sentence_block[segment.row_sentence[row]])):
        if documents is None or documents[place.document]:
            yield place


def _distinct(scope: Scope, candidates: Sequence[Candidates], enough: int) -> list[FoundRow]:
    """Only the best hit of each distinct sentence, until there are enough."""
    best: dict[str, FoundRow] = {}
    texts: dict[tuple[int, int], str] = {}
    for one in chain.from_iterable(_groups(scope, candidates, first_only=True)):
        if len(best) >= enough:
            break
        segment = scope.segments[one.segment]
        key = one.segment, int(segment.row_sentence[one.row])
        if key not in texts:
            texts[key] = segment.sentence_text(key[1])
        best.setdefault(texts[key], one)
    return list(best.values())
