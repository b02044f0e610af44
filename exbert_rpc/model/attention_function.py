"""The attention function that transformers calls for us, and what it writes down.

transformers' public ``AttentionInterface`` hands every attention call of a model to a registered function:

1. the output is computed by the fast kernel (``scaled_dot_product_attention``), as the stock model would;
2. if the running thread has a :class:`Recorder`, the call's query, key and mask are kept (not the weights);
3. :func:`attention_weights` computes softmax(QKᵀ·scaling + bias + mask) later, for the heads asked for;
4. where the recorder is certain to want all weights, they are computed at once, and the output from them: the kernel
   would multiply query and key a second time (half of the time at 30 tokens, two thirds at 256).

The registration is global and does nothing to models that don't ask for it by name. Some models apply a mask of their
own only if the implementation is called ``eager`` or ``sdpa``: for those :func:`register_as_kernel` puts a function
under the second name that records where this thread has a recorder and otherwise is transformers' own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import torch

NAME_BOOL_MASK: Final = "exbert_rpc"
NAME_FLOAT_MASK: Final = "exbert_rpc_additive"
NAME_OF_THE_KERNEL: Final = "sdpa"

HeadEdit = Callable[[int, "torch.Tensor"], "torch.Tensor"]
"""Head outputs ``[b, n, H, d]`` of a layer (given by number) as the model shall go on with them; another tensor, or the
same one untouched."""

_running = threading.local()


class EnoughSeen(Exception):
    """Raised inside a forward pass when nothing further is wanted of it; never leaves ``model/``."""


@dataclass(slots=True)
class AttentionCall:
    """One call of the attention function. ``b`` batch, ``h`` key/value heads, ``m`` keys.

    Attributes:
        query: float ``[b, H, n, d_key]``, or ``None`` where weights are not wanted.
        key: float ``[b, h, m, d_key]``, likewise.
        value: float ``[b, h, m, d]``; kept only by a recorder with ``keep_values``.
        mask: bool (True: may attend) or additive float, broadcastable to ``[b, H, n, m]``; ``None``: no mask.
        bias: additive float, broadcastable likewise (T5's relative positions); ``None``: none.
        causal: Whether later keys are hidden although ``mask`` is ``None``.
        scaling: Factor on QKᵀ.
        softcap: ``s`` of ``s * tanh(x / s)`` on the scaled scores (Gemma 2); ``None``: none.
        sinks: float ``[H]`` or ``[b, H, n, 1]``, a score that takes weight and gives none (gpt-oss, Inkling 2);
            ``None``: none.
        hides_sinks: Whether the model shows its weights without the sink's share, which only its outputs lack (Granite
            SWA).
        output: float ``[b, n, H, d]``, softmax(QKᵀ)·V; ``None`` where not wanted.
        weights: float32 ``[b, H, n, m]``, where they were wanted at once.
        n_kv_heads: Key/value heads of the call.
        stage: What the recorder said was running.
    """

    query: torch.Tensor | None
    key: torch.Tensor | None
    value: torch.Tensor | None
    mask: torch.Tensor | None
    bias: torch.Tensor | None
    causal: bool
    scaling: float
    softcap: float | None
    sinks: torch.Tensor | None
    output: torch.Tensor | None
    n_kv_heads: int
    stage: str
    weights: torch.Tensor | None = None
    hides_sinks: bool = False


@dataclass(slots=True)
class Recorder:
    """What to keep of a forward pass, and what was kept.

    Attributes:
        outputs: Layers whose calls' output is kept; ``None``: all.
        scores: Layers whose calls' query, key and mask are kept; ``None``: all.
        weights: Layers whose weights are computed at once and kept.
        keep_values: Whether values are kept too (for verification).
        stop_after: The last layer whose calls are needed; ``None``: never stop.
        stage: Label of the calls that come next.
        edit: Replaces the outputs of the calls of stage ``self``; ``None``: nothing does.
        first: The layers of stage ``self`` before this one are not run.
        layers: Layer of each call of stage ``self``; ``None``: one call a layer, in order.
        same_weights: Whether calls of one layer share their weights, and their outputs lie side by side in each head
            (DiffLlama); else the heads of a later call follow those of the earlier one.
        hides_sinks: See :class:`AttentionCall`.
        calls: The calls, in order of execution.
    """

    outputs: frozenset[int] | None = None
    scores: frozenset[int] | None = None
    weights: frozenset[int] = frozenset()
    keep_values: bool = False
    stop_after: int | None = None
    stage: str = "self"
    edit: HeadEdit | None = None
    first: int = 0
    layers: tuple[int, ...] | None = None
    same_weights: bool = False
    hides_sinks: bool = False
    calls: list[AttentionCall] = field(default_factory=list)

    def of(self, stage: str) -> list[AttentionCall]:
        """The calls of one stage, in order."""
        return [call for call in self.calls if call.stage == stage]

    @property
    def layer(self) -> int:
        """Layer of the next call; its number within the stage where that is not known."""
        number = self._number
        return number if not self._is_placed else self._placed[number]

    @property
    def is_last_of_layer(self) -> bool:
        """Whether the next call is the last one of its layer."""
        number = self._number + 1
        return not self._is_placed or number >= len(self._placed) or self._placed[number] != self._placed[number - 1]

    def edited(self, output: torch.Tensor) -> torch.Tensor:
        """The output ``[b, n, H, d]`` of the next call as ``edit`` leaves it."""
        if self.edit is None or self.stage != "self":
            return output
        among = self._calls_of_layer
        if len(among) == 1:
            return self.edit(self.layer, output)
        # a layer's heads are those of all its calls: this one's take their place among zeros
        axis, size = (3, output.shape[3]) if self.same_weights else (2, output.shape[2])
        place = among.index(self._number) * size
        shape = list(output.shape)
        shape[axis] = size * len(among)
        whole = output.new_zeros(shape)
        whole.narrow(axis, place, size).copy_(output)
        return self.edit(self.layer, whole).narrow(axis, place, size).contiguous()

    @property
    def _number(self) -> int:
        skipped = self.first if self.stage == "self" else 0
        if self._is_placed:
            skipped = sum(1 for layer in self._placed if layer < self.first)
        return skipped + sum(1 for call in self.calls if call.stage == self.stage)

    @property
    def _is_placed(self) -> bool:
        return self.stage == "self" and self.layers is not None

    @property
    def _placed(self) -> tuple[int, ...]:
        return self.layers or ()

    @property
    def _calls_of_layer(self) -> list[int]:
        if not self._is_placed:
            return [self._number]
        return [number for number, layer in enumerate(self._placed) if layer == self.layer]


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """Let the attention calls of this thread go to ``recorder`` while the block runs."""
    before: Recorder | None = getattr(_running, "recorder", None)
    _running.recorder = recorder
    try:
        yield recorder
    finally:
        _running.recorder = before


def register() -> None:
    """Make both names known to transformers; harmless when repeated."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask, sdpa_mask

    AttentionInterface.register(NAME_BOOL_MASK, recorded_attention)
    AttentionMaskInterface.register(NAME_BOOL_MASK, sdpa_mask)
    AttentionInterface.register(NAME_FLOAT_MASK, recorded_attention)
    AttentionMaskInterface.register(NAME_FLOAT_MASK, eager_mask)


