"""Whether parts sum to what they explain, and what stands beside them: pairs of tokens, predictions by layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.ablation import likeliest, log_probabilities

TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class LensRow:
    """What one hidden state predicts.

    Attributes:
        hidden_layer: Which one.
        top: Likeliest ids with their probabilities, best first.
        target_rank: Rank of the target, 1 for the likeliest.
        target_probability: In [0, 1].
    """

    hidden_layer: int
    top: tuple[tuple[int, float], ...]
    target_rank: int
    target_probability: float


def sums_up(residual: float, total: float, largest: float) -> bool:
    """Whether parts sum to their total within 1e-4 (of the largest number involved, if that is above 1)."""
    return bool(abs(residual) <= TOLERANCE * max(1.0, abs(total), largest))


def token_pairs(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 ``[n, m]`` that sums to the cosine of the means of two texts' states ``[n, D]`` and ``[m, D]``."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    norms = np.linalg.norm(a.mean(axis=0)) * np.linalg.norm(b.mean(axis=0))
    return np.asarray(a @ b.T / (len(a) * len(b) * norms), dtype=np.float32)


def lens_rows(logits: NDArray[np.float32], target: int, k: int) -> tuple[LensRow, ...]:
    """What each hidden state predicts, of logits ``[L + 1, vocabulary]``."""
    rows = []
    for layer, row in enumerate(log_probabilities(logits)):
        rank = 1 + int((row > row[target]).sum())
        rows.append(LensRow(layer, tuple(likeliest(row, k)), rank, float(np.exp(row[target]))))
    return tuple(rows)
