"""The language-model head on a kept pass: what the head reads is kept, and answers for the stack below it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.network import Network

_READ_BY_HEADS = "last_hidden_state"
"""Fields that heads read begin with it; ProphetNet's reads several streams, which follow one another."""


def logits_of(network: Network, final: Any, first: int, last: int) -> torch.Tensor:  # noqa: ANN401
    """Float ``[b, last - first, vocabulary]``: the model's own head on a stretch of a kept pass; no second pass.

    Args:
        network: The model; the caller holds its lock, and chooses whether gradients are wanted.
        final: What :func:`bare` kept of a pass over ``n`` tokens (of the decoder, if there are two stacks).
        first: Token in [0, n).
        last: Token behind the stretch, in (first, n].
    """
    cut = stretch(final, first, last)
    if network.is_encoder_decoder and network.body is network.model:
        return _around_stacks(network, cut)
    inputs = {"input_ids": network.placeholder(last - first).expand(cut.last_hidden_state.shape[0], -1)}
    if network.is_encoder_decoder:
        inputs["decoder_input_ids"] = inputs["input_ids"]
    with answering(network.body.get_submodule(network.answering), cut):
        logits: torch.Tensor = network.call(network.model, inputs).logits
        return logits


def bare(final: Any) -> Any:  # noqa: ANN401 - a transformers output
    """The output with nothing but what heads read, so that nothing else is kept alive."""
    return type(final)(**_read_by_heads(final))


def stretch(final: Any, first: int, last: int) -> Any:  # noqa: ANN401
    """A kept output from one token up to another."""
    n = final.last_hidden_state.shape[1]

    def cut(states: torch.Tensor) -> torch.Tensor:
        if states.shape[1] == n:
            return states[:, first:last]
        streams = states.reshape(states.shape[0], -1, n, states.shape[-1])[:, :, first:last]
        return streams.reshape(states.shape[0], -1, states.shape[-1])

    return replace(final, **{name: cut(states) for name, states in _read_by_heads(final).items()})


def reads_other_streams(final: Any) -> bool:  # noqa: ANN401
    """Whether predictions are made from states beside those of the text (the predicting streams of ProphetNet)."""
    return len(_read_by_heads(final)) > 1


def _read_by_heads(final: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401
    named = [field.name for field in fields(final) if field.name.startswith(_READ_BY_HEADS)]
    return {name: states for name in named if getattr(states := getattr(final, name), "ndim", 0) == 3}


@contextmanager
def answering(module: Any, answer: Any) -> Iterator[None]:  # noqa: ANN401
    """Let a module give this thread a kept output instead of running; other threads run it."""
    before, forward, here = module.__dict__.get("forward"), module.forward, threading.get_ident()

    def give(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        return answer if threading.get_ident() == here else forward(*args, **kwargs)

    module.forward = give
    try:
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before


def _around_stacks(network: Network, cut: Any) -> torch.Tensor:  # noqa: ANN401
    from transformers.modeling_outputs import MoeModelOutputWithPast as Output  # has all that any head looks at

    b, n = cut.last_hidden_state.shape[:2]
    inputs: dict[str, Any] = {"decoder_input_ids": network.placeholder(n).expand(b, -1)}
    inputs["encoder_outputs"] = Output(last_hidden_state=cut.last_hidden_state)
    encoder_width = getattr(getattr(network.model.get_encoder(), "config", None), "hidden_size", None)
    if getattr(network.model, "enc_to_dec_proj", None) is not None and isinstance(encoder_width, int):
        inputs["encoder_outputs"] = Output(last_hidden_state=cut.last_hidden_state.new_zeros((1, n, encoder_width)))
    with answering(network.model.get_decoder().base_model, cut):
        logits: torch.Tensor = network.call(network.model, inputs).logits
        return logits
