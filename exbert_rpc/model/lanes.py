"""Which cores a pass uses: side by side on one core each, or all but one that something else needs.

A pass that spreads each operator over several cores waits at the end of every operator for the slowest of them, which
beside other work (annotating, quantising) is often one that has been taken away. A pass on one core waits for nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from exbert_rpc.cores import Turns

P = ParamSpec("P")
T = TypeVar("T")

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
    return _Lanes(cores)


class _Lanes(ThreadPoolExecutor):
    """Threads with an equal share of the cores each; only as many run as other processes leave cores for."""

    def __init__(self, cores: int) -> None:
        lanes = min(cores, _MOST_LANES)
        each = cores // lanes
        super().__init__(lanes, thread_name_prefix="pass", initializer=_narrow, initargs=(each, cores))
        self._turns = Turns(cores, each)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a call, which waits for its turn when a thread takes it."""

        def in_turn() -> T:
            with self._turns.turn():
                return fn(*args, **kwargs)

        return super().submit(in_turn)


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
