"""Arguments of a script as params of the wire: what is easier to write in Python than in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from exbert_rpc.protocol.types.ablate_heads import HeadIndex
from exbert_rpc.protocol.types.base import ChatMessage, Params, TextDocumentIdentifier
from exbert_rpc.protocol.types.index_corpus import InlineSource

P = TypeVar("P", bound=Params)


def make_params(params: type[P], **given: object) -> P:
    """The params of a method.

    Sequences become lists, ``uri`` an open document, pairs in ``sources`` inline texts, pairs in ``heads`` a layer and
    a head of it, dicts and pairs in ``messages`` messages; ``space=None`` follows from whether a ``hidden_layer`` is
    given.
    """
    fields = {name: _plain(value) for name, value in given.items()}
    if "uri" in fields:
        uri = fields.pop("uri")
        fields["text_document"] = None if uri is None else TextDocumentIdentifier(uri=str(uri))
    if "sources" in fields:
        sources = fields["sources"]
        assert isinstance(sources, list)
        fields["sources"] = [_source(source) for source in sources]
    if isinstance(fields.get("messages"), list):
        fields["messages"] = [_message(message) for message in fields["messages"]]  # type: ignore[attr-defined]
    heads = fields.get("heads")
    if isinstance(heads, list):
        fields["heads"] = [_head(head) for head in heads]
    if "space" in fields and fields["space"] is None:
        fields["space"] = "headOutput" if fields.get("hidden_layer") is None else "hiddenState"
    return params(**fields)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _head(head: object) -> object:
    return HeadIndex(layer=head[0], head=head[1]) if isinstance(head, tuple) else head


def _message(message: object) -> object:
    """A message of the wire, from one, from a dict as chat libraries have it, or from a pair of role and content."""
    if isinstance(message, dict):
        return ChatMessage(**message)
    return ChatMessage(role=message[0], content=message[1]) if isinstance(message, tuple) else message


def _source(source: object) -> object:
    if isinstance(source, tuple):
        return InlineSource(uri=source[0], text=source[1])
    return str(source) if isinstance(source, Path) else source
