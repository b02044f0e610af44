"""Whether a model can be reproduced exactly, found out when it is loaded for the first time.

1. The stock model (eager attention, ``output_attentions``) gives the reference for a probe.
2. Each route on the attention interface is tried; the first one whose weights, head outputs and hidden states are the
   reference's is taken (:mod:`exbert_rpc.model.compare`).
3. A model off the interface runs eagerly; its head outputs are read at the projection whose input is, in numbers,
   the reference weights times the output of some module of the same pass (the values); else at the product that
   multiplies the reference weights with the values (:mod:`exbert_rpc.model.product_taps`).
4. What depends on length is met by the probe, or by a copy of the model whose thresholds are lowered
   (:mod:`exbert_rpc.model.thresholds`, :mod:`exbert_rpc.model.twin`); the copy has to be reproduced by the same route.
5. In bfloat16 and float16, where rounding hides much, the route has to be the stock model's in float64, too; so have
   batches (6).
6. Texts on both sides of the thresholds share a batch, which must give the numbers of single passes; else batches are
   split at the thresholds, or hold texts of one length only.
7. What passes none of this is refused by name.

The probe also tells what configurations don't reliably say: number of layers and heads, head size, whether attention
is causal, and where hidden states can be read early.
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exbert_rpc.errors import ExbertError, ModelNotSupported
from exbert_rpc.model.attention_function import attention_weights
from exbert_rpc.model.compare import Judge
from exbert_rpc.model.head_places import AtProducts
from exbert_rpc.model.head_probe import find_head_places
from exbert_rpc.model.lm_head import reads_other_streams
from exbert_rpc.model.network import ROUTES, Network
from exbert_rpc.model.product_taps import find_product_taps
from exbert_rpc.model.shared_batches import share_batches
from exbert_rpc.model.stock import Stock, exactly, line_of
from exbert_rpc.model.subjects import Prober, Subject, copy_with_lowered
from exbert_rpc.model.thresholds import beyond_reach, find_thresholds, lengths_in_tokens
from exbert_rpc.model.types import ModelKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from exbert_rpc.model.network import Route, Streams
    from exbert_rpc.model.passes import RawPass

PROBE_TOKENS = 16
LONGEST_PROBE = 1100
"""Tokens that a probe has at most where a threshold cannot be lowered."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the probe measured; fields as in :class:`~exbert_rpc.model.types.ModelDescription`.

    Attributes:
        max_tokens: Length of text up to which the model was verified; at most what was asked for.
        n_layers: All layers, with or without attention.
        head_sizes: Width of a head's output in each layer; 0 where there is no attention.
        hidden_sizes: Width of each hidden state.
        attentions_per_layer: How often a layer attends, each time with heads of its own.
        streams: What is shown of several residual streams.
    """

    kind: ModelKind
    n_layers: int
    n_heads: int
    n_kv_heads: int
    hidden_size: int
    head_size: int
    n_decoder_layers: int | None
    max_tokens: int
    attention_layers: tuple[int, ...]
    head_sizes: tuple[int, ...]
    hidden_sizes: tuple[int, ...]
    attentions_per_layer: int
    streams: Streams | None


def verify(network: Network, name: str, *, has_lm_head: bool, forbidden_ids: set[int], max_tokens: int) -> Facts:
    """Choose the network's route and fill in what was learned.

    Args:
        network: The model; its ``route``, taps, ``padding_is_harmless`` and ``split_at`` are set.
        name: Class name, for errors.
        has_lm_head: Whether predictions must be reproduced too.
        forbidden_ids: Ids that a probe must not contain (padding, end of text …).
        max_tokens: Longest text that will be asked for.

    Raises:
        ModelNotSupported: No route reproduces the model; says why.
    """
    try:
        return _verify(network, name, has_lm_head, forbidden_ids, max_tokens)
    except ExbertError:
        raise
    except Exception as exc:  # a class may lack anything that others have, such as an embedding of tokens
        raise ModelNotSupported(f"{name} cannot be captured: {line_of(exc)}") from exc


def _verify(network: Network, name: str, has_lm_head: bool, forbidden_ids: set[int], max_tokens: int) -> Facts:
    prober = Prober(name, has_lm_head, forbidden_ids, max_tokens)
    thresholds = [found for found in find_thresholds(network.model.config) if found.value < max_tokens]
    far = beyond_reach(thresholds)
    near = [threshold for threshold in thresholds if threshold not in far]
    twin, missed = copy_with_lowered(prober, network, far, near)
    reachable = [threshold for threshold in missed if threshold.value < LONGEST_PROBE]
    longest = max((threshold.value + 8 for threshold in reachable), default=0)
    subjects = [prober.subject(network, [*near, *reachable], longest), *([] if twin is None else [twin])]
    _check_finite(network, name, subjects[0].stock.hidden)
    raws = _choose_route(subjects, name)
    facts = _settle(prober, subjects, raws[0])
    with ExitStack() as stack:
        if subjects[0].network.is_narrow:
            stack.enter_context(exactly(*(subject.network for subject in subjects)))
        share_batches(prober, subjects, raws, lengths_in_tokens(thresholds))
    beyond = [threshold.value for threshold in missed if threshold not in reachable]
    return replace(facts, max_tokens=min([max_tokens, *beyond]))


def _choose_route(subjects: Sequence[Subject], name: str) -> list[RawPass]:
    """Set the route of all networks; the passes over the subjects' probes."""
    reason = ""
    for route in ROUTES:
        raws: list[RawPass] = []
        for subject in subjects:
            raw, found = _try_route(subject, route)
            # what the copy gets wrong is the more telling reason, if the other routes cannot even begin
            reason = reason if found == _OFF_INTERFACE and reason else found or reason
            if raw is None:
                break
            raws.append(raw)
        if len(raws) == len(subjects):
            return raws
    return [_fall_back(subject, name, reason) for subject in subjects]


