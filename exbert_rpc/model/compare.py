"""Whether a captured pass is the stock model's, relative to how exact the stock model itself is.

1. Numbers within :data:`PROMISED` of the largest one of the reference (or of 1) are the same.
2. What is further off is compared with the stock model's own distance from float64: sharp attention or many layers
   take eager attention itself further than that. Up to :data:`TIMES_EAGER` times its distance is rounding.
3. In float32, nothing beyond :data:`NEVER_ROUNDING` is rounding, whatever float64 says.
4. In bfloat16 and float16 a pass has to be as near to float64 as the stock model's: up to :data:`TIMES_EAGER` times its
   distance, or so many units of rounding. That shows how well a route rounds; what it computes is shown by the same
   route in float64 (``model/verify.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.attention_function import AttentionCall
    from exbert_rpc.model.passes import LayerAttention, RawPass
    from exbert_rpc.model.stock import Stock

PROMISED = 1e-5
TIMES_EAGER = 4.0
NEVER_ROUNDING = 1e-2
"""``PROMISED`` and ``NEVER_ROUNDING`` are relative differences, as :func:`distance` gives them."""


@dataclass(slots=True)
class Judge:
    """Compares with one stock pass; runs it in float64 only if something is further off than promised.

    Attributes:
        stock: The reference.
        run_in_float64: Gives the reference in float64, or ``None``; called once at most.
        unit: Rounding unit of bfloat16 or float16; 0 for float32 and float64.
    """

    stock: Stock
    run_in_float64: Callable[[], Stock | None]
    unit: float = 0.0
    _exact: list[Stock | None] = field(default_factory=list)

    def difference(self, raw: RawPass, call_layers: tuple[int, ...] | None = None) -> str:
        """In words, what differs between a captured pass of the same input and the stock model; empty if nothing.

        Args:
            raw: The captured pass, with the values of each attention call, which are forgotten afterward.
            call_layers: Layer of each attention call of stream ``self``; ``None``: one a layer, in order.
        """
        return (
            self._attention_difference(raw, call_layers)
            or self._state_difference(raw, call_layers)
            or head_difference(raw, max(PROMISED, TIMES_EAGER * self.unit))
        )

    def are_logits(self, found: torch.Tensor) -> bool:
        """Whether logits, float ``[b, n, vocabulary]``, are the stock model's; never so without its own."""
        expected = self.stock.logits
        return expected is not None and self._same(found, expected, lambda stock: stock.logits)

    def rounding(self) -> float:
        """How far rounding may take hidden states and weights, relative to the largest number of each, or to 1.

        In [:data:`PROMISED`, :data:`NEVER_ROUNDING`]; the lower end where float64 can't be had.
        """
        exact = self.exact
        if exact is None or self.unit > 0:
            return PROMISED
        pairs = list(zip(self.stock.hidden, exact.hidden, strict=False))
        pairs += list(zip(self.stock.attention["self"], exact.attention["self"], strict=False))
        own = max((distance(found, expected) for found, expected in pairs), default=0.0)
        return max(PROMISED, min(NEVER_ROUNDING, TIMES_EAGER * own))

    @property
    def exact(self) -> Stock | None:
        """The reference in float64, if it can be had."""
        if not self._exact:
            self._exact.append(self.run_in_float64())
        return self._exact[0]

    def _same(self, found: torch.Tensor, expected: torch.Tensor, pick: Callable[[Stock], torch.Tensor | None]) -> bool:
        if found.shape != expected.shape:
            return False
        off = distance(found, expected)
        if off <= PROMISED:
            return True
        exact = self.exact
        reference = None if exact is None else pick(exact)
        if reference is None:
            return False
        own = distance(expected, reference)
        if self.unit > 0:
            return distance(found, reference) <= TIMES_EAGER * max(own, self.unit)
        return off <= min(NEVER_ROUNDING, TIMES_EAGER * own)

    def _attention_difference(self, raw: RawPass, call_layers: tuple[int, ...] | None) -> str:
        for stream in self.stock.attention:
            places = call_layers if stream == "self" else None
            reference = self.stock.by_layer(stream, places)
            layers = raw.attention.get(stream, {})
            if layers.keys() != reference.keys():
                return (
                    f"{len(layers)} of {len(reference)} {stream} attention calls pass through the attention interface"
                )
            for layer, expected in reference.items():
                found = layers[layer].weights()
                if not self._same(found, expected, lambda stock, s=stream, p=places, n=layer: stock.by_layer(s, p)[n]):  # type: ignore[misc]
                    return f"its attention weights in layer {layer} ({stream}) are not those of its own eager attention"
                allowed = max(10 * PROMISED, TIMES_EAGER * self.unit)
                wanted = expected.sum(-1) if _lack_a_share(layers[layer], expected) else found.new_ones(1)
                if layers[layer].is_whole and distance(found.sum(-1), wanted.expand(found.shape[:-1])) > allowed:
                    return f"the attention rows of layer {layer} don't sum to 1"
        return ""

    def _state_difference(self, raw: RawPass, call_layers: tuple[int, ...] | None) -> str:
        shown = self.stock.by_layer("self", call_layers)
        if raw.heads.keys() != shown.keys() or len(raw.hidden) != len(self.stock.hidden):
            return "its layers cannot be told apart"
        for layer, expected in enumerate(self.stock.hidden):
            if not self._same(raw.hidden[layer], expected, lambda stock, n=layer: stock.hidden[n]):  # type: ignore[misc]
                return f"hidden state {layer} is not the stock model's"
        return ""


