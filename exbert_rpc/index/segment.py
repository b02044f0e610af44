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
import mmap
import os
import struct
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import xxhash
from numpy.typing import NDArray

from exbert_rpc.errors import CorpusDamaged

MAGIC = b"EXBSEG01"
_ALIGN = 64
_TRAILER = struct.Struct("<QQQ")


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

    Raises:
        CorpusDamaged: if it is missing, cut, or its contents do not match their checksum.
    """

    def __init__(self, path: Path, expected_bytes: int) -> None:
        self.name = path.name
        self._path = path
        self._lock = threading.Lock()
        self._verified: set[str] = set()
        self._map = _map_file(path, expected_bytes)
        self.meta, self._contents = self._read_contents()

    def __contains__(self, name: str) -> bool:
        return name in self._contents

    @property
    def nbytes(self) -> int:
        """Size of the file."""
        return len(self._map)

    def array(self, name: str) -> NDArray[Any]:
        """A section as a read-only array over the mapped file.

        Raises:
            CorpusDamaged: if it is not there or not what was written.
        """
        try:
            offset, nbytes, digest, dtype, shape = self._contents[name]
        except KeyError:
            raise damaged(self.name, f"section {name!r} is missing") from None
        view = memoryview(self._map)[offset : offset + nbytes]
        if name not in self._verified:
            self._verify(name, view, digest)
        return np.frombuffer(view, dtype=_dtype_of(dtype)).reshape(shape)

    def verify_all(self) -> None:
        """Check every section; raises ``CorpusDamaged`` at the first that is not what was written."""
        for name in self._contents:
            self.array(name)

    def _verify(self, name: str, view: memoryview, digest: str) -> None:
        if xxhash.xxh3_64_hexdigest(view) != digest:
            raise damaged(self.name, f"section {name!r} does not match its checksum")
        with self._lock:
            self._verified.add(name)

    def _read_contents(self) -> tuple[dict[str, Any], dict[str, Any]]:
        size = len(self._map)
        offset, length, digest = _TRAILER.unpack(self._map[size - _TRAILER.size : size])
        if self._map[: len(MAGIC)] != MAGIC or offset + length + _TRAILER.size != size:
            raise damaged(self.name, "it is not a whole segment")
        body = self._map[offset : offset + length]
        if xxhash.xxh3_64_intdigest(body) != digest:
            raise damaged(self.name, "its table of contents does not match its checksum")
        contents = json.loads(body)
        for at, nbytes, _, dtype, shape in contents["sections"].values():
            if at + nbytes > offset or _dtype_of(dtype).itemsize * int(np.prod(shape, dtype=np.int64)) != nbytes:
                raise damaged(self.name, "its table of contents is inconsistent")
        return contents["meta"], contents["sections"]


def damaged(file: str, what: str) -> CorpusDamaged:
    """The error for a file of a corpus that is not what was written."""
    return CorpusDamaged(
        f"the corpus is damaged: {file}: {what}",
        hint="index the corpus again: only what the damage hit is computed anew",
        file=file,
    )


def _map_file(path: Path, expected_bytes: int) -> mmap.mmap:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as exc:
        raise damaged(path.name, "the file is missing or cannot be opened") from exc
    try:
        size = os.fstat(descriptor).st_size
        if size != expected_bytes or size < len(MAGIC) + _TRAILER.size:
            raise damaged(path.name, f"the file has {size} bytes, {expected_bytes} were written")
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    finally:
        os.close(descriptor)


def _dtype_name(dtype: np.dtype[Any]) -> object:
    return [list(field) for field in dtype.descr] if dtype.names else dtype.str


def _dtype_of(name: Any) -> np.dtype[Any]:  # noqa: ANN401
    return np.dtype(name if isinstance(name, str) else [tuple(field) for field in name])
