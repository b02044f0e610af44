"""Passes over many texts in batches of similar length, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor

from exbert_rpc.index.passages import CorpusModel
from exbert_rpc.model.types import BatchCapture, Encoding
from exbert_rpc.tasks import Task

BATCH_TOKENS = 1024
"""Tokens of one forward pass, padding included: a cancel bites within it."""


def length_batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of texts of similar length, at most ``BATCH_TOKENS`` tokens with padding (or one long text)."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if batch and lengths[index] * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


class Passes:
    """Passes over texts, on their way.

    Args:
        encodings: The texts.
        hidden_layers: As :meth:`CorpusModel.capture_batch` takes them, and the next two.
        layers: Head outputs.
        attention_layers: Attention.
        model: What runs.
        lanes: Where it runs; of ``model.lanes()``.
        task: Obeyed before each batch.
    """

    def __init__(
        self,
        encodings: Sequence[Encoding],
        hidden_layers: Sequence[int],
        layers: Sequence[int],
        attention_layers: Sequence[int],
        model: CorpusModel,
        lanes: Executor,
        task: Task,
    ) -> None:
        def run(batch: list[int]) -> list[BatchCapture]:
            task.check()
            return model.capture_batch(
                [encodings[index] for index in batch],
                hidden_layers=hidden_layers,
                layers=layers,
                attention_layers=attention_layers,
            )

        self._batches = list(length_batches([len(encoding.ids) for encoding in encodings]))
        # the longest texts first: what ends last is short
        self._futures = [lanes.submit(run, batch) for batch in reversed(self._batches)][::-1]

    def result(self) -> list[BatchCapture]:
        """The captures, in the order of the texts."""
        captures: dict[int, BatchCapture] = {}
        try:
            for batch, future in zip(self._batches, self._futures, strict=True):
                captures.update(zip(batch, future.result(), strict=True))
        finally:
            self.cancel()
        return [captures[index] for index in range(len(captures))]

    def cancel(self) -> None:
        """Don't start what has not been started."""
        for future in self._futures:
            future.cancel()
