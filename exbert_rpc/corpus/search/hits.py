"""Rows of a corpus turned into hits that a person can read and open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.reader import CorpusReader, Occurrence
from exbert_rpc.corpus.store.blocks import block_digest
from exbert_rpc.corpus.store.documents import IndexedDocument
from exbert_rpc.corpus.types import Hit, Peak, TextPosition
from exbert_rpc.text.confinement import is_allowed
from exbert_rpc.text.files import file_state, path_of, read_document
from exbert_rpc.text.positions import LINE_END
from exbert_rpc.text.types import Skipped


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A row that was found at one of the places where it stands."""

    score: float
    segment: int
    row: int
    occurrence: Occurrence


def make_hits(
    reader: CorpusReader,
    found: Sequence[FoundRow],
    attention: Sequence[NDArray[np.float32]],
    roots: Sequence[Path] | None = None,
) -> tuple[Hit, ...]:
    """Hits for found rows, best first.

    Args:
        reader: The corpus.
        found: Rows, best first.
        attention: For each of them float32 ``[n, n]``, attention of its sentence, mean over the heads shown.
        roots: Folders that may be looked into for files that have changed; ``None``: all.
    """
    stale = {found_row.occurrence.document: False for found_row in found}
    for number in stale:
        stale[number] = is_stale(reader.documents[number], roots)
    return tuple(
        _make_hit(reader, rank, row, mean, stale[row.occurrence.document])
        for rank, (row, mean) in enumerate(zip(found, attention, strict=True))
    )


def is_stale(document: IndexedDocument, roots: Sequence[Path] | None = None) -> bool:
    """Whether the document's file now has another text, or is gone.

    Inline documents never are, nor are files that may not be looked at.
    """
    if document.size < 0:
        return False
    path = path_of(document.uri) if roots is not None else None
    if path is not None and not is_allowed(path, roots):
        return False
    if file_state(document.uri) == (document.size, document.mtime_ns):
        return False
    current = read_document(document.uri)
    if isinstance(current, Skipped):
        return True
    return not any(one.cell == document.cell and block_digest(one.text) == document.digest for one in current)


def peak_of(row: NDArray[np.float32], at: int, allowed: NDArray[np.bool_]) -> Peak | None:
    """The largest entry of an attention row among allowed tokens, the first on ties; ``None`` if none is allowed."""
    among = np.flatnonzero(allowed)
    if len(among) == 0:
        return None
    index = int(among[row[among].argmax()])
    return Peak(index, index - at, float(row[index]))


def _make_hit(reader: CorpusReader, rank: int, found: FoundRow, attention: NDArray[np.float32], stale: bool) -> Hit:
    segment = reader.segments[found.segment]
    sentence = int(segment.row_sentence[found.row])
    match = int(segment.row_token[found.row] - segment.first_token[sentence])
    next_row = int(segment.row_next[found.row])
    following = int(segment.row_token[next_row] - segment.first_token[sentence]) if next_row >= 0 else None
    tokens = segment.tokens(sentence)
    plain = ~tokens.is_special
    block = int(segment.sentence_block[sentence])
    text = segment.block_text(block)
    start, end = segment.sentence_span(sentence)
    here = found.occurrence
    order = reader.sentences_before[here.document][here.order]
    return Hit(
        rank=rank,
        score=found.score,
        document=reader.documents[here.document].uri,
        cell=reader.documents[here.document].cell,
        start=_position(here, text, start + int(tokens.start[match])),
        end=_position(here, text, start + int(tokens.end[match])),
        sentence_start=_position(here, text, start),
        sentence_end=_position(here, text, end),
        stale=stale,
        sentence_index=order + sentence - int(segment.first_sentence[block]),
        sentence_text=text[start:end],
        match=match,
        next=following,
        tokens=tokens,
        outgoing=attention[match],
        incoming=attention[:, match],
        next_outgoing=attention[following] if following is not None else None,
        next_incoming=attention[:, following] if following is not None else None,
        peak_outgoing=peak_of(attention[match], match, plain),
        peak_incoming=peak_of(attention[:, match], match, plain),
        peak_next=peak_of(attention[following], following, plain) if following is not None else None,
    )


def _position(here: Occurrence, block: str, offset: int) -> TextPosition:
    """Place of an offset of a block in its document; the line's text is known up to the end of the block."""
    ends = [match.end() for match in LINE_END.finditer(block, 0, offset) if match.end() <= offset]
    line_start = ends[-1] if ends else 0
    stop = LINE_END.search(block, line_start)
    line = block[line_start : stop.start() if stop else len(block)]
    prefix = "" if ends else here.place.prefix
    return TextPosition(here.place.line + len(ends), len(prefix) + offset - line_start, prefix + line)
