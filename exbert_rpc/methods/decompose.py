"""``decompose``: which parts of a model a prediction, or the similarity of two texts, is the sum of."""

from __future__ import annotations

from exbert_rpc.engine import requests
from exbert_rpc.errors import AnswerTooLarge
from exbert_rpc.methods.describe_model import encode_model
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.methods.results import DIGITS, encode_prediction, share
from exbert_rpc.methods.text_input import model_of, text_input
from exbert_rpc.methods.validation import check_text
from exbert_rpc.model.contributions import Contributions
from exbert_rpc.protocol.tensors import encode_tensor, estimated_bytes
from exbert_rpc.protocol.types.ablate_heads import PredictionTarget
from exbert_rpc.protocol.types.decompose import SIGNATURE, DecomposeParams, DecomposeResult, LensLayer, Part


def prepare(params: DecomposeParams, context: Context) -> Work:
    """Reads the text now."""
    request, limit = read_request(params, context), context.answer_bytes
    return lambda engine, task: encode_result(engine.decompose(request, task), limit)


def read_request(params: DecomposeParams, context: Context) -> requests.DecomposeRequest:
    """What the engine is asked."""
    for field, given in (("against", params.against), ("target", params.target), ("contrast", params.contrast)):
        if isinstance(given, str):
            check_text(field, given)
    return requests.DecomposeRequest(
        session=context.session,
        input=text_input(params, context),
        capture_id=params.capture_id,
        model=model_of(params, context),
        against=params.against,
        token=params.token,
        target=params.target,
        contrast=params.contrast,
        top_k=params.top_k,
    )


def encode_result(answer: requests.DecomposeResult, limit: int) -> DecomposeResult:
    """The engine's answer on the wire; raises ``AnswerTooLarge`` for too many pairs of tokens."""
    pairs = answer.token_pairs
    if pairs is not None and (size := estimated_bytes([pairs.shape], "list")) > limit:
        raise AnswerTooLarge(
            f"{pairs.shape[0]} x {pairs.shape[1]} pairs of tokens would take about {size / 2**20:,.0f} MiB; an answer "
            f"takes at most {limit / 2**20:,.0f} MiB",
            hint="Send shorter texts.",
            bytes=size,
            limit=limit,
        )
    return DecomposeResult(
        measure=answer.measure,
        total=round(answer.parts.total, DIGITS),
        residual=answer.parts.residual,  # not rounded: that it is small is the point
        parts=_parts(answer.parts),
        model=encode_model(answer.model),
        target=_target(answer.target),
        contrast=_target(answer.contrast),
        token_pairs=None if pairs is None else encode_tensor(pairs, "list"),
        lens=[_layer(one) for one in answer.lens],
    )


def _parts(parts: Contributions) -> list[Part]:
    found = [Part(kind="embedding", layer=None, head=None, value=round(parts.embedding, DIGITS))]
    for layer, row in enumerate(parts.heads.tolist()):
        found += [Part(kind="head", layer=layer, head=head, value=round(one, DIGITS)) for head, one in enumerate(row)]
        found.append(Part(kind="mlp", layer=layer, head=None, value=round(float(parts.mlps[layer]), DIGITS)))
    return [*found, Part(kind="bias", layer=None, head=None, value=round(parts.bias, DIGITS))]


def _target(target: requests.PredictionTarget | None) -> PredictionTarget | None:
    return None if target is None else PredictionTarget(token=target.position, id=target.id, piece=target.token)


def _layer(one: requests.LensLayer) -> LensLayer:
    return LensLayer(
        hidden_layer=one.hidden_layer,
        top=[encode_prediction(prediction) for prediction in one.top],
        target_rank=one.target_rank,
        target_probability=share(one.target_probability),
    )


METHOD = Method(SIGNATURE, prepare, title="decomposing")
