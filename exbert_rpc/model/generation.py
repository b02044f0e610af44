"""What a model writes behind a text: greedy, with the stock ``generate``, so that it is the stock model's answer.

1. The text is read once; each step then reads the newest token alone, beside the keys and values that transformers
   caches. The capture is another, whole pass over text and continuation: what it holds comes from no cache.
2. Where rotary frequencies depend on the length of the text (``longrope``, ``dynamic``), keys of earlier steps are not
   those of one pass, so that each step reads the whole text; likewise in a class that fails with its cache.
3. The settings of the checkpoint's ``generation_config`` hold, as in stock ``generate``: :func:`deviations` names those
   by which another token than the likeliest may be written.

A step is the unit in which a generation can be cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from exbert_rpc.errors import ExbertError, InvalidParams, ModelNotSupported, TextTooLong
from exbert_rpc.model.types import Encoding, ModelDescription

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.network import Network

MOST_TOKENS = 256
"""Tokens that one request may ask for."""
_NEUTRAL = {
    **dict.fromkeys(("repetition_penalty", "encoder_repetition_penalty", "guidance_scale"), 1),
    **dict.fromkeys(("no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "min_length", "min_new_tokens"), 0),
    **dict.fromkeys(("bad_words_ids", "suppress_tokens", "begin_suppress_tokens", "sequence_bias"), None),
    **dict.fromkeys(("forced_bos_token_id", "forced_eos_token_id", "exponential_decay_length_penalty"), None),
}
"""Settings by which ``generate`` changes logits without sampling, at the values without effect."""


def check_generates(info: ModelDescription, encoding: Encoding, n: int) -> None:
    """Return at once if the model can write ``n`` tokens behind that text.

    Raises:
        InvalidParams: The model does not continue texts, or the number is out of range.
        TextTooLong: Text and continuation together have more tokens than the model takes.
    """
    if info.kind != "autoregressive" or not info.has_lm_head:
        what = f"it is {info.kind}" if info.kind != "autoregressive" else "its checkpoint has no language-model head"
        raise InvalidParams(
            "generate",
            f"{info.id} ({info.architecture}) does not continue texts: {what}",
            hint="Leave it out, or choose an autoregressive model with a language-model head.",
        )
    if not 1 <= n <= MOST_TOKENS:
        raise InvalidParams("generate", f"{n} is out of range", hint=f"1 to {MOST_TOKENS}", limit=MOST_TOKENS)
    length = len(encoding.ids) + n
    if length > info.max_tokens:
        raise TextTooLong(
            f"the text has {len(encoding.ids)} tokens, with {n} generated ones {length}; the model takes at most "
            f"{info.max_tokens}",
            hint="Ask for fewer tokens, or send a shorter text.",
            length=length,
            limit=info.max_tokens,
            unit="tokens",
        )


def generate_greedily(
    network: Network, inputs: dict[str, torch.Tensor], n: int, watch: Callable[[int], None]
) -> list[int]:
    """Ids of at most ``n`` tokens that the model writes behind one text; fewer if it ends its answer.

    Args:
        network: An autoregressive model with a head.
        inputs: Of one text, ``[1, length]`` each.
        n: At least 1.
        watch: Is told the number of tokens so far, after each one; what it raises ends the generation.

    Raises:
        ModelNotSupported: The class of transformers cannot generate.
    """
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    length = inputs["input_ids"].shape[1]

    class Watch(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: torch.Tensor, _scores: Any, **_more: Any) -> torch.Tensor:  # noqa: ANN401
            watch(input_ids.shape[1] - length)
            return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)

    settings = {"max_new_tokens": n, "do_sample": False, "num_beams": 1, **_without_sampling(network.model)}

    def write(*, use_cache: bool) -> torch.Tensor:
        alone = nullcontext() if network.side_by_side else network.lock
        with alone, torch.inference_mode():
            watched = StoppingCriteriaList([Watch()])
            found: torch.Tensor = network.model.generate(
                **inputs, **settings, use_cache=use_cache, stopping_criteria=watched
            )
            return found

    try:
        written = _with_or_without_cache(write) if network.side_by_side else write(use_cache=False)
    except ExbertError:
        raise
    except Exception as exc:  # some classes of transformers have a head and cannot generate, or only with a cache
        raise ModelNotSupported(
            f"{type(network.model).__name__} cannot continue a text: transformers says {str(exc).strip()[:200]!r}",
            hint="Leave `generate` out.",
        ) from exc
    found = written[0, length:].cpu().numpy().astype(np.int64)
    return [int(id_) for id_ in found]


def deviations(network: Network) -> dict[str, Any]:
    """Settings of the model's ``generation_config`` by which it may write another token than the likeliest one.

    Returns:
        Name and value of each; lists of tokens are left out of the values (``...``). Empty for most models.
    """
    config = getattr(network.model, "generation_config", None)
    found = {name: getattr(config, name, None) for name in _NEUTRAL}
    return {
        name: value if isinstance(value, (int, float)) else ...
        for name, value in found.items()
        if value is not None and value != _NEUTRAL[name]
    }


def _with_or_without_cache(write: Callable[..., torch.Tensor]) -> torch.Tensor:
    try:
        return write(use_cache=True)
    except ExbertError:
        raise
    except Exception:  # some classes of transformers have no cache, or one that fails
        return write(use_cache=False)


def _without_sampling(model: Any) -> dict[str, Any]:  # noqa: ANN401
    """Settings that only sampling reads, at values without effect, so that transformers does not warn of them."""
    neutral: dict[str, Any] = {"temperature": 1.0, "top_p": 1.0, "top_k": 50, "min_p": None, "typical_p": 1.0}
    return {name: value for name, value in neutral.items() if getattr(model.generation_config, name, None) is not None}
