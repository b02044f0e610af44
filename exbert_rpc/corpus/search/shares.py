"""Shares of a corpus' segments: who holds which, and how one is searched away from the corpus' reader.

1. Each segment is held by one actor, or by several (replicas). Rendezvous hashing ranks the actors for each segment, in
   proportion to the memory of their machines; an actor that has its fair part already is passed over. An actor that
   comes or goes moves little else (:func:`place`).
2. A request splits the segments among the actors that hold them (:func:`split`) and sends each of them a
   :class:`ShareRequest`: names of segments, which of their rows may be hits, and the work.
3. :class:`ShareServer` is what runs in an actor. It maps segments when they are first asked for and runs the work over
   them, the same code over the same bytes as on one machine.

Nothing here knows how actors are reached.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import xxhash
from numpy.typing import NDArray

from exbert_rpc.corpus.search.filters import Eligible
from exbert_rpc.corpus.search.finding import Candidates, Scope, Work
from exbert_rpc.corpus.search.occurrences import Occurrences
from exbert_rpc.corpus.search.reader import CorpusReader, OpenSegment, next_serial
from exbert_rpc.corpus.store.folders import CorpusFolder
from exbert_rpc.corpus.store.manifest import CorpusConfig, FileEntry
from exbert_rpc.corpus.store.remote import RemoteFolder
from exbert_rpc.corpus.store.segment import damaged
from exbert_rpc.corpus.store.validation import check_structure
from exbert_rpc.corpus.types import Space
from exbert_rpc.recent import Recent
from exbert_rpc.tasks import Task

_ROOM = 1.15
"""How far an actor's part may exceed its fair one, so that few segments move when actors come and go."""

_IDLE_SECONDS = 900.0
"""A segment that nobody has asked for so long is closed: its corpus may have been replaced."""

_CANCELLED_KEPT = 256
_SERIALS_KEPT = 64

_Key = tuple[str, str, str]
"""Corpus, name and checksum of a segment."""


@dataclass(frozen=True, slots=True)
class ShareRequest:
    """A search of some segments.

    Attributes:
        request: Names the request, so that it can be cancelled.
        folder: The corpus.
        config: What its vectors have in common.
        entries: The segments of the share.
        numbers: Their numbers in the corpus, ascending.
        masks: For each, which of its rows may be hits, as :func:`numpy.packbits` packs them; ``None``: all of them.
        space: What is compared.
        layer: Layer of that space.
        work: What is done.
        count: Best rows that are wanted.
    """

    request: str
    folder: CorpusFolder | RemoteFolder
    config: CorpusConfig
    entries: tuple[FileEntry, ...]
    numbers: tuple[int, ...]
    masks: tuple[NDArray[np.uint8] | None, ...]
    space: Space
    layer: int
    work: Work
    count: int


class ShareServer:
    """Searches shares of segments. Safe to use from several threads."""

    def __init__(self) -> None:
        self._open: dict[_Key, tuple[OpenSegment, float]] = {}
        self._tasks: dict[str, Task] = {}
        self._serials: Recent[tuple[_Key, ...], int] = Recent(_SERIALS_KEPT)
        self._cancelled: dict[str, None] = {}
        self._lock = threading.Lock()

    def search(self, asked: ShareRequest) -> list[list[Candidates]]:
        """What the work gives over the share, with the numbers that its segments have in the corpus.

        Raises:
            CorpusDamaged: a segment is missing, or is not what was written.
            StorageFailed: a disk that segments are copied to refused.
            Cancelled: :meth:`cancel` was called for this request.
        """
        task = self._begin(asked.request)
        try:
            segments = []
            for entry in asked.entries:
                task.check()
                segments.append(self._segment(asked.folder, asked.config, entry))
            keys = tuple(_key(asked.folder, entry) for entry in asked.entries)
            serial = self._serials.get_or_compute(keys, next_serial)
            found = asked.work(_scope(asked, segments, serial), asked.count, task)
        finally:
            with self._lock:
                self._tasks.pop(asked.request, None)
        return [
            [Candidates(asked.numbers[one.segment], one.rows, one.scores) for one in of_query] for of_query in found
        ]

    def ping(self) -> int:
        """The process that it runs in; that there is an answer says that it is there."""
        return os.getpid()

    def cancel(self, request: str) -> None:
        """End the search of a request, or keep it from beginning."""
        with self._lock:
            task = self._tasks.get(request)
            if task is not None:
                task.cancel()
            self._cancelled[request] = None
            while len(self._cancelled) > _CANCELLED_KEPT:
                del self._cancelled[next(iter(self._cancelled))]

    def _begin(self, request: str) -> Task:
        task = Task()
        with self._lock:
            if request in self._cancelled:
                task.cancel()
            self._tasks[request] = task
        task.check()
        return task

    def _segment(self, folder: CorpusFolder | RemoteFolder, config: CorpusConfig, entry: FileEntry) -> OpenSegment:
        key = _key(folder, entry)
        now = time.monotonic()
        with self._lock:
            for idle in [other for other, (_, used) in self._open.items() if now - used > _IDLE_SECONDS]:
                del self._open[idle]
            known = self._open.get(key)
            if known is not None:
                self._open[key] = known[0], now
                return known[0]
        segment = folder.segment(entry)
        if segment.meta.get("config") != config.key():
            raise damaged(segment.name, "it belongs to a corpus of another model or of other settings")
        if not entry.checksum:  # with one it is the segment that the corpus' reader has checked
            check_structure(segment, config)
        opened = OpenSegment(segment, Occurrences.none(segment.kind("block/digest")[1][0]))
        with self._lock:
            return self._open.setdefault(key, (opened, now))[0]


