"""What a decoder behind an encoder reads: its target, shifted right behind the start token, as in training.

Position 0 reads the start token and predicts the first token of the target; position ``i`` reads token ``i - 1`` and
predicts token ``i``. The last token is predicted and not read. The start token is the model's own choice: most take
``decoder_start_token_id``, some (mBART, FSMT) the last token of the target.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.model.predictions import vocabulary_form
from exbert_rpc.model.types import Encoding, ExpectedToken

if TYPE_CHECKING:
    import torch

Number = TypeVar("Number", bound=np.generic)


def decoder_input(model: Any, target: Encoding, vocabulary: Sequence[str]) -> Encoding:  # noqa: ANN401 - of transformers
    """The tokens that the decoder reads for a target, with ``expected`` at each position; as many as the target has.

    A model that names no start token reads the target as it is. Its last position then expects nothing.
    """
    start = start_token(model, target.ids)
    if start is None:
        return replace(target, expected=(*_expected(target)[1:], None))
    return replace(
        target,
        ids=_shifted(target.ids, start),
        tokens=(vocabulary_form(vocabulary, start), *target.tokens[:-1]),
        start=_shifted(target.start, 0),
        end=_shifted(target.end, 0),
        segment=_shifted(target.segment, target.segment[0]),
        is_special=_shifted(target.is_special, True),
        is_masked=_shifted(target.is_masked, False),
        type_ids=None,
        expected=_expected(target),
    )


def start_token(model: Any, ids: NDArray[np.int64]) -> int | None:  # noqa: ANN401
    """Id of the token that the decoder reads in front of a target; ``None`` if the model names none.

    Args:
        model: A transformers model with an encoder and a decoder.
        ids: int64 ``[n]``, the target.
    """
    import torch

    shift = _own_shift(model)
    if shift is not None:
        try:
            shifted = shift(torch.from_numpy(ids)[None])[0].tolist()
        except (ValueError, TypeError, AttributeError):  # its configuration lacks what it needs
            shifted = []
        if shifted[1:] == ids[:-1].tolist() and shifted:
            return int(shifted[0])
    configs = (model.config, getattr(model, "generation_config", None))
    named = (getattr(one, "decoder_start_token_id", None) for one in configs)
    return next((int(id_) for id_ in named if id_ is not None), None)


def _own_shift(model: Any) -> Callable[[torch.Tensor], torch.Tensor] | None:  # noqa: ANN401
    """The model's own way from labels to what its decoder reads, as ``model(labels=...)`` goes it."""
    for name in ("prepare_decoder_input_ids_from_labels", "_shift_right"):
        own: Callable[[torch.Tensor], torch.Tensor] | None = getattr(model, name, None)
        if own is not None:
            return own
    function = getattr(sys.modules[type(model).__module__], "shift_tokens_right", None)
    if function is None:
        return None
    config = model.config
    settings = (config.pad_token_id, getattr(config, "decoder_start_token_id", None))
    taken = settings[: function.__code__.co_argcount - 1]
    return lambda labels: function(labels, *taken)


def _expected(target: Encoding) -> tuple[ExpectedToken | None, ...]:
    return tuple(ExpectedToken(token, id_) for token, id_ in zip(target.tokens, target.ids.tolist(), strict=True))


def _shifted(array: NDArray[Number], first: Any) -> NDArray[Number]:  # noqa: ANN401 - a number
    return np.concatenate((np.array([first], dtype=array.dtype), array[:-1]))
