"""``compareCaptures``: how two passes over the same tokens differ."""

from __future__ import annotations

from exbert_rpc.engine import requests
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.methods.results import cosine, encode_prediction, share
from exbert_rpc.protocol.types.compare_captures import (
    SIGNATURE,
    ChangedPrediction,
    CompareCapturesParams,
    CompareCapturesResult,
    HeadDivergence,
    HiddenStateCosine,
)


def prepare(params: CompareCapturesParams, context: Context) -> Work:
    """Takes the two handles."""
    first, second = params.capture_ids
    request = requests.CompareRequest(context.session, first, second)
    return lambda engine, task: encode_result(engine.compare_captures(request, task))


def encode_result(answer: requests.CompareResult) -> CompareCapturesResult:
    """The engine's answer on the wire."""
    found = answer.comparison
    return CompareCapturesResult(
        heads=[
            HeadDivergence(layer=layer, head=head, divergence=share(value))
            for layer, row in zip(found.layers, found.divergence.tolist(), strict=True)
            for head, value in enumerate(row)
        ],
        hidden_states=[
            HiddenStateCosine(hidden_layer=layer, cosine=[cosine(value) for value in row])
            for layer, row in enumerate(found.cosine.tolist())
        ],
        predictions=[
            ChangedPrediction(token=index, before=encode_prediction(before), after=encode_prediction(after))
            for index, before, after in answer.changed
        ],
    )


METHOD = Method(SIGNATURE, prepare, title="comparing")
