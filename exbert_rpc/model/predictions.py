"""What a language-model head expects: the likeliest tokens at each position."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from exbert_rpc.model.types import Prediction

if TYPE_CHECKING:
    import torch

POSITIONS_AT_ONCE = 64


def top_predictions(
    logits: Callable[[int, int], torch.Tensor], n: int, k: int, vocabulary: Sequence[str]
) -> tuple[tuple[Prediction, ...], ...]:
    """Softmax of the logits over the whole vocabulary, the ``k`` largest first; ties in order of id.

    Args:
        logits: Gives float ``[1, last - first, vocabulary]`` of the positions ``first .. last - 1``; asked for a few
            positions at a time, so that a long text with a large vocabulary stays small.
        n: Number of positions.
        k: How many; all there are, if the vocabulary is smaller.
        vocabulary: Token of each id.
    """
    import torch

    rows: list[tuple[Prediction, ...]] = []
    for first in range(0, n, POSITIONS_AT_ONCE):
        with torch.inference_mode():
            probabilities = torch.softmax(logits(first, min(n, first + POSITIONS_AT_ONCE))[0].float(), dim=-1)
            values, ids = torch.topk(probabilities, min(k, probabilities.shape[-1]), dim=-1)
        for row_values, row_ids in zip(values.tolist(), ids.tolist(), strict=True):
            pairs = sorted(zip(row_ids, row_values, strict=True), key=lambda pair: (-pair[1], pair[0]))
            rows.append(tuple(Prediction(vocabulary_form(vocabulary, id_), id_, value) for id_, value in pairs))
    return tuple(rows)


def vocabulary_form(vocabulary: Sequence[str], id_: int) -> str:
    """Vocabulary form of an id; ``<id>`` for the padding of a head that is wider than the vocabulary."""
    return vocabulary[id_] if id_ < len(vocabulary) else f"<{id_}>"
