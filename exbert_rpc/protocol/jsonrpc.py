"""JSON-RPC 2.0 messages: bytes to a checked request, and replies to bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from exbert_rpc.protocol.error_codes import Failure, reserved

MAX_BATCH = 1_000
_SECOND_OPINION = 8 * 1024 * 1024
_SPLICE = b"\0"  # never part of JSON, which escapes it

MessageId = int | str


class Verbatim:
    """JSON in pieces, megabytes of it, which goes into a message as it is and is copied once."""

    def __init__(self, pieces: Sequence[bytes]) -> None:  # no dataclass: msgspec would make an object of it
        self.pieces = pieces


@dataclass(frozen=True, slots=True)
class Request:
    """A message that wants exactly one reply. ``params`` is what came, ``None`` if absent."""

    id: MessageId
    method: str
    params: object


@dataclass(frozen=True, slots=True)
class Notification:
    """A message that wants no reply."""

    method: str
    params: object


@dataclass(frozen=True, slots=True)
class Response:
    """A reply of the client to a request of the server."""

    id: object


@dataclass(frozen=True, slots=True)
class Invalid:
    """A message of no valid kind; ``id`` is the one to answer to, if it could be read."""

    id: MessageId | None
    failure: Failure


Message = Request | Notification | Response | Invalid


def decode(body: bytes) -> Message | list[Message]:
    """The message (or batch) in ``body``; never raises."""
    try:
        value = _parse(body)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else "not JSON in UTF-8"
        return Invalid(None, reserved("parseError", f"the message is {reason}"))
    if not isinstance(value, list):
        return _classify(value)
    if not 1 <= len(value) <= MAX_BATCH:
        reason = f"a batch has {len(value)} messages; it takes 1 to {MAX_BATCH}"
        return Invalid(None, reserved("invalidRequest", reason))
    return [_classify(item) for item in value]


def encode(value: object) -> bytes:
    """JSON of plain values and Structs, any of them :class:`Verbatim`; NaN becomes null.

    Raises ``TypeError``, ``UnicodeEncodeError`` or ``OverflowError`` on what JSON cannot hold.
    """
    pieces = encode_pieces(value)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def encode_pieces(value: object) -> list[bytes]:
    """What :func:`encode` gives, not yet joined."""
    spliced: list[Verbatim] = []

    def splice(found: object) -> msgspec.Raw:
        if not isinstance(found, Verbatim):
            raise TypeError(f"JSON cannot hold {type(found).__name__}")
        spliced.append(found)
        return msgspec.Raw(_SPLICE)

    encoded = msgspec.json.encode(value, enc_hook=splice)
    first, *others = encoded.split(_SPLICE) if spliced else [encoded]
    pieces = [first]
    for found, other in zip(spliced, others, strict=True):
        pieces += [*found.pieces, other]
    return pieces


def result_reply(message_id: MessageId | None, *result: bytes) -> bytes:
    """A reply that carries ``result``, which is JSON already, perhaps in pieces."""
    return b"".join([b'{"jsonrpc":"2.0","id":%s,"result":' % json.dumps(message_id).encode(), *result, b"}"])


def error_reply(message_id: MessageId | None, failure: Failure) -> bytes:
    """A reply that carries an error."""
    return b'{"jsonrpc":"2.0","id":%s,"error":%s}' % (json.dumps(message_id).encode(), failure.to_json())


def notification(method: str, params: object) -> bytes:
    """A message to the client that needs no reply. The client's own words in it are sent back unchanged."""
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    try:
        return msgspec.json.encode(message)
    except (UnicodeEncodeError, OverflowError):
        # lone surrogates and integers beyond 64 bits are JSON all the same
        return json.dumps(message).encode()


def _parse(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError):
        # msgspec refuses lone surrogates and numbers beyond a double, which are JSON all the same: such a message
        # has an id, and gets its error under that id
        if len(body) > _SECOND_OPINION:
            raise
    return json.loads(body.decode("utf-8"), parse_constant=_refuse)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def _classify(value: object) -> Message:
    if not isinstance(value, dict):
        return Invalid(None, reserved("invalidRequest", "a message must be an object"))
    has_id, raw_id = "id" in value, value.get("id")
    good_id = raw_id if isinstance(raw_id, (int, str)) and not isinstance(raw_id, bool) else None
    if value.get("jsonrpc") != "2.0":
        return Invalid(good_id, reserved("invalidRequest", 'jsonrpc must be "2.0"'))
    if "method" not in value:
        if has_id and ("result" in value or "error" in value):
            return Response(raw_id)
        return Invalid(good_id, reserved("invalidRequest", "a message must have a method"))
    method = value["method"]
    if not isinstance(method, str):
        return Invalid(good_id, reserved("invalidRequest", "method must be a string"))
    if not has_id:
        return Notification(method, value.get("params"))
    if good_id is None:
        return Invalid(None, reserved("invalidRequest", "id must be a string or an integer"))
    return Request(good_id, method, value.get("params"))
