"""What a pipeline and a model would take together if their costs overlapped perfectly."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spent:
    """Wall and CPU seconds."""

    wall: float
    cpu: float


def spent(call: Callable[[], object]) -> Spent:
    """Run a call once."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def middle(several: Sequence[Spent]) -> Spent:
    """Medians of several runs."""
    return Spent(median(one.wall for one in several), median(one.cpu for one in several))


def ideal_seconds(spacy: Spent, forward: Spent, cores: int | None = None) -> float:
    """All the work shared evenly between the cores, but no less than the forward passes, which follow each other."""
    return max((spacy.cpu + forward.cpu) / (cores or os.cpu_count() or 1), forward.wall)
