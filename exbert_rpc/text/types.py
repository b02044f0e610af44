"""What text becomes before a model sees it: documents, blocks, sentences, words.

All offsets are code points (Python string indices); only ``methods/`` counts otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Document:
    """One text of a corpus, exactly as it was read.

    Attributes:
        uri: Where it came from (``file:///…``, or the name of an inline source).
        text: The exact text, line ends included.
        cell: Number of the notebook cell that ``text`` is the source of; ``None`` elsewhere.
        is_markdown: Whether blocks follow Markdown's structure.
    """

    uri: str
    text: str
    cell: int | None = None
    is_markdown: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph: the unit that is annotated, cached and compared when a document changes.

    Attributes:
        start: Offset of ``text`` in its document.
        text: ``document.text[start : start + len(text)]``.
    """

    start: int
    text: str


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
