"""A segment: one immutable file of named arrays, each with its checksum.

Layout, in order::

    magic      8 bytes  b"EXBSEG02"
    sections   each at a multiple of 64 bytes, raw little-endian arrays in C order
    contents   JSON: {"meta": {...}, "sections": {name: [offset, bytes, checksums, dtype, shape]}}
    trailer    24 bytes: offset of contents (u64), length of contents (u64), xxh3 of contents (u64)

``checksums`` is one text: the xxh3 of every 256 KiB of the section as 16 hex digits each. A segment is written under a
temporary name, flushed to the disk, and renamed; it never changes afterwards. A section is mapped, not read, and the
pieces of it that are looked at are checked when they are first used, so that damage is named and never served.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import re
import stat
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import xxhash
from numpy.typing import NDArray

from exbert_rpc.errors import CorpusDamaged

MAGIC = b"EXBSEG02"
PIECE = 1 << 18
"""Bytes that one checksum covers."""

_ALIGN = 64
_DIGITS = 16
# somebody may have put a pipe in a segment's place; Windows has no pipes among its files
_NOT_WAITING: int = getattr(os, "O_NONBLOCK", 0)
_SOON, _ON_ITS_OWN, _AS_USUAL, _NOT_SOON = (
    getattr(mmap, f"MADV_{name}", None) for name in ("WILLNEED", "RANDOM", "NORMAL", "DONTNEED")
)
TRAILER = struct.Struct("<QQQ")
"""Offset, length and xxh3 of the table of contents."""

_NUMBERS = re.compile(r"[<|][iuf][1248]")
"""The only dtypes that sections have; a table of contents from somebody else must not name objects."""


Fetch = Callable[[int, int], None]
"""Writes the bytes between two offsets of a file into it, from where it was copied."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where an array lies in the file, and what it is."""

    offset: int
    nbytes: int
    checksums: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


class SegmentWriter:
    """Collects sections in memory and writes them in one go, once: each is let go of when it is written."""

    def __init__(self) -> None:
        self._sections: dict[str, list[NDArray[Any]]] = {}

    def add(self, name: str, *parts: NDArray[Any]) -> None:
        """Keep an array, or several of one dtype that follow each other; a later call for the same name replaces it."""
        self._sections[name] = [np.ascontiguousarray(part) for part in parts]

    def write(self, stream: BinaryIO, meta: Mapping[str, object], check: Callable[[], None] = lambda: None) -> None:
        """Write the whole segment to a stream that is at its start; what ``check`` raises before a section ends it."""
        stream.write(MAGIC)
        at = len(MAGIC)
        contents: dict[str, list[object]] = {}
        for name in list(self._sections):
            check()
            parts = self._sections.pop(name)
            padding = -at % _ALIGN
            stream.write(b"\0" * padding)
            at += padding
            checksums = []
            for piece in _pieces(parts):
                checksums.append(_checksum(piece))
                stream.write(piece)
            nbytes = sum(part.nbytes for part in parts)
            shape = [sum(len(part) for part in parts), *parts[0].shape[1:]]
            contents[name] = [at, nbytes, "".join(checksums), _dtype_name(parts[0].dtype), shape]
            at += nbytes
        body = json.dumps({"meta": meta, "sections": contents}, separators=(",", ":")).encode()
        stream.write(body)
        stream.write(TRAILER.pack(at, len(body), xxhash.xxh3_64_intdigest(body)))


