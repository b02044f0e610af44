"""What each field of a wire type means, read off its docstring: for the schema, the client and the command line."""

from __future__ import annotations

import inspect
import re
from functools import cache

import msgspec

_ENTRY = re.compile(r"^    (\w+): ")


@cache
def field_docs(wire_type: type[msgspec.Struct]) -> dict[str, str]:
    """Attribute name → what it means, its bases' fields included; fields that no docstring names are left out."""
    found: dict[str, str] = {}
    for one in reversed(wire_type.__mro__):
        found |= _attributes(one.__dict__.get("__doc__") or "")
    return found


@cache
def summary(wire_type: type[msgspec.Struct]) -> str:
    """What a wire type is: its docstring in front of the attributes."""
    return inspect.cleandoc(wire_type.__doc__ or "").partition("\n\nAttributes:")[0]


def _attributes(docstring: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc(docstring).partition("Attributes:\n")[2].splitlines():
        entry = _ENTRY.match(line)
        if entry is not None:
            name = entry[1]
            found[name] = line[entry.end() :].strip()
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found


def wire_fields(wire_type: type[msgspec.Struct]) -> list[tuple[str, bool, str]]:
    """Wire name of each field, whether it is required, and what it means, in order."""
    docs = field_docs(wire_type)
    return [
        (field.encode_name, field.required, docs.get(field.name, "")) for field in msgspec.structs.fields(wire_type)
    ]
