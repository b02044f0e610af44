"""The float32 truth that recall is measured against: every vector, compared in full."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_TIE = 1e-5
"""Scores that are nearer to each other than this count as equal: float32 sums in another order differ by less."""


def unit_heads(vectors: NDArray[np.float32], n_parts: int) -> NDArray[np.float32]:
    """``[N, P, d]`` of ``[N, P · d]``, each part scaled to length 1."""
    parts = vectors.reshape(len(vectors), n_parts, -1)
    unit: NDArray[np.float32] = parts / np.maximum(np.linalg.norm(parts, axis=-1, keepdims=True), 1e-12)
    return unit


def mean_cosines(corpus: NDArray[np.float32], query: NDArray[np.float32], heads: Sequence[int]) -> NDArray[np.float32]:
    """float32 ``[N]``: mean over some heads of the cosine, of unit parts ``[N, P, d]`` and ``[P, d]``."""
    chosen = list(heads)
    scores: NDArray[np.float32] = np.einsum("npd,pd->n", corpus[:, chosen], query[chosen], optimize=True) / len(chosen)
    return scores


def recall(scores: NDArray[np.float32], found: Sequence[int], k: int) -> float:
    """Share of the ``k`` best rows that were found; a found row as good as the ``k``-th counts as one of them."""
    k = min(k, len(scores))
    least = float(np.partition(scores, -k)[-k]) - _TIE
    return min(1.0, sum(float(scores[row]) >= least for row in dict.fromkeys(found)) / k)
