"""What verification found out about a model, remembered, so that it is loaded a second time without a probe.

A note is named by everything that it depends on: the model's fingerprint (weights, configuration, tokenizer, versions
of the libraries), its class, the kind of device, and the code of this package's ``model`` folder. Only success is
remembered.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import xxhash

from exbert_rpc.model.head_places import as_data, from_data
from exbert_rpc.model.network import Route
from exbert_rpc.model.taps import Tap
from exbert_rpc.model.verify import Facts

if TYPE_CHECKING:
    from exbert_rpc.model.network import Network


def note_of(cache_dir: Path, fingerprint: str, name: str, device: str, max_tokens: int) -> Path:
    """Where the note about a model lies, or would lie.

    Args:
        cache_dir: The folder of all that is kept between runs.
        fingerprint: Hex digest of weights, configuration, tokenizer, dtype and versions.
        name: Class of the model.
        device: Such as ``cpu`` or ``cuda:1``; the number of a card makes no difference.
        max_tokens: Length, in tokens, up to which the model was verified.
    """
    parts = (fingerprint, name, device.partition(":")[0], str(max_tokens), _code())
    digest = xxhash.xxh3_128_hexdigest("\x00".join(parts).encode())
    return cache_dir / "verified" / f"{digest}.json"


def recall(note: Path, network: Network) -> Facts | None:
    """Set the network as a note says and give the facts; ``None`` if there is no note that can be read.

    Raises nothing: a note that is missing, cut, of another form or for other modules changes nothing but the route.

    Args:
        note: Path of :func:`note_of`.
        network: A loaded network of the same weights.
    """
    try:
        data = json.loads(note.read_text(encoding="utf-8"))
        facts = Facts(**{name: _frozen(value) for name, value in data["facts"].items()})
        modules = dict(network.model.named_modules())
        hidden = None if data["hidden_taps"] is None else _taps(data["hidden_taps"], modules)
        heads = from_data(data["head_places"], modules)
        route, split_at = data["route"], tuple(int(value) for value in data["split_at"])
        harmless, answering = bool(data["padding_is_harmless"]), str(data["answering"])
        forms = dict(data["forms"])
        hides_sinks, is_merged = bool(data["hides_sinks"]), bool(data["is_merged"])
        call_layers, same_weights = _frozen(data["call_layers"]), bool(data["same_weights"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if route not in get_args(Route) or not network.use(route):
        return None
    network.hidden_taps, network.head_places, network.n_heads = hidden, heads, facts.n_heads
    network.padding_is_harmless, network.split_at, network.answering = harmless, split_at, answering
    network.hides_sinks, network.is_merged = hides_sinks, is_merged
    network.forms = forms
    network.call_layers, network.same_weights, network.streams = call_layers, same_weights, facts.streams
    return facts


def remember(note: Path, network: Network, facts: Facts) -> None:
    """Write a note, whole or not at all; a folder that can't be written only costs the next load some time.

    Args:
        note: Path of :func:`note_of`.
        network: The network as verification left it.
        facts: What verification found out.
    """
    names = {id(module): name for name, module in network.model.named_modules()}
    data = {
        "facts": asdict(facts),
        "route": network.route,
        "hidden_taps": None if network.hidden_taps is None else _named(network.hidden_taps, names),
        "head_places": as_data(network.head_places, names),
        "forms": network.forms,
        "call_layers": network.call_layers,
        "hides_sinks": network.hides_sinks,
        "is_merged": network.is_merged,
        "same_weights": network.same_weights,
        "padding_is_harmless": network.padding_is_harmless,
        "split_at": network.split_at,
        "answering": network.answering,
    }
    temporary = note.with_suffix(f".{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(data), encoding="utf-8")
        temporary.replace(note)
    except OSError:
        temporary.unlink(missing_ok=True)


def _frozen(value: Any) -> Any:  # noqa: ANN401 - of JSON
    return tuple(value) if isinstance(value, list) else value


def _named(taps: tuple[Tap, ...], names: dict[int, str]) -> list[tuple[str, int, bool]]:
    return [(names[id(tap.module)], tap.call, tap.of_input) for tap in taps]


def _taps(data: list[Any], modules: dict[str, Any]) -> tuple[Tap, ...]:
    return tuple(Tap(modules[name], int(call), of_input=bool(of_input)) for name, call, of_input in data)


@cache
def _code() -> str:
    """Digest of the source of everything that verifies and runs models."""
    digest = xxhash.xxh3_128()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return str(digest.hexdigest())
