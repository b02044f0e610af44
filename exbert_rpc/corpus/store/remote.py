"""Corpora that lie elsewhere: in object storage, or on any file system that fsspec reaches. They are only read.

1. The manifest and the document table are read whole.
2. A segment has a file of its own on this machine, as large as the segment, at first without contents (a sparse file).
   Pieces that are wanted and do not match their checksum there, because they were never fetched or because the copy is
   damaged, are fetched, written into the file, and compared again. So a search fetches the layers that it compares,
   and nothing is given out that is not what was written.
3. Several processes of a machine may use one folder of copies: all write the same bytes to the same places. If the disk
   is full, copies that were not used lately are deleted.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import xxhash

from exbert_rpc.corpus.store.atomic import storage_errors
from exbert_rpc.corpus.store.document_rows import DocumentRows
from exbert_rpc.corpus.store.folders import (
    check_file_name,
    check_name,
    is_name,
    unknown_corpus,
)
from exbert_rpc.corpus.store.manifest import MANIFEST, FileEntry, Manifest, dump_manifest, load_manifest
from exbert_rpc.corpus.store.segment import MAGIC, TRAILER, Segment, damaged
from exbert_rpc.errors import CorpusDamaged, ExbertError, InvalidParams, StorageFailed

_STAMP_SECONDS = 5.0
_REQUEST_BYTES = 8 << 20
_TAIL_BYTES = 1 << 16
_IN_USE_SECONDS = 1800.0
"""A copy that was opened more lately is not deleted to make room."""


class RemoteStore:
    """All corpora below a URL; the read-only counterpart of :class:`~exbert_rpc.corpus.store.folders.Store`.

    Args:
        url: Such as ``s3://bucket/store`` or ``file:///mnt/store``.
        copies: Folder of this machine for what is fetched; made when something is.

    Raises:
        InvalidParams: fsspec, or its package for such URLs, is not installed.
    """

    def __init__(self, url: str, copies: Path) -> None:
        self._url = url.rstrip("/")
        self._copies = copies
        self._folders: dict[str, RemoteFolder] = {}
        _file_system(self._url)

    def names(self) -> list[str]:
        """Names of the corpora that can be asked for, sorted."""
        system, root = _file_system(self._url)
        with _reaching(self._url):
            found = [str(path).rstrip("/").rpartition("/")[2] for path in system.ls(root, detail=False)]
            return sorted(name for name in found if is_name(name) and system.exists(f"{root}/{name}/{MANIFEST}"))

    def folder(self, name: str) -> RemoteFolder:
        """An existing corpus.

        Raises:
            InvalidParams: the name is not one that a corpus can have.
            CorpusNotFound: there is none of that name.
            StorageFailed: the URL cannot be reached.
        """
        check_name(name)
        folder = self._folders.setdefault(name, RemoteFolder(self._url, name, self._copies))
        if folder.stamp() is None:
            raise unknown_corpus(name, self.names())
        return folder

    def create(self, name: str) -> NoReturn:
        """Refuse: raises ``InvalidParams``."""
        raise self._read_only(name)

    def remove(self, name: str) -> NoReturn:
        """Refuse: raises ``InvalidParams``."""
        raise self._read_only(name)

    def _read_only(self, name: str) -> InvalidParams:
        return InvalidParams(
            "corpus",
            f"{name!r} cannot be written: corpora of {self._url} are only read here",
            hint="index into a store of your own (without --from), and copy its folder there",
        )


class RemoteFolder:
    """One corpus below a URL; the read-only counterpart of :class:`~exbert_rpc.corpus.store.folders.CorpusFolder`.

    It can be pickled: copies lie on whichever machine opens a segment.
    """

    def __init__(self, url: str, name: str, copies: Path) -> None:
        self.name = name
        self._url = url
        self._copies = copies
        self._stamp: tuple[float, object] = (-_STAMP_SECONDS, None)

    def stamp(self) -> object:
        """Changes when the manifest is replaced, within some seconds; ``None`` without one."""
        now = time.monotonic()
        if now - self._stamp[0] >= _STAMP_SECONDS:
            system, root = _file_system(self._url)
            path = f"{root}/{self.name}/{MANIFEST}"
            with _reaching(self._url):
                system.invalidate_cache()
                self._stamp = now, system.ukey(path) if system.exists(path) else None
        return self._stamp[1]

    def states(self, manifest: Manifest) -> tuple[None, ...]:
        """``None`` for each file: objects are not changed in place, and pieces are checked as they are read."""
        return (None,) * (1 + len(manifest.segments))

    def manifest(self) -> Manifest:
        """What is current; raises ``CorpusDamaged`` if that cannot be known."""
        return load_manifest(self._read(MANIFEST), MANIFEST)

    def documents(self, entry: FileEntry) -> DocumentRows:
        """Open a document table, which is copied whole; raises ``CorpusDamaged``."""
        check_file_name(entry.name)
        copy = _Copy(self._url, f"{self.name}/{entry.name}", self._copies, entry)
        with suppress(CorpusDamaged):
            return DocumentRows(copy.path, entry.nbytes, entry.checksum)
        copy.fetch_whole()
        return DocumentRows(copy.path, entry.nbytes, entry.checksum)

    def segment(self, entry: FileEntry) -> Segment:
        """Open a segment, of which only the table of contents is fetched; raises ``CorpusDamaged``."""
        check_file_name(entry.name)
        copy = _Copy(self._url, f"{self.name}/{entry.name}", self._copies, entry)
        copy.begin()
        try:
            return Segment(copy.path, entry.nbytes, entry.checksum, copy.fetch)
        except CorpusDamaged:
            copy.path.unlink(missing_ok=True)
            copy.begin()
            return Segment(copy.path, entry.nbytes, entry.checksum, copy.fetch)

    def nbytes(self, manifest: Manifest) -> int:
        """Bytes of all that a manifest names, itself included."""
        entries = [*manifest.segments, manifest.documents]
        return sum(entry.nbytes for entry in entries) + len(dump_manifest(manifest))

    def _read(self, name: str) -> bytes:
        check_file_name(name)
        system, root = _file_system(self._url)
        with _reaching(self._url, name):
            found: bytes = system.cat_file(f"{root}/{self.name}/{name}")
            return found

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_stamp": (-_STAMP_SECONDS, None)}


class _Copy:
    """What this machine has of a segment."""

    def __init__(self, url: str, path: str, copies: Path, entry: FileEntry) -> None:
        self._url = url
        self._remote = path
        self._entry = entry
        self._lock = threading.Lock()
        # the checksum, too: a build elsewhere may have made another segment of the same name
        key = xxhash.xxh3_64_hexdigest(f"{url}/{path}\n{entry.nbytes}\n{entry.checksum}".encode())
        self.path = copies / key / entry.name

    def begin(self) -> None:
        """Have a file of the right size with the table of contents in it."""
        self._make()
        if self._has_contents():
            with suppress(OSError):
                os.utime(self.path)
            return
        size = self._entry.nbytes
        tail = self._get(max(0, size - _TAIL_BYTES), size)
        try:
            offset, length, _ = TRAILER.unpack(tail[-TRAILER.size :])
        except struct.error as exc:
            raise damaged(self._entry.name, "it is not a whole segment") from exc
        if offset + length + TRAILER.size != size:
            raise damaged(self._entry.name, "it is not a whole segment")
        if length + TRAILER.size > len(tail):
            tail = self._get(offset, size)
        self._put(0, MAGIC)
        self._put(size - len(tail), tail)

    def fetch(self, start: int, end: int) -> None:
        """Write bytes of the segment into the file.

        Raises:
            CorpusDamaged: they are not there.
            StorageFailed: the disk is full or refuses, or the URL cannot be reached.
        """
        for at in range(start, end, _REQUEST_BYTES):
            self._put(at, self._get(at, min(at + _REQUEST_BYTES, end)))

    def fetch_whole(self) -> None:
        """Have all bytes in the file; raises what :meth:`fetch` raises."""
        self._make()
        self.fetch(0, self._entry.nbytes)

    def _make(self) -> None:
        with storage_errors("the folder of copies"):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileNotFoundError):
                if self.path.stat().st_size == self._entry.nbytes:
                    return
            # another process may do the same: both make the same file
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.truncate(descriptor, self._entry.nbytes)
            finally:
                os.close(descriptor)

    def _has_contents(self) -> bool:
        with suppress(OSError), self.path.open("rb") as stream:
            stream.seek(self._entry.nbytes - TRAILER.size)
            offset, length, digest = TRAILER.unpack(stream.read(TRAILER.size))
            if offset + length + TRAILER.size != self._entry.nbytes:
                return False
            stream.seek(offset)
            return bool(xxhash.xxh3_64_intdigest(stream.read(length)) == digest)
        return False

    def _get(self, start: int, end: int) -> bytes:
        system, root = _file_system(self._url)
        with _reaching(self._url, self._entry.name):
            found: bytes = system.cat_file(f"{root}/{self._remote}", start=start, end=end)
        if len(found) != end - start:
            raise damaged(self._entry.name, f"bytes {start} to {end} of it are not there")
        return found

    def _put(self, start: int, data: bytes) -> None:
        with self._lock, storage_errors(f"a copy of {self._entry.name}"):
            try:
                self._write(start, data)
            except OSError:
                if not self._make_room():
                    raise
                self._write(start, data)

    def _write(self, start: int, data: bytes) -> None:
        with self.path.open("r+b", buffering=0) as stream:
            stream.seek(start)
            while data:
                data = data[stream.write(data) :]

    def _make_room(self) -> bool:
        """Delete copies that were not used lately; whether there were any."""
        before = time.time() - _IN_USE_SECONDS
        gone = 0
        for path in self.path.parent.parent.glob("*/*.exb"):
            with suppress(OSError):
                if path != self.path and path.stat().st_mtime < before:
                    path.unlink()
                    gone += 1
        return gone > 0


def _file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it; fsspec keeps those that were asked for."""
    if find_spec("fsspec") is None:
        raise InvalidParams("from", "fsspec is not installed", hint="pip install 'exbert-rpc[storage]'")
    import fsspec

    try:
        system, path = fsspec.url_to_fs(url)
    except (ImportError, ValueError) as exc:
        raise InvalidParams("from", f"{url} cannot be read: {exc}", hint="such as s3://bucket/store") from exc
    return system, str(path).rstrip("/")


@contextmanager
def _reaching(url: str, file: str | None = None) -> Iterator[None]:
    """Tell a file that is not there as damage, and what else goes wrong on the way as ``StorageFailed``."""
    try:
        yield
    except FileNotFoundError as exc:
        if file is None:
            raise StorageFailed(f"{url} is not there", hint="check the URL (--from)") from exc
        raise damaged(file, "the file is missing") from exc
    except ExbertError:
        raise
    except Exception as exc:  # of file systems, which raise what their libraries raise
        hint = "check the URL, the network and your rights"
        raise StorageFailed(f"{url} cannot be reached: {exc}", hint=hint) from exc
