"""The decoder of an encoder-decoder model, behind an encoder that has run."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.network import Network


def finish(network: Network, encoded: Any, inputs: dict[str, torch.Tensor]) -> Any:  # noqa: ANN401
    """The decoder behind an encoder that has run."""
    if network.body is network.model:
        return _decode(network, encoded, inputs)
    later = {"encoder_outputs": encoded, "attention_mask": inputs["attention_mask"]}
    later["decoder_input_ids"] = inputs["decoder_input_ids"]
    parameter = inspect.signature(network.body.forward).parameters.get("input_ids")
    if parameter is not None and parameter.default is inspect.Parameter.empty:
        later["input_ids"] = inputs["input_ids"]
    return network.call(network.body, later, **network.eager_flags())


def _decode(network: Network, encoded: Any, inputs: dict[str, torch.Tensor]) -> Any:  # noqa: ANN401
    """The decoder alone, for models whose head sits beside the stacks (T5) or in one of them (composites)."""
    arguments = {
        "input_ids": inputs["decoder_input_ids"],
        "encoder_hidden_states": encoded.last_hidden_state,
        "encoder_attention_mask": inputs["attention_mask"],
    }
    widen = getattr(network.model, "enc_to_dec_proj", None)
    if widen is not None:  # a composite of two models of different widths
        arguments["encoder_hidden_states"] = widen(encoded.last_hidden_state)
    return network.call(network.model.get_decoder().base_model, arguments, **network.eager_flags())
