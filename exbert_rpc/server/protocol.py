"""The wire types: one frozen msgspec Struct for each JSON object of the protocol.

``protocol/`` is generated from this file and ``pieces.py`` (``exbert-rpc schema``); nothing else defines a wire type.
Names are camelCase on the wire. Layers, heads and tokens are 0-based. ``layer`` counts attention
layers, ``hiddenLayer`` counts hidden states. Character offsets count in the negotiated position
encoding (UTF-16 unless the client offers another one first).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from exbert_rpc.server.pieces import (
    Attribute as Attribute,
)
from exbert_rpc.server.pieces import (
    Direction as Direction,
)
from exbert_rpc.server.pieces import (
    Hit as Hit,
)
from exbert_rpc.server.pieces import (
    HitAttention as HitAttention,
)
from exbert_rpc.server.pieces import (
    HitSentence as HitSentence,
)
from exbert_rpc.server.pieces import (
    HitToken as HitToken,
)
from exbert_rpc.server.pieces import (
    Index as Index,
)
from exbert_rpc.server.pieces import (
    MaxAttention as MaxAttention,
)
from exbert_rpc.server.pieces import (
    ModelDescription as ModelDescription,
)
from exbert_rpc.server.pieces import (
    ModelKind as ModelKind,
)
from exbert_rpc.server.pieces import (
    Params as Params,
)
from exbert_rpc.server.pieces import (
    Peak as Peak,
)
from exbert_rpc.server.pieces import (
    Position as Position,
)
from exbert_rpc.server.pieces import (
    Precision as Precision,
)
from exbert_rpc.server.pieces import (
    Prediction as Prediction,
)
from exbert_rpc.server.pieces import (
    Probability as Probability,
)
from exbert_rpc.server.pieces import (
    ProgressToken as ProgressToken,
)
from exbert_rpc.server.pieces import (
    Range as Range,
)
from exbert_rpc.server.pieces import (
    Result as Result,
)
from exbert_rpc.server.pieces import (
    Score as Score,
)
from exbert_rpc.server.pieces import (
    Space as Space,
)
from exbert_rpc.server.pieces import (
    Tensor as Tensor,
)
from exbert_rpc.server.pieces import (
    TensorForm as TensorForm,
)
from exbert_rpc.server.pieces import (
    TextDocumentIdentifier as TextDocumentIdentifier,
)
from exbert_rpc.server.pieces import (
    Token as Token,
)
from exbert_rpc.server.pieces import (
    Weighting as Weighting,
)

PROTOCOL_VERSION = "1.0"

# --- attend --------------------------------------------------------------------------------------


class AttendParams(Params, frozen=True, kw_only=True):
    """A text input (or the handle of one that was read before) and what to return of it."""

    text: str | None = None
    text_pair: str | None = None
    text_document: TextDocumentIdentifier | None = None
    range: Range | None = None
    capture_id: str | None = None
    model: str | None = None
    layers: list[Index] | None = None
    heads: list[Index] | None = None
    mask: list[Index] | None = None
    top_k: Annotated[int, Meta(ge=0, le=100)] | None = None
    annotate: bool = True
    pipeline: str | None = None
    tensors: TensorForm = "list"
    work_done_token: ProgressToken | None = None


class AttendResult(Result, frozen=True, kw_only=True):
    """Tokens and attention ``[layer][head][query][key]`` of one forward pass."""

    capture_id: str
    model: ModelDescription
    tokens: list[Token]
    attention: Tensor
    layers: list[int]
    heads: list[int]
    text: str
    decoder_tokens: list[Token] | None = None
    decoder_attention: Tensor | None = None
    cross_attention: Tensor | None = None
    decoder_layers: list[int] | None = None
    notes: list[str] = field(default_factory=list)


# --- searchContexts ------------------------------------------------------------------------------


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


# --- summarize -----------------------------------------------------------------------------------


class SummarizeParams(ContextQuery, frozen=True, kw_only=True):
    """A search (by its handle, or all of searchContexts' fields) and what to count in it."""

    search_id: str | None = None
    subject: Literal["auto", "match", "next"] = "auto"
    attention: Direction = "outgoing"
    include_special: bool = False
    corpus: str | None = None


class Bin(Result, frozen=True, kw_only=True):
    """One label: how often, how often expected, and how sure. ``qValue`` is Benjamini-Hochberg."""

    label: str
    count: int
    share: Probability
    baseline: Probability
    lift: float | None
    low: Probability
    high: Probability
    q_value: Probability


class Histogram(Result, frozen=True, kw_only=True):
    """Counts of one attribute over the subjects, or over the targets of their strongest attention."""

    of: Literal["subject", "maxAttention"]
    attribute: Attribute
    bins: list[Bin]


class SummarizeResult(Result, frozen=True, kw_only=True):
    """What the hits have in common, against what the corpus has anyway.

    ``nHits`` counts the hits whose subject exists. If that is ``match``, these are all hits of the search. If it is
    ``next``, hits whose own ``next`` is null, their match being the last token of its sentence, are left out: of
    ``nHits``, ``nDistinct``, the histograms and the findings. Such tokens of the corpus are not in ``nBaseline`` and
    the base rates either.
    """

    subject: Literal["match", "next"]
    n_hits: int
    n_distinct: int
    histograms: list[Histogram]
    findings: list[str]
    search_id: str
    attention: Direction
    n_baseline: int


# --- corpora and models --------------------------------------------------------------------------


class InlineSource(Params, frozen=True, kw_only=True):
    """A document given by value."""

    uri: str
    text: str


class IndexParams(Params, frozen=True, kw_only=True):
    """What to index, and how. ``sources`` is the whole corpus: what is no longer named leaves."""

    corpus: str
    sources: list[str | InlineSource]
    model: str | None = None
    pipeline: str | None = None
    layers: list[Index] | None = None
    spaces: list[Space] | None = None
    precision: Precision | None = None
    work_done_token: ProgressToken | None = None


class Skipped(Result, frozen=True, kw_only=True):
    """Something that was not indexed, and why."""

    uri: str
    reason: str


class IndexResult(Result, frozen=True, kw_only=True):
    """What the corpus holds now, and what this build did."""

    corpus: str
    documents: int
    sentences: int
    tokens: int
    bytes: int
    seconds: float
    unchanged: int
    skipped: list[Skipped]


class CorpusParams(Params, frozen=True, kw_only=True):
    """A corpus by name."""

    corpus: str


class CorpusDescription(Result, frozen=True, kw_only=True):
    """What a corpus is. ``damaged`` names files that are not what was written; empty is healthy."""

    corpus: str
    model: str
    pipeline: str
    precision: Precision
    documents: int
    sentences: int
    tokens: int
    bytes: int
    layers: list[int]
    spaces: list[Space]
    fingerprint: str
    damaged: list[str]


class ListCorporaResult(Result, frozen=True, kw_only=True):
    """All corpora of the store, by name."""

    corpora: list[CorpusDescription]


class RemoveCorpusResult(Result, frozen=True, kw_only=True):
    """The corpus that was removed."""

    corpus: str
    removed: bool


class ModelParams(Params, frozen=True, kw_only=True):
    """A model by id."""

    model: str


class ModelListing(Result, frozen=True, kw_only=True):
    """A model that can be asked for."""

    id: str
    source: str
    loaded: bool
    is_default: bool


class ListModelsResult(Result, frozen=True, kw_only=True):
    """The models that are at hand."""

    models: list[ModelListing]


class NoParams(Params, frozen=True, kw_only=True):
    """For methods that take nothing."""

    work_done_token: ProgressToken | None = None


class PingResult(Result, frozen=True, kw_only=True):
    """Answered by the event loop itself: shows that it is free."""

    protocol_version: str
    uptime_seconds: float


# --- life cycle ----------------------------------------------------------------------------------


class ExperimentalCapability(Result, frozen=True, kw_only=True):
    """``capabilities.experimental.exbert`` of the answer to ``initialize``.

    ``device`` is ``auto`` if the server was not told where to run; ``describeModel`` says where a model runs.
    """

    protocol_version: str
    methods: list[str]
    default_model: str
    device: str


class ErrorData(Result, frozen=True, kw_only=True):
    """``error.data`` of every error that this server sends; further fields depend on ``kind``."""

    kind: str
    hint: str


# method -> (params, result); the one list that registration, schema and examples are made from
METHODS: dict[str, tuple[type[Params], type[Result]]] = {
    "attend": (AttendParams, AttendResult),
    "searchContexts": (SearchParams, SearchResult),
    "summarize": (SummarizeParams, SummarizeResult),
    "indexCorpus": (IndexParams, IndexResult),
    "listCorpora": (NoParams, ListCorporaResult),
    "describeCorpus": (CorpusParams, CorpusDescription),
    "removeCorpus": (CorpusParams, RemoveCorpusResult),
    "listModels": (NoParams, ListModelsResult),
    "describeModel": (ModelParams, ModelDescription),
    "ping": (NoParams, PingResult),
}
