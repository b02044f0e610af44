"""The store: a folder of corpora. The only file that knows paths; ``layout.py`` documents what lies where."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import xxhash
from filelock import BaseFileLock, FileLock, Timeout

from exbert_rpc.corpus.store.atomic import is_temporary, storage_errors, sync_folder, write_atomically
from exbert_rpc.corpus.store.document_rows import DocumentRows
from exbert_rpc.corpus.store.documents import dump_table
from exbert_rpc.corpus.store.graphs import (
    GraphFile,
    GraphHeader,
    graph_name,
    map_graph,
    put_graph,
    read_header,
    section_prefix,
)
from exbert_rpc.corpus.store.manifest import MANIFEST, FileEntry, Manifest, dump_manifest, load_manifest
from exbert_rpc.corpus.store.segment import Segment, damaged
from exbert_rpc.corpus.types import Space
from exbert_rpc.errors import Busy, CorpusDamaged, CorpusNotFound, InvalidParams, StorageFailed

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FILE_NAME = re.compile(r"(?:manifest|documents-[0-9]+)\.json|segment-[0-9a-f]+\.exb")
_LOCK = "lock"
_GRAPH_LOCK = "graphs.lock"
_GRAPH = "graph-"
_COMMITTED = "committed"  # empty; says that there was a manifest once, should it be lost
_TRASH = ".removed-"


class Store:
    """All corpora below one folder.

    Args:
        root: The folder; made when something is first written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        """Names of the corpora that can be asked for, sorted."""
        if not self._root.is_dir():
            return []
        return sorted(
            entry.name
            for entry in self._root.iterdir()
            if _NAME.fullmatch(entry.name) and not entry.is_symlink() and _was_committed(entry)
        )

    def folder(self, name: str) -> CorpusFolder:
        """An existing corpus.

        Raises:
            InvalidParams: the name is not one that a corpus can have.
            CorpusNotFound: there is none of that name.
        """
        folder = self._at(name)
        if not _was_committed(folder):
            raise unknown_corpus(name, self.names())
        return CorpusFolder(folder)

    def create(self, name: str) -> CorpusFolder:
        """The folder of a corpus that may not exist yet.

        Raises:
            InvalidParams: the name is not one that a corpus can have.
            StorageFailed: the folder cannot be made.
        """
        folder = self._at(name)
        with storage_errors(f"corpus {name}"):
            if not folder.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
                sync_folder(self._root)
        return CorpusFolder(folder)

    def remove(self, name: str) -> None:
        """Remove a corpus: its name is gone at once, its files right after.

        Raises:
            CorpusNotFound: there is none of that name.
            Busy: it is being built.
        """
        corpus = self.folder(name)
        with corpus.locked(), storage_errors(f"corpus {name}"):
            if self._throw_away(name):
                return
            corpus.forget()
        with suppress(OSError):  # the corpus is gone; what is still mapped is deleted by the next build of that name
            self._throw_away(name)

    def _throw_away(self, name: str) -> bool:
        """Delete a folder in one step; ``False`` on Windows, where no folder moves while a file in it is open."""
        trash = self._root / f"{_TRASH}{name}-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            self._at(name).rename(trash)
        except PermissionError:
            return False
        sync_folder(self._root)
        shutil.rmtree(trash, ignore_errors=True)
        return True

    def _at(self, name: str) -> Path:
        check_name(name)
        folder = self._root / name
        if folder.is_symlink():
            raise InvalidParams("corpus", f"{name!r} is a link", hint="corpora are real folders of the store")
        return folder


