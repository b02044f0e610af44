"""What the engine is asked about corpora and what it answers; see ``requests.py`` for the rest.

Offsets are code points within the text that was sent. ``None`` means "not given" throughout.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from exbert_rpc.analysis.profile.types import HeadProfile
from exbert_rpc.analysis.types import Control, Direction, Summary
from exbert_rpc.corpus.types import Filter, GraphDescription, Hit, Precision, SearchStats, Space, Weighting
from exbert_rpc.engine.requests import TextInput, TokenTable
from exbert_rpc.model.types import ModelDescription
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.types import Skipped

Measure = Literal["offsets", "roles", "relations", "vocabulary", "repeats"]
MEASURES: frozenset[Measure] = frozenset(get_args(Measure))


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """See ``searchContexts``. Exactly one of ``input`` and ``capture_id`` is given.

    ``layer`` counts within the space: attention layers from 0, or hidden states, of which 0 is the embedding output.
    ``tokens`` are several that count as one, instead of ``token``. Both may be left out only with
    ``input.sentence_at``, which then names the token there.
    """

    session: str
    corpus: str
    layer: int
    space: Space = "headOutput"
    input: TextInput | None = None
    capture_id: str | None = None
    token: int | None = None
    tokens: tuple[int, ...] | None = None
    model: str | None = None
    heads: tuple[int, ...] | None = None
    k: int = 50
    weighting: Weighting = "uniform"
    exact: bool | None = None
    rerank: bool | None = None
    distinct: bool = False
    filter: Filter = field(default_factory=Filter)


@dataclass(frozen=True, slots=True)
class RelationRequest:
    """See ``searchRelations``.

    Attributes:
        search: Where and how: its ``token`` is the source of the relation, ``layer`` the layer of the head, and
            ``space`` ``hiddenState``.
        target: Token that the source attends to.
        head: The head that draws the relation.
        min_weight: Least attention of a hit's source to its target, in [0, 1].
    """

    search: SearchRequest
    target: int
    head: int
    min_weight: float = 0.0


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Answer of ``searchContexts`` and ``searchRelations``.

    Attributes:
        search_id: Handle of the search, for ``summarize``.
        model: The model that both sides were read by.
        query: The query's tokens; ``token`` indexes them.
        token: The token that was looked for.
        attention_layer: Layer whose attention the hits carry.
        heads: Heads that it is the mean over.
        hits: Best first.
        stats: What was searched, and how.
        target: Of a relation: the token that ``token`` attends to.
        weight: Of a relation: the head's attention to it in the query, in [0, 1].
    """

    search_id: str
    model: ModelDescription
    query: TokenTable
    token: int
    attention_layer: int
    heads: tuple[int, ...]
    hits: tuple[Hit, ...]
    stats: SearchStats
    target: int | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class SummarizeRequest:
    """See ``summarize``. Exactly one of ``search_id`` and ``search``.

    ``controls``: those that findings are compared with; ``None``: all that apply. ``metadata``: keys by which hits are
    counted, too.
    """

    session: str
    search_id: str | None = None
    search: SearchRequest | None = None
    subject: Literal["auto", "match", "next"] = "auto"
    attention: Direction = "outgoing"
    include_special: bool = False
    controls: tuple[Control, ...] | None = None
    metadata: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SummarizeResult:
    """Answer of ``summarize``."""

    search_id: str
    summary: Summary


@dataclass(frozen=True, slots=True)
class ProfileRequest:
    """See ``profileHeads``; ``examples`` of each role and word."""

    corpus: str
    layers: tuple[int, ...] | None = None
    heads: tuple[int, ...] | None = None
    measures: frozenset[Measure] = MEASURES
    min_pairs: int = 50
    examples: int = 0


@dataclass(frozen=True, slots=True)
class HeadExamples:
    """Contexts that show what a head does.

    Attributes:
        roles: For each role of its profile.
        vocabulary: For each word of its vocabulary.
    """

    roles: tuple[tuple[Hit, ...], ...]
    vocabulary: tuple[tuple[Hit, ...], ...]


@dataclass(frozen=True, slots=True)
class ProfileResult:
    """Answer of ``profileHeads``.

    Attributes:
        corpus: Name of the corpus.
        model: What built it.
        tokens: Tokens that were counted: those of the corpus, each paragraph once.
        documents: Documents of the corpus.
        heads: By layer and head.
        examples: For each of them; ``None`` if none were asked for.
        notes: What was left out of all profiles, and why.
    """

    corpus: str
    model: str
    tokens: int
    documents: int
    heads: tuple[HeadProfile, ...]
    examples: tuple[HeadExamples, ...] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexDefaults:
    """What a session takes for a new corpus where a request does not say."""

    model: str | None = None
    pipeline: str | None = None
    precision: Precision | None = None


@dataclass(frozen=True, slots=True)
class IndexRequest:
    """See ``indexCorpus``; a source is a path, a glob, a ``file:`` uri, or a pair (uri, text).

    ``reading`` says how files are read (``None``: as the corpus that is there, else by their endings). ``replace``
    allows that another model takes the place of the corpus'. ``defaults`` are for a corpus that is not there
    yet. ``graphs`` are sections (space and layer) to make search graphs of; with them and without sources, the corpus
    stays as it is.

    The last three are not on the wire: ``ray`` computes on ``workers`` processes of the Ray cluster at ``address``, or
    of one of its own on this machine.
    """

    corpus: str
    sources: tuple[str | tuple[str, str], ...]
    model: str | None = None
    pipeline: str | None = None
    layers: tuple[int, ...] | None = None
    spaces: tuple[Space, ...] | None = None
    precision: Precision | None = None
    reading: ReadingOptions | None = None
    replace: bool = False
    defaults: IndexDefaults = IndexDefaults()
    graphs: tuple[tuple[Space, int], ...] = ()
    engine: Literal["local", "ray"] = "local"
    workers: int | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class IndexResult:
    """What a corpus holds after a build, and what the build did.

    ``kept``: nothing of the sources could be read, so the corpus is what it was. ``graphs`` are its search graphs.
    """

    corpus: str
    documents: int
    sentences: int
    tokens: int
    nbytes: int
    seconds: float
    unchanged: int
    skipped: tuple[Skipped, ...]
    kept: bool = False
    graphs: tuple[GraphDescription, ...] = ()
