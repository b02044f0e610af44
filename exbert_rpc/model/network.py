"""A torch model and one way of running it that gives attention: the only file that calls ``forward``."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from exbert_rpc.model.attention_function import (
    NAME_BOOL_MASK,
    NAME_FLOAT_MASK,
    NAME_OF_THE_KERNEL,
    EnoughSeen,
    Recorder,
    attention_weights,
    recording,
    register_as_kernel,
)
from exbert_rpc.model.taps import Tap, tapping

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.attention_function import AttentionCall, HeadEdit

Route = Literal["exbert_rpc", "exbert_rpc_additive", "sdpa", "eager"]
ROUTES: tuple[Route, ...] = (NAME_BOOL_MASK, NAME_FLOAT_MASK, NAME_OF_THE_KERNEL)
"""On the attention interface, in the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class LayerAttention:
    """Where the weights of one attention call come from: its query and key, or (off the interface) the model itself."""

    call: AttentionCall | None = None
    known: torch.Tensor | None = None

    def weights(self, item: int | None = None, heads: Sequence[int] | None = None) -> torch.Tensor:
        """float32 ``[b, len(heads), n, m]`` of one batch item (``b`` = 1) or of all."""
        if self.call is not None:
            return attention_weights(self.call, item, heads)
        if self.known is None:
            raise LookupError("nothing was kept of this attention call")
        known = self.known if item is None else self.known[item : item + 1]
        return known.float() if heads is None else known[:, list(heads)].float()

    @property
    def tensors(self) -> list[torch.Tensor]:
        """Every tensor that is kept."""
        if self.call is None:
            return [] if self.known is None else [self.known]
        parts = (self.call.query, self.call.key, self.call.mask, self.call.bias, self.call.output)
        return [part for part in parts if part is not None]


