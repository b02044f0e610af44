"""What text becomes before a model sees it: documents, blocks, sentences, words.

All offsets are code points (Python string indices); only ``methods/`` counts otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LINE_VARIANT = "line"


Extent = tuple[int, int, int]
"""How long a stretch of a line is: in code points, in UTF-16 units, in bytes of UTF-8."""

Piece = tuple[int, int, int, int]
"""Start and length in a derived text, start and length in the raw text; equal lengths mean character for character."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Where a derived text stands in its file: the visible text of a page, a field of a record.

    Attributes:
        raw: The part of the file that the text was taken from.
        line: Line of the file that ``raw`` begins in, from 0.
        pieces: Which characters of the text are which of ``raw``, ascending and without overlap. Characters in no piece
            (a space where a tag was) stand at the end of the piece before them, or where ``raw`` begins.
        before: What stands between the beginning of that line and ``raw``.
    """

    raw: str
    line: int
    pieces: tuple[Piece, ...]
    before: Extent = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class GoldSentence:
    """A sentence that comes with annotations, and where it begins in its document."""

    start: int
    annotated: AnnotatedText


@dataclass(frozen=True, slots=True)
class Document:
    """One text of a corpus, exactly as it was read.

    Attributes:
        uri: Where it came from (``file:///…``, or the name of an inline source).
        text: The exact text, line ends included.
        cell: Number of the notebook cell that ``text`` is the source of; ``None`` elsewhere.
        is_markdown: Whether blocks follow Markdown's structure.
        record: Number of the record (row, sentence of a treebank, comment) in its file; ``None`` for a whole file.
        group: What counts as one document among the records of a file; ``""``: the whole file.
        excerpt: Where the text stands; ``None``: the text is the file's (or the cell's) own, from its beginning.
        metadata: What else is known of it, as pairs of a key and a value.
        is_lines: Whether each line is one sentence.
        gold: Annotated sentences that came with the text; ``None`` without any.
    """

    uri: str
    text: str
    cell: int | None = None
    is_markdown: bool = False
    record: int | None = None
    group: str = ""
    excerpt: Excerpt | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    is_lines: bool = False
    gold: tuple[GoldSentence, ...] | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph: the unit that is annotated, cached and compared when a document changes.

    Attributes:
        start: Offset of ``text`` in its document.
        text: ``document.text[start : start + len(text)]``.
        is_sentence: Whether it is one sentence, whatever a pipeline makes of it.
        gold: Its annotation, if it came with the text.
    """

    start: int
    text: str
    is_sentence: bool = False
    gold: AnnotatedText | None = None

    @property
    def variant(self) -> str:
        """What distinguishes it from the same text that a pipeline annotates and cuts; ``""``: nothing does."""
        if self.gold is not None:
            return self.gold.variant
        return LINE_VARIANT if self.is_sentence else ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A source, or part of one, that was not read, and why."""

    uri: str
    reason: str


@dataclass(frozen=True, slots=True)
class AnnotatedText:
    """What a spaCy pipeline says of one text. The text itself is not changed.

    Attributes:
        text: The text that was annotated.
        word_start: int32 ``[n_words]``, offset of each word's first character.
        word_end: int32 ``[n_words]``, offset behind its last character.
        pos: Universal part of speech of each word; ``""`` where the pipeline has no tagger.
        tag: Fine-grained tag; ``""`` likewise.
        dep: Dependency label; ``""`` without a parser.
        lemma: Lemma; ``""`` without a lemmatizer.
        entity: Entity type; ``""`` outside entities.
        syntactic_head: int32 ``[n_words]``, the word that each one depends on (itself: a root); -1 without a parser.
        sentence: int32 ``[n_words]``, number of the sentence that each word is in, from 0.
        sentence_start: int32 ``[n_sentences]``, offset of each sentence's first character.
        sentence_end: int32 ``[n_sentences]``, offset behind its last character.
            Sentences are trimmed of outer white space; blank ones are left out; every other character is in one.
        variant: Names annotations that are not just a pipeline's: of a line that is one sentence, or gold ones. Blocks
            of the same text and another variant are different blocks.
    """

    text: str
    word_start: NDArray[np.int32]
    word_end: NDArray[np.int32]
    pos: tuple[str, ...]
    tag: tuple[str, ...]
    dep: tuple[str, ...]
    lemma: tuple[str, ...]
    entity: tuple[str, ...]
    syntactic_head: NDArray[np.int32]
    sentence: NDArray[np.int32]
    sentence_start: NDArray[np.int32]
    sentence_end: NDArray[np.int32]
    variant: str = ""


@dataclass(frozen=True, slots=True)
class PipelineInfo:
    """Which pipeline annotated, exactly.

    Attributes:
        name: As it was asked for (``en_core_web_sm``, ``blank:de``, a folder).
        version: Version of pipeline and spaCy, for people.
        fingerprint: Hex digest that changes whenever annotations could.
        labels: For ``pos``, ``tag``, ``dep`` and ``entity``: every label that the pipeline can produce, sorted.
        meanings: In a few words, by label, what those stand for that spaCy explains.
    """

    name: str
    version: str
    fingerprint: str
    labels: dict[str, tuple[str, ...]]
    meanings: Mapping[str, str] = field(default_factory=dict)
