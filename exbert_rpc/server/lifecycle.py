"""pygls as we use it: its feature registry, its capabilities, its documents and its part of the LSP life cycle.

One :class:`ConnectionServer` serves one connection. It never reads, never replies and never exits by itself:
:mod:`exbert_rpc.server.session` does, because stock pygls leaves requests unanswered (wrong params, unserialisable
results), runs requests before ``initialize``, and shares one writer between all connections.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import cache
from typing import Any, cast

import cattrs
from lsprotocol import converters, types
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from exbert_rpc import __version__
from exbert_rpc.errors import InvalidParams
from exbert_rpc.server.documents import SessionWorkspace

_SYNC = types.TextDocumentSyncKind.Incremental


@cache
def shared_converter() -> cattrs.Converter:
    """The converter of lsprotocol; all connections share it."""
    return converters.get_converter()


class ConnectionProtocol(LanguageServerProtocol):  # type: ignore[misc]
    """pygls' protocol without its transport."""

    _opened: SessionWorkspace | None = None

    @property
    def workspace(self) -> SessionWorkspace:
        """The client's documents; before ``initialize`` pygls raises that there are none."""
        return super().workspace if self._opened is None else self._opened

    @lsp_method(types.INITIALIZE)  # type: ignore[untyped-decorator]
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[object, object, object]:
        """Let pygls negotiate, then open a workspace of ours instead of its own."""
        result = yield from super().lsp_initialize(params)
        stock = super().workspace
        self._opened = SessionWorkspace(stock.root_uri, _SYNC, None, stock.position_encoding)
        return result

    def get_message_type(self, method: str) -> type | None:
        """LSP's type of a message (pygls' own version caches every connection for good)."""
        return types.METHOD_TO_TYPES.get(method, (None,))[0]

    def get_result_type(self, method: str) -> type | None:
        """LSP's type of a result."""
        return types.METHOD_TO_TYPES.get(method, (None, None))[1]

    def is_builtin(self, method: str) -> bool:
        """Whether pygls itself handles ``method``."""
        return method in self.fm.builtin_features

    def run_builtin(self, method: str, params: object) -> object:
        """Run pygls' handler of an LSP message at once, and give its result as plain JSON values."""
        outcome = self.fm.builtin_features[method](_structured(method, self.get_message_type(method), params))
        return shared_converter().unstructure(_result_of(outcome))

    def structured(self, method: str, params: object) -> Any:  # noqa: ANN401 - a class of lsprotocol
        """The params of an LSP message as lsprotocol has them; raises :class:`InvalidParams`."""
        return _structured(method, self.get_message_type(method), params)

    def feature(self, method: str) -> Callable[..., None] | None:
        """Our own handler of ``method``."""
        handler: Callable[..., None] | None = self.fm.features.get(method)
        return handler


class ConnectionServer(LanguageServer):  # type: ignore[misc]
    """The registry of one connection's methods."""

    protocol: ConnectionProtocol

    def __init__(self) -> None:
        super().__init__(
            "exbert-rpc",
            __version__,
            protocol_cls=ConnectionProtocol,
            converter_factory=shared_converter,
            text_document_sync_kind=_SYNC,
            max_workers=1,
        )


def tolerant_initialize(params: Mapping[str, object]) -> dict[str, object]:
    """``initialize`` params with what LSP requires filled in, so that a script may leave it out."""
    return {"processId": None, "rootUri": None, "capabilities": {}} | dict(params)


def minimal_initialize(params: Mapping[str, object]) -> dict[str, object]:
    """Only what this server reads, for a client whose capabilities lsprotocol does not know."""
    capabilities = params.get("capabilities")
    general = capabilities.get("general") if isinstance(capabilities, dict) else None
    encodings = general.get("positionEncodings") if isinstance(general, dict) else None
    known = [item for item in encodings if isinstance(item, str)] if isinstance(encodings, list) else []
    kept = {"general": {"positionEncodings": known}} if known else {}
    return {"processId": None, "rootUri": None, "capabilities": kept}


def _structured(method: str, message_type: type | None, params: object) -> object:
    """The params of a message as lsprotocol has them; raises :class:`InvalidParams`."""
    message = {"jsonrpc": "2.0", "id": 0, "method": method, "params": params}
    try:
        structured: object = shared_converter().structure(message, cast(type[object], message_type))
    except Exception as error:
        field = _first_field(error)
        raise InvalidParams(field or "params", f"not what {method} takes") from error
    return getattr(structured, "params", None)


def _result_of(outcome: object) -> object:
    """What a handler of pygls returns. Most are generators, which yield only to handlers that we never register."""
    if not isinstance(outcome, Generator):
        return outcome
    try:
        handler, *_ = next(outcome)
    except StopIteration as end:
        return end.value
    raise RuntimeError(f"pygls hands over to {handler}, which this server does not know")


def _first_field(error: BaseException) -> str:
    """The path of the first field that cattrs complains of, as far as it says."""
    notes = [note for note in getattr(error, "__notes__", ()) if hasattr(note, "name")]
    inner = getattr(error, "exceptions", ())
    deeper = _first_field(inner[0]) if inner else ""
    name = str(notes[0].name) if notes else ""
    return ".".join(part for part in (name, deeper) if part)