def register_as_kernel() -> None:
    """Let passes with a recorder be seen in models that run by the name ``sdpa``; harmless when repeated."""
    from transformers import AttentionInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    def recorded_or_stock(*args: Any, **kwargs: Any) -> tuple[torch.Tensor, torch.Tensor | None]:  # noqa: ANN401
        seen = getattr(_running, "recorder", None) is not None
        return (recorded_attention if seen else sdpa_attention_forward)(*args, **kwargs)

    AttentionInterface.register(NAME_OF_THE_KERNEL, recorded_or_stock)


def recorded_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,  # noqa: ARG001 - part of the interface; models run in eval mode
    is_causal: bool | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    position_bias: torch.Tensor | None = None,
    sinks: torch.Tensor | None = None,
    **kwargs: Any,  # noqa: ANN401, ARG001 - whatever a model adds for other kernels
) -> tuple[torch.Tensor, None]:
    """Compute ``[b, n, H, d]`` with the fast kernel and tell the thread's recorder, if there is one.

    Source: ``transformers.integrations.sdpa_attention.sdpa_attention_forward``.
    """
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    call = AttentionCall(
        query=query,
        key=key,
        value=value,
        mask=attention_mask,
        bias=position_bias,
        causal=causal and attention_mask is None and query.shape[2] > 1,
        scaling=query.shape[-1] ** -0.5 if scaling is None else float(scaling),
        softcap=softcap,
        sinks=s_aux if sinks is None else sinks,
        output=None,
        n_kv_heads=key.shape[1],
        stage="self",
    )
    recorder: Recorder | None = getattr(_running, "recorder", None)
    call.hides_sinks = recorder is not None and recorder.hides_sinks
    if recorder is not None and recorder.layer in recorder.weights:
        call.weights = attention_weights(call)
        output = _weighted(mixing_weights(call) if call.hides_sinks else call.weights, call, value)
    else:
        output = _output(call, value)
    if recorder is not None:
        output = recorder.edited(output)
        _record(recorder, call, output)
    return output, None


