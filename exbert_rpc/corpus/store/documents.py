"""The document table: where each block of each document of a corpus stands."""

from __future__ import annotations

import json
from dataclasses import dataclass

from exbert_rpc.corpus.store.segment import are_plain_texts


@dataclass(frozen=True, slots=True)
class BlockPlace:
    """One occurrence of a block.

    Attributes:
        digest: Hex digest of the block's text: its key in the segments.
        line: Line of the document (or cell) that the block starts in.
        prefix: What stands between that line's start and the block.
    """

    digest: str
    line: int
    prefix: str


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
    """

    uri: str
    cell: int | None
    digest: str
    size: int
    mtime_ns: int
    blocks: tuple[BlockPlace, ...]


def dump_documents(documents: tuple[IndexedDocument, ...]) -> bytes:
    """The table as JSON bytes."""
    rows = [
        [d.uri, d.cell, d.digest, d.size, d.mtime_ns, [[b.digest, b.line, b.prefix] for b in d.blocks]]
        for d in documents
    ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


def load_documents(data: bytes) -> tuple[IndexedDocument, ...]:
    """The table back from JSON bytes; raises ``ValueError`` or ``TypeError`` if they are not one."""
    documents = tuple(
        IndexedDocument(uri, cell, digest, size, mtime_ns, tuple(BlockPlace(*block) for block in blocks))
        for uri, cell, digest, size, mtime_ns, blocks in json.loads(data)
    )
    for document in documents:
        _check_kinds(document)
    return documents


def _check_kinds(document: IndexedDocument) -> None:
    """Raise ``TypeError`` unless every field is what it should be: the checksum keeps out accidents, not intent."""
    texts = [document.uri, document.digest]
    numbers = [document.size, document.mtime_ns]
    places = [] if document.cell is None else [document.cell]
    for block in document.blocks:
        texts += [block.digest, block.prefix]
        places.append(block.line)
    if not are_plain_texts(texts):
        raise TypeError("a text field is not a text")
    if not all(type(number) is int and abs(number) < 1 << 63 for number in numbers):
        raise TypeError("a number field is not a number within its limits")
    if not all(type(place) is int and 0 <= place < 1 << 31 for place in places):
        raise TypeError("a line or cell is not a number")
