"""What a corpus is, what is asked of it, and what it answers.

All offsets are code points. Rows are vectors: one for each token of the corpus that is not special.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.model.types import BatchCapture, Encoding, ModelDescription
from exbert_rpc.text.types import Extent

Space = Literal["hiddenState", "headOutput"]
Weighting = Literal["uniform", "norm"]
Precision = Literal["int8", "int4", "binary"]

SPACES: tuple[Space, ...] = ("hiddenState", "headOutput")


@dataclass(frozen=True, slots=True)
class TextPosition:
    """A place in a document: 0-based line, and how long the line is before it, in each unit that the wire may count."""

    line: int
    before: Extent

    @property
    def column(self) -> int:
        """Code points from the line's start."""
        return self.before[0]


@dataclass(frozen=True, slots=True)
class Filter:
    """What a hit must be; each field is a set of allowed values, ``None`` allows all. ``documents`` are globs.

    ``metadata`` are pairs of a key and a tuple of values, which may be globs; all keys have to match. ``match_case``
    says whether upper and lower case of ``token`` count.
    """

    pos: tuple[str, ...] | None = None
    dep: tuple[str, ...] | None = None
    entity: tuple[str, ...] | None = None
    token: tuple[str, ...] | None = None
    documents: tuple[str, ...] | None = None
    metadata: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    match_case: bool = False


@dataclass(frozen=True, slots=True)
class SentenceTokens:
    """The tokens of one corpus sentence, special ones included; ``n`` of them.

    Attributes:
        start: int32 ``[n]``, offset within the sentence's text; 0 for special tokens.
        end: int32 ``[n]``, offset behind the last character.
        is_special: bool ``[n]``.
        pos: Labels, ``n`` of them; ``None`` for special tokens and where the pipeline has none. Likewise below.
        tag: Fine-grained tags.
        dep: Dependency labels.
        lemma: Lemmas.
        entity: Entity types; ``None`` outside entities.
        syntactic_head: The first token of the word that each token's word depends on (its own: a root); ``None`` for
            tokens without a word, and where that word is outside of the sentence. ``None`` for all of a corpus that
            an earlier version has built.
    """

    start: NDArray[np.int32]
    end: NDArray[np.int32]
    is_special: NDArray[np.bool_]
    pos: tuple[str | None, ...]
    tag: tuple[str | None, ...]
    dep: tuple[str | None, ...]
    lemma: tuple[str | None, ...]
    entity: tuple[str | None, ...]
    syntactic_head: tuple[int | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class Peak:
    """The strongest entry of one attention row: its token, the signed distance in tokens, its weight in [0, 1]."""

    index: int
    offset: int
    weight: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One context of the corpus.

    Attributes:
        rank: 0 for the best.
        score: Similarity in [-1, 1].
        document: Uri of the document.
        cell: Notebook cell, or ``None``.
        start: Where the match starts in its document (or cell).
        end: Where it ends.
        sentence_start: Where its sentence starts.
        sentence_end: Where its sentence ends.
        stale: Whether the file has changed since it was indexed.
        sentence_index: Number of the sentence in its document.
        sentence_text: Exact text of the sentence.
        match: Token index of the match in the sentence.
        next: Token index of the next token that is not special, or ``None``.
        tokens: Every token of the sentence's pass.
        outgoing: float32 ``[n]``, attention from the match, mean over the heads shown.
        incoming: float32 ``[n]``, attention to the match.
        next_outgoing: float32 ``[n]``, attention from the next token; ``None`` without one.
        next_incoming: float32 ``[n]``, attention to the next token; ``None`` without one.
        peak_outgoing: Strongest attention from the match to a token that is not special.
        peak_incoming: Strongest attention to the match from one.
        peak_next: Strongest attention from the next token to one.
        target: Token index of what the match attends to most, for relations and examples of a head; otherwise ``None``.
        record: Number of the record in its file, or ``None``.
        unit: Names what counts as one document: the file, or a part of it.
        metadata: What else is known of the document, as pairs of a key and a value.
    """

    rank: int
    score: float
    document: str
    cell: int | None
    start: TextPosition
    end: TextPosition
    sentence_start: TextPosition
    sentence_end: TextPosition
    stale: bool
    sentence_index: int
    sentence_text: str
    match: int
    next: int | None
    tokens: SentenceTokens
    outgoing: NDArray[np.float32]
    incoming: NDArray[np.float32]
    next_outgoing: NDArray[np.float32] | None
    next_incoming: NDArray[np.float32] | None
    peak_outgoing: Peak | None
    peak_incoming: Peak | None
    peak_next: Peak | None
    target: int | None = None
    record: int | None = None
    unit: str = ""
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SearchStats:
    """What was searched and how.

    Attributes:
        searched: Vectors that were eligible (live, and passing the filter).
        exact: Whether all of them were compared.
        milliseconds: Time of the search, hits included.
        precision: Bits that the vectors are stored with.
        reranked: Candidates that were scored by a rerun of their sentences.
        note: What limits the answer, in words; ``None`` if nothing does.
    """

    searched: int
    exact: bool
    milliseconds: float
    precision: Precision
    reranked: int = 0
    note: str | None = None


@dataclass(frozen=True, slots=True)
class GraphDescription:
    """A search graph that lies beside a corpus.

    Attributes:
        space: What it compares.
        layer: Layer of that space.
        coverage: Share of the corpus' vectors that it holds, 0 to 1; the others are compared one by one.
        nbytes: Size of its file.
        recall: Share of the exact nearest fifty that it finds, by number of heads (1 for hidden states), measured on
            vectors of the corpus; with fewer heads than are named here, it is not used.
        damaged: Whether its file is not what was written; it is not used then, and made again when it is asked for.
    """

    space: Space
    layer: int
    coverage: float
    nbytes: int
    recall: Mapping[int, float]
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class CorpusDescription:
    """What a corpus holds; ``damaged`` names files that are not what was written. ``dtype`` is the model's.

    ``annotations`` counts texts that come with annotations by whose count: ``gold`` or ``automatic``. ``metadata`` has
    the keys that are known of its documents, and how many have each. ``graphs`` are the search graphs beside it.
    """

    name: str
    model: str
    pipeline: str
    precision: Precision
    documents: int
    sentences: int
    tokens: int
    nbytes: int
    layers: tuple[int, ...]
    spaces: tuple[Space, ...]
    fingerprint: str
    damaged: tuple[str, ...] = ()
    dtype: str = "float32"
    annotations: Mapping[str, int] = field(default_factory=dict)
    metadata: Mapping[str, int] = field(default_factory=dict)
    graphs: tuple[GraphDescription, ...] = ()


class CorpusModel(Protocol):
    """What building and searching need of a model; :class:`exbert_rpc.model.loaded.LoadedModel` is one."""

    @property
    def info(self) -> ModelDescription:
        """What the model is."""
        ...

    def lanes(self) -> Executor:
        """Threads that may run :meth:`capture_batch` at the same time; the caller closes them."""
        ...

    def tokenize_many(self, texts: Sequence[str]) -> list[Encoding]:
        """Tokens of many texts; lengths unchecked."""
        ...

    def capture_batch(
        self,
        encodings: Sequence[Encoding],
        *,
        hidden_layers: Sequence[int],
        layers: Sequence[int],
        attention_layers: Sequence[int],
    ) -> list[BatchCapture]:
        """Passes over several texts at once."""
        ...
