"""Attention weighted by what is handed over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def value_weighted(attention: NDArray[np.float32], norms: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 ``[..., n_query, n_key]``: a_ij · ‖v_j · W_O^h‖, each row divided by its sum.

    A row whose tokens all hand over nothing stays a row of zeros.

    Args:
        attention: float32 ``[..., n_query, n_key]``.
        norms: float32 ``[..., n_key]``, ≥ 0.
    """
    weighted = attention.astype(np.float64) * norms[..., None, :]
    total = weighted.sum(axis=-1, keepdims=True)
    return np.asarray(weighted / np.where(total > 0, total, 1.0), dtype=np.float32)
