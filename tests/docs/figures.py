"""Whether text that states figures agrees with text that was measured."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


def agree(stated: str, measured: str) -> bool:
    """Whether both are the same text but for one unit in the last stated place of numbers with a decimal point.

    Processors round differently; whole numbers are counts or percents and may differ by one percent only.
    """
    if _NUMBER.split(stated) != _NUMBER.split(measured):
        return False
    pairs = zip(_NUMBER.finditer(stated), _NUMBER.finditer(measured), strict=True)
    return all(_near(one, other) for one, other in pairs)


def _near(stated: re.Match[str], measured: re.Match[str]) -> bool:
    _, _, places = stated[0].partition(".")
    behind = stated.string[stated.end() : stated.end() + 2].lstrip()
    unit = 10.0 ** -len(places) if places or behind.startswith("%") else 0.0
    return abs(float(stated[0]) - float(measured[0])) <= 1.01 * unit
