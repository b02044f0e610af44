"""A torch model and one way of running it that gives attention: the only file that calls ``forward``."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.attention_function import (
    NAME_BOOL_MASK,
    NAME_FLOAT_MASK,
    NAME_OF_THE_KERNEL,
    Recorder,
    recording,
    register_as_kernel,
)
from exbert_rpc.model.call_layers import calls_by_layer, distinct_calls, joined_outputs, place_calls
from exbert_rpc.model.decoding import finish
from exbert_rpc.model.given_weights import Form, as_weights
from exbert_rpc.model.head_places import AtProducts, HeadPlaces
from exbert_rpc.model.lm_head import bare, logits_of
from exbert_rpc.model.passes import Ending, LayerAttention, RawPass
from exbert_rpc.model.selected_pass import Wanted, run_wanted
from exbert_rpc.model.taps import Tap, tapping

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.attention_function import AttentionCall, HeadEdit

Route = Literal["exbert_rpc", "exbert_rpc_additive", "sdpa", "eager"]
Streams = Literal["first", "mean"]
ROUTES: tuple[Route, ...] = (NAME_BOOL_MASK, NAME_FLOAT_MASK, NAME_OF_THE_KERNEL)
"""On the attention interface, in the order in which they are tried."""


@dataclass(slots=True)
class Network:
    """A model, its route to attention, and what was learned of it on a probe.

    Attributes:
        model: As transformers loaded it, with its head.
        route: The attention implementation that it runs with.
        hidden_taps: Where each hidden state can be read while the model runs; ``None``: only at the end.
        head_places: Where head outputs can be read, for the ``eager`` route.
        forms: How eager attention gives the weights of each stream.
        call_layers: Layer of each attention call (of the encoder, if there are two); ``None``: one a layer, in order.
        same_weights: Whether calls of one layer share their weights (:class:`Recorder`).
        hides_sinks: Whether shown weights are those without sinks (:class:`AttentionCall`).
        is_merged: Whether a decoder looks at itself and at the encoder in one call (T5Gemma 2).
        streams: What is shown of a residual stream that is several: the first of them (axis 0; Gemma 3n's active one),
            or their mean (axis 2; hyper-connections); ``None``: there is one.
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
    head_places: HeadPlaces | None = None
    forms: dict[str, Form | None] = field(default_factory=dict)
    call_layers: tuple[int, ...] | None = None
    same_weights: bool = False
    hides_sinks: bool = False
    is_merged: bool = False
    streams: Streams | None = None
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
        return self.model.base_model if self.is_encoder_decoder else _without_head(self.model)

    @property
    def n_embeddings(self) -> int:
        """Ids that the model has an embedding for."""
        try:
            embedding = self.model.get_input_embeddings()
        except (NotImplementedError, AttributeError):  # of a class that has none
            embedding = None
        if not hasattr(embedding, "weight"):
            raise ModelNotSupported(
                f"{type(self.model).__name__} reads something else than one sequence of tokens, such as pictures, "
                "latent vectors or several codes",
                hint="choose a model of text",
            )
        return int(embedding.weight.shape[0])

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = next(self.model.parameters()).device
        return device

    @property
    def dtype(self) -> str:
        """What weights are kept in: ``float32``, ``bfloat16`` or ``float16``."""
        return str(self.model.dtype).removeprefix("torch.")

    @property
    def is_narrow(self) -> bool:
        """Whether weights have fewer bits than float32, so that rounding hides what differs a little."""
        return bool(self.model.dtype.itemsize < 4)

    def reads(self, argument: str) -> bool:
        """Whether the model's forward pass names that argument."""
        return argument in inspect.signature(self.body.forward).parameters

    def attention_layers(self, n_layers: int) -> tuple[int, ...]:
        """Those of ``n_layers`` layers that have softmax attention, ascending."""
        return tuple(range(n_layers)) if self.call_layers is None else tuple(sorted(set(self.call_layers)))

    def view(self, state: torch.Tensor) -> torch.Tensor:
        """float ``[b, n, D]`` of a hidden state as the model gives it: of several streams what ``streams`` says."""
        if state.dim() != 4 or self.streams is None:
            return state
        return state[0] if self.streams == "first" else state.mean(dim=2)

    def use(self, route: Route) -> bool:
        """Switch the attention implementation; whether the model followed."""
        if route == NAME_OF_THE_KERNEL:
            register_as_kernel()
        try:
            self.model.set_attn_implementation(route)
        except (ValueError, KeyError, NotImplementedError):
            return False
        self.route = route
        # a tower that reads pictures may not follow: what reads text has to
        reading = (self.model, self.body if self.is_encoder_decoder else self.model.get_decoder())
        configs = [getattr(one, "config", None) for one in reading]  # what is called a decoder may be a projection
        return any(getattr(config, "_attn_implementation", None) == route for config in configs)

    def run(
        self,
        inputs: dict[str, torch.Tensor],
        *,
        keep_values: bool = False,
        edit: HeadEdit | None = None,
        locate: bool = False,
    ) -> RawPass:
        """One whole pass: every hidden state, head output (as ``edit`` leaves it) and attention call.

        With ``locate`` the layer of each call is found out: what comes between two hidden states is of one layer.
        """
        with self.lock, _inference():
            if self.is_encoder_decoder:
                return self._run_both(inputs, keep_values, edit)
            if locate:
                self.call_layers, self.same_weights = None, False
            recorder = self.recorder(keep_values=keep_values, edit=edit)
            marks: dict[int, int] = {}
            with recording(recorder), self._reading_heads(edit) as heads, self._marking(marks, recorder, heads, locate):
                final = self.call(self.body, inputs, output_hidden_states=True, **self.eager_flags())
        if locate:
            self.call_layers = place_calls(marks, max(len(recorder.calls), len(heads)))
            heads = dict(zip(self.call_layers or heads, heads.values(), strict=False))
        hidden = {number: self.view(state) for number, state in enumerate(final.hidden_states)}
        raw = RawPass(hidden=hidden, final=bare(final), calls=recorder.calls)
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
        at_products = eager and isinstance(self.head_places, AtProducts)
        if self.hidden_taps is None or (eager and len(attention_layers) > 0) or at_products:
            return self.run_whole(inputs)
        return run_wanted(self, inputs, Wanted(hidden_layers, layers, attention_layers))

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
        recorder = self.recorder(outputs=frozenset(), scores=frozenset(), edit=edit, first=first_layer)
        grad = _gradients() if differentiable else _inference()
        with self.lock, grad, recording(recorder), self._reading_heads(edit):
            if not self.is_encoder_decoder:
                final = bare(self.call(self.body, inputs))
                return Ending(final.last_hidden_state, final)
            plain = {name: value for name, value in inputs.items() if not name.startswith("decoder_")}
            encoded = self.call(self.model.get_encoder(), plain)
            recorder.stage = "decoder"
            return Ending(encoded.last_hidden_state, bare(finish(self, encoded, inputs)) if decode else None)

    def logits(
        self,
        final: Any,  # noqa: ANN401 - a transformers output
        first: int,
        last: int,
        *,
        differentiable: bool = False,
    ) -> torch.Tensor:
        """Float ``[b, last - first, vocabulary]`` of :func:`~exbert_rpc.model.lm_head.logits_of`."""
        with self.lock, _gradients() if differentiable else _inference():
            return logits_of(self, final, first, last)

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

    def eager_flags(self) -> dict[str, bool]:
        """What a pass is asked for where the model gives its weights itself."""
        return {"output_attentions": True} if self.route == "eager" else {}

    def recorder(self, **kept: Any) -> Recorder:  # noqa: ANN401 - the fields of a recorder
        """What writes down the attention calls of one pass of this model."""
        return Recorder(layers=self.call_layers, same_weights=self.same_weights, hides_sinks=self.hides_sinks, **kept)

    # --- inside ----------------------------------------------------------------------------------

    def _run_both(self, inputs: dict[str, torch.Tensor], keep_values: bool, edit: HeadEdit | None) -> RawPass:
        recorder = self.recorder(keep_values=keep_values, edit=edit)
        flags = self.eager_flags()
        encoder_inputs = {name: value for name, value in inputs.items() if not name.startswith("decoder_")}
        with recording(recorder):
            with self._reading_heads(edit) as heads:
                encoded = self.call(self.model.get_encoder(), encoder_inputs, output_hidden_states=True, **flags)
            recorder.stage = "decoder"
            final = finish(self, encoded, inputs)
        hidden = dict(enumerate(encoded.hidden_states))
        raw = RawPass(hidden=hidden, final=bare(final), calls=recorder.calls)
        self._take(raw, "self", recorder.of("self"), getattr(encoded, "attentions", None), heads)
        decoding = recorder.of("decoder")
        own = getattr(final, "decoder_attentions", None) or getattr(final, "attentions", None)
        if self.is_merged:
            self._split(raw, decoding, inputs["decoder_input_ids"].shape[1])
            return raw
        self._take(raw, "decoder", decoding[0::2], own, {})
        self._take(raw, "cross", decoding[1::2], getattr(final, "cross_attentions", None), {})
        return raw

    def _split(self, raw: RawPass, calls: Sequence[AttentionCall], n: int) -> None:
        """Attention of a decoder of ``n`` tokens to itself, and to the encoder, of calls that are both."""
        last = raw.hidden[0].shape[1] + n
        for stream, keys in (("decoder", (0, n)), ("cross", (n, last))):
            raw.attention[stream] = {layer: LayerAttention((call,), keys=keys) for layer, call in enumerate(calls)}

    @contextmanager
    def _marking(
        self, marks: dict[int, int], recorder: Recorder, heads: dict[int, torch.Tensor], wanted: bool
    ) -> Iterator[None]:
        """Note for each hidden state how many attention calls came before it.

        Nothing is noted where two states are the same numbers: their places could not be told apart.
        """
        taps = self.hidden_taps or ()
        wanted = wanted and len(set(taps)) == len(taps)

        def mark(number: int, _tensor: torch.Tensor) -> None:
            marks[number] = max(len(recorder.calls), len(heads))

        with tapping(taps if wanted else (), mark):
            yield

    @contextmanager
    def _reading_heads(self, edit: HeadEdit | None = None) -> Iterator[dict[int, torch.Tensor]]:
        """Head outputs by layer, as ``edit`` leaves them, where only taps see them."""
        read: dict[int, torch.Tensor] = {}

        def receive(number: int, heads: torch.Tensor) -> torch.Tensor | None:
            layer = number if self.call_layers is None else self.call_layers[number]
            read[layer] = heads if edit is None else edit(layer, heads)
            return None if edit is None else read[layer]

        places = self.head_places if self.route == "eager" else None
        with nullcontext() if places is None else places.reading(self.n_heads, receive):
            yield read

    def _take(
        self,
        raw: RawPass,
        stream: str,
        calls: Sequence[AttentionCall],
        known: Sequence[torch.Tensor] | None,
        heads: dict[int, torch.Tensor],
    ) -> None:
        places = self.call_layers if stream == "self" else None
        if self.route == "eager":
            self._take_given(raw, stream, known or (), places)
            n = raw.hidden[0].shape[1]
            heads = {layer: of_layer[:, :n] for layer, of_layer in heads.items()}
        else:
            same, by_layer = self.same_weights, calls_by_layer(calls, places)
            raw.attention[stream] = {n: LayerAttention(distinct_calls(own, same)) for n, own in by_layer.items()}
            heads = {n: joined_outputs(own, same) for n, own in by_layer.items()} if stream == "self" else {}
        if stream == "self":
            raw.heads = heads

    def _take_given(
        self, raw: RawPass, stream: str, known: Sequence[torch.Tensor], places: tuple[int, ...] | None
    ) -> None:
        """Weights that the model gives itself; it gives nothing for layers that don't attend."""
        form = self.forms.get(stream)
        shown = [as_weights(weights, form) for weights in known if weights is not None]
        layers = range(len(shown)) if places is None else places
        raw.attention[stream] = {n: LayerAttention(known=own) for n, own in zip(layers, shown, strict=True)}


def _without_head(model: Any) -> Any:  # noqa: ANN401
    """The stack below a head, wherever it is: the name of the base may lead nowhere (Llama 4, Nemotron-H Omni)."""
    if model.base_model is not model:
        return model.base_model
    for part in model.children():
        reads = hasattr(part, "base_model") and "input_ids" in inspect.signature(part.forward).parameters
        if reads and any(one.get_output_embeddings() is not None for one in (model, part)):
            return _without_head(part)
    return model


def _inference() -> Any:  # noqa: ANN401 - torch's context manager
    import torch

    return torch.inference_mode()


def _gradients() -> Any:  # noqa: ANN401
    import torch

    return torch.enable_grad()
