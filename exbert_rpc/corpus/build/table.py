"""The document table of a build in the making: its rows wait in a file, so that millions of records take no memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Self

from exbert_rpc.corpus.store.atomic import storage_errors
from exbert_rpc.corpus.store.documents import IndexedDocument, dump_row, load_row

_IN_MEMORY = 4 << 20
_NUMBER = re.compile(r"0|[1-9][0-9]{0,7}")


class DocumentTable:
    """Rows in the order in which they came, and what is counted of them; used as a context manager."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        self._counts: dict[bytes, int] = {}
        self._units = _Units()
        self._changed = _Units()

    @property
    def n_documents(self) -> int:
        """Number of units: files, and records that count as documents of their own."""
        return self._units.count

    @property
    def n_unchanged(self) -> int:
        """Number of units none of whose rows was added as new."""
        return self._units.count - self._changed.count

    def __contains__(self, digest: str) -> bool:
        """Whether a block of this digest (in hex) stands in a row."""
        return bytes.fromhex(digest) in self._counts

    def add(self, document: IndexedDocument, *, is_new: bool) -> None:
        """Add a row; ``is_new``: it has a block that has to be computed."""
        for place in document.blocks:
            key = bytes.fromhex(place.digest)
            self._counts[key] = self._counts.get(key, 0) + 1
        self._units.add(document)
        if is_new:
            self._changed.add(document)
        with storage_errors("the document table"):
            self._file.write(dump_row(document) + b"\n")

    def occurrences(self) -> Iterator[tuple[str, int]]:
        """Each distinct block by its digest, in order of appearance, and how often it stands in the rows."""
        for key, count in self._counts.items():
            yield key.hex(), count

    def rows(self) -> Iterator[bytes]:
        """The rows as ``dump_row`` made them; only once at a time."""
        self._file.seek(0)
        for line in self._file:
            yield line[:-1]

    def documents(self) -> Iterator[IndexedDocument]:
        """The rows as they were added; only once at a time."""
        yield from map(load_row, self.rows())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _Units:
    """Counts distinct units of documents that come file by file."""

    def __init__(self) -> None:
        self.count = 0
        self._uri: str | None = None
        self._groups: set[str] = set()
        self._numbered = bytearray()

    def add(self, document: IndexedDocument) -> None:
        """Count the unit of a document unless it was counted."""
        if document.uri != self._uri:
            self._uri, self._groups, self._numbered = document.uri, set(), bytearray()
        self.count += self._is_new(document.group)

    def _is_new(self, group: str) -> bool:
        """Whether a group is met first. Records are named by their numbers: of each, a bit is kept."""
        if not _NUMBER.fullmatch(group):
            known = group in self._groups
            self._groups.add(group)
            return not known
        at, bit = divmod(int(group), 8)
        if at >= len(self._numbered):
            self._numbered.extend(bytes(at + 1 - len(self._numbered)))
        known = bool(self._numbered[at] >> bit & 1)
        self._numbered[at] |= 1 << bit
        return not known
