"""The cores that a pass uses: one core each for passes side by side, or all cores but one.

A pass that spreads each operator over several cores waits at the end of every operator for the slowest of them, which
beside other work (annotating, quantising) is often one that has been taken away. A pass on one core waits for nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

_MOST_LANES = 8  # each holds a batch in memory

_narrowing = threading.Lock()


def open_lanes(device: str, *, side_by_side: bool) -> ThreadPoolExecutor:
    """Threads for forward passes: on the processor one for each core that torch uses, elsewhere a single one.

    Args:
        device: Where the model runs.
        side_by_side: Whether its passes may run at the same time.
    """
    import torch

    cores = torch.get_num_threads()
    if device != "cpu" or not side_by_side or cores == 1:
        return ThreadPoolExecutor(1, thread_name_prefix="pass")
    lanes = min(cores, _MOST_LANES)
    return ThreadPoolExecutor(lanes, thread_name_prefix="pass", initializer=_narrow, initargs=(cores // lanes, cores))


@contextmanager
def all_cores_but_one() -> Iterator[None]:
    """Leave a core to another process that works at the same time; on a single core nothing changes."""
    import torch

    cores = torch.get_num_threads()
    _narrow(max(1, cores - 1), cores)
    try:
        yield
    finally:
        torch.set_num_threads(cores)


def _narrow(mine: int, others: int) -> None:
    """Let this thread's operators use ``mine`` cores and those of threads to come ``others``, as before.

    ``torch.set_num_threads`` holds for the thread that calls it and for all that use torch for the first time
    afterwards, so a short-lived thread puts the latter back.
    """
    import torch

    with _narrowing:
        torch.get_num_threads()  # a thread takes over the common number when it first asks, and must not do so later
        torch.set_num_threads(mine)
        restoring = threading.Thread(target=torch.set_num_threads, args=(others,))
        restoring.start()
        restoring.join()
