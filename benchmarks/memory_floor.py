"""How fast memory can be read: the least time that any scan of the same bytes takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

_STRETCH = 1 << 22
"""Bytes read by one thread in one go: beyond any second-level cache."""


def reader(arrays: Sequence[NDArray[np.int8]], pool: ThreadPoolExecutor) -> Callable[[], int]:
    """A call that reads every byte of the arrays once, on all cores, and does as little as possible with it."""
    pieces = [
        flat[start : start + _STRETCH // 8]
        for array in arrays
        for flat in (array.reshape(-1)[: array.size // 8 * 8].view(np.uint64),)
        for start in range(0, len(flat), _STRETCH // 8)
    ]

    def read() -> int:
        return sum(int(found) for found in pool.map(np.bitwise_or.reduce, pieces))

    return read


def all_cores() -> ThreadPoolExecutor:
    """A thread for each core."""
    return ThreadPoolExecutor(os.cpu_count() or 1)