class Section:
    """An array ``[N, ...]`` of a mapped file; nothing of it is given out before its checksums are found right.

    Rows that nobody looks at are neither read nor checked. Everything raises ``CorpusDamaged`` for a piece that is not
    what was written.
    """

    def __init__(self, file: str, name: str, mapped: mmap.mmap, entry: _Entry, fetch: Fetch | None = None) -> None:
        self._file = file
        self._fetch = fetch
        self._name = name
        self._map = mapped
        self._offset = entry.offset
        self._data = data = memoryview(mapped)[entry.offset : entry.offset + entry.nbytes]
        self._checksums = entry.checksums
        self._unchecked = bytearray(b"\1") * _count_pieces(entry.nbytes)
        self._is_checked = False
        self._row_bytes = entry.nbytes // max(entry.shape[0] if entry.shape else 1, 1)
        with decoding(file):
            self._array: NDArray[Any] = np.frombuffer(data, dtype=entry.dtype).reshape(entry.shape)

    def whole(self) -> NDArray[Any]:
        """All of it, read-only."""
        self._check(0, len(self._data))
        return self._array

    def stretch(self, start: int, end: int) -> NDArray[Any]:
        """Rows ``start`` to ``end`` without copying, read-only."""
        self._check(start * self._row_bytes, end * self._row_bytes)
        return self._array[start:end]

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """A copy of some rows, in any order."""
        if not self._is_checked:
            for row in rows.tolist():
                self._check(row * self._row_bytes, (row + 1) * self._row_bytes)
        return self._array[rows]

    def _check(self, start: int, end: int) -> None:
        """Look at the pieces that hold these bytes, but for those that were found right before."""
        if self._is_checked:
            return
        first, stop = start // PIECE, _count_pieces(end)
        if self._unchecked.find(1, first, stop) < 0:
            return
        pending = [at for at in range(first, stop) if self._unchecked[at]]
        for at in pending:  # one by one: of a long stretch the system would read a beginning
            begin, behind = at * PIECE, min((at + 1) * PIECE, len(self._data))
            _advise(self._map, _SOON, self._offset + begin, self._offset + behind)
        wrong = [at for at in pending if not self._is_right(at)]
        if wrong and self._fetch is not None:
            for at, until in _runs(wrong):
                self._fetch(self._offset + at * PIECE, self._offset + min(until * PIECE, len(self._data)))
            wrong = [at for at in wrong if not self._is_right(at)]
        if wrong:
            raise damaged(self._file, f"section {self._name!r} does not match its checksum")
        self._is_checked = 1 not in self._unchecked
        if self._is_checked:
            # from now on nothing asks for it; should the system drop it, page by page would be slow
            _advise(self._map, _AS_USUAL, self._offset, self._offset + len(self._data))

    def _is_right(self, at: int) -> bool:
        """Whether a piece is what was written."""
        piece = self._data[at * PIECE : (at + 1) * PIECE]
        if _checksum(piece) != self._checksums[at * _DIGITS : (at + 1) * _DIGITS]:
            return False
        self._unchecked[at] = 0
        return True


