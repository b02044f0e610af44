"""The jackknife over documents, for many estimates at once.

An estimate is made of sums over documents; it is made again without each of them. With ``U`` documents and estimates
``θ₋ᵤ``, the variance of θ is (U − 1)/U · Σ (θ₋ᵤ − mean θ₋)² (Tukey 1958; Efron and Stein 1981 show that it errs on the
careful side), and (θ − θ₀) / its root is compared with Student's t of U − 1 degrees of freedom. Documents that hold
nothing of what is estimated do not count as documents.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.statistics import student_t_quantile, student_t_upper

LEAST_DOCUMENTS = 3
"""Fewer say nothing about how much documents differ."""


def jackknife_error(
    estimate: NDArray[np.float64], without: Iterable[tuple[NDArray[np.float64], NDArray[np.bool_]]]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Standard errors and numbers of documents, each of the shape of ``estimate``.

    Args:
        estimate: Over all documents; any shape.
        without: For each document the estimates without it, and which of them it has a part in.
    """
    total, squares = np.zeros(estimate.shape), np.zeros(estimate.shape)
    n = np.zeros(estimate.shape, dtype=np.int64)
    for left, takes_part in without:
        difference = np.where(takes_part, left - estimate, 0)
        total += difference
        squares += difference * difference
        n += takes_part
    some = np.maximum(n, 1)
    spread = np.maximum(squares - total * total / some, 0)
    return np.sqrt((some - 1) / some * spread), n


def upper_p_values(
    difference: NDArray[np.float64], error: NDArray[np.float64], documents: NDArray[np.int64]
) -> NDArray[np.float64]:
    """One-sided p-values of differences that are not above 0; 1 where there are too few documents."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(error > 0, difference / error, np.where(difference > 0, np.inf, -np.inf))
    p = student_t_upper(t, np.maximum(documents - 1, 1))
    return np.where((documents >= LEAST_DOCUMENTS) & np.isfinite(difference), p, 1.0)


def interval_widths(error: NDArray[np.float64], documents: NDArray[np.int64]) -> NDArray[np.float64]:
    """Half widths of 95 % intervals; infinite where there are too few documents."""
    widths = _widths(1 << int(documents.max(initial=1)).bit_length())[documents]
    half = np.full(error.shape, np.inf)
    np.multiply(widths, error, out=half, where=np.isfinite(widths))
    return half


@lru_cache(maxsize=32)
def _widths(most: int) -> NDArray[np.float64]:
    """In standard errors, for fewer than so many documents."""
    widths = np.full(most, np.inf)
    widths[LEAST_DOCUMENTS:] = student_t_quantile(0.975, np.arange(LEAST_DOCUMENTS - 1, most - 1))
    return widths
