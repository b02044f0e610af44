"""Time limits on a machine that may be busy with something else."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from typing import Literal

Bound = Literal["start", "end", "watch", "ping", "cancel", "reply"]
"""What a limit bounds; each has a recorded ratio."""

PATIENCE = 300.0
"""Seconds to wait for what must come, where how long it takes is not what is tested."""

stretched: list[tuple[float, float]] = []
"""Limits that this process gave out since the list was cleared, in seconds, and what each was multiplied by."""

_SPIN = 0.01


def within(seconds: float, bound: Bound) -> float:
    """A time limit, longer where other processes compete for the cores.

    It grows with the load, and with how long a little computing takes here and now: the load average comes late, and
    says nothing of processes that come first. What is only half as fast may pass on a busy machine; the ratio that
    ``tests/ratios.py`` records for ``bound`` fails all the same.
    """
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    factor = max(1.0, load, _slowness(int(2 * time.monotonic())))
    stretched.append((seconds, factor))
    return seconds * factor


def assert_soon(measure: Callable[[], float], seconds: float, bound: Bound, tries: int = 3) -> None:
    """Fails if what is measured, in seconds, exceeds the limit each time.

    Something else on the machine may stop a process for a moment, which neither load nor slowness shows. A slower
    program is slower each time.
    """
    found: list[str] = []
    for _ in range(tries):
        took, limit = measure(), within(seconds, bound)
        if took < limit:
            return
        found.append(f"{took:.3f} s of {limit:.3f} s")
    raise AssertionError("; ".join(found))


@functools.lru_cache(maxsize=1)
def _slowness(_half_second: int) -> float:
    """How many times as long as alone a little computing takes; looked at twice a second."""
    start = time.monotonic()
    end = time.thread_time() + _SPIN
    while time.thread_time() < end:
        pass
    return (time.monotonic() - start) / _SPIN
