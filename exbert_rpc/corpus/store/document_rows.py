"""The document table of a generation as it lies on the disk: a row is read when it is asked for.

1. The table is mapped and its checksum compared.
2. Each row is looked at once, for what finding hits needs of all rows: where the row lies, the keys of its blocks, and
   whether it goes on with the text of the row before. Nothing else of it is kept.
3. What else a row says is read, and checked, whenever somebody wants it.
"""

from __future__ import annotations

import json
import mmap
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from exbert_rpc.corpus.store.documents import (
    BlockPlace,
    IndexedDocument,
    dump_row,
    dump_table,
    labels_of,
    load_documents,
    load_head,
    load_place,
    load_row,
)
from exbert_rpc.corpus.store.segment import are_plain_texts, damaged, decoding, forget_pages, map_file
from exbert_rpc.recent import Recent

_KEPT = 1024  # rows in Python objects
_KEPT_BLOCKS = 1 << 15  # in all of them: 8 MB
_AT_ONCE = 1 << 18  # bytes of rows that are read together
_DIGEST = 16
_BLOCKS, _RECORD = 5, 6  # where they stand in a row


class DocumentRows:
    """The rows of a table.

    Args:
        path: The file.
        nbytes: Its size.
        checksum: Its checksum.

    Attributes:
        digests: uint8 ``[n_places, 16]``: the key of every block of every row, in order.
        first_place: int64 ``[n_rows + 1]``: which of these is the first of each row.
        first_part: int64 ``[n_rows]``: the row in which the text begins that a row belongs to: most often itself.

    Raises:
        CorpusDamaged: The file is missing, or not what was written.
    """

    def __init__(self, path: Path, nbytes: int, checksum: str) -> None:
        self._name = path.name
        self._data: mmap.mmap | bytes = map_file(path, nbytes, least=len(b"[]"))
        if xxhash.xxh3_64_hexdigest(self._data) != checksum:
            raise damaged(self._name, "it does not match its checksum")
        try:
            self._starts, seen = _look_at_all(self._data)
        except (ValueError, TypeError, KeyError, IndexError, RecursionError):
            self._data = self._as_lines()
            with decoding(self._name):
                self._starts, seen = _look_at_all(self._data)
        self.digests, self.first_place, self.first_part = seen
        forget_pages(self._data)
        self._rows: Recent[int, list[Any]] = Recent(_KEPT, _KEPT_BLOCKS, _count_blocks)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def head(self, number: int) -> IndexedDocument:
        """A row without its blocks."""
        with decoding(self._name):
            return load_head(self._row(number))

    def place(self, number: int, order: int) -> BlockPlace:
        """A block of a row."""
        with decoding(self._name):
            return load_place(self._row(number), order)

    def labels(self) -> Iterator[tuple[str, list[list[str]]]]:
        """The uri of each row, and its metadata as pairs of a key and a value."""
        first = 0
        while first < len(self):
            end = int(np.searchsorted(self._starts, self._starts[first] + _AT_ONCE))
            end = min(max(end, first + 1), len(self))
            with decoding(self._name):
                rows = json.loads(b"[" + self._bytes(first, end) + b"]")
                found = list(map(labels_of, rows))
                texts = [
                    text for uri, metadata in found for text in (uri, *(one for k, v in metadata for one in (k, v)))
                ]
            if not are_plain_texts(texts):
                raise damaged(self._name, "a name of a document, or something of its metadata, is no text")
            yield from found
            first = end
        forget_pages(self._data)

    def __iter__(self) -> Iterator[IndexedDocument]:
        """All rows, one at a time."""
        for number in range(len(self)):
            with decoding(self._name):
                yield load_row(self._bytes(number, number + 1))

    def _bytes(self, first: int, end: int) -> bytes:
        """Rows as they stand in the file."""
        return self._data[int(self._starts[first]) : int(self._starts[end]) - len(b",\n")]

    def _row(self, number: int) -> list[Any]:
        return self._rows.get_or_compute(number, lambda: json.loads(self._bytes(number, number + 1)))

    def check(self) -> None:
        """Read every row; raises ``CorpusDamaged`` at the first that is not what a build writes."""
        for _ in self:
            pass

    def _as_lines(self) -> bytes:
        """The table of an earlier version, whose rows are no lines."""
        try:
            rows = map(dump_row, load_documents(bytes(self._data)))
            return b"".join(dump_table(rows))
        except (ValueError, TypeError, RecursionError) as exc:
            raise damaged(self._name, "it is not a document table") from exc


def _count_blocks(row: list[Any]) -> int:
    """Of a row that may be anything yet: what reads it says what is wrong with it."""
    blocks = row[_BLOCKS] if isinstance(row, list) and len(row) > _BLOCKS else ()
    return len(blocks) + 1 if isinstance(blocks, list) else 1


_Seen = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]


def _look_at_all(data: mmap.mmap | bytes) -> tuple[NDArray[np.int64], _Seen]:
    """Where each row begins (and, last, two bytes behind the last one's end), and what is kept of all rows.

    Raises:
        ValueError, TypeError, IndexError, RecursionError: The rows are not lines, as ``dump_table`` writes them.
    """
    starts, counts, begins = array("q"), array("q"), array("q")
    digests = bytearray()
    uri: object = None
    for number, (start, line) in enumerate(_lines(data)):
        row = json.loads(line)
        blocks = row[_BLOCKS]
        keys = bytes.fromhex("".join([block[0] for block in blocks]))
        if len(keys) != _DIGEST * len(blocks):
            raise ValueError("a key of a block is of another length")
        digests += keys
        starts.append(start)
        counts.append(len(blocks))
        goes_on = row[0] == uri and row[1] is None and (len(row) <= _RECORD or row[_RECORD] is None)
        begins.append(begins[-1] if goes_on else number)
        uri = row[0]
    starts.append(len(data) + 1)
    first = np.concatenate([[0], np.cumsum(np.frombuffer(counts, dtype=np.int64))]).astype(np.int64)
    found = np.frombuffer(digests, dtype=np.uint8).reshape(-1, _DIGEST)
    return np.frombuffer(starts, dtype=np.int64), (found, first, np.frombuffer(begins, dtype=np.int64))


def _lines(data: mmap.mmap | bytes) -> Iterator[tuple[int, bytes]]:
    """Each row and where it begins."""
    if data[: len(b"[]")] == b"[]":
        return
    if data[:1] != b"[" or data[-1:] != b"]":
        raise ValueError("it is no list")
    start = 1
    while start < len(data):
        end = data.find(b",\n", start)
        end = len(data) - 1 if end < 0 else end
        yield start, data[start:end]
        start = end + len(b",\n")