def _lack_a_share(layer: LayerAttention, expected: torch.Tensor) -> bool:
    """Whether rows of weights that the model gives itself are those of a softmax, less what a sink takes of it."""
    sums = expected.sum(-1)
    return layer.known is not None and bool((expected >= 0).all() and (sums > 0).all() and (sums <= 1 + PROMISED).all())


def distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest difference, relative to the largest number expected or to 1; infinity where something is not finite.

    Args:
        found: float, of any shape.
        expected: float, of the same shape; may have another precision.

    Returns:
        At least 0; 0 for tensors without numbers.
    """
    import math

    if expected.numel() == 0:
        return 0.0
    scale = max(1.0, float(expected.abs().max()))
    off = float((found.double() - expected.double()).abs().max())
    return off / scale if math.isfinite(off) else math.inf


def head_difference(raw: RawPass, allowed: float = PROMISED) -> str:
    """In words, which head output is not softmax(QKᵀ)·V of its call's own numbers; empty if all are.

    ``allowed`` is what is rounding in any case, relative to the largest number. The values of the calls are forgotten
    afterward, unless something differs. Calls that kept no values (of models off the interface) are not looked at.
    """
    for number, call in enumerate(raw.calls):
        if call.value is None or call.output is None or call.query is None or call.key is None:
            return "its values were not seen"
        found, plain, exact = call.output, _mixed(call), _mixed(_in_double(call))
        off = distance(found, exact)
        if off > allowed and not off <= min(NEVER_ROUNDING, TIMES_EAGER * distance(plain, exact)):
            return f"the head outputs of attention call {number} are not softmax(QK)V"
    for call in raw.calls:
        call.value = None
    return ""


def farthest(found: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> float:
    """The largest :func:`distance` of some pairs, at least 0; infinity where the shapes of a pair differ.

    Raises:
        ValueError: There are more tensors on one side than on the other.
    """
    import math

    pairs = list(zip(found, expected, strict=True))
    if any(one.shape != other.shape for one, other in pairs):
        return math.inf
    return max((distance(one, other) for one, other in pairs), default=0.0)


def _mixed(call: AttentionCall) -> torch.Tensor:
    """float ``[b, n, H, d]``: the values under the call's weights."""
    import torch

    from exbert_rpc.model.attention_function import mixing_weights

    weights, value = mixing_weights(call), call.value
    if value is None:
        raise LookupError("values of this call were not kept")
    group = weights.shape[1] // call.n_kv_heads
    return torch.matmul(weights, value.to(weights.dtype).repeat_interleave(group, dim=1)).transpose(1, 2)


def _in_double(call: AttentionCall) -> AttentionCall:
    return replace(
        call,
        query=_double(call.query),
        key=_double(call.key),
        value=_double(call.value),
        bias=_double(call.bias),
        sinks=_double(call.sinks),
    )


def _double(tensor: torch.Tensor | None) -> torch.Tensor | None:
    return None if tensor is None else tensor.double()