_OFF_INTERFACE = "it is not on transformers' attention interface"


def _try_route(subject: Subject, route: Route) -> tuple[RawPass | None, str]:
    network = subject.network
    network.hides_sinks = network.is_merged = False
    if not network.use(route):
        return None, _OFF_INTERFACE
    try:
        raw = _located(subject)
        difference = subject.judge.difference(raw, network.call_layers)
        if difference and any(call.sinks is not None for call in raw.calls):
            network.hides_sinks = True
            raw = network.run(subject.inputs, keep_values=True)
            difference = subject.judge.difference(raw, network.call_layers)
        if not difference and network.is_narrow:
            difference = _difference_in_float64(subject)
    except Exception as exc:  # a model may do anything with a mask that it did not expect
        return None, f"its forward pass fails on the attention interface ({line_of(exc)})"
    if difference and subject.thresholds:
        difference += f", for a text longer than {subject.thresholds[0]} tokens"
    return (None, difference) if difference else (raw, "")


def _difference_in_float64(subject: Subject) -> str:
    """In words, what the route computes otherwise than the stock model, rounding aside."""
    exact = subject.judge.exact
    if exact is None:
        return f"it cannot run in float64, so that its rounding in {subject.network.dtype} cannot be told apart"
    with exactly(subject.network):
        raw = subject.network.run(subject.inputs, keep_values=True)
        return Judge(exact, lambda: None).difference(raw, subject.network.call_layers)


def _located(subject: Subject) -> RawPass:
    """A pass over the probe, from which it is known which call belongs to which layer."""
    import torch

    network, shown = subject.network, len(subject.stock.attention["self"])
    raw = network.run(subject.inputs, keep_values=True, locate=True)
    decoding = sum(1 for call in raw.calls if call.stage == "decoder")
    if decoding and decoding == len(subject.stock.attention["decoder"]) == len(subject.stock.attention["cross"]):
        network.is_merged = True
        return network.run(subject.inputs, keep_values=True)
    calls = 0 if network.call_layers is None else len(network.call_layers)
    if shown == 0 or calls in (0, shown) or calls % shown != 0:
        return raw
    weights = [attention_weights(call) for call in raw.calls]
    times = calls // shown
    if all(torch.equal(weights[number], weights[number - number % times]) for number in range(calls)):
        network.same_weights = True
        return network.run(subject.inputs, keep_values=True)
    return raw


def _fall_back(subject: Subject, name: str, reason: str) -> RawPass:
    network, stock = subject.network, subject.stock
    network.use("eager")
    network.route = "eager"
    network.n_heads = stock.attention["self"][0].shape[1]
    clear = subject.judge.exact if network.is_narrow else None
    places = stock if clear is None else clear
    found = find_head_places(places.attention["self"], places.seen) or _at_products(subject, places)
    if found is None:
        raise _no_heads(network, name, reason)
    network.head_places = found
    raw = network.run(subject.inputs, locate=True)
    difference = subject.judge.difference(raw, network.call_layers)
    if difference:
        raise ModelNotSupported(f"{name} cannot be reproduced: {difference}")
    return raw


def _no_heads(network: Network, name: str, reason: str) -> ModelNotSupported:
    prompt = getattr(network.model.config, "prompt_length", None)
    if prompt:
        return ModelNotSupported(
            f"{name} puts {prompt} tokens of its own in front of each text, and transformers shows its attention "
            "without the share that they take",
            hint="choose a model that reads the text alone",
        )
    return ModelNotSupported(
        f"{name}: {reason}, and neither a module nor a matrix product has its heads' outputs, so they cannot be read",
        hint="choose a model on transformers' attention interface",
    )


