"""``queryKey``: what one attention row is made of, dimension by dimension."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from exbert_rpc.engine.requests import QueryKeyRequest
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.model.query_key import QueryKeyRow
from exbert_rpc.model.types import Stream
from exbert_rpc.protocol.tensors import DECIMALS, check_size, encode_tensor
from exbert_rpc.protocol.types.query_key import SIGNATURE, QueryKeyParams, QueryKeyResult

_STREAMS: Final[dict[Literal["encoder", "decoder", "cross"], Stream]] = {
    "encoder": "self",
    "decoder": "decoder",
    "cross": "cross",
}


def prepare(params: QueryKeyParams, context: Context) -> Work:
    """Takes the handle."""
    request = QueryKeyRequest(
        session=context.session,
        capture_id=params.capture_id,
        token=params.token,
        layer=params.layer,
        head=params.head,
        stream=_STREAMS[params.stack],
    )
    limit = context.answer_bytes
    return lambda engine, task: encode_result(params, engine.query_key(request, task), limit)


def encode_result(params: QueryKeyParams, row: QueryKeyRow, limit: int) -> QueryKeyResult:
    """The engine's answer on the wire; raises ``AnswerTooLarge`` for too many keys."""
    check_size([row.keys.shape], "list", limit, 1)
    return QueryKeyResult(
        layer=params.layer,
        head=params.head,
        token=params.token,
        stack=params.stack,
        query=_plain(row.query),
        keys=encode_tensor(row.keys, "list"),
        scaling=row.scaling,
        softcap=row.softcap,
        bias=_plain(row.bias),
        hidden=np.flatnonzero(row.hidden).tolist(),
        sink=row.sink,
        weights=_plain(row.weights),
    )


def _plain(array: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> list[float]:
    rounded: list[float] = array.astype(np.float64).round(DECIMALS).tolist()
    return rounded


METHOD = Method(SIGNATURE, prepare, title="reading query and keys")