class CorpusFolder:
    """One corpus on the disk: reading and replacing its files."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """The corpus' name."""
        return self._path.name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the corpus for a build, against this and other processes.

        Raises:
            Busy: somebody else holds it.
        """
        lock = self._lock(_LOCK)
        with storage_errors("lock"):
            self._take(lock)
        try:
            yield
        finally:
            with storage_errors("lock"):
                lock.release()

    def _lock(self, name: str) -> BaseFileLock:
        # on a file system without `flock` this is an error: a file that stands for a lock may outlive its builder
        return FileLock(self._path / name, timeout=0, mode=0o600, thread_local=False, fallback_to_soft=False)

    def _take(self, lock: BaseFileLock) -> None:
        try:
            lock.acquire()
        except Timeout as exc:
            raise Busy(
                f"another build of corpus {self.name!r} is running",
                hint="wait until it has finished, or cancel it",
                corpus=self.name,
            ) from exc

    def stamp(self) -> tuple[int, int, int] | None:
        """Changes whenever the manifest is replaced; ``None`` without one."""
        return _state(self._path / MANIFEST)

    def states(self, manifest: Manifest) -> tuple[tuple[int, int, int] | None, ...]:
        """Inode, size and time of change of each file that a manifest names; ``None`` for one that is gone."""
        return tuple(_state(self._path / entry.name) for entry in (manifest.documents, *manifest.segments))

    def manifest(self) -> Manifest:
        """What is current; raises ``CorpusDamaged`` if that cannot be known."""
        return load_manifest(self._read(MANIFEST), MANIFEST)

    def commit(self, manifest: Manifest) -> None:
        """Make a manifest the current one, then forget what only the old one needed."""
        self._write(MANIFEST, dump_manifest(manifest))
        with suppress(OSError):  # the corpus is there without it
            (self._path / _COMMITTED).touch()
        self.sweep(manifest)

    def write_segment(self, name: str, write: Callable[[BinaryIO], None]) -> FileEntry:
        """Write a segment; it counts once a manifest names it."""
        return FileEntry(name, write_atomically(self._path / name, write))

    def segment_files(self) -> list[FileEntry]:
        """Every segment in the folder, named by the manifest or not, by name."""
        paths = [path for path in sorted(self._path.glob("segment-*.exb")) if _is_plain_file(path)]
        return [FileEntry(path.name, path.stat().st_size) for path in paths]

    def segment(self, entry: FileEntry) -> Segment:
        """Open a segment; raises ``CorpusDamaged``."""
        return Segment(self._inside(entry.name), entry.nbytes, entry.checksum)

    def write_documents(self, generation: int, rows: Iterable[bytes]) -> FileEntry:
        """Write the document table of a generation from its rows, as ``dump_row`` makes them; they may be many."""
        name, checksum = f"documents-{generation}.json", xxhash.xxh3_64()

        def write(stream: BinaryIO) -> None:
            for piece in dump_table(rows):
                checksum.update(piece)
                stream.write(piece)

        return FileEntry(name, write_atomically(self._path / name, write), checksum.hexdigest())

    def documents(self, entry: FileEntry) -> DocumentRows:
        """Open a document table; raises ``CorpusDamaged``."""
        return DocumentRows(self._inside(entry.name), entry.nbytes, entry.checksum)

    def sweep(self, manifest: Manifest) -> None:
        """Delete files that the manifest does not name: left by killed, cancelled or replaced builds.

        A graph stays while it holds rows of a current segment: the next one of its section is made from it.
        """
        named = {MANIFEST, _LOCK, _GRAPH_LOCK, _COMMITTED, manifest.documents.name}
        named |= {entry.name for entry in manifest.segments}
        # what the disk refuses to delete takes room, but does no harm; the next build tries again
        with suppress(OSError):
            for path in list(self._path.iterdir()):
                is_left = path.is_file() and (path.name not in named or is_temporary(path))
                if is_left and not path.name.startswith(_GRAPH):
                    with suppress(OSError):
                        path.unlink()
        self._sweep_graphs(manifest)

    def _sweep_graphs(self, manifest: Manifest) -> None:
        paths = [path for path in self._path.glob(f"{_GRAPH}*") if _is_plain_file(path)]
        if not paths:
            return
        with suppress(OSError, StorageFailed), self.graphs_locked() as alone:
            for path in paths:
                # somebody else may be writing one
                if alone and not self._is_of_use(path, manifest):
                    with suppress(OSError):
                        path.unlink()

    @contextmanager
    def graphs_locked(self) -> Iterator[bool]:
        """Hold the graphs of the corpus for writing; whether this succeeded, or somebody else holds them.

        Raises:
            StorageFailed: the disk is full, read-only or refuses.
        """
        lock = self._lock(_GRAPH_LOCK)
        with storage_errors(_GRAPH_LOCK):
            try:
                lock.acquire()
                is_held = True
            except Timeout:
                is_held = False
        try:
            yield is_held
        finally:
            if is_held:
                lock.release()

    def graph_names(self, space: Space, layer: int) -> list[str]:
        """Graph files of a section, of whatever segments, the last written first."""
        paths = [path for path in self._path.glob(f"{section_prefix(space, layer)}*.exg") if _is_plain_file(path)]
        return [path.name for path in sorted(paths, key=lambda path: (_state(path) or (0, 0, 0))[2], reverse=True)]

    def has_graphs(self) -> bool:
        """Whether there is any graph file."""
        return any(self._path.glob(f"{_GRAPH}*.exg"))

    def graph_header(self, name: str) -> GraphHeader:
        """What a graph file says of itself; raises ``CorpusDamaged``."""
        return read_header(self._path / name)

    def graph(self, name: str, check: Callable[[], None] = lambda: None) -> GraphFile:
        """A graph file, mapped and checked; raises ``CorpusDamaged``, and what ``check`` raises now and then."""
        return map_graph(self._path / name, check)

    def graph_state(self, name: str) -> tuple[int, int, int] | None:
        """Inode, size and time of change of a graph file; ``None`` if it is gone."""
        return _state(self._path / name)

    def write_graph(self, manifest: Manifest, header: GraphHeader, save: Callable[[str], None]) -> str:
        """Write the graph of a section, then delete its older ones; call it with the graphs locked. Returns its name.

        Args:
            manifest: Whose segments the graph covers.
            header: What has to be known of it.
            save: Writes what usearch keeps of it to a path.

        Raises:
            StorageFailed: the disk is full, read-only or refuses.
        """
        name = graph_name(header.space, header.layer, manifest.segments)
        write_atomically(self._path / name, lambda stream: put_graph(stream, header, save))
        for old in self.graph_names(header.space, header.layer):
            if old != name:
                self.drop_graph(old)
        return name

    def drop_graph(self, name: str) -> None:
        """Delete a graph file; one that is mapped elsewhere stays readable there (on Windows, it stays)."""
        with suppress(OSError):
            (self._path / name).unlink()

    def _is_of_use(self, path: Path, manifest: Manifest) -> bool:
        """Whether a file is a graph of this configuration that holds rows of a current segment."""
        if is_temporary(path):
            return False
        try:
            header = read_header(path)
        except CorpusDamaged:
            return False
        current = {entry.name for entry in manifest.segments}
        return header.config == manifest.config.key() and any(slot.name in current for slot in header.slots)

    def forget(self) -> None:
        """Delete the manifest, after which there is no corpus, then all files that nobody has open; call it locked."""
        (self._path / _COMMITTED).unlink(missing_ok=True)
        (self._path / MANIFEST).unlink(missing_ok=True)
        sync_folder(self._path)
        for path in list(self._path.iterdir()):
            if path.name not in (_LOCK, _GRAPH_LOCK):
                with suppress(OSError):
                    path.unlink()

    def discard_if_empty(self) -> None:
        """Remove the folder of a corpus that never came to be, unless an unfinished build left segments in it."""
        if self.stamp() is None and not self.segment_files():
            shutil.rmtree(self._path, ignore_errors=True)

    def nbytes(self, manifest: Manifest) -> int:
        """Bytes on the disk of all that a manifest names, itself included."""
        entries = [*manifest.segments, manifest.documents]
        return sum(entry.nbytes for entry in entries) + len(dump_manifest(manifest))

    def _write(self, name: str, data: bytes) -> None:
        write_atomically(self._path / name, lambda stream: _put(stream, data))

    def _read(self, name: str) -> bytes:
        try:
            return self._inside(name).read_bytes()
        except OSError as exc:
            raise damaged(name, "the file is missing or cannot be read") from exc

    def _inside(self, name: str) -> Path:
        check_file_name(name)
        path = self._path / name
        if not _is_plain_file(path):
            raise damaged(name, "the file is missing, or it is a link or something else that is no file")
        return path


def is_name(name: str) -> bool:
    """Whether a corpus can have a name."""
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> None:
    """Raise ``InvalidParams`` unless a corpus can have a name."""
    if not is_name(name):
        raise InvalidParams(
            "corpus",
            f"{name[:80]!r} cannot be the name of a corpus",
            hint="use 1 to 64 letters, digits, dots, dashes or underscores, a letter or digit first",
        )


def check_file_name(name: str) -> None:
    """Raise ``CorpusDamaged`` unless it is a file of a corpus: a manifest must not lead us out of its folder."""
    if not _FILE_NAME.fullmatch(name):
        raise damaged(MANIFEST, f"it names a file outside of the corpus: {name[:80]!r}")


def unknown_corpus(name: str, names: list[str]) -> CorpusNotFound:
    """The error for a corpus that is not among those of a store."""
    known = ", ".join(names) if names else "none yet"
    return CorpusNotFound(
        f"there is no corpus {name!r}; corpora: {known}",
        hint="index one (indexCorpus, in a terminal `exbert-rpc index NAME SOURCE`), or choose one of them",
        corpora=names,
    )


def _was_committed(folder: Path) -> bool:
    """Whether a build was ever finished here; if so, a manifest that is missing is damage."""
    return (folder / MANIFEST).is_file() or _is_plain_file(folder / _COMMITTED)


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.lstat()
    except (OSError, ValueError):  # a name from a manifest may hold anything
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _is_plain_file(path: Path) -> bool:
    """Whether it is a file and no link, pipe or folder."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _put(stream: BinaryIO, data: bytes) -> None:
    stream.write(data)
