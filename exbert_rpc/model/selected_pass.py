"""A pass that keeps only the layers asked for, and ends as soon as it has them; corpora are built by it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exbert_rpc.model.attention_function import EnoughSeen, recording
from exbert_rpc.model.call_layers import calls_by_layer, distinct_calls, joined_outputs, joined_weights
from exbert_rpc.model.head_places import AtModules
from exbert_rpc.model.passes import LayerAttention, RawPass
from exbert_rpc.model.taps import Tap, tapping

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.attention_function import Recorder
    from exbert_rpc.model.network import Network


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a pass: numbers of hidden states, and of layers whose head outputs or attention is kept."""

    hidden_layers: Sequence[int]
    layers: Sequence[int]
    attention_layers: Sequence[int]

    @property
    def last_call(self) -> int:
        """The last layer whose attention has to run; -1: none."""
        return max([*self.layers, *self.attention_layers], default=-1)

    @property
    def deepest(self) -> int:
        """How deep the pass goes: hidden state ``i`` lies at ``2i``, the attention behind it at ``2i + 1``."""
        return max(2 * max(self.hidden_layers, default=-1), 2 * self.last_call + 1)


def run_wanted(network: Network, inputs: dict[str, torch.Tensor], wanted: Wanted) -> RawPass:
    """The pass over ``b`` texts; of the encoder only, if there are two stacks.

    The network knows where its hidden states are (``hidden_taps``); off the attention interface no attention is
    wanted, and head outputs are read at modules.
    """
    import torch

    raw = RawPass()
    at = network.head_places if network.route == "eager" else None
    places = _places(network, wanted, at if isinstance(at, AtModules) else None)

    def receive(number: int, tensor: torch.Tensor) -> None:
        depth = places[number][0]
        if isinstance(at, AtModules) and depth % 2 == 1:
            raw.heads[depth // 2] = at.by_head(tensor, network.n_heads)[:, : inputs["input_ids"].shape[1]]
        else:
            raw.hidden[depth // 2] = network.view(tensor)
        if depth == wanted.deepest:
            raise EnoughSeen

    recorder = _recorder(network, wanted)
    alone = nullcontext() if network.side_by_side else network.lock
    with alone, torch.inference_mode(), recording(recorder), tapping([tap for _depth, tap in places], receive):
        reader = network.model.get_encoder() if network.is_encoder_decoder else network.body
        with suppress(EnoughSeen):
            network.call(reader, inputs)
    _take(raw, network, recorder, wanted)
    return raw


def _places(network: Network, wanted: Wanted, at: AtModules | None) -> list[tuple[int, Tap]]:
    """Taps, each with its depth in the model."""
    places = [(2 * layer, (network.hidden_taps or ())[layer]) for layer in sorted(set(wanted.hidden_layers))]
    if at is None:
        return places
    number_of = network.call_layers.index if network.call_layers is not None else int
    return places + [(2 * layer + 1, at.taps[number_of(layer)]) for layer in sorted(set(wanted.layers))]


def _recorder(network: Network, wanted: Wanted) -> Recorder:
    attending = frozenset(wanted.attention_layers)
    at_once = _computes_weights_at_once(network)
    return network.recorder(
        outputs=frozenset(wanted.layers),
        scores=frozenset() if at_once else attending,
        weights=attending if at_once else frozenset(),
        stop_after=wanted.last_call if wanted.deepest == 2 * wanted.last_call + 1 else None,
    )


def _computes_weights_at_once(network: Network) -> bool:
    """Elsewhere than on the processor the weights of all layers would be in the device's memory at once."""
    return str(network.device.type) == "cpu"


def _take(raw: RawPass, network: Network, recorder: Recorder, wanted: Wanted) -> None:
    """Put what was recorded into the pass."""
    calls, same = calls_by_layer(recorder.calls, network.call_layers), network.same_weights
    raw.heads |= {layer: joined_outputs(own, same) for layer, own in calls.items() if layer in wanted.layers}
    kept = {layer: distinct_calls(own, same) for layer, own in calls.items() if layer in wanted.attention_layers}
    at_once = _computes_weights_at_once(network)
    raw.attention["self"] = {
        layer: LayerAttention(known=joined_weights(own)) if at_once else LayerAttention(own)
        for layer, own in kept.items()
    }
