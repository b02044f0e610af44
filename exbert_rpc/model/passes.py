"""What a forward pass leaves, as tensors on the model's device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exbert_rpc.model.attention_function import attention_weights

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.attention_function import AttentionCall


@dataclass(frozen=True, slots=True)
class LayerAttention:
    """Where the weights of a layer come from: query and key of its calls, or (off the interface) the model itself.

    Attributes:
        calls: One call; or several, whose heads follow one another.
        known: float ``[b, H, n, m]``, where the weights themselves are there.
        keys: Which of the call's keys belong to this attention, from one up to another; ``None``: all of them.
    """

    calls: tuple[AttentionCall, ...] = ()
    known: torch.Tensor | None = None
    keys: tuple[int, int] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether rows sum to 1."""
        return self.keys is None and all(call.sinks is None or call.hides_sinks for call in self.calls)

    def weights(self, item: int | None = None, heads: Sequence[int] | None = None) -> torch.Tensor:
        """float32 ``[b, len(heads), n, m]`` of one batch item (``b`` = 1) or of all."""
        import torch

        if len(self.calls) == 1:
            found = attention_weights(self.calls[0], item, heads)
            return found if self.keys is None else found[..., slice(*self.keys)]
        if self.calls:
            whole = torch.cat([attention_weights(call, item) for call in self.calls], dim=1)
            return whole if heads is None else whole[:, list(heads)]
        if self.known is None:
            raise LookupError("nothing was kept of this attention call")
        known = self.known if item is None else self.known[item : item + 1]
        return known.float() if heads is None else known[:, list(heads)].float()

    @property
    def tensors(self) -> list[torch.Tensor]:
        """Every tensor that is kept."""
        parts = [(call.query, call.key, call.mask, call.bias, call.output) for call in self.calls]
        return [part for part in (self.known, *(part for call in parts for part in call)) if part is not None]


@dataclass(slots=True)
class RawPass:
    """What one forward pass left, as tensors on the model's device. ``b`` batch items.

    Attributes:
        hidden: By hidden layer, float ``[b, n, D]`` (of the encoder, if there are two).
        heads: By layer, float ``[b, n, H, d]`` (of the encoder); layers without attention have none.
        attention: By stream and layer.
        final: The body's output, which the language-model head continues from; ``None`` after an early end.
        calls: What the recorder kept.
    """

    hidden: dict[int, torch.Tensor] = field(default_factory=dict)
    heads: dict[int, torch.Tensor] = field(default_factory=dict)
    attention: dict[str, dict[int, LayerAttention]] = field(default_factory=dict)
    final: Any = None
    calls: list[AttentionCall] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ending:
    """What :meth:`Network.run_to_end` keeps.

    Attributes:
        hidden: float ``[b, n, D]``, the last state (of the encoder).
        final: The body's output, which the language-model head continues from; ``None`` where the decoder did not run.
    """

    hidden: torch.Tensor
    final: Any
