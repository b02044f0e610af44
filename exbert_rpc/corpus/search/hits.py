"""Rows of a corpus turned into hits that a person can read and open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.occurrences import Occurrence
from exbert_rpc.corpus.search.places import position
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.blocks import block_digest
from exbert_rpc.corpus.store.documents import BlockPlace, IndexedDocument
from exbert_rpc.corpus.types import Hit, Peak, SentenceTokens, TextPosition
from exbert_rpc.text.confinement import is_allowed
from exbert_rpc.text.files import file_state, path_of, read_document
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.positions import LineIndex
from exbert_rpc.text.types import Skipped


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A row that was found at one of the places where it stands."""

    score: float
    segment: int
    row: int
    occurrence: Occurrence


@dataclass(frozen=True, slots=True)
class Attended:
    """What a hit shows of its sentence's attention, mean over the heads shown; tokens count in the sentence.

    Attributes:
        match: The token that was found.
        next: The next one that is not special, or ``None``.
        outgoing: float32 ``[n]``, from the match.
        incoming: float32 ``[n]``, to the match.
        next_outgoing: float32 ``[n]``, from the next token; ``None`` without one, as all below of it.
        next_incoming: float32 ``[n]``, to the next token.
        peak_outgoing: The largest of ``outgoing`` among tokens that are not special, the first on ties.
        peak_incoming: Likewise.
        peak_next: The largest of ``next_outgoing``.
    """

    match: int
    next: int | None
    outgoing: NDArray[np.float32]
    incoming: NDArray[np.float32]
    next_outgoing: NDArray[np.float32] | None
    next_incoming: NDArray[np.float32] | None
    peak_outgoing: Peak | None
    peak_incoming: Peak | None
    peak_next: Peak | None


def make_hits(
    reader: CorpusReader,
    found: Sequence[FoundRow],
    attention: Sequence[Attended],
    roots: Sequence[Path] | None = None,
) -> tuple[Hit, ...]:
    """Hits for found rows, best first.

    Args:
        reader: The corpus.
        found: Rows, best first.
        attention: What each of them shows of its sentence's attention.
        roots: Folders that may be looked into for files that have changed; ``None``: all.
    """
    documents = {number: reader.documents.head(number) for number in {row.occurrence.document for row in found}}
    stale = {number: is_stale(reader, document, roots) for number, document in documents.items()}
    sentences = _Sentences(reader, documents)
    return tuple(
        _make_hit(sentences, rank, row, shown, stale[row.occurrence.document])
        for rank, (row, shown) in enumerate(zip(found, attention, strict=True))
    )


def is_stale(reader: CorpusReader, document: IndexedDocument, roots: Sequence[Path] | None = None) -> bool:
    """Whether the document's file now has another text at its place, or is gone.

    Inline documents never are, nor are files that may not be looked at.
    """
    if document.size < 0:
        return False
    path = path_of(document.uri) if roots is not None else None
    if path is not None and not is_allowed(path, roots):
        return False
    state = file_state(document.uri)
    if state == (document.size, document.mtime_ns):
        return False
    options = reader.manifest.reading
    now = reader.cached(("file", document.uri, state), lambda: _texts_now(document.uri, options))
    return (document.cell, document.record, document.digest) not in now


def _texts_now(uri: str, options: ReadingOptions) -> frozenset[tuple[int | None, int | None, str]]:
    """Cells, records and digests of the documents that a file holds now."""
    current = read_document(uri, options)
    if isinstance(current, Skipped):
        return frozenset()
    return frozenset((one.cell, one.record, block_digest(one.text)) for one in current)


def peak_of(row: NDArray[np.float32], at: int, allowed: NDArray[np.bool_]) -> Peak | None:
    """The largest entry of an attention row among allowed tokens, the first on ties; ``None`` if none is allowed."""
    among = np.flatnonzero(allowed)
    if len(among) == 0:
        return None
    index = int(among[row[among].argmax()])
    return Peak(index, index - at, float(row[index]))


@dataclass(frozen=True, slots=True)
class _Block:
    """A block that hits stand in: its text is decoded once, and its lines are counted once."""

    text: str
    lines: LineIndex

    def position(self, place: BlockPlace, offset: int, *, is_end: bool = False) -> TextPosition:
        """Place of an offset in a document; ``is_end``: of the character before it."""
        return position(place, self.text, self.lines, offset, is_end=is_end)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """What all hits in a sentence share.

    Attributes:
        block: Block that it stands in.
        start: Where it starts there.
        end: Where it ends there.
        number: How many sentences of the block come before it.
        text: Its text.
        tokens: Its tokens.
    """

    block: _Block
    start: int
    end: int
    number: int
    text: str
    tokens: SentenceTokens


class _Sentences:
    """Sentences of a corpus, each read once for all hits of an answer, and the documents that these stand in."""

    def __init__(self, reader: CorpusReader, documents: Mapping[int, IndexedDocument]) -> None:
        self.reader = reader
        self.documents = documents
        self._blocks: dict[tuple[int, int], _Block] = {}
        self._sentences: dict[tuple[int, int], _Sentence] = {}

    def get(self, number: int, sentence: int) -> _Sentence:
        """A sentence of a segment."""
        known = self._sentences.get((number, sentence))
        if known is None:
            segment = self.reader.segments[number]
            of = int(segment.sentence_block[sentence])
            block, (start, end) = self._block(number, of), segment.sentence_span(sentence)
            before = sentence - int(segment.first_sentence[of])
            known = _Sentence(block, start, end, before, block.text[start:end], segment.tokens(sentence))
            self._sentences[number, sentence] = known
        return known

    def _block(self, number: int, block: int) -> _Block:
        known = self._blocks.get((number, block))
        if known is None:
            text = self.reader.segments[number].block_text(block)
            known = self._blocks[number, block] = _Block(text, LineIndex(text))
        return known


def _make_hit(sentences: _Sentences, rank: int, found: FoundRow, shown: Attended, stale: bool) -> Hit:
    reader, here = sentences.reader, found.occurrence
    read = sentences.get(found.segment, int(reader.segments[found.segment].row_sentence[found.row]))
    block, start, tokens = read.block, read.start, read.tokens
    document, place = sentences.documents[here.document], reader.documents.place(here.document, here.order)
    return Hit(
        rank=rank,
        score=found.score,
        document=document.uri,
        cell=document.cell,
        start=block.position(place, start + int(tokens.start[shown.match])),
        end=block.position(place, start + int(tokens.end[shown.match]), is_end=True),
        sentence_start=block.position(place, start),
        sentence_end=block.position(place, read.end, is_end=True),
        stale=stale,
        sentence_index=reader.sentences_before(here) + read.number,
        sentence_text=read.text,
        match=shown.match,
        next=shown.next,
        tokens=tokens,
        outgoing=shown.outgoing,
        incoming=shown.incoming,
        next_outgoing=shown.next_outgoing,
        next_incoming=shown.next_incoming,
        peak_outgoing=shown.peak_outgoing,
        peak_incoming=shown.peak_incoming,
        peak_next=shown.peak_next,
        record=document.record,
        unit=document.unit,
        metadata=document.metadata,
    )
