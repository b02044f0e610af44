"""How often a head's strongest attention finds the syntactic head, against the best single distance.

The baseline is a predictor that always names the word at one distance. Its distance is chosen, for each document, on
all other documents, so that it is not fitted to what it is scored on. The difference of both accuracies has a jackknife
error over documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.profile.jackknife import jackknife_error, upper_p_values
from exbert_rpc.analysis.profile.types import Relation
from exbert_rpc.analysis.statistics import benjamini_hochberg, wilson_interval
from exbert_rpc.corpus.head_sums import DIRECTIONS, MAX_WORD_OFFSET, N_WORD_OFFSETS, HeadSums


def find_relations(documents: Sequence[HeadSums], total: HeadSums, min_words: int) -> list[list[Relation]]:
    """For each head how often it finds syntactic heads, for relations with ``min_words`` words, in their order.

    Args:
        documents: Sums of each document, over the relations of ``total``.
        total: Their sum.
        min_words: Relations with fewer words are neither tested nor returned.
    """
    n = total.role_pairs.sum(axis=2).ravel()
    hits = total.relation_hits.reshape(total.n_heads, len(n))
    offsets = total.relation_offsets.reshape(-1, N_WORD_OFFSETS)
    baselines = np.array([_baseline(offsets, document) for document in documents]).reshape(len(documents), len(n))
    baseline = baselines.sum(axis=0)
    some = np.maximum(n, 1)
    accuracy, difference = hits / some, (hits - baseline) / some
    error, n_documents = jackknife_error(difference, _without(documents, hits, n, baselines))
    spread, _ = jackknife_error(accuracy, _without(documents, hits, n, np.zeros_like(baselines)))
    p = upper_p_values(difference, error, n_documents)
    tested = np.flatnonzero(n >= max(min_words, 1))
    q = np.ones(p.shape)
    q[:, tested] = benjamini_hochberg(p[:, tested].ravel()).reshape(len(p), len(tested))
    best = offsets.argmax(axis=1) - MAX_WORD_OFFSET
    return [
        [
            Relation(
                total.relations[k // 2],
                DIRECTIONS[k % 2],
                float(accuracy[h, k]),
                *_interval(float(accuracy[h, k]), float(spread[h, k]), int(n[k])),
                int(best[k]),
                float(baseline[k] / n[k]),
                int(n[k]),
                float(p[h, k]),
                float(q[h, k]),
            )
            for k in tested.tolist()
        ]
        for h in range(total.n_heads)
    ]


def _baseline(offsets: NDArray[np.int64], document: HeadSums) -> NDArray[np.int64]:
    """int64 ``[2 R]``: words of a document whose head stands at the distance that is best in all others."""
    here = document.relation_offsets.reshape(-1, N_WORD_OFFSETS)
    best = (offsets - here).argmax(axis=1)
    right: NDArray[np.int64] = here[np.arange(len(here)), best]
    return right


def _without(
    documents: Sequence[HeadSums], hits: NDArray[np.int64], n: NDArray[np.int64], baselines: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """The difference of both accuracies without each document."""
    baseline = baselines.sum(axis=0)
    for document, of_baseline in zip(documents, baselines, strict=True):
        words = document.role_pairs.sum(axis=2).ravel()
        right = hits - document.relation_hits.reshape(hits.shape)
        left = (right - (baseline - of_baseline)) / np.maximum(n - words, 1)
        yield left, np.broadcast_to(words > 0, left.shape)


def _interval(accuracy: float, error: float, n: int) -> tuple[float, float]:
    """Wilson's interval for as many independent words as would have this error; no more than there are words."""
    binomial = accuracy * (1 - accuracy) / n
    effect = max(1.0, error * error / binomial) if binomial > 0 else 1.0
    return wilson_interval(accuracy, n / effect)