def attention_weights(call: AttentionCall, item: int | None = None, heads: Sequence[int] | None = None) -> torch.Tensor:
    """Weights ``[b, len(heads), n, m]`` of one batch item (``b`` = 1) or of all; rows sum to 1.

    They are float32, or float64 where query and key are.
    Where a model has sinks, rows sum to 1 less what the sink takes.
    """
    import torch

    if call.query is None or call.key is None:
        raise LookupError("query and key of this call were not kept")
    items = slice(None) if item is None else slice(item, item + 1)
    n_heads = call.query.shape[1]
    group = n_heads // call.key.shape[1]
    query, key = _wide(call.query[items]), _wide(call.key[items])
    if heads is not None:
        query, key = query[:, list(heads)], key[:, [head // group for head in heads]]
    elif group > 1:
        key = key.repeat_interleave(group, dim=1)
    scores = torch.matmul(query, key.transpose(-1, -2)).mul_(call.scaling)
    if call.softcap is not None:
        scores = scores.div_(call.softcap).tanh_().mul_(call.softcap)
    if call.bias is not None:
        scores += _pick(call.bias, items, heads)
    lowest = torch.finfo(scores.dtype).min
    if call.mask is not None:
        mask = _pick(call.mask, items, heads)
        scores = scores.masked_fill_(~mask, lowest) if mask.dtype == torch.bool else scores.add_(mask)
    if call.causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill_(later, lowest)
    if call.sinks is None or call.hides_sinks:
        # in place on the processor, row by row: fresh memory costs as much as the softmax
        return torch.softmax(scores, dim=-1, out=scores if scores.device.type == "cpu" else None)
    sinks = _wide(call.sinks)
    sinks = _pick(sinks if sinks.dim() == 4 else sinks.reshape(1, -1, 1, 1), items, heads)
    sinks = sinks.expand(scores.shape[0], -1, scores.shape[2], 1)
    return torch.softmax(torch.cat([scores, sinks], dim=-1), dim=-1)[..., :-1]


def mixing_weights(call: AttentionCall) -> torch.Tensor:
    """Weights ``[b, H, n, m]`` that values are summed with; they are those shown unless the model hides its sinks."""
    return attention_weights(replace(call, hides_sinks=False))


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    """At least float32."""
    import torch

    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _pick(tensor: torch.Tensor, items: slice, heads: Sequence[int] | None) -> torch.Tensor:
    """The part for some items and heads of a tensor that broadcasts over batch and heads."""
    of_items = tensor[items] if tensor.shape[0] > 1 else tensor
    return of_items if heads is None or of_items.shape[1] == 1 else of_items[:, list(heads)]


def _output(call: AttentionCall, value: torch.Tensor) -> torch.Tensor:
    import torch

    if call.query is None or call.key is None:
        raise LookupError("query and key of this call were not kept")
    if call.softcap is not None or call.sinks is not None:  # which the kernel does not know
        return _weighted(mixing_weights(call), call, value)
    group = call.query.shape[1] // call.n_kv_heads
    key = call.key if group == 1 else call.key.repeat_interleave(group, dim=1)
    value = value if group == 1 else value.repeat_interleave(group, dim=1)
    output = torch.nn.functional.scaled_dot_product_attention(
        call.query, key, value, attn_mask=_kernel_mask(call), scale=call.scaling, is_causal=_kernel_causal(call)
    )
    return output.transpose(1, 2).contiguous()


def _kernel_causal(call: AttentionCall) -> bool:
    return call.causal and call.bias is None


def _kernel_mask(call: AttentionCall) -> torch.Tensor | None:
    """The one mask that the kernel takes: mask and bias in one."""
    import torch

    if call.bias is None:
        return call.mask
    lowest = torch.finfo(call.bias.dtype).min
    if call.causal:
        size = call.bias.shape[-2:]
        visible = torch.ones(size, dtype=torch.bool, device=call.bias.device).tril()
        return torch.where(visible, call.bias, lowest)
    if call.mask is None:
        return call.bias
    return torch.where(call.mask, call.bias, lowest) if call.mask.dtype == torch.bool else call.bias + call.mask


def _weighted(weights: torch.Tensor, call: AttentionCall, value: torch.Tensor) -> torch.Tensor:
    """``[b, n, H, d]``: the values under weights ``[b, H, n, m]``."""
    import torch

    group = weights.shape[1] // call.n_kv_heads
    value = value if group == 1 else value.repeat_interleave(group, dim=1)
    return torch.matmul(weights.to(value.dtype), value).transpose(1, 2).contiguous()


def _record(recorder: Recorder, call: AttentionCall, output: torch.Tensor) -> None:
    layer, is_last = recorder.layer, recorder.is_last_of_layer
    call.stage = recorder.stage
    wants_scores = recorder.scores is None or layer in recorder.scores
    if recorder.outputs is None or layer in recorder.outputs:
        call.output = output
    call.query = _own(call.query) if wants_scores else None
    call.key = _own(call.key) if wants_scores else None
    call.value = call.value if recorder.keep_values else None
    if not wants_scores:
        call.mask = call.bias = call.sinks = None
    recorder.calls.append(call)
    if recorder.stop_after is not None and layer >= recorder.stop_after and is_last:
        raise EnoughSeen


def _own(tensor: torch.Tensor | None) -> torch.Tensor | None:
    """The tensor itself, or a copy if it is a slice that would keep a larger one (a fused projection) alive."""
    if tensor is None or tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size():
        return tensor
    return tensor.contiguous().clone()
