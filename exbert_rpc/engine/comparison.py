"""From two captures to how they differ."""

from __future__ import annotations

import numpy as np

from exbert_rpc.analysis.comparison import compare
from exbert_rpc.engine.captures import Pass
from exbert_rpc.engine.requests import CompareResult
from exbert_rpc.errors import InvalidParams
from exbert_rpc.model.types import Encoding, Prediction
from exbert_rpc.tasks import Task


def compare_passes(first: Pass, second: Pass, task: Task) -> CompareResult:
    """How two passes over the same tokens differ.

    Raises:
        InvalidParams: their tokens, layers, heads or hidden sizes differ.
    """
    a, b = first.capture, second.capture
    _check_same_tokens(a.encoding, b.encoding)
    infos = (a.info, b.info)
    shapes = [(one.n_layers, one.n_heads, one.hidden_sizes, one.attention_layers) for one in infos]
    if shapes[0] != shapes[1]:
        named = [f"{one.n_layers} layers of {one.n_heads} heads and {one.hidden_size} numbers" for one in infos]
        raise InvalidParams(
            "captureIds", f"the models differ: {named[0]}, {named[1]}", hint="compare models of one architecture"
        )

    def attention(layer: int) -> tuple[np.ndarray, np.ndarray]:
        task.check()
        return a.attention([layer])[0], b.attention([layer])[0]

    def states(hidden_layer: int) -> tuple[np.ndarray, np.ndarray]:
        return a.hidden_state(hidden_layer), b.hidden_state(hidden_layer)

    found = compare(attention, a.info.attention_layers, states, a.info.n_layers + 1)
    task.check()
    return CompareResult(found, _changed(first, second))


def _check_same_tokens(first: Encoding, second: Encoding) -> None:
    n, m = len(first.ids), len(second.ids)
    if n != m:
        raise InvalidParams(
            "captureIds", f"the captures have {n} and {m} tokens", hint="compare passes over the same text"
        )
    differs = (first.ids != second.ids) & ~(first.is_masked | second.is_masked)
    if differs.any():
        at = int(np.flatnonzero(differs)[0])
        raise InvalidParams(
            "captureIds",
            f"token {at} differs: {first.tokens[at]!r} and {second.tokens[at]!r}",
            hint="compare passes over the same text; only masked tokens may differ",
        )


def _changed(first: Pass, second: Pass) -> tuple[tuple[int, Prediction, Prediction], ...]:
    before, after = first.capture.predictions(1), second.capture.predictions(1)
    if before is None or after is None:
        return ()
    pairs = ((index, one[0], other[0]) for index, (one, other) in enumerate(zip(before, after, strict=False)))
    return tuple((index, one, other) for index, one, other in pairs if one.token != other.token)
