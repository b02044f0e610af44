"""Passes over many texts in batches of similar length, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Generic, TypeVar

from exbert_rpc.corpus.types import CorpusModel
from exbert_rpc.tasks import Task

S = TypeVar("S")
T = TypeVar("T")

BATCH_TOKENS = 512
"""Tokens of one forward pass on a processor core, padding included: a cancel bites within it, and what is computed on
the way stays near the core (1,024 took 5 % longer, 2,048 16 %)."""
DEVICE_BATCH_TOKENS = 4096
"""The same on another device."""


def length_batches(lengths: Sequence[int], most: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Indices of texts of similar length, at most ``most`` tokens with padding (or one long text)."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if batch and lengths[index] * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


@contextmanager
def left_on_error(lanes: Executor) -> Iterator[Executor]:
    """Lanes until the end of the block; an error, such as a cancel, does not wait for the passes that run.

    A pass cannot be interrupted, and one of a large model takes seconds: it ends in the background, its result unused.
    """
    try:
        yield lanes
    except BaseException:
        lanes.shutdown(wait=False, cancel_futures=True)
        raise
    lanes.shutdown()


class Passes(Generic[S, T]):
    """Passes over texts, in progress.

    Args:
        texts: The texts, with whatever belongs to each.
        lengths: Tokens of each.
        run: Makes a pass over some of them and returns one result for each; called by several lanes at once.
        model: What runs; its device decides how many tokens a pass takes.
        lanes: Where it runs; of ``model.lanes()``.
        task: Obeyed before each batch, and while one is waited for.
    """

    def __init__(
        self,
        texts: Sequence[S],
        lengths: Sequence[int],
        run: Callable[[list[S]], Sequence[T]],
        model: CorpusModel,
        lanes: Executor,
        task: Task,
    ) -> None:
        def run_batch(batch: list[int]) -> Sequence[T]:
            task.check()
            return run([texts[index] for index in batch])

        most = BATCH_TOKENS if model.info.device == "cpu" else DEVICE_BATCH_TOKENS
        self._task = task
        self._batches = list(length_batches(lengths, most))
        # the longest texts first: what ends last is short
        self._futures = [lanes.submit(run_batch, batch) for batch in reversed(self._batches)][::-1]

    def result(self) -> list[T]:
        """Results of ``run`` in the order of the texts; raises ``Cancelled`` without waiting for passes that run."""
        results: dict[int, T] = {}
        try:
            for batch, future in zip(self._batches, self._futures, strict=True):
                found = self._task.wait(future)
                results.update(zip(batch, found, strict=True))
        finally:
            self.cancel()
        return [results[index] for index in range(len(results))]

    def cancel(self) -> None:
        """Cancel passes that have not started."""
        for future in self._futures:
            future.cancel()
