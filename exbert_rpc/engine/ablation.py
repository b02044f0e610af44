"""From a request to what replacing heads does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.ablation import (
    Effect,
    cosine,
    cosine_effect,
    likeliest,
    log_probabilities,
    prediction_effect,
)
from exbert_rpc.engine.captures import Pass, check_unchanged
from exbert_rpc.engine.requests import AblateRequest, AblateResult, HeadEffect, PredictionTarget
from exbert_rpc.engine.targets import checked_position, checked_target, read_against
from exbert_rpc.errors import InvalidParams
from exbert_rpc.model.capture import check_attends, check_range
from exbert_rpc.model.intervene import Ablation, Head
from exbert_rpc.tasks import Progress, Task

if TYPE_CHECKING:
    from exbert_rpc.model.intervene import PassEnd
    from exbert_rpc.model.loaded import LoadedModel
    from exbert_rpc.model.types import Encoding, Prediction


@dataclass(frozen=True, slots=True)
class _Text:
    """A text as passes read it."""

    encoding: Encoding
    decoder: Encoding | None


def ablate(
    kept: Pass, request: AblateRequest, values: NDArray[np.float32], task: Task
) -> tuple[AblateResult, Pass | None]:
    """What replacing heads does to a pass; the pass with the heads replaced beside it, if it is to be kept.

    Args:
        kept: The unchanged pass.
        request: Which heads, and what is measured.
        values: float32 ``[L, H, d]``: what the heads give instead.
        task: Reported to and obeyed.

    Raises:
        InvalidParams: a head or target that is not there, or a measure that this model does not have.
    """
    model, capture = kept.model, kept.capture
    check_unchanged(kept)
    text = _Text(capture.encoding, capture.decoder_encoding)
    heads = _checked_heads(request, model)
    if _measures_prediction(request, kept):
        result = _prediction_effects(model, text, request, heads, values, task)
    else:
        result = _similarity_effects(model, text, request, heads, values, task)
    if not request.keep:
        return result, None
    task.check()
    ablation = Ablation(heads, values)
    return result, Pass(model, model.capture(text.encoding, text.decoder, ablation), heads)


def _measures_prediction(request: AblateRequest, kept: Pass) -> bool:
    info = kept.capture.info
    names_target = request.target_token is not None or request.target is not None
    if request.against is not None:
        if names_target:
            raise InvalidParams("target", "may not be given together with `against`", hint="give one of them")
        return False
    if names_target and not info.has_lm_head:
        raise InvalidParams(
            "target",
            f"{info.id} has no language-model head, so it predicts no tokens",
            hint="leave it out, or compare with another text in `against`",
        )
    return info.has_lm_head


def _prediction_effects(
    model: LoadedModel,
    text: _Text,
    request: AblateRequest,
    heads: tuple[Head, ...],
    values: NDArray[np.float32],
    task: Task,
) -> AblateResult:
    read = text.encoding if text.decoder is None else text.decoder
    position = checked_position(read, request.target_token, model.info)
    base = log_probabilities(_logits(model.ablate(text.encoding, text.decoder, None, position)))
    shares = np.exp(base)
    base_top = _predictions(model, base, max(1, request.top_k))
    target = checked_target(model, request.target, "target.id", len(base))
    id_ = base_top[0].id if target is None else target
    effects: list[Effect] = []
    for end in _ends(model, text, request, heads, values, position, task):
        changed = log_probabilities(_logits(end))
        effects.append(prediction_effect(base, shares, changed, id_, _predictions(model, changed, request.top_k)))
    return AblateResult(
        mode=request.mode,
        measure="logProbability",
        base=float(base[id_]),
        effects=_named(request, heads, effects),
        target=PredictionTarget(position, id_, model.token(id_)),
        base_top=base_top[: request.top_k],
    )


def _similarity_effects(
    model: LoadedModel,
    text: _Text,
    request: AblateRequest,
    heads: tuple[Head, ...],
    values: NDArray[np.float32],
    task: Task,
) -> AblateResult:
    plain = model.ablate(text.encoding, text.decoder, None, None).pooled
    if request.against is None:
        base, others = 1.0, None
    else:
        other = _Text(read_against(model, request.against), None)
        base = cosine(plain, model.ablate(other.encoding, None, None, None).pooled)
        others = _ends(model, other, request, heads, values, None, task, reports=False)
    effects = [
        cosine_effect(base, end.pooled, plain if others is None else next(others).pooled)
        for end in _ends(model, text, request, heads, values, None, task)
    ]
    return AblateResult(request.mode, "cosine", base, _named(request, heads, effects))


def _ends(
    model: LoadedModel,
    text: _Text,
    request: AblateRequest,
    heads: tuple[Head, ...],
    values: NDArray[np.float32],
    position: int | None,
    task: Task,
    *,
    reports: bool = True,
) -> Iterator[PassEnd]:
    """How passes end: one with all heads replaced, or one for each of them; a cancel ends them between two layers."""
    if request.heads is not None:
        task.check()
        yield model.ablate(text.encoding, text.decoder, Ablation(heads, values), position)
        return
    started, n = time.perf_counter(), len(heads)

    def watch(share: float) -> None:
        task.check()
        if reports:
            left = (time.perf_counter() - started) * (1 - share) / share if share > 0 else None
            task.report(Progress("replacing each head alone", int(share * n), n, left))

    for end in model.ablate_each(text.encoding, text.decoder, heads, values, position, watch):
        yield end
        task.check()
    watch(1.0)


def _checked_heads(request: AblateRequest, model: LoadedModel) -> tuple[Head, ...]:
    info = model.info
    if request.heads is None:
        if request.keep:
            raise InvalidParams("keep", "goes with a list of heads", hint="name the heads of the pass to keep")
        return tuple((layer, head) for layer in info.attention_layers for head in range(info.n_heads))
    if not request.heads:
        raise InvalidParams("heads", "names no head", hint='give `{layer, head}` objects, or "each"')
    check_attends("heads", [layer for layer, _head in request.heads], info)
    check_range("heads", [head for _layer, head in request.heads], info.n_heads, "head")
    return tuple(sorted(set(request.heads)))


def _named(request: AblateRequest, heads: Sequence[Head], effects: Sequence[Effect]) -> tuple[HeadEffect, ...]:
    if request.heads is not None and len(heads) > 1:
        return (HeadEffect(None, None, effects[0]),)
    return tuple(HeadEffect(layer, head, effect) for (layer, head), effect in zip(heads, effects, strict=True))


def _logits(end: PassEnd) -> NDArray[np.float32]:
    assert end.logits is not None
    return end.logits


def _predictions(model: LoadedModel, row: NDArray[np.float64], k: int) -> tuple[Prediction, ...]:
    return tuple(model.prediction(id_, probability) for id_, probability in likeliest(row, k))
