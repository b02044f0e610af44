"""Times of calls that take turns, so that whatever else the machine does hits all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of each call, by name, one entry a round."""

    seconds: Mapping[str, list[float]]

    def ms(self, name: str) -> float:
        """Median in milliseconds."""
        return 1000 * median(self.seconds[name])

    def s(self, name: str) -> float:
        """Median in seconds."""
        return median(self.seconds[name])

    def ratio(self, name: str, of: str) -> float:
        """Median over the rounds of ``name`` divided by ``of`` in the same round."""
        return median(a / b for a, b in zip(self.seconds[name], self.seconds[of], strict=True))


def interleaved(calls: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 2) -> Times:
    """Run all calls ``rounds`` times in turns, after ``warm_up`` rounds that do not count."""
    for _ in range(warm_up):
        for call in calls.values():
            call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    return Times(seconds)
