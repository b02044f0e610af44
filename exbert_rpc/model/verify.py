"""Whether a model can be reproduced exactly, found out once at load on a short probe.

1. The stock model (eager attention, ``output_attentions``) gives the reference.
2. Each route on the attention interface is tried; the first one whose weights, head outputs and hidden states are the
   reference's is taken.
3. A model off the interface runs eagerly; its head outputs are read at the projection whose input is, in numbers,
   the reference weights times the output of some module of the same pass (the values).
4. What passes neither is refused by name.

The probe also tells what configurations don't reliably say: number of layers and heads, head size, whether attention
is causal, where hidden states can be read early, and whether padding is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.head_probe import find_head_taps
from exbert_rpc.model.network import INTERFACE_ROUTES
from exbert_rpc.model.taps import SeenCall, Tap, find_tap, watching
from exbert_rpc.model.types import ModelKind

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.network import Network, RawPass

PROBE_TOKENS = 13
WEIGHT_TOLERANCE = 1e-4
STATE_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Facts:
    """What the probe measured; fields as in :class:`~exbert_rpc.model.types.ModelDescription`."""

    kind: ModelKind
    n_layers: int
    n_heads: int
    n_kv_heads: int
    hidden_size: int
    head_size: int
    n_decoder_layers: int | None


@dataclass(frozen=True, slots=True)
class _Stock:
    """What the unmodified model says of the probe."""

    attention: dict[str, tuple[torch.Tensor, ...]]
    hidden: tuple[torch.Tensor, ...]
    logits: torch.Tensor | None
    seen: list[SeenCall]


def verify(network: Network, name: str, *, has_lm_head: bool, forbidden_ids: set[int], max_tokens: int) -> Facts:
    """Choose the network's route and fill in what was learned.

    Args:
        network: The model; its ``route``, taps and ``padding_is_harmless`` are set.
        name: Class name, for errors.
        has_lm_head: Whether predictions must be reproduced too.
        forbidden_ids: Ids that a probe must not contain (padding, end of text …).
        max_tokens: The probe is not longer.

    Raises:
        ModelNotSupported: No route reproduces the model; says why.
    """
    inputs = _probe(network, forbidden_ids, min(PROBE_TOKENS, max_tokens))
    stock = _run_stock(network, name, inputs, has_lm_head)
    reason = ""
    for route in INTERFACE_ROUTES:
        if not network.use(route):
            reason = "it is not on transformers' attention interface"
            continue
        try:
            raw = network.run(inputs, keep_values=True)
        except Exception as exc:  # a model may do anything with a mask that it did not expect
            reason = f"its forward pass fails on the attention interface ({_line(exc)})"
            continue
        reason = _difference(stock, raw, from_interface=True)
        if not reason:
            return _settle(network, name, inputs, stock, raw, has_lm_head)
    return _fall_back(network, name, inputs, stock, reason, has_lm_head)


def _fall_back(
    network: Network, name: str, inputs: dict[str, torch.Tensor], stock: _Stock, reason: str, has_lm_head: bool
) -> Facts:
    network.use("eager")
    network.route = "eager"
    network.n_heads = stock.attention["self"][0].shape[1]
    found = find_head_taps(stock.attention["self"], stock.seen)
    if found is None:
        raise ModelNotSupported(
            f"{name}: {reason}, and no module takes its heads' outputs, so they cannot be read",
            hint="choose a model on transformers' attention interface",
        )
    network.head_taps = found
    raw = network.run(inputs)
    difference = _difference(stock, raw, from_interface=False)
    if difference:
        raise ModelNotSupported(f"{name} cannot be reproduced: {difference}")
    return _settle(network, name, inputs, stock, raw, has_lm_head)


def _settle(
    network: Network, name: str, inputs: dict[str, torch.Tensor], stock: _Stock, raw: RawPass, has_lm_head: bool
) -> Facts:
    """Last checks, and what was learned."""
    import torch

    if not all(bool(torch.isfinite(tensor).all()) for tensor in raw.hidden.values()):
        raise ModelNotSupported(f"{name} gives numbers that are not finite", hint="its weights may be damaged")
    if has_lm_head:
        _check_logits(network, name, stock, raw)
    first = stock.attention["self"][0]
    network.n_heads = first.shape[1]
    network.hidden_taps = _hidden_taps(network, inputs)
    network.padding_is_harmless = _padding_is_harmless(network, inputs)
    kind: ModelKind = "bidirectional"
    if network.is_encoder_decoder:
        kind = "encoderDecoder"
    elif all(bool((weights.triu(1) == 0).all()) for weights in stock.attention["self"]):
        kind = "autoregressive"
    calls = raw.calls
    return Facts(
        kind=kind,
        n_layers=len(stock.attention["self"]),
        n_heads=network.n_heads,
        n_kv_heads=calls[0].n_kv_heads if network.route != "eager" else _configured_kv_heads(network),
        hidden_size=raw.hidden[0].shape[-1],
        head_size=raw.heads[0].shape[-1],
        n_decoder_layers=len(stock.attention["decoder"]) if network.is_encoder_decoder else None,
    )


def _probe(network: Network, forbidden_ids: set[int], length: int) -> dict[str, torch.Tensor]:
    """A fixed sequence of ordinary ids; the decoder gets a shorter one, so that streams can't be mixed up."""
    import torch

    size = network.n_embeddings
    allowed = [id_ for id_ in range(min(size, 50_000)) if id_ not in forbidden_ids] or [0]
    chosen = [allowed[(7919 * (step + 1)) % len(allowed)] for step in range(length)]
    ids = torch.tensor([chosen], dtype=torch.long, device=network.device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if network.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids[:, : max(1, length - 3)]
    return inputs


def _run_stock(network: Network, name: str, inputs: dict[str, torch.Tensor], has_lm_head: bool) -> _Stock:
    import torch

    network.use("eager")
    module = network.model if has_lm_head else network.body
    try:
        with torch.inference_mode(), watching(network.model) as seen:
            output = network.call(module, inputs, output_attentions=True, output_hidden_states=True)
    except Exception as exc:
        raise ModelNotSupported(f"{name} cannot run on plain text: {_line(exc)}") from exc
    prefix = "encoder_" if network.is_encoder_decoder else ""
    attention = {"self": _tensors(getattr(output, f"{prefix}attentions", None))}
    if network.is_encoder_decoder:
        attention["decoder"] = _tensors(getattr(output, "decoder_attentions", None))
        attention["cross"] = _tensors(getattr(output, "cross_attentions", None))
    hidden = _tensors(getattr(output, f"{prefix}hidden_states", None))
    own = attention["self"]
    if not own or not hidden or any(weights.dim() != 4 for weights in own):
        raise ModelNotSupported(
            f"{name} has no softmax attention that it could show", hint="state-space models have no attention weights"
        )
    if len(own) != len(hidden) - 1:
        raise ModelNotSupported(f"{name}: only {len(own)} of its {len(hidden) - 1} layers have softmax attention")
    return _Stock(attention, hidden, getattr(output, "logits", None) if has_lm_head else None, seen)


def _difference(stock: _Stock, raw: RawPass, *, from_interface: bool) -> str:
    """In words, what differs between the captured pass and the stock model; empty if nothing does."""
    for stream, reference in stock.attention.items():
        layers = raw.attention.get(stream, {})
        if len(layers) != len(reference):
            return f"{len(layers)} of {len(reference)} {stream} attention calls pass through the attention interface"
        for layer, expected in enumerate(reference):
            found = layers[layer].weights()
            if found.shape != expected.shape or _far(found, expected, WEIGHT_TOLERANCE):
                return f"its attention weights in layer {layer} ({stream}) are not those of its own eager attention"
            call = layers[layer].call
            if (call is None or call.sinks is None) and _far(
                found.sum(-1), found.new_ones(found.shape[:-1]), WEIGHT_TOLERANCE
            ):
                return f"the attention rows of layer {layer} don't sum to 1"
    if len(raw.heads) != len(stock.attention["self"]) or len(raw.hidden) != len(stock.hidden):
        return "its layers cannot be told apart"
    for layer, expected in enumerate(stock.hidden):
        scale = max(1.0, float(expected.abs().max()))
        if raw.hidden[layer].shape != expected.shape or _far(raw.hidden[layer], expected, STATE_TOLERANCE * scale):
            return f"hidden state {layer} is not the stock model's"
    return _head_difference(raw) if from_interface else ""


def _head_difference(raw: RawPass) -> str:
    """Whether each head output is softmax(QKᵀ)·V of the call's own numbers."""
    import torch

    for number, call in enumerate(raw.calls):
        if call.value is None or call.output is None or call.query is None:
            return "its values were not seen"
        group = call.query.shape[1] // call.n_kv_heads
        layers = raw.attention["self"]
        weights = layers[number].weights()[0] if call.stage == "self" else None
        if weights is None:
            continue
        expected = torch.matmul(weights, call.value[0].float().repeat_interleave(group, dim=0)).transpose(0, 1)
        if _far(call.output[0], expected, WEIGHT_TOLERANCE * max(1.0, float(expected.abs().max()))):
            return f"the head outputs of layer {number} are not softmax(QK)V"
    for call in raw.calls:
        call.value = None
    return ""


def _check_logits(network: Network, name: str, stock: _Stock, raw: RawPass) -> None:
    if stock.logits is None:
        raise ModelNotSupported(f"{name} has a language-model head but gives no logits")
    scale = max(1.0, float(stock.logits.abs().max()))
    for answering in ("", "decoder"):
        network.answering = answering
        try:
            found = network.logits(raw.final, 0, stock.logits.shape[1])
        except Exception:  # a head may do anything without its body; the next place is tried
            continue
        if found.shape == stock.logits.shape and not _far(found, stock.logits, STATE_TOLERANCE * scale):
            return
    raise ModelNotSupported(f"{name}: its predictions cannot be reproduced from its last hidden state")


def _hidden_taps(network: Network, inputs: dict[str, torch.Tensor]) -> tuple[Tap, ...] | None:
    """Where each hidden state can be read while the model runs; ``None`` unless all can."""
    import torch

    reader: Any = network.model.get_encoder() if network.is_encoder_decoder else network.body
    plain = {key: value for key, value in inputs.items() if not key.startswith("decoder_")}
    with torch.inference_mode(), watching(reader) as seen:
        output = network.call(reader, plain, output_hidden_states=True)
    taps = [find_tap(seen, hidden) for hidden in output.hidden_states]
    return None if any(tap is None for tap in taps) else tuple(tap for tap in taps if tap is not None)


def _padding_is_harmless(network: Network, inputs: dict[str, torch.Tensor]) -> bool:
    import torch

    ids = inputs["input_ids"]
    half = max(1, ids.shape[1] // 2)
    padded = ids.repeat(2, 1)
    padded[1, half:] = pad_id_of(network)
    visible = torch.ones_like(padded)
    visible[1, half:] = 0
    last = 0 if network.hidden_taps is None else len(network.hidden_taps) - 1
    alone = network.run_selected({"input_ids": ids[:, :half], "attention_mask": visible[:1, :half]}, [last], [], [])
    together = network.run_selected({"input_ids": padded, "attention_mask": visible}, [last], [], [])
    top = max(alone.hidden)
    expected, found = alone.hidden[top][0], together.hidden[top][1, :half]
    return not _far(found, expected, 1e-5 * max(1.0, float(expected.abs().max())))


def pad_id_of(network: Network) -> int:
    """Id to pad with: the configuration's, or 0 (what is padded is masked anyhow)."""
    pad = getattr(network.model.config, "pad_token_id", None)
    return int(pad) if isinstance(pad, int) and pad >= 0 else 0


def _configured_kv_heads(network: Network) -> int:
    configured = getattr(network.model.config, "num_key_value_heads", None)
    return int(configured) if isinstance(configured, int) else network.n_heads


def _tensors(value: object) -> tuple[torch.Tensor, ...]:
    import torch

    if not isinstance(value, (tuple, list)):
        return ()
    return tuple(item for item in value if isinstance(item, torch.Tensor))


def _far(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> bool:
    """Whether any number is further off than the tolerance; NaN is."""
    return not bool(((found.float() - expected.float()).abs() <= tolerance).all())


def _line(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return f"{type(exc).__name__}: {lines[0][:200]}" if lines else type(exc).__name__