class Segment:
    """A segment that is mapped for reading.

    Args:
        path: The file.
        expected_bytes: Its size according to the manifest.
        expected_checksum: Checksum of its table of contents according to the manifest; empty: any.
        fetch: Where the file is a copy: writes pieces that are not what was written into it again.

    Raises:
        CorpusDamaged: if it is missing, cut, another file, or its contents do not match their checksum.
    """

    def __init__(
        self, path: Path, expected_bytes: int, expected_checksum: str = "", fetch: Fetch | None = None
    ) -> None:
        self.name = path.name
        self._fetch = fetch
        self._path = path
        self._lock = threading.Lock()
        self._sections: dict[str, Section] = {}
        self._whole: dict[str, NDArray[Any]] = {}
        self._map = map_file(path, expected_bytes, least=len(MAGIC) + TRAILER.size)
        # what is wanted is asked for piece by piece: some disks are set up to read megabytes around every page
        _advise(self._map, _ON_ITS_OWN, 0, len(self._map))
        body = self._read_contents()
        self.checksum = xxhash.xxh3_64_hexdigest(body)
        if expected_checksum not in ("", self.checksum):
            raise damaged(self.name, "it is another segment than the one that was written")
        try:
            self.meta, self._contents = _parse_contents(body, len(self._map))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
            raise damaged(self.name, "its table of contents is inconsistent") from exc

    def __contains__(self, name: str) -> bool:
        return name in self._contents

    @property
    def nbytes(self) -> int:
        """Size of the file."""
        return len(self._map)

    def kind(self, name: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
        """Dtype and shape of a section, as its table of contents says; nothing is read.

        Raises:
            CorpusDamaged: if it is not there.
        """
        entry = self._entry(name)
        return entry.dtype, entry.shape

    def section(self, name: str) -> Section:
        """A section of which some rows are wanted.

        Raises:
            CorpusDamaged: if it is not there.
        """
        known = self._sections.get(name)
        if known is not None:
            return known
        entry = self._entry(name)
        with self._lock:
            return self._sections.setdefault(name, Section(self.name, name, self._map, entry, self._fetch))

    def array(self, name: str) -> NDArray[Any]:
        """A whole section as a read-only array over the mapped file.

        Raises:
            CorpusDamaged: if it is not there or not what was written.
        """
        known = self._whole.get(name)
        if known is None:
            known = self._whole[name] = self.section(name).whole()
        return known

    def verify_all(self) -> None:
        """Check every section; raises ``CorpusDamaged`` at the first that is not what was written."""
        for name in self._contents:
            self.array(name)

    def _entry(self, name: str) -> _Entry:
        entry = self._contents.get(name)
        if entry is None:
            raise damaged(self.name, f"section {name!r} is missing")
        return entry

    def _read_contents(self) -> bytes:
        size = len(self._map)
        offset, length, digest = TRAILER.unpack(self._map[size - TRAILER.size : size])
        if self._map[: len(MAGIC)] != MAGIC or offset + length + TRAILER.size != size:
            raise damaged(self.name, "it is not a whole segment")
        body = self._map[offset : offset + length]
        if xxhash.xxh3_64_intdigest(body) != digest:
            raise damaged(self.name, "its table of contents does not match its checksum")
        return body


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Stretches of numbers that follow each other: the first, and the one behind the last."""
    begin = 0
    for at in range(1, len(numbers) + 1):
        if at == len(numbers) or numbers[at] != numbers[at - 1] + 1:
            yield numbers[begin], numbers[at - 1] + 1
            begin = at


def _count_pieces(nbytes: int) -> int:
    return -(-nbytes // PIECE)


def _checksum(piece: memoryview) -> str:
    return xxhash.xxh3_64_hexdigest(piece)


def _pieces(parts: Iterable[NDArray[Any]]) -> Iterator[memoryview]:
    """Bytes of arrays that follow each other, ``PIECE`` at a time; each is good until the next is asked for."""
    buffer = memoryview(bytearray(PIECE))
    filled = 0
    for part in parts:
        data = memoryview(part.data).cast("B") if part.size else memoryview(b"")
        while data:
            if filled == 0 and len(data) >= PIECE:
                yield data[:PIECE]
                data = data[PIECE:]
                continue
            taken = min(PIECE - filled, len(data))
            buffer[filled : filled + taken] = data[:taken]
            filled, data = filled + taken, data[taken:]
            if filled == PIECE:
                yield buffer
                filled = 0
    if filled:
        yield buffer[:filled]


def _parse_contents(body: bytes, size: int) -> tuple[dict[str, Any], dict[str, _Entry]]:
    """``meta`` and sections; raises all sorts of errors if they are not what :class:`SegmentWriter` writes."""
    whole = json.loads(body)
    if not isinstance(whole["meta"], dict):
        raise TypeError("meta")
    sections = {}
    for name, (offset, nbytes, checksums, dtype, shape) in whole["sections"].items():
        entry = _Entry(offset, nbytes, checksums, _dtype_of(dtype), tuple(shape))
        numbers = (offset, nbytes, *entry.shape)
        if not all(type(number) is int and number >= 0 for number in numbers) or offset + nbytes > size:
            raise ValueError(name)
        if entry.dtype.itemsize * math.prod(entry.shape) != nbytes:
            raise ValueError(name)
        if not isinstance(checksums, str) or len(checksums) != _DIGITS * _count_pieces(nbytes):
            raise ValueError(name)
        sections[name] = entry
    return whole["meta"], sections


def damaged(file: str, what: str) -> CorpusDamaged:
    """The error for a file of a corpus that is not what was written."""
    return CorpusDamaged(
        f"the corpus is damaged: {file}: {what}",
        hint="index the corpus again: only what is damaged is computed again",
        file=file,
    )


@contextmanager
def decoding(file: str) -> Iterator[None]:
    """Tell what cannot be decoded as damage of a file: its checksum is right, and what it covers makes no sense."""
    try:
        yield
    except (ArithmeticError, LookupError, TypeError, ValueError, struct.error) as exc:
        raise damaged(file, f"it holds values that no build writes ({type(exc).__name__}: {exc})") from exc


def are_plain_texts(values: Iterable[Any]) -> bool:
    """Whether values of a JSON file are texts that can be sent on: without halves of surrogate pairs."""
    try:
        "".join(values).encode()
    except (TypeError, UnicodeEncodeError):
        return False
    return True


def forget_pages(mapped: mmap.mmap | bytes) -> None:
    """Let the system take back the memory of a mapped file that has been read from end to end."""
    if isinstance(mapped, mmap.mmap):
        _advise(mapped, _NOT_SOON, 0, len(mapped))


def map_file(path: Path, expected_bytes: int, least: int) -> mmap.mmap:
    """Map a file for reading.

    Raises:
        CorpusDamaged: It is missing, no file, or not as long as expected, or shorter than any can be.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _NOT_WAITING)
    except OSError as exc:
        raise damaged(path.name, "the file is missing or cannot be opened") from exc
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise damaged(path.name, "it is not a file")
        if status.st_size != expected_bytes or status.st_size < least:
            raise damaged(path.name, f"the file has {status.st_size} bytes, {expected_bytes} were written")
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    except OSError as exc:
        raise damaged(path.name, "the file cannot be read") from exc
    finally:
        os.close(descriptor)


def _advise(mapped: mmap.mmap, advice: int | None, start: int, end: int) -> None:
    """Tell the system how bytes of a file will be read, if it listens."""
    before = start % mmap.PAGESIZE
    if sys.platform != "win32" and advice is not None:
        with suppress(OSError):
            mapped.madvise(advice, start - before, end - start + before)


def _dtype_name(dtype: np.dtype[Any]) -> object:
    return [list(field) for field in dtype.descr] if dtype.names else dtype.str


def _dtype_of(name: object) -> np.dtype[Any]:
    """The dtype that :func:`_dtype_name` named; raises ``TypeError`` for any that is not made of plain numbers."""
    if isinstance(name, str) and _NUMBERS.fullmatch(name):
        return np.dtype(name)
    if isinstance(name, list) and all(isinstance(label, str) for label, _ in name):
        return np.dtype([(label, _dtype_of(of)) for label, of in name])
    raise TypeError(f"{name!r} is not a dtype that segments use")
