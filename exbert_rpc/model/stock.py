"""What the unmodified model says of a probe: eager attention, ``output_attentions``, in its dtype and in float64."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.float64 import in_float64
from exbert_rpc.model.given_weights import as_weights, form_of
from exbert_rpc.model.taps import SeenCall, watching

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.network import Network, Streams

_FIRST_STEP = 7919
_ASKS = re.compile("missing|specify|required|has to be|must be|not-None", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stock:
    """A pass of the stock model.

    Attributes:
        attention: By stream, for each layer float ``[b, H, n, m]`` in [0, 1]: queries ``n``, keys ``m``.
        hidden: float ``[b, n, D]`` each, of the encoder if there are two; of several streams what the network shows.
        states: The same as the model gives them.
        logits: float ``[b, n, vocabulary]``; ``None`` without a language-model head.
        seen: Every module call of the pass.
    """

    attention: dict[str, tuple[torch.Tensor, ...]]
    hidden: tuple[torch.Tensor, ...]
    states: tuple[torch.Tensor, ...]
    logits: torch.Tensor | None
    seen: list[SeenCall]

    def by_layer(self, stream: str, call_layers: tuple[int, ...] | None) -> dict[int, torch.Tensor]:
        """Attention of a stream by layer; where a layer has several, the heads of one follow those of the other.

        Args:
            stream: ``self``, ``decoder`` or ``cross``.
            call_layers: Layer of each attention call; several calls may share the weights that the model shows.
                ``None``: one call a layer, in order.

        Returns:
            float ``[b, H, n, m]`` in [0, 1] for each layer that attends.

        Raises:
            KeyError: The model has no such stream.
        """
        import torch

        shown = self.attention[stream]
        if call_layers is None or len(call_layers) % max(1, len(shown)) != 0:
            return dict(enumerate(shown))
        places = call_layers[:: len(call_layers) // len(shown)]
        layers = dict.fromkeys(places)
        parts = {layer: [one for one, place in zip(shown, places, strict=True) if place == layer] for layer in layers}
        return {layer: own[0] if len(own) == 1 else torch.cat(own, dim=1) for layer, own in parts.items()}


def make_probe(network: Network, forbidden_ids: set[int], length: int, start: int = 0) -> dict[str, torch.Tensor]:
    """A fixed sequence of ordinary ids; the decoder gets a shorter one, so that streams can't be mixed up.

    Args:
        network: The model.
        forbidden_ids: Ids that must not occur (padding, end of text …).
        length: Number of tokens, at least 1.
        start: Where in the sequence to begin; other ones give other texts.

    Returns:
        int64 ``[1, length]`` each: ids and attention mask; for two stacks also the ids that the decoder reads, three
        fewer (at least one).
    """
    import torch

    size = network.n_embeddings
    allowed = [id_ for id_ in range(min(size, 50_000)) if id_ not in forbidden_ids] or [0]
    chosen = [allowed[(_FIRST_STEP * (step + 1)) % len(allowed)] for step in range(start, start + length)]
    ids = torch.tensor([chosen], dtype=torch.long, device=network.device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if network.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids[:, : max(1, length - 3)]
    return inputs


def run_stock(network: Network, name: str, inputs: dict[str, torch.Tensor], *, has_lm_head: bool) -> Stock:
    """The reference pass; leaves the network on the eager route.

    Args:
        network: The model; the axes of its streams and of its weights are noted in it.
        name: Its class, for messages.
        inputs: int64 ``[1, n]`` each, of :func:`make_probe`.
        has_lm_head: Whether to ask for logits.

    Raises:
        ModelNotSupported: It fails, or gives no attention of the shape ``[n, n]`` in some layers, or hidden states that
            are not one vector a token; says why.
    """
    import torch

    network.use("eager")
    module = network.model if has_lm_head else network.body
    try:
        with torch.inference_mode(), watching(network.model) as seen:
            output = network.call(module, inputs, output_attentions=True, output_hidden_states=True)
    except Exception as exc:
        raise _cannot_run(network, name, exc) from exc
    stock = _read(output, network, inputs, seen, has_lm_head=has_lm_head)
    _check_shapes(stock, name, network.model.config, inputs["input_ids"].shape[1])
    return stock


def run_stock_in_float64(network: Network, inputs: dict[str, torch.Tensor], *, has_lm_head: bool) -> Stock | None:
    """The same pass in float64, which tells how far rounding takes eager attention; ``None`` if it can't be had.

    Args are those of :func:`run_stock`. Raises nothing; the network keeps its route.
    """
    route = network.route
    network.use("eager")
    module = network.model if has_lm_head else network.body
    try:
        with exactly(network), watching(network.model) as seen:
            output = network.call(module, inputs, output_attentions=True, output_hidden_states=True)
        return _read(output, network, inputs, seen if network.is_narrow else [], has_lm_head=has_lm_head)
    except Exception:  # an operator without a float64 kernel: then there is no more tolerance than without
        return None
    finally:
        network.use(route)


@contextmanager
def exactly(*networks: Network) -> Iterator[None]:
    """Run passes of the networks in float64 inside the block."""
    with ExitStack() as stack:
        for network in networks:
            stack.enter_context(_plain_experts(network.model))
        stack.enter_context(in_float64())
        yield


def line_of(exc: BaseException) -> str:
    """An exception as one line: its class and at most 200 characters of its message."""
    lines = str(exc).strip().splitlines()
    return f"{type(exc).__name__}: {lines[0][:200]}" if lines else type(exc).__name__


def _cannot_run(network: Network, name: str, exc: Exception) -> ModelNotSupported:
    landmarks, length = (getattr(network.model.config, one, None) for one in ("num_landmarks", "segment_means_seq_len"))
    if landmarks != length:
        return ModelNotSupported(
            f"{name} attends to {landmarks} landmarks instead of tokens, and takes texts of {length} tokens only",
            hint='set "segment_means_seq_len" to "num_landmarks" in its config.json for plain attention with the same '
            "weights",
        )
    wanted = _named_inputs(network, str(exc))
    if wanted:
        return ModelNotSupported(
            f"{name} does not run on text alone: transformers asks for {wanted} as well",
            hint="choose a model that reads text alone",
        )
    if not network.is_narrow:
        return ModelNotSupported(f"{name} cannot run on plain text: {line_of(exc)}")
    return ModelNotSupported(
        f"{name} cannot run in {network.dtype} on {network.device.type}: {line_of(exc)}",
        hint="use another dtype: float32 runs everywhere",
    )


def _named_inputs(network: Network, message: str) -> str:
    """Inputs of the forward pass that an error asks for, beside text; empty if it asks for none."""
    known = inspect.signature(network.model.forward).parameters
    words = dict.fromkeys(re.findall(r"[a-z_]+", message.lower()))
    given = {"input_ids", "attention_mask", "decoder_input_ids", "self", "labels", "kwargs", "position_ids"}
    found = [word for word in words if word in known and word not in given]
    return ", ".join(f"`{word}`" for word in found) if _ASKS.search(message) else ""


def _read(
    output: Any,  # noqa: ANN401
    network: Network,
    inputs: dict[str, torch.Tensor],
    seen: list[SeenCall],
    *,
    has_lm_head: bool,
) -> Stock:
    prefix = "encoder_" if network.is_encoder_decoder else ""
    n = inputs["input_ids"].shape[1]
    attention = {"self": _of_tokens(_tensors(getattr(output, f"{prefix}attentions", None)), n)}
    if network.is_encoder_decoder:
        attention["decoder"] = _tensors(getattr(output, "decoder_attentions", None))
        attention["cross"] = _tensors(getattr(output, "cross_attentions", None))
    keys = dict.fromkeys(attention, n)
    keys["decoder"] = inputs.get("decoder_input_ids", inputs["input_ids"]).shape[1]
    for stream, layers in attention.items():
        windows = getattr(network.model.config, "attention_window", None) is not None and stream == "self"
        found = [form_of(one, keys[stream], has_windows=windows) for one in layers if one.dim() == 4]
        network.forms[stream] = form = next((one for one in found if one is not None), None)
        attention[stream] = tuple(as_weights(weights, form) if weights.dim() == 4 else weights for weights in layers)
    states = _tensors(getattr(output, f"{prefix}hidden_states", None))
    network.streams = _streams(states, tuple(inputs["input_ids"].shape))
    hidden = tuple(network.view(state) for state in states)
    return Stock(attention, hidden, states, getattr(output, "logits", None) if has_lm_head else None, seen)


def _check_shapes(stock: Stock, name: str, config: Any, n: int) -> None:  # noqa: ANN401
    own, hidden = stock.attention["self"], stock.hidden
    uneven = next((state for state in hidden if state.dim() != 3 or state.shape[1] != n), None)
    if uneven is not None:
        shape = ", ".join(str(size) for size in uneven.shape)
        raise ModelNotSupported(
            f"{name}: its hidden states are not one vector a token: {n} tokens have the shape [{shape}] (it pads to "
            "blocks, or pools tokens)",
            hint="choose a model that keeps a vector for each token",
        )
    if not own or not hidden or any(weights.dim() != 4 for weights in own):
        raise _no_weights(name, config)
    for layer, weights in enumerate(own):
        if weights.shape[-2:] != (n, n):
            rows, columns = weights.shape[-2:]
            raise ModelNotSupported(
                f"{name}: its attention in layer {layer} is not that of each token to each token: {n} tokens have the "
                f"weights [{rows}, {columns}] (windows, blocks or compressed keys)",
                hint="choose a model whose attention transformers gives as [tokens, tokens]",
            )


def _streams(states: tuple[torch.Tensor, ...], shape: tuple[int, ...]) -> Streams | None:
    """How several residual streams of ``[b, n]`` tokens lie beside one another: before the batch, behind the tokens."""
    several = next((state for state in states if state.dim() == 4), None)
    if several is None:
        return None
    return "first" if tuple(several.shape[1:3]) == shape else "mean"


def _no_weights(name: str, config: Any) -> ModelNotSupported:  # noqa: ANN401
    """Why transformers gives no attention weights, as far as the configuration tells."""
    if getattr(config, "attention_type", None) == "block_sparse":
        return ModelNotSupported(
            f"{name}: transformers gives no attention weights for its block-sparse attention",
            hint='set "attention_type": "original_full" in its config.json; texts then cost n² and give the weights',
        )
    if getattr(config, "local_radius", None) is not None:
        return ModelNotSupported(
            f"{name}: transformers gives no attention weights [tokens, tokens] for its local attention",
            hint="choose a model whose encoder attends to all tokens",
        )
    return ModelNotSupported(
        f"{name} has no softmax attention that it could show", hint="state-space models have no attention weights"
    )


@contextmanager
def _plain_experts(model: Any) -> Iterator[None]:  # noqa: ANN401
    """Mixtures of experts as a loop over experts: the grouped kernels know no float64."""
    before = model.get_experts_implementation() if hasattr(model, "get_experts_implementation") else {}
    if not any(before.values()):
        yield
        return
    model.set_experts_implementation("eager")
    try:
        yield
    finally:
        model.set_experts_implementation(before)


def _of_tokens(layers: tuple[torch.Tensor, ...], n: int) -> tuple[torch.Tensor, ...]:
    """Without the square states of layers that mix tokens in another way (MiniMax), if others have a row a token."""
    rows = [
        weights.dim() != 4 or weights.shape[-2] == n or weights.shape[-1] != weights.shape[-2] for weights in layers
    ]
    return tuple(weights for weights, kept in zip(layers, rows, strict=True) if kept) if any(rows) else layers


def _tensors(value: object) -> tuple[torch.Tensor, ...]:
    import torch

    if not isinstance(value, (tuple, list)):
        return ()
    return tuple(item for item in value if isinstance(item, torch.Tensor))
