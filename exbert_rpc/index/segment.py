"""A segment: one immutable file of named arrays, each with its checksum.

Layout, in order::

    magic      8 bytes  b"EXBSEG01"
    sections   each at a multiple of 64 bytes, raw little-endian arrays in C order
    contents   JSON: {"meta": {...}, "sections": {name: [offset, bytes, xxh3 hex, dtype, shape]}}
    trailer    24 bytes: offset of contents (u64), length of contents (u64), xxh3 of contents (u64)

A segment is written under a temporary name, flushed to the disk, and renamed; it never changes afterwards. A section
is mapped, not read, and its checksum is verified when it is first used, so that damage is named and never served.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import re
import stat
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import xxhash
from numpy.typing import NDArray

from exbert_rpc.errors import CorpusDamaged

MAGIC = b"EXBSEG01"
_ALIGN = 64
_TRAILER = struct.Struct("<QQQ")
_NUMBERS = re.compile(r"[<|][iuf][1248]")
"""The only dtypes that sections have; a table of contents from somebody else must not name objects."""


@dataclass(frozen=True, slots=True)
class _Section:
    """Where an array lies in the file, and what it is."""

    offset: int
    nbytes: int
    digest: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


class SegmentWriter:
    """Collects sections in memory and writes them in one go."""

    def __init__(self) -> None:
        self._sections: dict[str, NDArray[Any]] = {}

    def add(self, name: str, array: NDArray[Any]) -> None:
        """Keep an array; a later one of the same name replaces it."""
        self._sections[name] = np.ascontiguousarray(array)

    def write(self, stream: BinaryIO, meta: Mapping[str, object]) -> None:
        """Write the whole segment to a stream that is at its start."""
        stream.write(MAGIC)
        at = len(MAGIC)
        contents: dict[str, list[object]] = {}
        for name, array in self._sections.items():
            padding = -at % _ALIGN
            stream.write(b"\0" * padding)
            at += padding
            data = memoryview(array.data).cast("B") if array.size else memoryview(b"")
            digest = xxhash.xxh3_64_hexdigest(data)
            contents[name] = [at, array.nbytes, digest, _dtype_name(array.dtype), list(array.shape)]
            stream.write(data)
            at += array.nbytes
        body = json.dumps({"meta": meta, "sections": contents}, separators=(",", ":")).encode()
        stream.write(body)
        stream.write(_TRAILER.pack(at, len(body), xxhash.xxh3_64_intdigest(body)))


class Segment:
    """A segment that is mapped for reading.

    Args:
        path: The file.
        expected_bytes: Its size according to the manifest.
        expected_checksum: Checksum of its table of contents according to the manifest; empty: any.

    Raises:
        CorpusDamaged: if it is missing, cut, another file, or its contents do not match their checksum.
    """

    def __init__(self, path: Path, expected_bytes: int, expected_checksum: str = "") -> None:
        self.name = path.name
        self._path = path
        self._lock = threading.Lock()
        self._verified: dict[str, NDArray[Any]] = {}
        self._map = _map_file(path, expected_bytes)
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
        section = self._section(name)
        return section.dtype, section.shape

    def array(self, name: str) -> NDArray[Any]:
        """A section as a read-only array over the mapped file.

        Raises:
            CorpusDamaged: if it is not there or not what was written.
        """
        known = self._verified.get(name)
        return self._verify(name) if known is None else known

    def verify_all(self) -> None:
        """Check every section; raises ``CorpusDamaged`` at the first that is not what was written."""
        for name in self._contents:
            self.array(name)

    def _verify(self, name: str) -> NDArray[Any]:
        section = self._section(name)
        view = memoryview(self._map)[section.offset : section.offset + section.nbytes]
        if xxhash.xxh3_64_hexdigest(view) != section.digest:
            raise damaged(self.name, f"section {name!r} does not match its checksum")
        with decoding(self.name):
            array: NDArray[Any] = np.frombuffer(view, dtype=section.dtype).reshape(section.shape)
        with self._lock:
            return self._verified.setdefault(name, array)

    def _section(self, name: str) -> _Section:
        section = self._contents.get(name)
        if section is None:
            raise damaged(self.name, f"section {name!r} is missing")
        return section

    def _read_contents(self) -> bytes:
        size = len(self._map)
        offset, length, digest = _TRAILER.unpack(self._map[size - _TRAILER.size : size])
        if self._map[: len(MAGIC)] != MAGIC or offset + length + _TRAILER.size != size:
            raise damaged(self.name, "it is not a whole segment")
        body = self._map[offset : offset + length]
        if xxhash.xxh3_64_intdigest(body) != digest:
            raise damaged(self.name, "its table of contents does not match its checksum")
        return body


def _parse_contents(body: bytes, size: int) -> tuple[dict[str, Any], dict[str, _Section]]:
    """``meta`` and sections; raises all sorts of errors if they are not what :class:`SegmentWriter` writes."""
    whole = json.loads(body)
    if not isinstance(whole["meta"], dict):
        raise TypeError("meta")
    sections = {}
    for name, (offset, nbytes, digest, dtype, shape) in whole["sections"].items():
        section = _Section(offset, nbytes, digest, _dtype_of(dtype), tuple(shape))
        numbers = (offset, nbytes, *section.shape)
        if not all(type(number) is int and number >= 0 for number in numbers) or offset + nbytes > size:
            raise ValueError(name)
        if section.dtype.itemsize * math.prod(section.shape) != nbytes:
            raise ValueError(name)
        sections[name] = section
    return whole["meta"], sections


def damaged(file: str, what: str) -> CorpusDamaged:
    """The error for a file of a corpus that is not what was written."""
    return CorpusDamaged(
        f"the corpus is damaged: {file}: {what}",
        hint="index the corpus again: only what the damage hit is computed anew",
        file=file,
    )


@contextmanager
def decoding(file: str) -> Iterator[None]:
    """Tell what cannot be decoded as damage of a file: its checksum is right, and what it covers makes no sense."""
    try:
        yield
    except (ArithmeticError, LookupError, TypeError, ValueError, struct.error) as exc:
        raise damaged(file, f"it holds what no build writes ({type(exc).__name__}: {exc})") from exc


def is_plain_text(value: object) -> bool:
    """Whether a value of a JSON file is a text that can be sent on: one without halves of surrogate pairs."""
    return isinstance(value, str) and (value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value))


def _map_file(path: Path, expected_bytes: int) -> mmap.mmap:
    try:
        # not blocking: somebody may have put a pipe in its place
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as exc:
        raise damaged(path.name, "the file is missing or cannot be opened") from exc
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise damaged(path.name, "it is not a file")
        if status.st_size != expected_bytes or status.st_size < len(MAGIC) + _TRAILER.size:
            raise damaged(path.name, f"the file has {status.st_size} bytes, {expected_bytes} were written")
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    except OSError as exc:
        raise damaged(path.name, "the file cannot be read") from exc
    finally:
        os.close(descriptor)


def _dtype_name(dtype: np.dtype[Any]) -> object:
    return [list(field) for field in dtype.descr] if dtype.names else dtype.str


def _dtype_of(name: object) -> np.dtype[Any]:
    """The dtype that :func:`_dtype_name` named; raises ``TypeError`` for any that is not made of plain numbers."""
    if isinstance(name, str) and _NUMBERS.fullmatch(name):
        return np.dtype(name)
    if isinstance(name, list) and all(isinstance(label, str) for label, _ in name):
        return np.dtype([(label, _dtype_of(of)) for label, of in name])
    raise TypeError(f"{name!r} is no dtype of ours")
