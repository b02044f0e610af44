"""``searchContexts``: the contexts of a corpus that are represented most like one token."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from exbert_rpc.protocol.types.base import (
    Index,
    Params,
    Position,
    Precision,
    ProgressToken,
    Range,
    Result,
    Signature,
    Space,
    TextDocumentIdentifier,
    Weighting,
)
from exbert_rpc.protocol.types.describe_model import ModelDescription
from exbert_rpc.protocol.types.hits import Hit
from exbert_rpc.protocol.types.tokens import Token


class Filter(Params, frozen=True, kw_only=True):
    """What a hit must be. A list means any of its members; all fields must hold."""

    pos: str | list[str] | None = None
    dep: str | list[str] | None = None
    entity: str | list[str] | None = None
    token: str | list[str] | None = None
    documents: str | list[str] | None = None


class ContextQuery(Params, frozen=True, kw_only=True):
    """A token of a text, the space in which its nearest contexts are looked for, and which of them count."""

    space: Space = "headOutput"
    capture_id: str | None = None
    text: str | None = None
    text_pair: str | None = None
    text_document: TextDocumentIdentifier | None = None
    range: Range | None = None
    position: Position | None = None
    token: Index | None = None
    mask: list[Index] | None = None
    model: str | None = None
    hidden_layer: Index | None = None
    layer: Index | None = None
    heads: list[Index] | None = None
    k: Annotated[int, Meta(ge=1, le=1000)] = 50
    weighting: Weighting = "uniform"
    exact: bool | None = None
    rerank: bool | None = None
    distinct: bool = False
    filter: Filter | None = None
    work_done_token: ProgressToken | None = None


class SearchParams(ContextQuery, frozen=True, kw_only=True):
    """Where the nearest contexts of a token are looked for."""

    corpus: str


class SearchStats(Result, frozen=True, kw_only=True):
    """What was searched, how, and how long it took; ``note`` says in words what limits the answer."""

    searched: int
    exact: bool
    milliseconds: float
    precision: Precision = "int8"
    reranked: int = 0
    note: str | None = None


class SearchResult(Result, frozen=True, kw_only=True):
    """The nearest contexts, best first."""

    search_id: str
    model: ModelDescription
    hits: list[Hit]
    stats: SearchStats
    query: Token | None = None


SIGNATURE = Signature("searchContexts", SearchParams, SearchResult, order=2)
