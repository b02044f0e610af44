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

    def difference(self, name: str, less: str) -> float:
        """Median over the rounds of ``name`` minus ``less`` in the same round, in seconds."""
        return median(a - b for a, b in zip(self.seconds[name], self.seconds[less], strict=True))


def interleaved(
    calls: Mapping[str, Callable[[], object]],
    rounds: int,
    warm_up: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> Times:
    """Run all calls ``rounds`` times in turns, after ``warm_up`` rounds that do not count.

    ``clock`` may be ``time.process_time``: processor time of all threads, which other load hardly changes.
    """
    for _ in range(warm_up):
        for call in calls.values():
            call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = clock()
            call()
            seconds[name].append(clock() - started)
    return Times(seconds)
