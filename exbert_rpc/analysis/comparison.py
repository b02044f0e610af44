"""How two passes over the same tokens differ: before and after a mask or a replaced head, or by two models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences of two passes.

    Attributes:
        divergence: float64 ``[L, H]`` in [0, 1]: mean over the rows of a head of the Jensen-Shannon distance of its two
            attention rows (square root of the divergence, base 2).
        cosine: float64 ``[L + 1, n]`` in [-1, 1]: of each hidden state with its counterpart.
    """

    layers: tuple[int, ...]
    divergence: NDArray[np.float64]
    cosine: NDArray[np.float64]


def compare(
    attention: Callable[[int], tuple[NDArray[np.float32], NDArray[np.float32]]],
    layers: Sequence[int],
    hidden_states: Callable[[int], tuple[NDArray[np.float32], NDArray[np.float32]]],
    n_hidden_layers: int,
) -> Comparison:
    """Compare two passes.

    Args:
        attention: Both passes' weights ``[H, n, n]`` of a layer.
        layers: Layers that have attention.
        hidden_states: Both passes' states ``[n, D]`` of a hidden layer.
        n_hidden_layers: How many there are.
    """
    rows = [jensen_shannon(*attention(layer)).mean(axis=-1) for layer in layers]
    similar = [cosines(*hidden_states(layer)) for layer in range(n_hidden_layers)]
    return Comparison(tuple(layers), np.stack(rows), np.stack(similar))


def jensen_shannon(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64 ``[...]`` in [0, 1]: Jensen-Shannon distance along the last axis, base 2.

    What a row lacks of 1 (it goes to an attention sink) counts as one more place.
    """
    p, q = (_whole(rows.astype(np.float64)) for rows in (first, second))
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return np.sqrt(np.clip(divergence, 0.0, 1.0))


def cosines(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64 ``[...]``: cosine along the last axis; 1 for two zero vectors, 0 for one."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    both_zero = ~(a.any(axis=-1) | b.any(axis=-1))
    found = (a * b).sum(axis=-1) / np.where(norms > 0, norms, 1.0)
    return np.clip(np.where(both_zero, 1.0, found), -1.0, 1.0)


def _whole(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    rest = np.clip(1.0 - rows.sum(axis=-1, keepdims=True), 0.0, None)
    whole = np.concatenate([rows, rest], axis=-1)
    return np.asarray(whole / whole.sum(axis=-1, keepdims=True))


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = np.divide(p, q, out=np.ones_like(p), where=(p > 0) & (q > 0))
    found: NDArray[np.float64] = (p * np.log2(ratio)).sum(axis=-1)
    return found
