"""What a client sends, checked against the wire types; a refusal names the field and what it may hold."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TypeVar

import msgspec

from exbert_rpc.errors import InvalidParams
from exbert_rpc.protocol.expected import expected_at
from exbert_rpc.protocol.types.base import Params

P = TypeVar("P", bound=Params)
T = TypeVar("T")

_PATH = re.compile(r" - at `(?:\$\.)?(.*)`$")
_UNKNOWN = re.compile(r"unknown field `(.*?)`")
_MISSING = re.compile(r"missing required field `(.*?)`")


def validate(params_type: type[P], raw: object) -> P:
    """``raw`` as ``params_type``; raises :class:`InvalidParams` that names the field and what it may be."""
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise InvalidParams("params", "must be an object", hint="Parameters go by name.")
    try:
        return msgspec.convert(raw, params_type)
    except msgspec.ValidationError as error:
        raise _invalid(params_type, str(error)) from error
    except RecursionError as error:
        raise InvalidParams("params", "nested too deeply", hint="No field of a request is nested so.") from error


def _invalid(params_type: type[Params], message: str) -> InvalidParams:
    found = _PATH.search(message)
    path = found.group(1) if found else ""
    reason = message[: found.start()] if found else message
    if unknown := _UNKNOWN.search(reason):
        name = unknown.group(1)
        names = [] if path else [str(name) for name in params_type.__struct_encode_fields__]
        close = get_close_matches(name, names, n=1)
        hint = f"Did you mean `{close[0]}`?" if close else f"Fields: {', '.join(names)}."
        if path:
            hint = f"`{path}` is {expected_at(params_type, path)}."
        return InvalidParams(f"{path}.{name}".lstrip("."), "unknown field", hint=hint)
    if missing := _MISSING.search(reason):
        field = f"{path}.{missing.group(1)}".lstrip(".")
        return InvalidParams(field, "is required", hint=f"Give `{field}`, {expected_at(params_type, field)}.")
    field = path or "params"
    return InvalidParams(field, _lower_first(reason), hint=f"`{field}` is {expected_at(params_type, path)}.")


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def check_text(field: str, text: str) -> None:
    """Raise ``InvalidParams`` for a text with half a character in it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidParams(
            field,
            f"a lone surrogate (half a character) stands at offset {error.start}",
            hint="Send whole characters.",
            offset=error.start,
        ) from error


def as_tuple(values: list[T] | None) -> tuple[T, ...] | None:
    """A list of the wire as the engine takes it; ``None`` stays."""
    return None if values is None else tuple(values)
