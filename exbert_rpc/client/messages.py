"""The client's half of the wire: requests to bytes, bytes to answers. For :mod:`exbert_rpc.client`."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from exbert_rpc import errors
from exbert_rpc.protocol.error_codes import CODES
from exbert_rpc.protocol.types import signatures
from exbert_rpc.protocol.types.base import Params, Result

_encoder = msgspec.json.Encoder()
_results = {name: msgspec.json.Decoder(signature.result) for name, signature in signatures().items()}
_classes = {code: error for error, (code, _) in CODES.items()}


class ServerFailed(errors.ExbertError):
    """The server reported an error that is not one of the engine's; ``data['code']`` is JSON-RPC's code."""

    kind = "internal"


class _Error(msgspec.Struct):
    code: int
    message: str
    data: dict[str, object] | None = None


class _Incoming(msgspec.Struct):
    id: int | str | None = None
    method: str | None = None
    params: dict[str, object] | list[object] | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Error | None = None


_incoming = msgspec.json.Decoder(_Incoming)
# how our servers begin an answer: what follows, up to the last brace, need not be read twice
_ANSWER = re.compile(rb'\{"jsonrpc":"2\.0","id":(\d{1,18}),"result":')


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: either ``result`` (JSON, not yet read) or ``error``."""

    id: int | str | None
    result: memoryview
    error: errors.ExbertError | None


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of the server that wants no answer."""

    method: str
    params: dict[str, object]


def encode_request(message_id: int, method: str, params: Params | dict[str, object] | None) -> bytes:
    """A request; fields of ``params`` that have their default are left out."""
    return _encoder.encode({"jsonrpc": "2.0", "id": message_id, "method": method, "params": params or {}})


def encode_notice(method: str, params: dict[str, object] | None) -> bytes:
    """A notification."""
    return _encoder.encode({"jsonrpc": "2.0", "method": method, "params": params or {}})


def with_token(params: Params, token: str) -> Params:
    """The same params with a progress token."""
    return msgspec.structs.replace(params, work_done_token=token)


def decode_incoming(body: bytes) -> Reply | Notice:
    """A message of the server; raises ``ValueError`` for other bytes. The result itself is not parsed yet."""
    begun = _ANSWER.match(body)
    if begun is not None and body.endswith(b"}"):
        return Reply(int(begun[1]), memoryview(body)[begun.end() : -1], None)
    message = _incoming.decode(body)
    if message.method is not None:
        return Notice(message.method, message.params if isinstance(message.params, dict) else {})
    error = None if message.error is None else _exception(message.error)
    return Reply(message.id, memoryview(message.result), error)


def decode_result(method: str, result: memoryview) -> Result:
    """The result of one of the protocol's methods."""
    return _results[method].decode(result)


def decode_plain(result: memoryview) -> object:
    """Any other result, as plain values."""
    return msgspec.json.decode(result)


def _exception(error: _Error) -> errors.ExbertError:
    data = dict(error.data or {})
    hint, _ = str(data.pop("hint", "")), data.pop("kind", None)
    error_type = _classes.get(error.code)
    if error_type is None:
        return ServerFailed(error.message, hint=hint, code=error.code, **_names(data, "code"))
    # every class is made alike here: some have constructors that compose the message, which is composed already
    exception = error_type.__new__(error_type)
    errors.ExbertError.__init__(exception, error.message, hint=hint, **_names(data))
    return exception


def _names(data: dict[str, object], *taken: str) -> dict[str, object]:
    return {key: value for key, value in data.items() if key not in ("message", "self", "hint", *taken)}
