"""Slow and exact, written another way than exbert_rpc.analysis."""

from collections import Counter
from fractions import Fraction
from math import comb


def hypergeometric_tails(count: int, n: int, base_count: int, base_n: int) -> tuple[Fraction, Fraction]:
    """P(X <= count) and P(X >= count) by counting tables, in exact fractions."""
    labelled, total = count + base_count, n + base_n
    ways = [comb(labelled, x) * comb(total - labelled, n - x) for x in range(n + 1)]
    whole = comb(total, n)
    assert sum(ways) == whole
    return Fraction(sum(ways[: count + 1]), whole), Fraction(sum(ways[count:]), whole)


def adjusted_p_values(p_values: list[float]) -> list[float]:
    """Benjamini-Hochberg by its definition: the smallest level at which a hypothesis is among the rejected."""
    m = len(p_values)
    out = []
    for p in p_values:
        levels = [other * m / sum(q <= other for q in p_values) for other in p_values if other >= p]
        out.append(min(1.0, *levels))
    return out


def wilson_by_search(share: float, n: int) -> tuple[float, float]:
    """The rates whose normal test does not reject the share at 5 %, found by bisection."""
    z = 1.959963984540054

    def rejected(rate: float) -> bool:
        return (share - rate) ** 2 > z * z * rate * (1 - rate) / n

    ends = []
    for outside in (0.0, 1.0):
        inside = share
        if not rejected(outside) and outside == share:
            ends.append(outside)
            continue
        for _ in range(200):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if rejected(middle) else (middle, outside)
        ends.append(inside)
    return ends[0], ends[1]


def hand_count(labels: list[str | int | None]) -> dict[str, int]:
    """Labels as a person would tally them."""
    tally: Counter[str] = Counter()
    for label in labels:
        tally["none" if label is None or label == "" else str(label)] += 1
    return dict(tally)
