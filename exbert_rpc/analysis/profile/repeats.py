"""Heads that look back at repeated text, as TransformerLens' head detectors measure them.

Random tokens are repeated once; attention from the second half shows what a head does with a repetition alone
(Olsson et al. 2022, In-context learning and induction heads). With ``p`` tokens before the text and ``n`` random ones:

1. *duplicate token*: from position p + n + i to p + i.
2. *induction*: from p + n + i to p + i + 1, the token behind the first place.
3. *previous token*: from each token of both halves but the first one to the token before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.profile.types import RandomRepeats


def repeated_tokens(allowed: NDArray[np.int64], n: int, seed: int) -> NDArray[np.int64]:
    """int64 ``[2 n]``: ``n`` different random tokens out of the allowed ones, twice."""
    half = np.random.default_rng(seed).choice(allowed, size=n, replace=False)
    return np.concatenate([half, half])


def measure_repeats(attention: NDArray[np.float32], before: int) -> NDArray[np.float64]:
    """float64 ``[H, 3]``: previous token, duplicate token, induction.

    Args:
        attention: float32 ``[H, before + 2 n, before + 2 n]`` over repeated tokens.
        before: Tokens in front of them.
    """
    size = attention.shape[1]
    n = (size - before) // 2
    second = np.arange(before + n, before + 2 * n)
    every = np.arange(before + 1, size)
    return np.stack(
        [
            attention[:, every, every - 1].mean(axis=1, dtype=np.float64),
            attention[:, second, second - n].mean(axis=1, dtype=np.float64),
            attention[:, second, second - n + 1].mean(axis=1, dtype=np.float64),
        ],
        axis=1,
    )


def mean_repeats(measured: Sequence[NDArray[np.float64]]) -> list[RandomRepeats]:
    """Means over texts: float64 ``[H, 3]`` each."""
    return [RandomRepeats(*row) for row in np.mean(measured, axis=0).tolist()]
