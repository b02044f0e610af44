"""Logit lens: what each hidden state predicts when the model's own final norm and language-model head are applied.

Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exbert_rpc.model.taps import listening

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from exbert_rpc.model.network import Network
    from exbert_rpc.model.passes import RawPass


def lens_logits(network: Network, raw: RawPass, position: int, norm: torch.nn.Module | None) -> list[torch.Tensor]:
    """Float ``[vocabulary]`` for each hidden state at one position; the last one is what the model predicts.

    Args:
        network: The model.
        raw: A pass of it, with every hidden state.
        position: Which token.
        norm: The final norm, applied to all hidden states but the last; ``None`` if the model has none.
    """
    import torch

    found: list[torch.Tensor] = []
    for layer in sorted(raw.hidden):
        state = raw.hidden[layer][:, position : position + 1]
        with torch.inference_mode():
            ready = state if norm is None or layer == max(raw.hidden) else norm(state)
            final = type(raw.final)(last_hidden_state=ready)
        found.append(network.logits(final, 0, 1)[0, 0])
    return found


def find_final_norm(
    network: Network, inputs: dict[str, torch.Tensor], layers: Sequence[torch.nn.Module] | None
) -> torch.nn.Module | None:
    """The module behind all layers that gives the last hidden state; ``None`` if the last layer itself gives it."""
    import torch

    inside = {id(module) for layer in layers or () for module in layer.modules()}
    outside = [
        module
        for module in network.body.modules()
        if id(module) not in inside and next(module.children(), None) is None
    ]
    last = _Last()
    with network.lock, listening(outside, last):
        ending = network.run_to_end(inputs)
    for module, output in reversed(last.seen):
        once = sum(1 for one, _output in last.seen if one is module) == 1
        if once and output.shape == ending.hidden.shape and torch.equal(output, ending.hidden):
            found: torch.nn.Module = module
            return found
    return None


@dataclass(slots=True)
class _Last:
    """Modules with what they gave."""

    seen: list[tuple[Any, torch.Tensor]] = field(default_factory=list)

    def takes(self, module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        """A module is called."""

    def gives(self, module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401, ARG002
        """A module has run."""
        import torch

        if isinstance(output, torch.Tensor):
            self.seen.append((module, output))
