"""From a request to the parts of a prediction, or of the similarity of two texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exbert_rpc.analysis.decomposition import lens_rows, sums_up, token_pairs
from exbert_rpc.engine.captures import Pass, check_unchanged
from exbert_rpc.engine.requests import DecomposeRequest, DecomposeResult, LensLayer, PredictionTarget
from exbert_rpc.engine.targets import checked_position, checked_target, read_against
from exbert_rpc.errors import InvalidParams, ModelNotSupported
from exbert_rpc.tasks import Progress, Task

if TYPE_CHECKING:
    from exbert_rpc.analysis.decomposition import LensRow
    from exbert_rpc.model.contributions import Contributions
    from exbert_rpc.model.loaded import LoadedModel
    from exbert_rpc.model.types import ModelDescription


def decompose(kept: Pass, request: DecomposeRequest, task: Task) -> DecomposeResult:
    """Parts that sum to a prediction or a similarity.

    Raises:
        InvalidParams: no such token, or no such measure of this model.
        ModelNotSupported: the parts of this model do not sum.
    """
    check_unchanged(kept)
    if request.against is None:
        return _prediction(kept, request, task)
    for field, given in (("token", request.token), ("target", request.target), ("contrast", request.contrast)):
        if given is not None:
            raise InvalidParams(field, "may not be given together with `against`", hint="give one of them")
    return _similarity(kept, request.against, task)


def _similarity(kept: Pass, against: str, task: Task) -> DecomposeResult:
    model, capture = kept.model, kept.capture
    other = model.capture(read_against(model, against))
    task.check()
    last = capture.info.n_layers
    pairs = token_pairs(capture.hidden_state(last), other.hidden_state(last))
    parts = model.explain_similarity(capture.encoding, other.hidden_state(last).mean(axis=0))
    _check(parts, capture.info, "the similarity")
    return DecomposeResult("cosine", parts, capture.info, token_pairs=pairs)


def _prediction(kept: Pass, request: DecomposeRequest, task: Task) -> DecomposeResult:
    model, capture = kept.model, kept.capture
    info = capture.info
    if not info.has_lm_head:
        raise InvalidParams(
            "against",
            f"is required: {info.id} has no language-model head, so it predicts no tokens",
            hint="give a second text; the similarity of the two is decomposed",
        )
    if info.kind == "encoderDecoder":
        raise ModelNotSupported(
            f"{info.architecture}: predictions of a decoder behind an encoder are not decomposed",
            hint="decompose the similarity of two texts (`against`), or replace heads (`ablateHeads`)",
        )
    position = checked_position(capture.encoding, request.token, info, "token")
    task.report(Progress("reading what each layer predicts"))
    logits = model.lens(capture.encoding, position)
    size = logits.shape[1]
    target = checked_target(model, request.target, "target", size)
    contrast = checked_target(model, request.contrast, "contrast", size)
    id_ = int(np.argmax(logits[-1])) if target is None else target
    if contrast == id_:
        raise InvalidParams("contrast", "is the target itself", hint="name another token")
    task.check()
    parts = model.explain_prediction(capture.encoding, position, id_, contrast)
    _check(parts, info, "its prediction")
    return DecomposeResult(
        "logit" if contrast is None else "logitDifference",
        parts,
        info,
        target=PredictionTarget(position, id_, model.token(id_)),
        contrast=None if contrast is None else PredictionTarget(position, contrast, model.token(contrast)),
        lens=tuple(_layer(model, row) for row in lens_rows(logits, id_, request.top_k)),
    )


def _check(parts: Contributions, info: ModelDescription, what: str) -> None:
    if not sums_up(parts.residual, parts.total, parts.largest):
        raise ModelNotSupported(
            f"{info.architecture}: embedding, heads, MLPs and biases do not sum to {what} ({parts.total:.4f}, "
            f"{parts.residual:+.4f} is left): something between them is not linear, such as experts, capped logits "
            "or a masked-LM head",
            hint="replace heads instead (`ablateHeads`)",
            total=parts.total,
            residual=parts.residual,
        )


def _layer(model: LoadedModel, row: LensRow) -> LensLayer:
    top = tuple(model.prediction(id_, probability) for id_, probability in row.top)
    return LensLayer(row.hidden_layer, top, row.target_rank, row.target_probability)
