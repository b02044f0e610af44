"""The OpenRPC document as a Markdown page: methods, errors, types.

A part of JSON Schema that the page has no words for is a ``ValueError``: nothing is left out in silence.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]

_REF = "#/components/schemas/"
_NOT_A_TYPE = {"title", "description", "default"}  # said elsewhere on the page


def page(document: Schema) -> str:
    """The page of an OpenRPC document.

    Raises:
        ValueError: The document says something that the page cannot show.
    """
    info = document["info"]
    parts = [
        "# Methods and types",
        f"Version {info['version']} of the protocol, from `protocol/openrpc.json`. Parameters go by name. "
        "[The protocol](../protocol.md) explains how to talk to a server.",
        "## Methods",
        *(_method(method) for method in document["methods"]),
        "## Errors",
        "Every method may answer with these.",
        _errors(document["methods"]),
        "## Types",
        *(_type(name, schema) for name, schema in sorted(document["components"]["schemas"].items())),
    ]
    return "\n\n".join(parts) + "\n"


def type_of(schema: Schema) -> str:
    """What a JSON Schema allows, in words, with links to the page's types.

    Raises:
        ValueError: The schema has a keyword that is not understood.
    """
    match {key: value for key, value in schema.items() if key not in _NOT_A_TYPE}:
        case {"$ref": str(ref), **rest} if not rest and ref.startswith(_REF):
            return _link(ref.removeprefix(_REF))
        case {"anyOf": options, **rest} if not rest:
            return " or ".join(type_of(option) for option in options)
        case {"enum": values, **rest} if not rest or rest == {"type": "string"}:
            return " or ".join(f"`{json.dumps(value)}`" for value in values)
        case {"type": "array", "items": items, **rest} if not rest.keys() - {"minItems", "maxItems"}:
            return f"array of {type_of(items)}" + _length(rest)
        case {"type": "array", **rest} if not rest.keys() - {"minItems", "maxItems"}:
            return "array" + _length(rest)
        case {"type": "object", "additionalProperties": dict(values), **rest} if not rest:
            return f"object of {type_of(values)}"
        case {"type": "object", **rest} if not rest:
            return "object"
        case {"type": "integer" | "number" as kind, **rest} if not rest.keys() - {"minimum", "maximum"}:
            return str(kind) + _limits(rest)
        case {"type": "string", **rest} if not rest.keys() - {"minLength", "maxLength", "pattern", "format"}:
            return "string" + "".join(f", {key} `{value}`" for key, value in rest.items())
        case {"type": "boolean" | "null" as kind, **rest} if not rest:
            return kind
        case other if not other:
            return "any JSON value"
        case other:
            raise ValueError(f"the OpenRPC page has no words for the schema {json.dumps(other)}")


def _method(method: Schema) -> str:
    fields = {field["name"]: field["schema"] for field in method["params"]}
    required = [field["name"] for field in method["params"] if field.get("required")]
    lines = [f"### `{method['name']}` {{ #method-{method['name']} }}", _prose(method.get("description", ""))]
    lines.append(_fields(fields, required) if fields else "Takes no parameters.")
    lines.append(f"**Result**: {type_of(method['result']['schema'])}. {_prose(method['summary'])}")
    return "\n\n".join(lines)


def _type(name: str, schema: Schema) -> str:
    parts = [f"### `{name}` {{ #type-{name.lower()} }}", _prose(schema.get("description", ""))]
    if schema.get("type") == "object" and "properties" in schema:
        unknown = schema.keys() - {"title", "description", "type", "properties", "required", "additionalProperties"}
        if unknown:
            raise ValueError(f"the OpenRPC page has no words for {', '.join(sorted(unknown))} of {name}")
        parts.append(
            _fields(schema["properties"], schema.get("required", [])) if schema["properties"] else "No fields."
        )
    else:
        parts.append(type_of(schema).capitalize() + ".")
    return "\n\n".join(part for part in parts if part)


def _fields(fields: Mapping[str, Schema], required: Sequence[str]) -> str:
    rows = ["| Field | Type | Default |", "| --- | --- | --- |"]
    for name, schema in fields.items():
        default = f"`{json.dumps(schema['default'])}`" if "default" in schema else "" if name in required else "absent"
        described = (
            f"{type_of(schema)}. {_prose(schema['description'])}" if schema.get("description") else type_of(schema)
        )
        rows.append(f"| `{name}` | {_cell(described)} | {default or 'required'} |")
    return "\n".join(rows)


def _errors(methods: Sequence[Schema]) -> str:
    first = methods[0]["errors"]
    differing = [method["name"] for method in methods if method["errors"] != first]
    if differing:
        raise ValueError(f"the OpenRPC page lists the errors once, but these methods have their own: {differing}")
    return "\n".join(
        ["| Code | Meaning |", "| --- | --- |", *(f"| {one['code']} | {_cell(one['message'])} |" for one in first)]
    )


def _link(name: str) -> str:
    return f"[`{name}`](#type-{name.lower()})"


def _limits(bounds: Schema) -> str:
    match bounds:
        case {"minimum": low, "maximum": high}:
            return f" ({low} to {high})"
        case {"minimum": low}:
            return f" (at least {low})"
        case {"maximum": high}:
            return f" (at most {high})"
        case _:
            return ""


def _length(bounds: Schema) -> str:
    low, high = bounds.get("minItems"), bounds.get("maxItems")
    if low is None and high is None:
        return ""
    return f", {low} items" if low == high else f", {low or 0} to {'any number of' if high is None else high} items"


def _prose(text: str) -> str:
    return inspect.cleandoc(text).replace("``", "`")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
