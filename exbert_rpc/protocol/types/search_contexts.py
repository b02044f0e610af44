"""``searchContexts``: the contexts of a corpus that are represented most like one token."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from exbert_rpc.protocol.tables import Row, TableResult, same_columns
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
from exbert_rpc.protocol.types.hits import Hit, hit_row
from exbert_rpc.protocol.types.tokens import Token


class Filter(Params, frozen=True, kw_only=True):
    """What a hit must be. A list means any of its members; all fields must hold.

    Attributes:
        pos: Universal part of speech.
        dep: Dependency relation.
        entity: Entity type; `none` outside entities.
        token: Text of the token, in either case unless `match_case` is set.
        documents: Names of documents (the end of a path, or of a uri), or globs of them.
        metadata: For keys of the documents' metadata (`folder` is known of all files) the values that are allowed, or
            globs of them.
        match_case: Whether upper and lower case of `token` count.
    """

    pos: str | list[str] | None = None
    dep: str | list[str] | None = None
    entity: str | list[str] | None = None
    token: str | list[str] | None = None
    documents: str | list[str] | None = None
    metadata: dict[str, str | list[str]] | None = None
    match_case: bool = False


class ContextQuery(Params, frozen=True, kw_only=True):
    """A token of a text, the space in which its nearest contexts are searched, and which of them count.

    Attributes:
        space: What is compared: head outputs of an attention layer, or hidden states.
        capture_id: An earlier pass that holds the query, instead of a text.
        text: The text of the query.
        text_pair: A second segment.
        text_document: An open document; goes with `position`, or with `range` and `token`.
        range: The part of the document to read.
        position: The place of the token in the document; its sentence is read.
        token: Index of the token to look for.
        tokens: Indices of tokens that count as one, such as the sub-words of a word: their mean is looked for.
        mask: Token positions that are replaced by the mask token.
        model: Model id; by default the model of the corpus.
        hidden_layer: Hidden state to compare; 0 is the embedding output.
        layer: Attention layer whose head outputs are compared.
        heads: Heads that count; by default all.
        k: Contexts to find.
        weighting: How heads count: equally, or by the norm of the query (the ranking of exBERT).
        exact: Whether every vector is compared; by default the server decides.
        rerank: Whether candidates are scored again by a fresh pass; by default as the precision of the corpus
            asks.
        distinct: One hit for sentences that are identical.
        filter: What a hit must be.
        work_done_token: Token that progress is reported under (LSP).
    """

    space: Space = "headOutput"
    capture_id: str | None = None
    text: str | None = None
    text_pair: str | None = None
    text_document: TextDocumentIdentifier | None = None
    range: Range | None = None
    position: Position | None = None
    token: Index | None = None
    tokens: list[Index] | None = None
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
    """The contexts of a corpus that are nearest to a token.

    Attributes:
        corpus: Name of the corpus to search.
    """

    corpus: str


class SearchStats(Result, frozen=True, kw_only=True):
    """What was searched, how, and how long it took.

    Attributes:
        searched: Vectors that were eligible.
        exact: Whether all of them were compared.
        milliseconds: Time of the search, hits included.
        precision: Bits that the vectors are stored with.
        reranked: Candidates that a fresh pass scored again.
        note: What limits the answer, in words.
    """

    searched: int
    exact: bool
    milliseconds: float
    precision: Precision = "int8"
    reranked: int = 0
    note: str | None = None


class SearchResult(TableResult, frozen=True, kw_only=True):
    """The nearest contexts, best first.

    Attributes:
        search_id: Handle of the search, for `summarize`.
        model: The model that read both sides.
        hits: The contexts, best first.
        stats: What was searched.
        query: The token that was searched for.
    """

    search_id: str
    model: ModelDescription
    hits: list[Hit]
    stats: SearchStats
    query: Token | None = None

    def to_rows(self) -> list[Row]:
        """One row a hit, best first."""
        return same_columns([hit_row(hit) for hit in self.hits])

    def _repr_html_(self) -> str:
        """For notebooks; no script, at most 50 kB."""
        from exbert_rpc.protocol.html.hits import hits_html  # only a notebook draws

        return hits_html(self)


SIGNATURE = Signature("searchContexts", SearchParams, SearchResult, order=2, positional=("corpus",))
