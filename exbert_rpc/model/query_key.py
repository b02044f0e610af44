"""Query and keys of one attention row: what its weights are made of, dimension by dimension.

1. The score of a key is Σ_d query[d] · key[d] · scaling.
2. With a soft cap s it becomes s · tanh(score / s) (Gemma 2).
3. The bias of the key is added: relative positions (T5), distances (ALiBi).
4. Keys that are hidden (later tokens, those outside of a window) get no weight; the others are the softmax of their
   scores. A sink takes part in the softmax and is no key (gpt-oss).

The result is compared with the weights of the row; where they differ, the model is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.model.passes import LayerAttention

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.attention_function import AttentionCall

_TOLERANCE = 1e-5
_HIDDEN = -1e30  # masks hide with the lowest number of their type, or with one that has no less effect


class NotVisible(Exception):
    """The message says why query and keys of this attention cannot be shown."""


@dataclass(frozen=True, slots=True)
class QueryKeyRow:
    """One row of one head. ``d`` dimensions, ``m`` keys.

    Attributes:
        query: float32 ``[d]``.
        keys: float32 ``[m, d]``.
        scaling: Factor on the products.
        softcap: ``s`` of ``s * tanh(x / s)``; ``None``: none.
        bias: float32 ``[m]``, added to the scores; 0 where a key is hidden.
        hidden: bool ``[m]``, keys that the row cannot see.
        sink: A score that takes weight and gives none; ``None``: none.
        weights: float32 ``[m]`` in [0, 1], the attention row.
    """

    query: NDArray[np.float32]
    keys: NDArray[np.float32]
    scaling: float
    softcap: float | None
    bias: NDArray[np.float32]
    hidden: NDArray[np.bool_]
    sink: float | None
    weights: NDArray[np.float32]

    def softmax(self) -> NDArray[np.float64]:
        """float64 ``[m]``: the weights by the formula above."""
        scores = (self.keys.astype(np.float64) @ self.query.astype(np.float64)) * self.scaling
        if self.softcap is not None:
            scores = np.tanh(scores / self.softcap) * self.softcap
        scores = np.where(self.hidden, -np.inf, scores + self.bias)
        with_sink = scores if self.sink is None else np.append(scores, self.sink)
        powers = np.exp(with_sink - with_sink.max())
        weights: NDArray[np.float64] = (powers / powers.sum())[: len(scores)]
        return weights


def query_key_row(layer: LayerAttention, row: int, head: int) -> QueryKeyRow:
    """Query, keys and weights of one row of a single text.

    Raises:
        NotVisible: the layer's scores are not products of a query and its keys, or none were kept.
    """
    call, place = _call_of(layer, head)
    found = _row(call, row, place, layer.weights(0, [head])[0, 0, row])
    difference = float(np.abs(found.softmax() - found.weights).max())
    if not difference <= _TOLERANCE:
        raise NotVisible(f"the softmax of its products differs from its attention by {difference:.1e}")
    return found


def _call_of(layer: LayerAttention, head: int) -> tuple[AttentionCall, int]:
    """The call that a head belongs to, and its place there."""
    if layer.keys is not None:
        raise NotVisible("its attention is a part of a larger one")
    for call in layer.calls:
        if call.query is None or call.key is None:
            break
        if head < call.query.shape[1]:
            return call, head
        head -= call.query.shape[1]
    raise NotVisible("it is off transformers' attention interface, so its queries and keys are not seen")


def _row(call: AttentionCall, row: int, head: int, weights: torch.Tensor) -> QueryKeyRow:
    assert call.query is not None
    assert call.key is not None
    group = call.query.shape[1] // call.key.shape[1]
    keys = _array(call.key[0, head // group])
    mask = _of(call.mask, row, head, len(keys))
    additive = np.zeros(len(keys), np.float32) if mask is None or mask.dtype == np.bool_ else mask
    hidden = additive <= _HIDDEN if mask is None or mask.dtype != np.bool_ else ~mask
    if call.causal:
        hidden = hidden | (np.arange(len(keys)) > row)
    bias = _of(call.bias, row, head, len(keys))
    total = additive if bias is None else additive + bias
    return QueryKeyRow(
        query=_array(call.query[0, head, row]),
        keys=keys,
        scaling=call.scaling,
        softcap=call.softcap,
        bias=np.where(hidden, 0, total).astype(np.float32),
        hidden=hidden,
        sink=None if call.sinks is None or call.hides_sinks else _sink(call.sinks, row, head),
        weights=_array(weights),
    )


def _of(tensor: torch.Tensor | None, row: int, head: int, size: int) -> NDArray[Any] | None:
    """``[m]`` of a mask or bias that broadcasts to ``[b, H, n, m]``."""
    if tensor is None:
        return None
    part = tensor[0, head if tensor.shape[1] > 1 else 0, row if tensor.shape[2] > 1 else 0]
    array: NDArray[np.generic] = (part if str(part.dtype) == "torch.bool" else part.float()).cpu().numpy()
    return np.broadcast_to(array, (size,))


def _sink(sinks: torch.Tensor, row: int, head: int) -> float:
    return float(sinks.reshape(-1)[head] if sinks.dim() != 4 else sinks[0, head, row, 0])


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.float().cpu().numpy()
    return array
