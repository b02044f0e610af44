"""Searches on a Ray cluster: a :class:`~exbert_rpc.corpus.search.finding.Gather` whose actors hold shares of a corpus.

1. A thread of its own connects to the cluster, or starts one on this machine. It puts actors on its machines, asks each
   every few seconds whether it is alive, and replaces those that are not; machines may come and go.
2. A search sends each actor a share of the segments (:mod:`~exbert_rpc.corpus.search.shares`), and keeps the best of
   what they find. The share of an actor that is lost goes to the others at once: any actor can map any segment.
3. A segment that an actor cannot read, because a build has replaced the corpus since this process opened it, is
   searched here, where it is still mapped.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.cluster import connected, load_ray
from exbert_rpc.corpus.search.finding import Candidates, Scope, Work, best_of, gather_here
from exbert_rpc.corpus.search.shares import ShareRequest, ShareServer, masks_of, place, scope_here, split
from exbert_rpc.errors import Cancelled, CorpusDamaged, ExbertError, StorageFailed
from exbert_rpc.recent import Recent
from exbert_rpc.tasks import Progress, Task

logger = logging.getLogger(__name__)

_TICK = 0.1
_LOOK_SECONDS = 1.0
_SILENT_SECONDS = 10.0
_START_SECONDS = 60.0
_MOST_LOSSES = 2
_AT_ONCE = 8
_MASKS_KEPT = 16
_CONTROL = "control"

_Share = list[list[Candidates]]
_Masks = tuple[NDArray[np.uint8] | None, ...]


@dataclass(frozen=True, slots=True)
class ActorSettings:
    """How a corpus is spread over actors.

    Attributes:
        address: Of a running cluster; ``None``: one on this machine, for as long as it is needed.
        actors: How many; ``None``: one on each machine. Each uses all cores of its machine.
        replicas: Actors that hold each segment.
    """

    address: str | None = None
    actors: int | None = None
    replicas: int = 1


@dataclass
class _Actor:
    """An actor, and what it was last asked."""

    name: str
    handle: Any
    node: str
    memory: float
    is_ready: bool = False
    pid: int = 0
    ping: Any = None
    asked: float = field(default_factory=time.monotonic)


class SearchActors:
    """Actors on a Ray cluster that search; a :class:`~exbert_rpc.corpus.search.finding.Gather`.

    The cluster is connected to when it is first needed, or by :meth:`start`.

    Args:
        settings: How many actors, and where.

    Raises:
        InvalidParams: Ray is not installed, or cannot be loaded into this process any more.
    """

    def __init__(self, settings: ActorSettings) -> None:
        load_ray()
        self._settings = settings
        self._actors: dict[str, _Actor] = {}
        self._masks: Recent[int, tuple[object, _Masks]] = Recent(_MASKS_KEPT)
        self._changed = threading.Condition()
        self._look = threading.Event()
        self._stopped = False
        self._error: ExbertError | None = None
        self._thread: threading.Thread | None = None

    def __call__(self, work: Work, scope: Scope, count: int, task: Task) -> list[list[Candidates]]:
        """What the work gives over all segments; see :class:`~exbert_rpc.corpus.search.finding.Gather`."""
        masks = self._masks_of(scope)
        numbers = [number for number, mask in enumerate(masks) if mask is None or mask.any()]
        if not numbers:
            return gather_here(work, scope, count, task)
        shares = _Gathering(self, work, scope, count, masks, task).shares(numbers)
        return best_of(shares, len(shares[0]), count)

    def start(self) -> None:
        """Begin to connect and to start actors, in the background."""
        with self._changed:
            if self._thread is None and not self._stopped:
                self._error = None
                self._thread = threading.Thread(target=self._keep, name="search-actors", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the actors, and the cluster if it was started for them."""
        with self._changed:
            self._stopped = True
            thread = self._thread
            self._changed.notify_all()
        self._look.set()
        if thread is not None:
            thread.join()

    def alive(self, task: Task, *, without: Sequence[str] = ()) -> dict[str, _Actor]:
        """Actors that can be asked, by name; waits for the first one.

        Raises:
            ExbertError: none has come to be in time.
            InvalidParams: there is no such cluster.
            Cancelled: the task was cancelled.
        """
        self.start()
        until = time.monotonic() + _START_SECONDS
        while True:
            task.check()
            with self._changed:
                found = {name: one for name, one in self._actors.items() if one.is_ready and name not in without}
                if found or (without and any(one.is_ready for one in self._actors.values())):
                    return found
                if self._error is not None:
                    raise self._error
                if self._stopped:
                    raise ExbertError("the search actors have been ended")
                if time.monotonic() > until:
                    raise ExbertError(
                        "no search actor is alive",
                        hint="see whether the cluster has machines, and whether they have room",
                    )
                self._changed.wait(_TICK)

    def lost(self, actor: _Actor) -> None:
        """Take an actor out, and have another one started in its place."""
        with self._changed:
            if self._actors.pop(actor.name, None) is None:
                return
        logger.warning("search actor %s is lost", actor.name)
        self._look.set()

    def is_there(self, actor: _Actor) -> bool:
        """Whether an actor has not been given up."""
        return actor.name in self._actors

    def sent(self, actor: _Actor, request: ShareRequest) -> Any:  # noqa: ANN401 - a Ray type
        """A reference to what an actor will answer."""
        return actor.handle.search.remote(request)

    def cancel(self, actor: _Actor, request: str) -> None:
        """Tell an actor that nobody waits for a request any more."""
        actor.handle.cancel.options(concurrency_group=_CONTROL).remote(request)

    def placed(self, scope: Scope, alive: dict[str, _Actor]) -> dict[str, tuple[str, ...]]:
        """Which actors hold each segment of a corpus."""
        room = {name: actor.memory for name, actor in sorted(alive.items())}
        sizes = {entry.name: entry.nbytes for entry in scope.reader.manifest.segments}
        key = ("placed", tuple(room.items()), self._settings.replicas)
        return scope.reader.cached(key, lambda: place(sizes, room, self._settings.replicas))

    def _masks_of(self, scope: Scope) -> _Masks:
        eligible = scope.eligible
        known = self._masks.get(id(eligible))
        if known is None or known[0] is not eligible:
            known = eligible, masks_of(eligible)
            self._masks.put(id(eligible), known)
        return known[1]

    def _keep(self) -> None:
        try:
            with connected(self._settings.address, self._settings.actors):
                try:
                    while not self._stopped:
                        self._look.clear()
                        self._look_after()
                        self._look.wait(_LOOK_SECONDS)
                finally:
                    self._end_actors()
        except Exception as exc:
            error = exc if isinstance(exc, ExbertError) else ExbertError(f"the cluster failed: {exc}")
            logger.warning("search actors: %s", error)
            with self._changed:
                self._error = error
                self._thread = None
                self._changed.notify_all()

    def _look_after(self) -> None:
        """Start what is missing, take out what is dead, and ask the others whether they are there."""
        import ray

        nodes = {one["NodeID"]: one["Resources"].get("memory", 1.0) for one in ray.nodes() if one["Alive"]}
        wanted = _wanted(nodes, self._settings.actors)
        for actor in list(self._actors.values()):
            if actor.node not in nodes:
                self.lost(actor)
            else:
                self._check(actor)
        there = Counter(actor.node for actor in self._actors.values())
        for node, count in wanted.items():
            for _ in range(count - there[node]):
                self._add(node, nodes[node] / count)
        for actor in list(self._actors.values()):
            if there[actor.node] > wanted[actor.node]:
                there[actor.node] -= 1
                self.lost(actor)
                ray.kill(actor.handle)

    def _add(self, node: str, memory: float) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        # no CPUs: a build on the same cluster may have them, and a search is short
        kind = ray.remote(num_cpus=0, max_concurrency=_AT_ONCE, concurrency_groups={_CONTROL: 2})(ShareServer)
        handle = kind.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote()
        actor = _Actor(uuid.uuid4().hex[:8], handle, node, memory)
        actor.ping = _asked(actor)
        with self._changed:
            self._actors[actor.name] = actor

    def _check(self, actor: _Actor) -> None:
        import ray
        from ray import exceptions

        done, _ = ray.wait([actor.ping], timeout=0)
        patience = _SILENT_SECONDS if actor.is_ready else _START_SECONDS
        if not done:
            if time.monotonic() - actor.asked > patience:
                ray.kill(actor.handle)  # searches that wait for it learn that it is gone
                self.lost(actor)
            return
        try:
            actor.pid = ray.get(done[0])
        except exceptions.RayError:
            self.lost(actor)
            return
        actor.asked, actor.ping = time.monotonic(), _asked(actor)
        if not actor.is_ready:
            with self._changed:
                actor.is_ready = True
                self._changed.notify_all()

    def _end_actors(self) -> None:
        import ray

        with self._changed:
            actors = list(self._actors.values())
            self._actors.clear()
        for actor in actors:
            ray.kill(actor.handle)