def _at_products(subject: Subject, stock: Stock) -> AtProducts | None:
    """Where products give the head outputs; of a narrow model as its pass in float64 shows."""
    network, attention = subject.network, stock.attention["self"]
    if attention[0].shape[1] == 1:  # its axis cannot be told from that of the batch
        return None
    with exactly(network) if network.is_narrow else nullcontext():
        taps = find_product_taps(lambda: network.run_whole(subject.inputs), network.model, attention)
    return None if taps is None else AtProducts(taps)


def _settle(prober: Prober, subjects: Sequence[Subject], raw: RawPass) -> Facts:
    """Last checks of the loaded model, and what was learned of it."""
    first = subjects[0]
    network, stock = first.network, first.stock
    _check_finite(network, prober.name, tuple(raw.hidden.values()))
    if reads_other_streams(raw.final) and not network.is_encoder_decoder:
        raise ModelNotSupported(
            f"{prober.name}: its predictions are made by streams of their own beside that of the text, with attention "
            "of their own in the same heads",
            hint="use ProphetNetForConditionalGeneration, whose encoder reads the text in one stream",
        )
    if prober.has_lm_head:
        _check_logits(network, prober.name, first.judge, raw)
    n_layers = len(stock.hidden) - 1
    _check_layers(network, prober.name, raw, n_layers)
    for subject in subjects:
        subject.network.n_heads = next(iter(raw.heads.values())).shape[2]
    kind: ModelKind = "bidirectional"
    if network.is_encoder_decoder:
        kind = "encoderDecoder"
    elif all(bool((weights.triu(1) == 0).all()) for weights in stock.attention["self"]):
        kind = "autoregressive"
    shown = network.attention_layers(n_layers)
    sizes = [raw.heads[layer].shape[-1] if layer in shown else 0 for layer in range(n_layers)]
    return Facts(
        kind=kind,
        n_layers=n_layers,
        n_heads=network.n_heads,
        n_kv_heads=raw.calls[0].n_kv_heads if network.route != "eager" else _configured_kv_heads(network),
        hidden_size=raw.hidden[0].shape[-1],
        head_size=sizes[shown[0]],
        n_decoder_layers=len(stock.attention["decoder"]) if network.is_encoder_decoder else None,
        max_tokens=prober.max_tokens,
        attention_layers=shown,
        head_sizes=tuple(sizes),
        hidden_sizes=tuple(raw.hidden[number].shape[-1] for number in sorted(raw.hidden)),
        attentions_per_layer=len(stock.attention["self"]) // len(shown),
        streams=network.streams,
    )


def _check_finite(network: Network, name: str, states: Sequence[torch.Tensor]) -> None:
    """Return at once, or raise ModelNotSupported that says what may be wrong."""
    import torch

    if all(bool(torch.isfinite(state).all()) for state in states):
        return
    if not network.is_narrow:
        raise ModelNotSupported(f"{name} gives numbers that are not finite", hint="its weights may be damaged")
    raise ModelNotSupported(
        f"{name} gives numbers that are not finite in {network.dtype}",
        hint="use another dtype: float16 ends at 65,504, which models that were trained in bfloat16 may exceed",
    )


def _check_layers(network: Network, name: str, raw: RawPass, n_layers: int) -> None:
    """Return at once, or say why layers or heads cannot be told apart."""
    shown, counts = network.attention_layers(n_layers), {heads.shape[2] for heads in raw.heads.values()}
    if sorted(raw.heads) != list(shown) or sorted(raw.attention["self"]) != list(shown):
        raise ModelNotSupported(
            f"{name}: it attends {len(raw.attention['self'])} times in {n_layers} layers, and which of them do so "
            "cannot be told"
        )
    if len(counts) > 1:
        named = ", ".join(map(str, sorted(counts)))
        raise ModelNotSupported(
            f"{name}: its layers have different numbers of heads ({named}), and heads are numbered alike in all layers",
            hint="choose a model whose layers have one number of heads",
        )


def _check_logits(network: Network, name: str, judge: Judge, raw: RawPass) -> None:
    if judge.stock.logits is None:
        raise ModelNotSupported(f"{name} has a language-model head but gives no logits")
    for answering in ("", "decoder"):
        network.answering = answering
        try:
            found = network.logits(raw.final, 0, judge.stock.logits.shape[1])
        except Exception:  # a head may do anything without its body; the next place is tried
            continue
        if judge.are_logits(found):
            return
    raise ModelNotSupported(f"{name}: its predictions cannot be reproduced from its last hidden state")


def _configured_kv_heads(network: Network) -> int:
    configured = getattr(network.model.config, "num_key_value_heads", None)
    return int(configured) if isinstance(configured, int) else network.n_heads
