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


def design_effect_by_documents(has: list[bool], documents: list[object]) -> Fraction | None:
    """Variance of a ratio estimate over clusters (Cochran 1977, 6.4), over that of a simple random sample."""
    n = len(has)
    p = Fraction(sum(has), n)
    groups = sorted(set(documents), key=str)
    if len(groups) < 2 or p in (0, 1):
        return None
    squares = Fraction(0)
    for group in groups:
        members = [one for one, document in zip(has, documents, strict=True) if document == group]
        squares += (sum(members) - p * len(members)) ** 2
    clustered = Fraction(len(groups), len(groups) - 1) * squares / n**2
    return clustered / (p * (1 - p) / n)


def fraction_of_tables(count: int, n: int, base_count: int, base_n: int, *, more: bool) -> Fraction:
    """One-sided Fisher: of all tables with these margins, the share that is at least as extreme."""
    return hypergeometric_tails(count, n, base_count, base_n)[1 if more else 0]


def place_in_order(share: float, others: list[float], *, more: bool) -> tuple[int, int, float]:
    """Rank from 1 in a sorted list, behind those with the same share; how many there are; the others' median."""
    ordered = sorted([*others, share], reverse=more)
    middle = sorted(others)
    half = len(middle) // 2
    median = middle[half] if len(middle) % 2 else (middle[half - 1] + middle[half]) / 2
    return len(ordered) - ordered[::-1].index(share), len(ordered), median
