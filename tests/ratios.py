"""How long things take beside something plain; `test_server_ratios.py` measures them again.

A limit in seconds that stretches with the load (`tests/patience.py`) lets a slower program pass on a busy machine. A
ratio doesn't: load slows both sides.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from tests.patience import Bound


@dataclass(frozen=True)
class Ratio:
    """What something took, as a multiple of its reference; fails at ``margin`` times that."""

    reference: str
    recorded: float
    margin: float = 2.0

    @property
    def limit(self) -> float:
        """The largest ratio that passes."""
        return self.recorded * self.margin


RECORDED: dict[Bound, Ratio] = {
    "start": Ratio("processor time of a Python that imports the same libraries", 1.3),
    "end": Ratio("seconds in which such a Python ends at the end of its input", 3.3),
    "watch": Ratio("seconds in which a bare loop that looks twice a second notices a death", 1.0, margin=1.8),
    "ping": Ratio("an echo of a bare process", 4.0),
    "cancel": Ratio("an echo of a bare process", 6.0),
    "reply": Ratio("an echo of a bare process", 9.0),
}
"""Measured on two cores with a load of 12, a few times."""


def paired(thing: Callable[[], float], reference: Callable[[], float], times: int) -> float:
    """Both in turns; the ratio of their least halves, which other work on the machine disturbs least."""
    pairs = [(thing(), reference()) for _ in range(times)]
    least = (sorted(side)[: (times + 1) // 2] for side in zip(*pairs, strict=True))
    one, other = map(statistics.fmean, least)
    return one / other


def least(measure: Callable[[], float], limit: float, tries: int = 3) -> float:
    """The first ratio below the limit, else the least of a few tries: a slower program is slower each time."""
    found = measure()
    for _ in range(tries - 1):
        if found < limit:
            break
        found = min(found, measure())
    return found
