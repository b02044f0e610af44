"""What the person who starts the server decides, and what a client may choose.

A bad option of a client never stops the server: it is reported, and the default is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_type_hints

import msgspec

from exbert_rpc.corpus.types import Precision

if TYPE_CHECKING:
    from exbert_rpc.corpus.search.actors import ActorSettings

DEFAULT_ANSWER_BYTES = 48 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What the one engine of a process is made with.

    Attributes:
        store: Folder of the corpora; ``None`` for the engine's default.
        model: Default model; ``None`` means the engine's.
        device: ``auto``, ``cpu``, ``cuda`` …
        dtype: What weights are kept in: ``auto``, ``float32``, ``bfloat16`` or ``float16``.
        allow_network: Whether models may be fetched from the Hub.
        pipeline: Default spaCy pipeline; ``None`` for the engine's default.
        allowed_roots: Folders that files are read from; ``None``: wherever the user may.
        origin: URL below which all corpora lie; ``None``: they lie in the store.
        actors: Actors of a Ray cluster that search the corpora; ``None``: the server's process does.
    """

    store: Path | None = None
    model: str | None = None
    device: str = "auto"
    dtype: str = "float32"
    allow_network: bool = False
    pipeline: str | None = None
    allowed_roots: tuple[Path, ...] | None = None
    origin: str | None = None
    actors: ActorSettings | None = None


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """How much a server does at once.

    Attributes:
        workers: Threads that answer requests.
        builders: Threads that build corpora.
        answer_bytes: Largest answer.
        queued: Requests of one client that may wait.
    """

    workers: int = 2
    builders: int = 2
    answer_bytes: int = DEFAULT_ANSWER_BYTES
    queued: int = 20_000


@dataclass(frozen=True, slots=True)
class HoverHead:
    """The head that a hover tells of.

    Attributes:
        layer: Its attention layer.
        head: Its number in the layer.
    """

    layer: int
    head: int


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """``initializationOptions``, and the settings of ``workspace/didChangeConfiguration``.

    Attributes:
        model: Model of requests that name none.
        pipeline: spaCy pipeline of requests that name none.
        precision: Precision of new corpora when the request names none.
        device: Where models run; before the first request of a stdio server only.
        dtype: What weights are kept in; likewise.
        store: Folder of the corpora; likewise.
        trace: Whether the log names every request with its duration.
        actions: Whether code actions, commands and hovers are offered; a client with a view of its own says no.
        corpus: Corpus of reports that an editor asks for; ``None``: they have no contexts.
        hover: What a hover tells of; ``None``: hovers are not offered.
        token: The secret of a socket server; read by the transport.
    """

    model: str | None = None
    pipeline: str | None = None
    precision: Precision | None = None
    device: str | None = None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] | None = None
    store: str | None = None
    trace: bool = False
    actions: bool = True
    corpus: str | None = None
    hover: HoverHead | None = None
    token: str | None = field(default=None, repr=False)


OPTION_NAMES = tuple(option.name for option in fields(ServerOptions))
OWNERS_OPTIONS = ("device", "dtype", "store")
"""Of the one engine that all clients share: fixed when it is made, and by whoever starts a socket server."""
_SECTIONS = ("exbert", "exbertRpc", "exbert-rpc")


def parse_options(raw: object, base: ServerOptions | None = None) -> tuple[ServerOptions, list[str]]:
    """The options in ``raw`` over ``base``, and a sentence for each that was not taken."""
    options = ServerOptions() if base is None else base
    if raw is None:
        return options, []
    if not isinstance(raw, dict):
        return options, ["options must be an object; defaults are used"]
    section = next((raw[name] for name in _SECTIONS if isinstance(raw.get(name), dict)), raw)
    hints = get_type_hints(ServerOptions)
    problems: list[str] = []
    taken: dict[str, object] = {}
    for name, value in section.items():
        if name not in hints:
            problems.append(_unknown(str(name)))
            continue
        try:
            taken[name] = msgspec.convert(value, hints[name])
        except msgspec.ValidationError as error:
            problems.append(f"option `{name}` is not used: {error}; the default stays")
    return replace(options, **taken), problems  # type: ignore[arg-type]


def confine(options: ServerOptions, transport: Literal["stdio", "socket"]) -> tuple[ServerOptions, list[str]]:
    """Take from a socket client the options that are the server owner's to decide."""
    if transport == "stdio":
        return options, []
    refused = [name for name in OWNERS_OPTIONS if getattr(options, name) is not None]
    problems = [f"option `{name}` is not used: only who starts the server may set it" for name in refused]
    return replace(options, device=None, dtype=None, store=None), problems


def merge(settings: EngineSettings, options: ServerOptions) -> EngineSettings:
    """Engine settings with a (stdio) client's wishes; permissions stay those of the command line."""
    return replace(
        settings,
        store=settings.store if options.store is None else Path(options.store).expanduser(),
        model=options.model or settings.model,
        device=options.device or settings.device,
        dtype=options.dtype or settings.dtype,
        pipeline=options.pipeline or settings.pipeline,
    )


def _unknown(name: str) -> str:
    if name in ("allowNetwork", "allow_network"):
        return "option `allowNetwork` is not used: only `exbert-rpc serve --allow-network` allows the network"
    close = get_close_matches(name, OPTION_NAMES, n=1)
    meant = f"; did you mean `{close[0]}`?" if close else ""
    return f"option `{name[:80]}` is unknown{meant} (known: {', '.join(OPTION_NAMES[:-1])})"
