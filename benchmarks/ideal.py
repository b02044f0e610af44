"""What a build would take if its two costs overlapped perfectly."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spent:
    """Wall and CPU seconds."""

    wall: float
    cpu: float


def ideal_seconds(spacy: Spent, forward: Spent, cores: int | None = None) -> float:
    """All the work shared evenly between the cores, but no less than the forward passes, which follow each other."""
    return max((spacy.cpu + forward.cpu) / (cores or os.cpu_count() or 1), forward.wall)
