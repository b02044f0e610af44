"""The document table: where each block of each document of a corpus stands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from exbert_rpc.corpus.store.segment import are_plain_texts
from exbert_rpc.text.types import Extent

PlacedPiece = tuple[int, int, int, int, int, int, int]
"""Start and length in the block; line of the file; what stands before it in that line, in three units; length there."""

_BLOCKS, _METADATA = 5, 8  # where they stand in a row


@dataclass(frozen=True, slots=True)
class BlockPlace:
    """One occurrence of a block.

    Attributes:
        digest: Hex digest of the block's text: its key in the segments.
        line: Line of the document (or cell) that the block starts in.
        prefix: What stands between that line's start and the block; ``""`` where there are pieces.
        pieces: Where its characters stand, if not one behind the other from there on; see ``Excerpt``. Characters in no
            piece stand where the piece before them ends, or at ``line`` and ``before``.
        before: How long that line is before the block; counts where there are pieces.
    """

    digest: str
    line: int
    prefix: str
    pieces: tuple[PlacedPiece, ...] | None = None
    before: Extent = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class IndexedDocument:
    """One document as it was when it was indexed.

    Attributes:
        uri: Where it came from.
        cell: Notebook cell, or ``None``.
        digest: Hex digest of its text.
        size: Size of its file in bytes; -1 for an inline document.
        mtime_ns: Modification time of its file; -1 likewise.
        blocks: Its blocks, in order.
        record: Number of the record in its file; ``None`` for a whole file.
        group: What counts as one document among the records of a file.
        metadata: What else is known of it, as pairs of a key and a value.
    """

    uri: str
    cell: int | None
    digest: str
    size: int
    mtime_ns: int
    blocks: tuple[BlockPlace, ...]
    record: int | None = None
    group: str = ""
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def unit(self) -> str:
        """Names what counts as one document: the file, or a part of it."""
        return f"{self.uri}\n{self.group}" if self.group else self.uri


def dump_documents(documents: Iterable[IndexedDocument]) -> bytes:
    """The table as JSON bytes."""
    return b"".join(dump_table(map(dump_row, documents)))


def dump_table(rows: Iterable[bytes]) -> Iterator[bytes]:
    """The table as JSON bytes, a piece at a time, from its rows; a row is a line."""
    before = b"["
    for row in rows:
        yield before + row
        before = b",\n"
    yield b"]" if before != b"[" else b"[]"


def dump_row(document: IndexedDocument) -> bytes:
    """A row of the table as JSON bytes, which have no line end in them."""
    return json.dumps(_dump(document), ensure_ascii=False, separators=(",", ":")).encode()


def load_row(row: bytes) -> IndexedDocument:
    """A row back; raises ``ValueError`` or ``TypeError`` if it is not one."""
    document = _load(*json.loads(row))
    _check_kinds(document)
    return document


def load_head(row: list[Any]) -> IndexedDocument:
    """A parsed row without its blocks; raises ``ValueError`` or ``TypeError`` if it is not one."""
    uri, cell, digest, size, mtime_ns, _, *more = row
    document = _load(uri, cell, digest, size, mtime_ns, [], *more)
    _check_kinds(document)
    return document


def labels_of(row: list[Any]) -> tuple[str, list[list[str]]]:
    """Uri and metadata of a parsed row, which are not checked; raises ``ValueError`` or ``TypeError`` if it is none."""
    return (row[0], row[_METADATA] if len(row) > _METADATA else [])


def load_place(row: list[Any], order: int) -> BlockPlace:
    """A block of a parsed row; raises ``ValueError``, ``TypeError`` or ``IndexError`` if it is not one."""
    place = _load_place(*row[_BLOCKS][order])
    _check_place(place)
    return place


def _dump(one: IndexedDocument) -> list[object]:
    """A row; what only records have is at its end, and is left out where there is none."""
    blocks = [
        [b.digest, b.line, b.prefix] if b.pieces is None else [b.digest, b.line, b.prefix, b.pieces, b.before]
        for b in one.blocks
    ]
    row: list[object] = [one.uri, one.cell, one.digest, one.size, one.mtime_ns, blocks]
    has_more = one.record is not None or one.group or one.metadata
    return [*row, one.record, one.group, one.metadata] if has_more else row


def load_documents(data: bytes) -> tuple[IndexedDocument, ...]:
    """The table back from JSON bytes; raises ``ValueError`` or ``TypeError`` if they are not one."""
    rows = json.loads(data)
    if not isinstance(rows, list):
        raise TypeError("it is no list of rows")
    documents = tuple(_load(*row) for row in rows)
    for document in documents:
        _check_kinds(document)
    return documents


def _load(
    uri: str,
    cell: int | None,
    digest: str,
    size: int,
    mtime_ns: int,
    blocks: list[list[object]],
    record: int | None = None,
    group: str = "",
    metadata: list[tuple[str, str]] | tuple[()] = (),
) -> IndexedDocument:
    places = tuple(_load_place(*block) for block in blocks)  # type: ignore[arg-type]
    pairs = tuple((key, value) for key, value in metadata)
    return IndexedDocument(uri, cell, digest, size, mtime_ns, places, record, group, pairs)


def _load_place(
    digest: str,
    line: int,
    prefix: str,
    pieces: list[list[int]] | None = None,
    before: list[int] | tuple[int, ...] = (0, 0, 0),
) -> BlockPlace:
    placed = None if pieces is None else tuple((a, b, c, d, e, f, g) for a, b, c, d, e, f, g in pieces)
    points, utf16, utf8 = before
    return BlockPlace(digest, line, prefix, placed, (points, utf16, utf8))


def _check_kinds(document: IndexedDocument) -> None:
    """Raise ``TypeError`` unless every field is what it should be: the checksum keeps out accidents, not intent."""
    texts = [document.uri, document.digest, document.group]
    numbers = [document.size, document.mtime_ns]
    places = [number for number in (document.cell, document.record) if number is not None]
    for pair in document.metadata:
        texts += pair
    for block in document.blocks:
        _check_place(block)
    if not are_plain_texts(texts):
        raise TypeError("a text field is not a text")
    if not all(type(number) is int and abs(number) < 1 << 63 for number in numbers):
        raise TypeError("a number field is not a number within its limits")
    if not all(type(place) is int and 0 <= place < 1 << 31 for place in places):
        raise TypeError("a cell or record is not a number")


def _check_place(block: BlockPlace) -> None:
    if not are_plain_texts([block.digest, block.prefix]):
        raise TypeError("a text field of a block is not a text")
    if not (type(block.line) is int and 0 <= block.line < 1 << 31):
        raise TypeError("a line is not a number")
    lengths = [*block.before, *(number for piece in block.pieces or () for number in piece)]
    if not all(type(length) is int and 0 <= length < 1 << 53 for length in lengths):  # a file may be one long line
        raise TypeError("a length is not a number")
