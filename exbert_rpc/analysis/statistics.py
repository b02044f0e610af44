"""What is needed to believe a share: its interval, its p-value against a baseline, and q-values of many.

1. Interval: Wilson's score interval (Wilson 1927), which stays in [0, 1] and holds for small counts.
2. Test: Fisher's exact test of hits against baseline, two-sided by doubling the smaller tail. Given the label's
   total in both samples together, the hits' count is hypergeometric. It is exact for any size; unlike a
   binomial test it knows that the baseline is itself a sample, so that a label which the baseline never saw is
   no proof; and where the hits are part of the baseline it errs on the careful side. Both directions count:
   that a head avoids something is as much a finding as that it seeks it.
3. Control: the hits against another sample of the same corpus, by the same test, one-sided.
4. Dependence: hits of one document are not independent. The design effect (Kish 1965) of a cluster sample, estimated
   from the hits themselves, says how many independent hits they are worth (:func:`effective_size`).
5. Many labels: Benjamini-Hochberg (1995) over all labels of all histograms of a summary, seen in the hits or not;
   testing the seen ones alone would select for surprise.
4. Student's t (1908), for estimates whose error is itself estimated from few documents.

Counts are discrete, hence exact p-values are uniform or larger: P(p <= a) <= a for random hits.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import ceil, floor, lgamma

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROUNDING = 1e-9  # what division leaves of a whole number
_Z95 = 1.959963984540054  # standard normal quantile at 0.975


def wilson_interval(share: float, n: float) -> tuple[float, float]:
    """95 % Wilson score interval of a share seen in ``n`` trials, in [0, 1]; ``(0, 1)`` without trials.

    Args:
        share: In [0, 1].
        n: Independent trials; may be fewer than the share was counted over, if some were copies.
    """
    if n <= 0:
        return 0.0, 1.0
    square = _Z95 * _Z95
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = _Z95 * np.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    # at the ends rounding must not leave the share outside
    return float(max(0.0, min(centre - half, share))), float(min(1.0, max(centre + half, share)))


def log_fisher_tails(count: int, n: int, base_count: int, base_n: int) -> tuple[float, float]:
    """``(log P(X <= count), log P(X >= count))`` for the hypergeometric count of the hits.

    Args:
        count: Hits with the label.
        n: Hits.
        base_count: Baseline tokens with the label.
        base_n: Baseline tokens.
    """
    labelled, others = count + base_count, n + base_n - count - base_count
    lowest, highest = max(0, n - others), min(n, labelled)
    x = np.arange(lowest, highest, dtype=np.float64)
    # pmf(x + 1) / pmf(x); summed in log space from one end of the support, then scaled to 1 in all
    steps = np.log(labelled - x) + np.log(n - x) - np.log(x + 1) - np.log(others - n + x + 1)
    log_pmf = np.concatenate([[0.0], np.cumsum(steps)])
    log_pmf -= _log_sum(log_pmf)
    here = count - lowest
    return min(0.0, _log_sum(log_pmf[: here + 1])), min(0.0, _log_sum(log_pmf[here:]))


def log_fisher_two_sided(count: int, n: int, base_count: int, base_n: int, size: float | None = None) -> float:
    """Natural logarithm of the two-sided exact p-value: twice the smaller tail, at most 1; 0.0 without data.

    Args:
        count: Hits with the label.
        n: Hits.
        base_count: Baseline tokens with the label.
        base_n: Baseline tokens.
        size: How many independent hits they are worth; ``None``: all.
    """
    if n == 0 or base_n == 0:
        return 0.0
    if size is None or size == n:
        tails = log_fisher_tails(count, n, base_count, base_n)
    else:
        fewest, most = (effective_counts(count, n, size, up=up) for up in (False, True))
        tails = log_fisher_tails(*most, base_count, base_n)[0], log_fisher_tails(*fewest, base_count, base_n)[1]
    return min(0.0, float(np.log(2)) + min(tails))


def log_fisher_one_sided(count: int, n: int, base_count: int, base_n: int, *, more: bool) -> float:
    """Natural logarithm of the one-sided exact p-value of Fisher's test; 0.0 without data on either side.

    Args:
        count: Hits with the label.
        n: Hits.
        base_count: Rows of the control with the label.
        base_n: Rows of the control.
        more: Whether the alternative is that the label is more frequent among hits (else: less).
    """
    if n == 0 or base_n == 0:
        return 0.0
    return log_fisher_tails(count, n, base_count, base_n)[1 if more else 0]


def design_effect(has: ArrayLike, documents: Sequence[Hashable]) -> float:
    """How much larger the variance of a share is than that of independent hits; 1.0 where it cannot be estimated.

    ``[G/(G-1) * sum_d (x_d - p m_d)^2 / n^2] / [p(1-p)/n]`` over the G documents, of which document d has m_d hits, x_d
    of them with the label. With one document, or where all hits or no hit carry the label, there is nothing to estimate
    it from. Values below 1 occur by chance.

    Args:
        has: bool ``[n]``, whether each hit carries the label.
        documents: ``n`` keys, equal for hits of one document.
    """
    labelled = np.asarray(has, dtype=np.float64)
    n = len(labelled)
    numbers = {document: number for number, document in enumerate(dict.fromkeys(documents))}
    if n == 0 or len(numbers) < 2 or labelled.min() == labelled.max():
        return 1.0
    of_hit = np.array([numbers[document] for document in documents])
    share = labelled.mean()
    residuals = np.bincount(of_hit, labelled - share)
    groups = len(numbers)
    clustered = groups / (groups - 1) * float(residuals @ residuals) / n**2
    return clustered / float(share * (1 - share) / n)


def effective_size(has: ArrayLike, documents: Sequence[Hashable]) -> float:
    """How many independent hits these are worth: ``n / max(1, design effect)``, at least 1 if there are any."""
    n = len(documents)
    return n if n == 0 else max(1.0, n / max(1.0, design_effect(has, documents)))


def effective_counts(count: int, n: int, size: float, *, up: bool) -> tuple[int, int]:
    """Whole counts for an exact test of a share that is worth ``size`` hits: ``(count, n)``.

    ``n`` is rounded down, and the count is scaled and then rounded up or down as asked: against the alternative, so
    that rounding alone never makes a p-value smaller. Without dependence (``size == n``) nothing is rounded.
    """
    whole = floor(size + _ROUNDING)
    scaled = count * whole / n if n else 0.0
    return (ceil(scaled - _ROUNDING) if up else floor(scaled + _ROUNDING)), whole


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p-values, float64 ``[m]`` in [0, 1], of p-values ``[m]``: calling all below q keeps the FDR below q."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def _log_sum(logs: NDArray[np.float64]) -> float:
    peak = float(np.max(logs))
    return peak + float(np.log(np.sum(np.exp(logs - peak))))


def student_t_upper(t: ArrayLike, df: ArrayLike) -> NDArray[np.float64]:
    """P(T > t) for Student's t with ``df`` degrees of freedom, float64; arrays are broadcast.

    Half of the regularized incomplete beta function I_x(df/2, 1/2) at x = df / (df + t²), by Lentz's continued fraction
    (Press et al., Numerical Recipes, 6.4).
    """
    t, df = np.broadcast_arrays(np.asarray(t, np.float64), np.asarray(df, np.float64))
    square = np.where(np.isfinite(t), t * t, np.inf)
    x = df / (df + square)
    a, b = df / 2, np.full_like(df, 0.5)
    turned = x > (a + 1) / (a + b + 2)  # there the fraction of the complement converges
    p, q = np.where(turned, b, a), np.where(turned, a, b)
    y = np.where(turned, square / (df + np.where(turned, square, 0)), x)
    with np.errstate(divide="ignore", invalid="ignore"):
        front = np.exp(p * np.log(y) + q * np.log1p(-y) - _log_beta(a, b)) / p
    beta = np.where(y > 0, front * _beta_fraction(p, q, y), 0.0)
    half = np.where(turned, 1 - beta, beta) / 2
    return np.where(t > 0, half, 1 - half)


def student_t_quantile(probability: float, df: ArrayLike) -> NDArray[np.float64]:
    """The t that are exceeded with 1 - ``probability`` (which is above 0.5), float64 of the shape of ``df``.

    By Newton's method from 0: the upper tail is convex there, so no step goes too far.
    """
    df = np.asarray(df, np.float64)
    log_scale = _log_beta(df / 2, np.full_like(df, 0.5)) + np.log(df) / 2
    t = np.zeros(df.shape)
    for _ in range(60):
        density = np.exp(-(df + 1) / 2 * np.log1p(t * t / df) - log_scale)
        step = (student_t_upper(t, df) - (1 - probability)) / density
        t += step
        if bool(np.all(np.abs(step) <= 1e-13 * t)):
            break
    return t


def _log_beta(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    values, at = np.unique(a, return_inverse=True)
    logs = np.array([lgamma(one) - lgamma(one + 0.5) for one in values.tolist()])
    return np.asarray(logs[at].reshape(a.shape) + lgamma(0.5) + 0 * b)


def _beta_fraction(a: NDArray[np.float64], b: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    tiny = 1e-300
    c = np.ones_like(x)
    d = 1 - (a + b) * x / (a + 1)
    d = 1 / np.where(np.abs(d) < tiny, tiny, d)
    value = d.copy()
    for m in range(1, 200):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + step * d
            c = 1 + step / c
            d = 1 / np.where(np.abs(d) < tiny, tiny, d)
            c = np.where(np.abs(c) < tiny, tiny, c)
            value *= d * c
        if bool(np.all(np.abs(d * c - 1) < 1e-14)):
            break
    return value
