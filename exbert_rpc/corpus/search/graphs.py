"""The search graphs of the corpora that are open: found, opened, made and kept beside the corpus.

A graph is made only when somebody asks for it: ``index --graph``, or a search with ``exact: false``; then in the
background, and it never delays an answer. It is written beside the corpus, and all processes map the same file. A
process that finds another one making graphs of a corpus waits for what that one writes. A file that is damaged, or of a
version that cannot be read, is deleted.

A search that leaves the choice to the server uses a graph that is there only where it finds enough and is faster end to
end: from :data:`FASTER_FROM` rows on for each candidate that it needs.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard

from exbert_rpc.corpus.search.filters import eligible_rows
from exbert_rpc.corpus.search.finding import Scope
from exbert_rpc.corpus.search.graph import Graph, bind, check_library, open_index, save_index
from exbert_rpc.corpus.search.graph_build import CANDIDATES, build_graph, is_worth_extending
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.folders import CorpusFolder
from exbert_rpc.corpus.store.graphs import GraphFile, GraphHeader
from exbert_rpc.corpus.store.remote import RemoteFolder
from exbert_rpc.corpus.types import Filter, Space
from exbert_rpc.errors import Cancelled, CorpusDamaged, InvalidParams, StorageFailed
from exbert_rpc.recent import Recent
from exbert_rpc.tasks import Progress, Task

logger = logging.getLogger(__name__)

FASTER_FROM = 500
"""Rows from which on a graph is faster, for each candidate that it needs (docs/scale.md has the table)."""

_LEAST_SHARE = 0.5
_MOST_GRAPHS = 8
_LOOK_SECONDS = 5.0
_POLL_SECONDS = 0.2

_Key = tuple[int, Space, int]


class Graphs:
    """Graphs of the corpora that are open; makes one at a time.

    Args:
        faster_from: Rows from which on a graph is used unasked, for each candidate that it needs.
    """

    def __init__(self, faster_from: float = FASTER_FROM) -> None:
        self._faster_from = faster_from
        self._ready: Recent[_Key, Graph] = Recent(_MOST_GRAPHS)
        self._look_again: Recent[_Key, float] = Recent(64)
        self._wanted: set[_Key] = set()
        self._jobs: queue.SimpleQueue[tuple[_Key, Callable[[], Graph | None]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._progress = Progress("")
        self._stop = Task(self._note)
        self._thread: threading.Thread | None = None

    def graph_of(self, everything: Scope, n_heads: int, *, asked: bool) -> Graph | None:
        """The graph of a layer if it is there and good enough; otherwise ``None``, and it is made if it was asked for.

        A file is opened at once for a search that asks for a graph, in the background for others.

        Args:
            everything: The layer, with all rows of the corpus.
            n_heads: Heads of the query that count; 1 for hidden states.
            asked: Whether an approximate answer was asked for, whatever the size.
        """
        n_rows = sum(segment.n_rows for segment in everything.segments)
        if not asked and n_rows < self._faster_from * CANDIDATES[0]:
            return None
        graph = self._open_now(everything, asked=asked)
        if graph is None:
            return None
        found = graph.serves(n_heads)
        return graph if found is not None and (asked or n_rows >= self._faster_from * found.candidates) else None

    def build(self, reader: CorpusReader, space: Space, layer: int, task: Task, *, threads: int = 1) -> Graph:
        """The graph of a layer, made now unless it is there and holds all of the corpus.

        Args:
            reader: The corpus.
            space: What is compared; the corpus stores this layer of it.
            layer: Layer of that space.
            task: Reported to and obeyed.
            threads: How many add rows.

        Raises:
            CorpusDamaged: a file of the corpus is not what was written.
            StorageFailed: the graph cannot be written.
            Cancelled: the task was cancelled.
        """
        everything = scope_of_all(reader, space, layer)
        while True:
            with graph_folder(reader.folder).graphs_locked() as alone:
                graph = _open_best(everything, task, whole=True)
                if graph is None and alone:
                    graph = _make(everything, task, threads)
            if graph is not None:
                self._put(graph)
                return graph
            task.report(Progress("waiting for another process that makes graphs of this corpus"))
            time.sleep(_POLL_SECONDS)
            task.check()

    def extend(self, reader: CorpusReader, task: Task, *, threads: int = 1) -> None:
        """Let the graphs that are there follow a corpus that has changed, where most of them stays as it is.

        Raises what :meth:`build` raises.
        """
        for space in reader.config.spaces:
            for layer in reader.config.vector_layers(space):
                everything = scope_of_all(reader, space, layer)
                best = _best(everything)
                if best is not None and is_worth_extending(everything, best.header):
                    self.build(reader, space, layer, task, threads=threads)

    def why_exact(self, everything: Scope, n_heads: int) -> str:
        """Why a search that asked for a graph compares all vectors, for a person."""
        graph = self._ready.get((everything.reader.serial, everything.space, everything.layer))
        if graph is None:
            now = self._progress
            done = f" ({now.message}: {now.done / now.total:.0%})" if now.total else ""
            return f"the search graph of this layer is being made{done}; until then all vectors are compared"
        found = graph.measured(n_heads)
        if found is None:
            return "the search graph of this layer serves more heads only; all vectors were compared"
        return f"the search graph of this layer finds {found.recall:.0%} of the nearest; all vectors were compared"

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is being made or opened; whether that came to pass in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with self._lock:
                if not self._wanted:
                    return True
            time.sleep(0.02)
        return False

    def forget(self, corpus: str) -> None:
        """Close the graphs of a corpus: Windows deletes no file that is mapped."""
        self._drop(lambda graph: graph.corpus == corpus)

    def close(self) -> None:
        """Stop making graphs, within a chunk."""
        self._stop.cancel()
        thread = self._thread
        if thread is not None:
            thread.join(timeout=10)

    def _open_now(self, everything: Scope, *, asked: bool) -> Graph | None:
        """The graph if it is open, or can be at once; what is missing of it is made in the background."""
        folder = graph_folder(everything.reader.folder)
        key = (everything.reader.serial, everything.space, everything.layer)
        graph = self._ready.get(key)
        if graph is not None and not _is_unchanged(folder, graph):
            self._ready.discard(key)
            graph = None
        if graph is None and asked:
            graph = _open_best(everything, self._stop)
            if graph is not None:
                self._put(graph)
        if asked and (graph is None or graph.missing):
            self._later(key, lambda: self._build_unasked(everything))
        elif graph is None and time.monotonic() >= (self._look_again.get(key) or 0):
            self._look_again.put(key, time.monotonic() + _LOOK_SECONDS)
            if _best(everything) is not None:
                self._later(key, lambda: _open_best(everything, self._stop))
        return graph

    def _build_unasked(self, everything: Scope) -> Graph:
        try:
            return self.build(everything.reader, everything.space, everything.layer, self._stop)
        except StorageFailed as exc:
            logger.warning("a search graph cannot be kept, and lives in memory: %s", exc)
            return build_graph(everything, self._stop)

    def _note(self, progress: Progress) -> None:
        self._progress = progress

    def _put(self, graph: Graph) -> None:
        """Keep a graph in place of those for earlier states of its corpus."""
        self._drop(lambda old: (old.corpus, *old.section[1:]) == (graph.corpus, *graph.section[1:]))
        self._ready.put(graph.section, graph)

    def _drop(self, unwanted: Callable[[Graph], bool]) -> None:
        for key in self._ready.current_keys():
            graph = self._ready.get(key)
            if graph is not None and unwanted(graph):
                self._ready.discard(key)

    def _later(self, key: _Key, work: Callable[[], Graph | None]) -> None:
        with self._lock:
            if key in self._wanted or self._stop.cancelled:
                return
            self._wanted.add(key)
            self._jobs.put((key, work))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="graphs", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.cancelled:
            try:
                key, work = self._jobs.get(timeout=0.5)
            except queue.Empty:
                continue
            try:
                graph = work()
                if graph is not None:
                    self._put(graph)
            except Cancelled:
                pass
            except Exception:
                logger.exception("no search graph of %s %d; searches stay exact", *key[1:])
            finally:
                with self._lock:
                    self._wanted.discard(key)


@dataclass(frozen=True, slots=True)
class _Named:
    """A graph file that may be of use: its name, what it says of itself, and rows of the corpus that it holds."""

    name: str
    header: GraphHeader
    covered: int


def keeps_graphs(folder: CorpusFolder | RemoteFolder) -> TypeGuard[CorpusFolder]:
    """Whether a corpus can have graphs beside it: not one behind a URL, which is only read."""
    return isinstance(folder, CorpusFolder)


def graph_folder(folder: CorpusFolder | RemoteFolder) -> CorpusFolder:
    """The folder of a corpus, for its graphs.

    Raises:
        InvalidParams: the corpus is only read.
    """
    if not keeps_graphs(folder):
        raise InvalidParams(
            "graphs",
            f"{folder.name!r} lies behind a URL, is only read here, and can have no search graph",
            hint="make the graph where the corpus was indexed, or copy the corpus into a store of your own",
        )
    return folder


def scope_of_all(reader: CorpusReader, space: Space, layer: int) -> Scope:
    """A layer with all rows of a corpus."""
    return Scope(reader, space, layer, reader.cached(("eligible", Filter()), lambda: eligible_rows(reader, Filter())))


def _make(everything: Scope, task: Task, threads: int) -> Graph:
    """Make a graph, write it and map it; called with the graphs locked.

    Raises:
        StorageFailed: it cannot be written, or not be read again.
    """
    folder, best, base = graph_folder(everything.reader.folder), _best(everything), None
    if best is not None and is_worth_extending(everything, best.header):
        base = _mapped(folder, best.name, task)
    graph = build_graph(everything, task, threads=threads, base=base)
    name = folder.write_graph(everything.reader.manifest, graph.header, partial(save_index, graph.index))
    try:
        file = folder.graph(name, task.check)
        return bind(open_index(file), file.header, everything.reader, file)
    except CorpusDamaged as exc:
        raise StorageFailed(f"could not write {name}: {exc.message}", file=name) from exc


def _open_best(everything: Scope, task: Task, *, whole: bool = False) -> Graph | None:
    """The graph that holds most of the corpus, mapped; ``whole``: only if it holds all of it, and little else."""
    folder = graph_folder(everything.reader.folder)
    while (best := _best(everything)) is not None:
        n_rows = sum(segment.n_rows for segment in everything.segments)
        enough = best.covered == n_rows if whole else best.covered >= _LEAST_SHARE * n_rows
        if not enough or best.covered < _LEAST_SHARE * best.header.n_rows:
            return None
        file = _mapped(folder, best.name, task)
        if file is not None:
            return bind(open_index(file), file.header, everything.reader, file)
    return None


def _mapped(folder: CorpusFolder, name: str, task: Task) -> GraphFile | None:
    """A graph file, checked; one that is damaged is deleted."""
    try:
        file = folder.graph(name, task.check)
        check_library(file)
        return file
    except CorpusDamaged as exc:
        logger.warning("%s; it is deleted", exc.message)
        folder.drop_graph(name)
        return None


def _best(everything: Scope) -> _Named | None:
    """The file of a section that holds most of the corpus, by what files say of themselves."""
    reader, folder, found = everything.reader, graph_folder(everything.reader.folder), []
    entries = zip(reader.manifest.segments, reader.segments, strict=True)
    rows = {(entry.name, entry.checksum): segment.n_rows for entry, segment in entries}
    for name in folder.graph_names(everything.space, everything.layer):
        try:
            header = folder.graph_header(name)
        except CorpusDamaged as exc:
            logger.warning("%s; it is deleted", exc.message)
            folder.drop_graph(name)
            continue
        if header.config == reader.config.key() and (header.space, header.layer) == (
            everything.space,
            everything.layer,
        ):
            found.append(_Named(name, header, sum(rows.get((s.name, s.checksum), 0) for s in header.slots)))
    return max(found, key=lambda one: one.covered, default=None)


def _is_unchanged(folder: CorpusFolder, graph: Graph) -> bool:
    """Whether the mapped file is what was mapped: bytes that are gone end the process. Deleted files do no harm."""
    return graph.file is None or folder.graph_state(graph.file.name) in (None, graph.file.state)