def _asked(actor: _Actor) -> Any:  # noqa: ANN401
    return actor.handle.ping.options(concurrency_group=_CONTROL).remote()


def _wanted(nodes: dict[str, float], asked: int | None) -> Counter[str]:
    """How many actors each machine should have: one, or of those that were asked for its part by its memory."""
    if asked is None:
        return Counter(dict.fromkeys(nodes, 1))
    wanted: Counter[str] = Counter()
    for _ in range(asked if nodes else 0):
        wanted[max(sorted(nodes), key=lambda node: nodes[node] / (wanted[node] + 1))] += 1
    return wanted


class _Gathering:
    """One search, its shares sent out until all of them are answered."""

    def __init__(self, actors: SearchActors, work: Work, scope: Scope, count: int, masks: _Masks, task: Task) -> None:
        self._actors = actors
        self._work = work
        self._scope = scope
        self._count = count
        self._masks = masks
        self._task = task
        self._request = uuid.uuid4().hex
        self._running: dict[Any, tuple[_Actor, list[int]]] = {}
        self._answers: list[_Share] = []
        self._refused: dict[str, StorageFailed] = {}
        self._lost: set[str] = set()
        self._n_actors = 0

    def shares(self, numbers: list[int]) -> list[_Share]:
        """Answers over shares that hold each of these segments once."""
        import ray

        try:
            self._send(numbers)
            while self._running:
                ready, _ = ray.wait(list(self._running), timeout=_TICK)
                self._task.check()
                for reference in ready:
                    actor, share = self._running.pop(reference)
                    self._take(reference, actor, share)
                self._leave_the_silent()
        except BaseException:
            for actor, _ in self._running.values():
                self._actors.cancel(actor, self._request)
            raise
        return self._answers

    def _send(self, numbers: list[int]) -> None:
        alive = self._actors.alive(self._task, without=list(self._refused))
        if not alive:
            raise next(iter(self._refused.values()))
        self._n_actors = self._n_actors or len(alive)
        reader = self._scope.reader
        entries = [reader.manifest.segments[number] for number in numbers]
        sizes = {entry.name: entry.nbytes for entry in entries}
        shares = split([entry.name for entry in entries], sizes, self._actors.placed(self._scope, alive), list(alive))
        self._task.report(Progress(f"searching on {len(shares)} actors"))
        for name, share in shares.items():
            chosen = [numbers[at] for at in share]
            request = ShareRequest(
                request=self._request,
                folder=reader.folder,
                config=reader.config,
                entries=tuple(reader.manifest.segments[number] for number in chosen),
                numbers=tuple(chosen),
                masks=tuple(self._masks[number] for number in chosen),
                space=self._scope.space,
                layer=self._scope.layer,
                work=self._work,
                count=self._count,
            )
            self._running[self._actors.sent(alive[name], request)] = alive[name], chosen

    def _leave_the_silent(self) -> None:
        """Take shares back from actors that were given up, though nobody has said that they are dead."""
        for reference, (actor, share) in list(self._running.items()):
            if not self._actors.is_there(actor):
                del self._running[reference]
                self._lose(actor)
                self._again(share, TimeoutError(f"search actor {actor.name} is silent"))

    def _take(self, reference: Any, actor: _Actor, share: list[int]) -> None:  # noqa: ANN401
        import ray
        from ray import exceptions

        try:
            self._answers.append(ray.get(reference))
        except exceptions.RayTaskError as exc:
            self._failed(actor, share, exc)
        except (exceptions.RayActorError, exceptions.WorkerCrashedError) as exc:
            self._lose(actor)
            self._again(share, exc)
        except exceptions.ObjectLostError as exc:
            self._lost.add(reference.hex())  # the actor may be well, but not again and again
            self._again(share, exc)

    def _failed(self, actor: _Actor, share: list[int], error: Any) -> None:  # noqa: ANN401
        cause = error.cause
        if isinstance(cause, CorpusDamaged):
            logger.warning("search actor %s: %s", actor.name, cause)
            self._answers.append(self._here(share))
        elif isinstance(cause, StorageFailed):
            self._refused[actor.name] = cause
            self._send(share)
        elif isinstance(cause, ExbertError) and not isinstance(cause, Cancelled):
            raise cause from None
        else:
            raise ExbertError(f"a search actor failed: {type(cause).__name__}: {cause}") from error

    def _lose(self, actor: _Actor) -> None:
        self._lost.add(actor.name)
        self._actors.lost(actor)

    def _again(self, share: list[int], cause: Exception) -> None:
        # those that were there may all have died of one thing; those that were started since have died of this search
        if len(self._lost) >= self._n_actors + _MOST_LOSSES:
            raise ExbertError(
                f"{len(self._lost)} search actors were lost over the same search",
                hint="see whether their machines run out of memory, and ask again",
            ) from cause
        self._send(share)

    def _here(self, share: Sequence[int]) -> _Share:
        """The share searched by this process, which has its files mapped."""
        answer = self._work(scope_here(self._scope, share), self._count, self._task)
        return [[replace(one, segment=share[one.segment]) for one in of_query] for of_query in answer]