@dataclass(slots=True)
class RawPass:
    """What one forward pass left, as tensors on the model's device. ``b`` batch items.

    Attributes:
        hidden: By hidden layer, float ``[b, n, D]`` (of the encoder, if there are two).
        heads: By layer, float ``[b, n, H, d]`` (of the encoder).
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


@dataclass(slots=True)
class Network:
    """A model, its route to attention, and what was learned of it on a probe.

    Attributes:
        model: As transformers loaded it, with its head.
        route: The attention implementation that it runs with.
        hidden_taps: Where each hidden state can be read while the model runs; ``None``: only at the end.
        head_taps: Where head outputs can be read, for the ``eager`` route.
        n_heads: Query heads (0 until known).
        padding_is_harmless: Whether a padded batch gives the numbers of single passes.
        split_at: Numbers of tokens; texts on different sides of one of them must not share a batch.
        answering: Name of the submodule (``""``: the body) whose kept output the head continues from.
        lock: Held by whole passes, of which one runs at a time. Selected ones (:meth:`run_selected`) don't wait for it
            if ``side_by_side`` holds.
    """

    model: Any
    route: Route = NAME_BOOL_MASK
    hidden_taps: tuple[Tap, ...] | None = None
    head_taps: tuple[Tap, ...] = ()
    n_heads: int = 0
    padding_is_harmless: bool = True
    split_at: tuple[int, ...] = ()
    answering: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def is_encoder_decoder(self) -> bool:
        """Whether an encoder reads and a decoder writes."""
        return bool(getattr(self.model.config, "is_encoder_decoder", False))

    @property
    def side_by_side(self) -> bool:
        """Whether passes may run at the same time: not where each sets the model's rotary frequencies by its length."""
        described = str(self.model.config.to_dict())
        return not any(f"_type': '{kind}'" in described for kind in ("dynamic", "longrope"))

    @property
    def body(self) -> Any:  # noqa: ANN401 - transformers has no useful type for it
        """The model without its language-model head (itself, if it has none or can't be told apart)."""
        return self.model.base_model

    @property
    def n_embeddings(self) -> int:
        """Ids that the model has an embedding for."""
        return int(self.model.get_input_embeddings().num_embeddings)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = next(self.model.parameters()).device
        return device

    def reads(self, argument: str) -> bool:
        """Whether the model's forward pass names that argument."""
        return argument in inspect.signature(self.body.forward).parameters

    def use(self, route: Route) -> bool:
        """Switch the attention implementation; whether the model followed."""
        if route == NAME_OF_THE_KERNEL:
            register_as_kernel()
        try:
            self.model.set_attn_implementation(route)
        except (ValueError, KeyError, NotImplementedError):
            return False
        self.route = route
        return bool(self.model.config._attn_implementation == route)

    def run(
        self, inputs: dict[str, torch.Tensor], *, keep_values: bool = False, edit: HeadEdit | None = None
    ) -> RawPass:
        """One whole pass: every hidden state, head output (as ``edit`` leaves it) and attention call."""
        with self.lock, _inference():
            if self.is_encoder_decoder:
                return self._run_both(inputs, keep_values, edit)
            recorder = Recorder(keep_values=keep_values, edit=edit)
            with recording(recorder), self._reading_heads(edit) as heads:
                final = self.call(self.body, inputs, output_hidden_states=True, **self._eager_flags())
        raw = RawPass(hidden=dict(enumerate(final.hidden_states)), final=_bare(final), calls=recorder.calls)
        self._take(raw, "self", recorder.of("self"), getattr(final, "attentions", None), heads)
        return raw

    def run_whole(self, inputs: dict[str, torch.Tensor]) -> RawPass:
        """A whole pass without anything for a decoder to read: it gets the first token, if there is one."""
        if not self.is_encoder_decoder:
            return self.run(inputs)
        return self.run({**inputs, "decoder_input_ids": inputs["input_ids"][:, :1]})

    def run_selected(
        self,
        inputs: dict[str, torch.Tensor],
        hidden_layers: Sequence[int],
        layers: Sequence[int],
        attention_layers: Sequence[int],
    ) -> RawPass:
        """A pass that keeps only what is asked for, and ends as soon as it has it. Encoder only, if there are two."""
        eager = self.route == "eager"
        if self.hidden_taps is None or (eager and len(attention_layers) > 0):
            return self.run_whole(inputs)
        raw = RawPass()
        # depth in the model: hidden state i comes between the attention of layer i - 1 and that of layer i
        last_call = max([*layers, *attention_layers], default=-1)
        deepest = max(2 * max(hidden_layers, default=-1), 2 * last_call + 1)
        places = [(2 * layer, self.hidden_taps[layer]) for layer in sorted(set(hidden_layers))]
        places += [(2 * layer + 1, self.head_taps[layer]) for layer in sorted(set(layers))] if eager else []

        def receive(number: int, tensor: torch.Tensor) -> None:
            depth = places[number][0]
            if depth % 2 == 0:
                raw.hidden[depth // 2] = tensor
            else:
                raw.heads[depth // 2] = self._by_head(tensor)
            if depth == deepest:
                raise EnoughSeen

        # elsewhere the weights of all layers would be in the device's memory at once
        at_once = self.device.type == "cpu"
        recorder = Recorder(
            outputs=frozenset(layers),
            scores=frozenset() if at_once else frozenset(attention_layers),
            weights=frozenset(attention_layers) if at_once else frozenset(),
            stop_after=last_call if deepest == 2 * last_call + 1 else None,
        )
        alone = nullcontext() if self.side_by_side else self.lock
        with alone, _inference(), recording(recorder), tapping([tap for _depth, tap in places], receive):
            self._until_enough(inputs)
        calls = dict(enumerate(recorder.calls))
        raw.heads |= {number: call.output for number, call in calls.items() if call.output is not None}
        raw.attention["self"] = {
            number: LayerAttention(known=call.weights) if at_once else LayerAttention(call=call)
            for number, call in calls.items()
            if number in attention_layers
        }
        return raw

    def run_to_end(
        self,
        inputs: dict[str, torch.Tensor],
        *,
        edit: HeadEdit | None = None,
        first_layer: int = 0,
        decode: bool = True,
        differentiable: bool = False,
    ) -> Ending:
        """A pass of which only the end is kept.

        Args:
            inputs: ``b`` texts of one length.
            edit: Replaces head outputs of the encoder, or of the only stack.
            first_layer: The layers before it are not run, because something else answers for them (:func:`answering`).
            decode: Whether the decoder of an encoder-decoder model runs, too.
            differentiable: Whether gradients of what ``edit`` and listeners put in can be asked for.
        """
        recorder = Recorder(outputs=frozenset(), scores=frozenset(), edit=edit, first=first_layer)
        grad = _gradients() if differentiable else _inference()
        with self.lock, grad, recording(recorder), self._reading_heads(edit):
            if not self.is_encoder_decoder:
                final = _bare(self.call(self.body, inputs))
                return Ending(final.last_hidden_state, final)
            plain = {name: value for name, value in inputs.items() if not name.startswith("decoder_")}
            encoded = self.call(self.model.get_encoder(), plain)
            recorder.stage = "decoder"
            return Ending(encoded.last_hidden_state, _bare(self._finish(encoded, inputs)) if decode else None)

    def logits(
        self,
        final: Any,  # noqa: ANN401 - a transformers output
        first: int,
        last: int,
        *,
        differentiable: bool = False,
    ) -> torch.Tensor:
        """Float ``[b, last - first, vocabulary]``: the model's own head on a stretch of a kept pass; no second pass."""
        cut = _slice(final, first, last)
        with self.lock, _gradients() if differentiable else _inference():
            if self.is_encoder_decoder and self.body is self.model:
                return self._logits_around_stacks(cut)
            inputs = {"input_ids": self.placeholder(last - first).expand(cut.last_hidden_state.shape[0], -1)}
            if self.is_encoder_decoder:
                inputs["decoder_input_ids"] = inputs["input_ids"]
            with answering(self.body.get_submodule(self.answering), cut):
                logits: torch.Tensor = self.call(self.model, inputs).logits
                return logits

    def placeholder(self, length: int) -> torch.Tensor:
        """int64 ``[1, length]`` on the model's device, for calls whose input is not read."""
        import torch

        return torch.zeros((1, length), dtype=torch.long, device=self.device)

    def call(self, module: Any, inputs: dict[str, Any], **flags: object) -> Any:  # noqa: ANN401
        """Call a transformers module with those arguments that it knows."""
        accepted = {**inputs, "use_cache": False, "return_dict": True, **flags}
        parameters = inspect.signature(module.forward).parameters
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            accepted = {name: value for name, value in accepted.items() if name in parameters}
        return module(**accepted)

    # --- inside ----------------------------------------------------------------------------------

    def _run_both(self, inputs: dict[str, torch.Tensor], keep_values: bool, edit: HeadEdit | None) -> RawPass:
        recorder = Recorder(keep_values=keep_values, edit=edit)
        flags = self._eager_flags()
        encoder_inputs = {name: value for name, value in inputs.items() if not name.startswith("decoder_")}
        with recording(recorder):
            with self._reading_heads(edit) as heads:
                encoded = self.call(self.model.get_encoder(), encoder_inputs, output_hidden_states=True, **flags)
            recorder.stage = "decoder"
            final = self._finish(encoded, inputs)
        raw = RawPass(hidden=dict(enumerate(encoded.hidden_states)), final=_bare(final), calls=recorder.calls)
        self._take(raw, "self", recorder.of("self"), getattr(encoded, "attentions", None), heads)
        decoding = recorder.of("decoder")
        own = getattr(final, "decoder_attentions", None) or getattr(final, "attentions", None)
        self._take(raw, "decoder", decoding[0::2], own, {})
        self._take(raw, "cross", decoding[1::2], getattr(final, "cross_attentions", None), {})
        return raw

    def _finish(self, encoded: Any, inputs: dict[str, torch.Tensor]) -> Any:  # noqa: ANN401
        """The decoder behind an encoder that has run."""
        if self.body is self.model:
            return self._decode(encoded, inputs)
        later = {"encoder_outputs": encoded, "attention_mask": inputs["attention_mask"]}
        later["decoder_input_ids"] = inputs["decoder_input_ids"]
        return self.call(self.body, later, **self._eager_flags())

    def _decode(self, encoded: Any, inputs: dict[str, torch.Tensor]) -> Any:  # noqa: ANN401
        """The decoder alone, for models whose head sits beside the stacks (T5) or in one of them (composites)."""
        arguments = {
            "input_ids": inputs["decoder_input_ids"],
            "encoder_hidden_states": encoded.last_hidden_state,
            "encoder_attention_mask": inputs["attention_mask"],
        }
        widen = getattr(self.model, "enc_to_dec_proj", None)
        if widen is not None:  # a composite of two models of different widths
            arguments["encoder_hidden_states"] = widen(encoded.last_hidden_state)
        return self.call(self.model.get_decoder().base_model, arguments, **self._eager_flags())

    def _logits_around_stacks(self, cut: Any) -> torch.Tensor:  # noqa: ANN401
        from transformers.modeling_outputs import BaseModelOutput

        b, n = cut.last_hidden_state.shape[:2]
        inputs: dict[str, Any] = {"decoder_input_ids": self.placeholder(n).expand(b, -1)}
        inputs["encoder_outputs"] = BaseModelOutput(last_hidden_state=cut.last_hidden_state)
        encoder_width = getattr(getattr(self.model.get_encoder(), "config", None), "hidden_size", None)
        if getattr(self.model, "enc_to_dec_proj", None) is not None and isinstance(encoder_width, int):
            inputs["encoder_outputs"] = BaseModelOutput(
                last_hidden_state=cut.last_hidden_state.new_zeros((1, n, encoder_width))
            )
        with answering(self.model.get_decoder().base_model, cut):
            logits: torch.Tensor = self.call(self.model, inputs).logits
            return logits

    def _until_enough(self, inputs: dict[str, torch.Tensor]) -> None:
        reader = self.model.get_encoder() if self.is_encoder_decoder else self.body
        try:
            self.call(reader, inputs)
        except EnoughSeen:
            return

    def _eager_flags(self) -> dict[str, bool]:
        return {"output_attentions": True} if self.route == "eager" else {}

    @contextmanager
    def _reading_heads(self, edit: HeadEdit | None = None) -> Iterator[dict[int, torch.Tensor]]:
        """Head outputs by layer, as ``edit`` leaves them, where only taps see them."""
        read: dict[int, torch.Tensor] = {}

        def receive(number: int, tensor: torch.Tensor) -> torch.Tensor | None:
            read[number] = heads = self._by_head(tensor)
            if edit is None:
                return None
            read[number] = edit(number, heads)
            return read[number].reshape(tensor.shape)

        with tapping(self.head_taps if self.route == "eager" else (), receive):
            yield read

    def _by_head(self, tensor: torch.Tensor) -> torch.Tensor:
        """``[b, n, H, d]`` of ``[b, n, H * d]``."""
        return tensor.reshape(*tensor.shape[:2], self.n_heads, -1)

    def _take(
        self,
        raw: RawPass,
        stream: str,
        calls: Sequence[AttentionCall],
        known: Sequence[torch.Tensor] | None,
        heads: dict[int, torch.Tensor],
    ) -> None:
        if self.route == "eager":
            raw.attention[stream] = {
                number: LayerAttention(known=weights) for number, weights in enumerate(known or ())
            }
        else:
            raw.attention[stream] = {number: LayerAttention(call=call) for number, call in enumerate(calls)}
            heads = {number: call.output for number, call in enumerate(calls) if call.output is not None}
        if stream == "self":
            raw.heads = heads


def _inference() -> Any:  # noqa: ANN401 - torch's context manager
    import torch

    return torch.inference_mode()


def _gradients() -> Any:  # noqa: ANN401
    import torch

    return torch.enable_grad()


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


def _bare(final: Any) -> Any:  # noqa: ANN401
    """The output with nothing but its last hidden state, so that nothing else is kept alive."""
    return type(final)(last_hidden_state=final.last_hidden_state)


def _slice(final: Any, first: int, last: int) -> Any:  # noqa: ANN401
    return replace(final, last_hidden_state=final.last_hidden_state[:, first:last])
