"""``queryKey``: what one attention row is made of, dimension by dimension."""

from __future__ import annotations

from typing import Literal

from exbert_rpc.protocol.types.base import Index, Params, Probability, ProgressToken, Result, Signature, Tensor


class QueryKeyParams(Params, frozen=True, kw_only=True):
    """One row of one head of an earlier pass.

    Attributes:
        capture_id: Handle of the pass.
        token: The row: position of the token that attends.
        layer: Its layer.
        head: Its head.
        stack: Whose attention; `encoder` is also that of a model with one stack.
        work_done_token: Token that progress is reported under (LSP).
    """

    capture_id: str
    token: Index
    layer: Index
    head: Index
    stack: Literal["encoder", "decoder", "cross"] = "encoder"
    work_done_token: ProgressToken | None = None


class QueryKeyResult(Result, frozen=True, kw_only=True):
    """Query and keys of a row. Its weights are the softmax of ``query · key * scaling + bias``.

    Attributes:
        layer: The layer.
        head: The head.
        token: The token that attends.
        stack: Whose attention.
        query: One number a dimension.
        keys: Tensor `[keys, dimensions]`.
        scaling: Factor on the products of query and key.
        softcap: The scaled products x become `softcap * tanh(x / softcap)` before the bias is added; null: they stay.
        bias: One number a key: relative positions, distances; 0 where a key is hidden.
        hidden: Keys that the row cannot see, by position; they have no weight.
        sink: A score that takes part in the softmax and is no key; null: there is none.
        weights: The attention row, one number a key.
    """

    layer: int
    head: int
    token: int
    stack: Literal["encoder", "decoder", "cross"]
    query: list[float]
    keys: Tensor
    scaling: float
    softcap: float | None
    bias: list[float]
    hidden: list[int]
    sink: float | None
    weights: list[Probability]


SIGNATURE = Signature("queryKey", QueryKeyParams, QueryKeyResult)
