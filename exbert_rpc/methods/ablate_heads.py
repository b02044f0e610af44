"""``ablateHeads``: what changes when heads give their mean output, or nothing."""

from __future__ import annotations

from exbert_rpc.engine import requests
from exbert_rpc.methods.describe_model import encode_model
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.methods.results import DIGITS, encode_prediction
from exbert_rpc.methods.text_input import model_of, text_input
from exbert_rpc.methods.validation import check_text
from exbert_rpc.protocol.types.ablate_heads import (
    SIGNATURE,
    AblateHeadsParams,
    AblateHeadsResult,
    HeadEffect,
    PredictionTarget,
)


def prepare(params: AblateHeadsParams, context: Context) -> Work:
    """Reads the text now."""
    request = read_request(params, context)
    return lambda engine, task: encode_result(engine.ablate_heads(request, task))


def read_request(params: AblateHeadsParams, context: Context) -> requests.AblateRequest:
    """What the engine is asked."""
    target = params.target
    check_text("against", params.against or "")
    if target is not None and isinstance(target.id, str):
        check_text("target.id", target.id)
    return requests.AblateRequest(
        session=context.session,
        input=text_input(params, context),
        capture_id=params.capture_id,
        model=model_of(params, context),
        against=params.against,
        heads=None if isinstance(params.heads, str) else tuple((one.layer, one.head) for one in params.heads),
        mode=params.mode,
        corpus=params.corpus,
        target_token=None if target is None else target.token,
        target=None if target is None else target.id,
        top_k=params.top_k,
        keep=params.keep,
    )


def encode_result(answer: requests.AblateResult) -> AblateHeadsResult:
    """The engine's answer on the wire."""
    assert answer.model is not None
    target = answer.target
    return AblateHeadsResult(
        mode=answer.mode,
        measure=answer.measure,
        base=round(answer.base, DIGITS),
        effects=[_effect(one) for one in answer.effects],
        model=encode_model(answer.model),
        target=None if target is None else PredictionTarget(token=target.position, id=target.id, piece=target.token),
        base_top=None if answer.base_top is None else [encode_prediction(one) for one in answer.base_top],
        capture_id=answer.capture_id,
    )


def _effect(one: requests.HeadEffect) -> HeadEffect:
    effect = one.effect
    return HeadEffect(
        layer=one.layer,
        head=one.head,
        value=round(effect.value, DIGITS),
        delta=round(effect.delta, DIGITS),
        kl_divergence=None if effect.kl_divergence is None else round(effect.kl_divergence, DIGITS),
        top=None if effect.top is None else [encode_prediction(prediction) for prediction in effect.top],
    )


METHOD = Method(SIGNATURE, prepare, title="replacing heads")
