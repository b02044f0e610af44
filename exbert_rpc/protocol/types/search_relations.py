"""``searchRelations``: find the contexts in which a head draws the same relation between two tokens."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from exbert_rpc.protocol.tables import Row, TableResult, same_columns
from exbert_rpc.protocol.types.base import (
    Index,
    Params,
    Probability,
    ProgressToken,
    Range,
    Signature,
    TextDocumentIdentifier,
)
from exbert_rpc.protocol.types.describe_model import ModelDescription
from exbert_rpc.protocol.types.hits import Hit, hit_row
from exbert_rpc.protocol.types.search_contexts import Filter, SearchStats
from exbert_rpc.protocol.types.tokens import Token


class SearchRelationsParams(Params, frozen=True, kw_only=True):
    """A head, two tokens of a text between which it draws a relation, and where pairs like them are searched.

    Attributes:
        corpus: Name of the corpus to search.
        source: Index of the token that attends.
        target: Index of the token that is attended to.
        layer: Attention layer of the head.
        head: Head of that layer.
        text: The text of the query.
        text_pair: A second segment.
        text_document: An open document; goes with `range`.
        range: The part of the document to read.
        capture_id: An earlier pass that holds the query, instead of a text.
        model: Model id; by default the model of the corpus.
        mask: Token positions that are replaced by the mask token.
        k: Contexts to find.
        filter: What the attending token of a hit must be.
        min_weight: Least attention of a hit's token to its target.
        distinct: One hit for sentences that are identical.
        rerank: Whether candidates are scored again by a fresh pass; by default as the precision of the corpus asks.
        work_done_token: Token that progress is reported under (LSP).
    """

    corpus: str
    source: Index
    target: Index
    layer: Index
    head: Index
    text: str | None = None
    text_pair: str | None = None
    text_document: TextDocumentIdentifier | None = None
    range: Range | None = None
    capture_id: str | None = None
    model: str | None = None
    mask: list[Index] | None = None
    k: Annotated[int, Meta(ge=1, le=1000)] = 50
    filter: Filter | None = None
    min_weight: Probability = 0.0
    distinct: bool = False
    rerank: bool | None = None
    work_done_token: ProgressToken | None = None


class SearchRelationsResult(TableResult, frozen=True, kw_only=True):
    """Contexts in which the head draws the relation, best first.

    Attributes:
        search_id: Handle of the search, for `summarize`.
        model: The model that read both sides.
        hits: The contexts, best first. The score is the mean of two cosines, of sources and of targets, in the hidden
            state that the head's layer reads; `match` is the source, and `target` what it attends to most.
        stats: What was searched; `note` says why nothing was found, or that the head draws another relation here.
        source: The token of the query that attends.
        target: The token that it attends to.
        weight: The head's attention from source to target in the query.
    """

    search_id: str
    model: ModelDescription
    hits: list[Hit]
    stats: SearchStats
    source: Token
    target: Token
    weight: Probability

    def to_rows(self) -> list[Row]:
        """One row a hit, best first, with the target and the weight that it gets."""
        return same_columns([hit_row(hit) for hit in self.hits])


SIGNATURE = Signature("searchRelations", SearchRelationsParams, SearchRelationsResult, positional=("corpus",))
