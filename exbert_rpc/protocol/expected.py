"""What a field of a request may hold, in words, read off the wire types themselves."""

from __future__ import annotations

import re
from functools import cache

from msgspec import inspect

from exbert_rpc.protocol.types.base import Params

_STEP = re.compile(r"[^.\[\]]+|\[[^\]]*\]")


def expected_at(params_type: type[Params], path: str) -> str:
    """What may stand at ``path`` (``k``, ``layers[0]``, ``filter.pos``), such as ``an integer from 1 to 1000``.

    Empty where the path leads nowhere.
    """
    found: list[inspect.Type] = [_type_info(params_type)]
    for step in _STEP.findall(path):
        found = [inner for each in found for inner in _inside(each, step)]
    # where a list or one of its members may stand, msgspec names the same path for both
    return " or ".join(dict.fromkeys(_words(one) for one in found))


@cache
def _type_info(params_type: type[Params]) -> inspect.Type:
    return inspect.type_info(params_type)


def _inside(kind: inspect.Type, step: str) -> list[inspect.Type]:
    """Types that a field's name or ``[...]`` leads to."""
    if isinstance(kind, inspect.UnionType):
        return [inner for member in kind.types for inner in _inside(member, step)]
    if isinstance(kind, inspect.StructType):
        return [field.type for field in kind.fields if field.encode_name == step]
    if isinstance(kind, inspect.ListType) and step.startswith("["):
        return [kind.item_type]
    return []


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType():
            members = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
            return " or ".join(_words(member) for member in members)
        case inspect.LiteralType():
            return "one of " + ", ".join(str(value) for value in kind.values)
        case inspect.IntType():
            return "an integer" + _bounds(kind.ge, kind.le)
        case inspect.FloatType():
            return "a number" + _bounds(kind.ge, kind.le)
        case inspect.ListType():
            return f"a list (each member {_words(kind.item_type)})"
        case inspect.StructType():
            return "an object with " + ", ".join(field.encode_name for field in kind.fields)
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType():
            return "a string"
    return "any value"


def _bounds(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f", {low} or more"
    return "" if high is None else f", {high} or less"