def _key(folder: CorpusFolder | RemoteFolder, entry: FileEntry) -> _Key:
    return folder.name, entry.name, entry.checksum


@dataclass(frozen=True, slots=True)
class _ShareReader:
    """As much of a :class:`~exbert_rpc.corpus.search.reader.CorpusReader` as a work asks for."""

    segments: Sequence[OpenSegment]
    config: CorpusConfig
    serial: int
    gather: None = None


def _scope(asked: ShareRequest, segments: Sequence[OpenSegment], serial: int) -> Scope:
    reader = cast(CorpusReader, _ShareReader(segments, asked.config, serial))
    weights = tuple(_weights(segment, mask) for segment, mask in zip(segments, asked.masks, strict=True))
    return Scope(reader, asked.space, asked.layer, Eligible(weights, None, sum(int(one.sum()) for one in weights)))


def scope_here(whole: Scope, numbers: Sequence[int]) -> Scope:
    """Some segments of a scope, as this process has them open, numbered from 0."""
    reader = _ShareReader([whole.segments[number] for number in numbers], whole.reader.config, next_serial())
    weights = tuple(whole.eligible.weights[number] for number in numbers)
    total = sum(int(one.sum()) for one in weights)
    return Scope(cast(CorpusReader, reader), whole.space, whole.layer, Eligible(weights, None, total))


def _weights(segment: OpenSegment, mask: NDArray[np.uint8] | None) -> NDArray[np.int32]:
    """int32 ``[R]``: 1 where a row may be a hit; 0 where it may not."""
    if mask is None:
        return np.ones(segment.n_rows, dtype=np.int32)
    return np.unpackbits(mask, count=segment.n_rows).astype(np.int32)


def masks_of(eligible: Eligible) -> tuple[NDArray[np.uint8] | None, ...]:
    """For each segment which of its rows may be hits, one bit a row; ``None``: all of them."""
    found = []
    for weights in eligible.weights:
        may = weights != 0
        found.append(None if may.all() else np.packbits(may))
    return tuple(found)


def place(sizes: Mapping[str, int], room: Mapping[str, float], replicas: int = 1) -> dict[str, tuple[str, ...]]:
    """Which actors hold each segment, the first choice first.

    Args:
        sizes: Bytes of each segment, by its name.
        room: Memory of each actor, by its name; any unit.
        replicas: How many actors hold a segment, if there are so many.
    """
    if not room:
        return dict.fromkeys(sizes, ())
    replicas = min(replicas, len(room))
    whole = sum(sizes.values()) * replicas
    total = sum(room.values())
    most = {actor: _ROOM * whole * memory / total for actor, memory in room.items()}
    held = dict.fromkeys(room, 0)
    placed = {}
    # the largest first: what comes last fills the gaps
    for name, size in sorted(sizes.items(), key=lambda one: (-one[1], one[0])):
        ranked = sorted(room, key=lambda actor: _rank(name, actor, room[actor]), reverse=True)
        fitting = [actor for actor in ranked if held[actor] + size <= most[actor]]
        others = sorted(
            (actor for actor in ranked if actor not in fitting), key=lambda actor: held[actor] / most[actor]
        )
        chosen = tuple([*fitting, *others][:replicas])
        for actor in chosen:
            held[actor] += size
        placed[name] = chosen
    return placed


def _rank(segment: str, actor: str, memory: float) -> float:
    """Weighted rendezvous hashing (Schindelhauer and Schomaker 2005): an actor is first as often as it has memory."""
    drawn = (xxhash.xxh3_64_intdigest(f"{segment}\n{actor}".encode()) + 0.5) / 2.0**64
    return -memory / math.log(drawn)


def split(
    names: Sequence[str], sizes: Mapping[str, int], placed: Mapping[str, Sequence[str]], alive: Sequence[str]
) -> dict[str, list[int]]:
    """For each actor the numbers of the segments that it searches now; every segment once.

    Of the actors that hold a segment the one with the least to do is chosen; if all of them are gone, any other is.

    Args:
        names: Segments by their number.
        sizes: Bytes of each.
        placed: Who holds which, see :func:`place`.
        alive: Who can be asked; at least one.
    """
    load = dict.fromkeys(alive, 0)
    shares: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        holders = [actor for actor in placed.get(name, ()) if actor in load] or list(alive)
        chosen = min(holders, key=lambda actor: load[actor])
        load[chosen] += sizes[name]
        shares.setdefault(chosen, []).append(number)
    return shares
