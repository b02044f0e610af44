"""What a pass loses when heads are replaced: of a prediction, or of the similarity of two texts.

Natural logarithms; everything is computed in float64 from what the passes gave.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.model.types import Prediction


@dataclass(frozen=True, slots=True)
class Effect:
    """What replacing heads does.

    Attributes:
        value: The measure with the heads replaced: a log-probability (≤ 0), or a cosine in [-1, 1].
        delta: ``value`` less the measure of the unchanged pass.
        kl_divergence: KL(unchanged ‖ replaced) of the predictions in nats, ≥ 0; ``None`` for a cosine.
        top: The likeliest tokens with the heads replaced; ``None`` for a cosine.
    """

    value: float
    delta: float
    kl_divergence: float | None = None
    top: tuple[Prediction, ...] | None = None


def log_probabilities(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64 ``[..., vocabulary]``: log-softmax along the last axis."""
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=-1, keepdims=True)
    shifted: NDArray[np.float64] = wide - np.log(np.exp(wide).sum(axis=-1, keepdims=True))
    return shifted


def prediction_effect(
    base: NDArray[np.float64],
    shares: NDArray[np.float64],
    changed: NDArray[np.float64],
    target: int,
    top: tuple[Prediction, ...],
) -> Effect:
    """How a prediction changes.

    Args:
        base: float64 ``[vocabulary]``, log-probabilities of the unchanged pass.
        shares: float64 ``[vocabulary]``, its probabilities: computed once for all heads.
        changed: Likewise, with heads replaced.
        target: Id whose log-probability is the measure.
        top: The likeliest tokens of ``changed``.
    """
    ratio = np.subtract(base, changed, out=np.zeros_like(base), where=shares > 0)
    divergence = float(np.einsum("v,v->", shares, ratio))  # not by BLAS, whose threads wait longer than they add
    value = float(changed[target])
    return Effect(value, value - float(base[target]), max(0.0, divergence), top)


def cosine_effect(base: float, first: NDArray[np.float32], second: NDArray[np.float32]) -> Effect:
    """How a similarity changes: the cosine of two ``[D]`` means of last hidden states, against ``base``."""
    value = cosine(first, second)
    return Effect(value, value - base)


def cosine(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Cosine of two vectors ``[D]``, in [-1, 1]; 0 if one of them is 0."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return min(1.0, max(-1.0, float(a @ b) / norms)) if norms > 0 else 0.0


def likeliest(log_probabilities: NDArray[np.float64], k: int) -> list[tuple[int, float]]:
    """The ``k`` likeliest ids with their probabilities, best first; ties in order of id."""
    k = min(k, len(log_probabilities))
    if k == 0:
        return []
    if k == 1:
        least = log_probabilities.max()
    else:
        least = np.partition(log_probabilities, len(log_probabilities) - k)[len(log_probabilities) - k]
    ids = np.flatnonzero(log_probabilities >= least)
    ordered = ids[np.lexsort((ids, -log_probabilities[ids]))][:k]
    return [(int(id_), float(np.exp(log_probabilities[id_]))) for id_ in ordered]
