"""Segments computed on the workers of a Ray cluster.

1. The blocks that a corpus lacks are cut into shards of about ``SHARD_CHARACTERS``, in order.
2. Workers are actors that load model and pipeline once, and refuse to work if either is another one than the
   coordinator's. Each takes a shard, reports window by window, and writes finished segments into the corpus' folder,
   which must be on a file system that all machines see under the same path.
3. A shard counts when all its segments are seen here. The shard of a worker that is lost is run again by another; what
   its worker wrote meanwhile has the same name and is replaced, or is swept with the next commit.

The quantization scales come from the coordinator, so segments of all workers are comparable. The manifest is
committed by :class:`~exbert_rpc.corpus.build.builder.Builder`: until then the corpus is the old one.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from exbert_rpc.corpus.build.builder import Computed, compute_segments
from exbert_rpc.corpus.build.pack import Scales
from exbert_rpc.corpus.cluster import connected, load_ray
from exbert_rpc.corpus.store.folders import CorpusFolder
from exbert_rpc.corpus.store.manifest import CorpusConfig, FileEntry
from exbert_rpc.corpus.types import CorpusModel
from exbert_rpc.errors import CorpusDamaged, CorpusMismatch, ExbertError, InvalidParams, StorageFailed
from exbert_rpc.tasks import Progress, Task
from exbert_rpc.text.annotation.pipeline import Annotator
from exbert_rpc.text.types import Block

SHARD_CHARACTERS = 1 << 17
"""About 30,000 tokens of English: what is lost with a worker."""

_MOST_LOSSES = 3
_TICK = 0.2
_NICENESS = 10


@dataclass(frozen=True, slots=True)
class Job:
    """What every worker of a build must know.

    Attributes:
        folder: The corpus, at a path that is the same on all machines.
        config: What to store.
        load: Loads the model; can be pickled.
    """

    folder: CorpusFolder
    config: CorpusConfig
    load: Callable[[], CorpusModel]


class ShardWorker:
    """What runs in a worker: one model, one pipeline, a shard at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._loaded: tuple[CorpusModel, Annotator] | None = None

    def make(self, blocks: Sequence[Block], scales: Scales) -> Iterator[Computed]:
        """Compute the blocks of a shard; see :func:`exbert_rpc.corpus.build.builder.compute_segments`.

        Raises:
            CorpusMismatch: this machine has another model, tokenizer, pipeline or version than the coordinator.
        """
        # not in the constructor: what fails there reaches nobody but as a worker that died
        if self._loaded is None:
            self._loaded = self._load()
            _step_back()
        model, annotator = self._loaded
        job = self._job
        yield from compute_segments(job.folder, job.config, model, annotator.annotate_many, Task(), blocks, scales)

    def _load(self) -> tuple[CorpusModel, Annotator]:
        config = self._job.config
        model, annotator = self._job.load(), Annotator(config.pipeline)
        for what, name, ours, theirs in (
            ("model", config.model, model.info.fingerprint, config.model_fingerprint),
            ("pipeline", config.pipeline, annotator.info.fingerprint, config.pipeline_fingerprint),
        ):
            if ours != theirs:
                raise CorpusMismatch(
                    f"{what} {name} of a worker is not the coordinator's",
                    hint="install the same versions of all packages, and the same weights, on every machine",
                )
        return model, annotator


def _step_back() -> None:
    """Let searches on the same machine go first: a build takes hours, and somebody waits for a search."""
    if hasattr(os, "nice") and os.nice(0) < _NICENESS:
        os.nice(_NICENESS - os.nice(0))


class RayCompute:
    """Computes blocks on a Ray cluster; a :data:`~exbert_rpc.corpus.build.builder.Compute`.

    Args:
        job: What workers must know.
        task: Reported to and obeyed; cancelling ends the workers at once.
        workers: How many; ``None``: as many as the cluster has CPUs (GPUs, if the device is one).
        address: Of a running cluster; ``None``: one on this machine, for as long as this takes.
        wants_gpu: Whether each worker should have a GPU, if the cluster has any.

    Raises:
        InvalidParams: Ray is not installed, or cannot be loaded into this process any more.
    """

    def __init__(
        self,
        job: Job,
        task: Task,
        *,
        workers: int | None = None,
        address: str | None = None,
        wants_gpu: bool = False,
    ) -> None:
        load_ray()
        self._job = job
        self._task = task
        self._workers = workers
        self._address = address
        self._wants_gpu = wants_gpu

    def __call__(self, blocks: Iterable[Block], scales: Scales) -> Iterator[Computed]:
        """Compute blocks; segments come in their order, after all progress.

        Raises:
            InvalidParams: There is no such cluster, or it has fewer workers.
            Cancelled: the task was cancelled; segments that are finished stay.
            StorageFailed: a worker's disk refused, or its files are not seen here.
            ExbertError: a worker failed, or was lost again and again.
        """
        import ray

        shards = cut_shards(blocks)
        self._task.report(Progress("starting workers"))
        # Ray reports lost workers on standard output, which belongs to the answer
        with redirect_stdout(sys.stderr), connected(self._address, self._workers):
            plan = plan_workers(ray.cluster_resources(), self._workers, self._wants_gpu)
            yield from _Run(self._job, self._task, plan, shards, scales).steps()


def cut_shards(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Blocks in lists of about ``SHARD_CHARACTERS``, in order, taken as they are asked for."""
    shard: list[Block] = []
    size = 0
    for block in blocks:
        shard.append(block)
        size += len(block.text)
        if size >= SHARD_CHARACTERS:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


@dataclass(frozen=True, slots=True)
class Plan:
    """How many workers, and GPUs of each."""

    workers: int
    gpus: int


def plan_workers(resources: Mapping[str, float], asked: int | None, wants_gpu: bool) -> Plan:
    """Workers for a cluster with these resources.

    Raises:
        InvalidParams: more workers are asked for than it can run at once.
    """
    gpus = int(resources.get("GPU", 0)) if wants_gpu else 0
    most = max(1, gpus or int(resources.get("CPU", 1)))
    if asked is not None and asked > most:
        raise InvalidParams(
            "workers", f"{asked} are more than the cluster can run", hint=f"ask for {most} or fewer", allowed=most
        )
    return Plan(asked or most, 1 if gpus else 0)


@dataclass
class _Shard:
    """One shard on its way: what its present worker has reported."""

    number: int
    blocks: list[Block]
    losses: int = 0
    worker: Any = None
    steps: list[Computed] = field(default_factory=list)


class _Run:
    """Shards handed out until all are done; only those that workers have are in memory."""

    def __init__(self, job: Job, task: Task, plan: Plan, shards: Iterable[list[Block]], scales: Scales) -> None:
        import ray

        self._job = job
        self._task = task
        self._plan = plan
        self._coming = (_Shard(number, blocks) for number, blocks in enumerate(shards))
        self._taken_back: deque[_Shard] = deque()
        self._running: dict[Any, _Shard] = {}
        self._segments: dict[int, list[FileEntry]] = {}
        self._idle: list[Any] = []
        self._scales = ray.put(scales)
        self._actor = ray.remote(num_cpus=1, num_gpus=plan.gpus)(ShardWorker)

    def steps(self) -> Iterator[Computed]:
        """Progress of all shards as it comes, then their segments in order."""
        import ray

        try:
            while True:
                self._task.check()
                self._hand_out()
                if not self._running:
                    break
                ready, _ = ray.wait(list(self._running), timeout=_TICK)
                for stream in ready:
                    yield from self._advance(stream)
        finally:
            self._end_workers()
        for number in sorted(self._segments):
            for entry in self._segments[number]:
                yield Computed(segment=entry)

    def _hand_out(self) -> None:
        while len(self._running) < self._plan.workers:
            shard = self._taken_back.popleft() if self._taken_back else next(self._coming, None)
            if shard is None:
                return
            shard.worker = self._idle.pop() if self._idle else self._actor.remote(self._job)
            self._running[shard.worker.make.remote(shard.blocks, self._scales)] = shard

    def _advance(self, stream: Any) -> Iterator[Computed]:  # noqa: ANN401 - a Ray type
        """Take the next step of a shard that has one."""
        import ray
        from ray import exceptions

        shard = self._running[stream]
        try:
            step: Computed = ray.get(next(stream))
        except StopIteration:
            self._finish(stream, shard)
        except exceptions.RayTaskError as exc:
            if isinstance(exc.cause, ExbertError):
                raise exc.cause from None
            raise ExbertError(f"a worker failed: {type(exc.cause).__name__}: {exc.cause}") from exc
        except (exceptions.RayActorError, exceptions.WorkerCrashedError, exceptions.ObjectLostError) as exc:
            yield self._take_back(stream, shard, exc)
        else:
            shard.steps.append(step)
            yield Computed(step.characters, step.tokens)

    def _finish(self, stream: Any, shard: _Shard) -> None:  # noqa: ANN401
        found = self._segments[shard.number] = [step.segment for step in shard.steps if step.segment is not None]
        for entry in found:
            try:
                self._job.folder.segment(entry)
            except CorpusDamaged as exc:
                raise StorageFailed(
                    f"{entry.name}, which a worker has written, is not seen here as it was written",
                    hint="put the store on a file system that all machines see under the same path",
                    file=entry.name,
                ) from exc
        self._idle.append(self._running.pop(stream).worker)

    def _take_back(self, stream: Any, shard: _Shard, cause: Exception) -> Computed:  # noqa: ANN401
        """Put the shard of a lost worker first in the queue; the step that undoes what was reported of it."""
        import ray

        del self._running[stream]
        ray.kill(shard.worker)  # it may only be out of reach: nobody else may write its files
        shard.losses += 1
        if shard.losses == _MOST_LOSSES:
            raise ExbertError(
                f"{shard.losses} workers were lost over the same blocks",
                hint="see whether their machines run out of memory; the same command goes on with what is missing",
            ) from cause
        undone = Computed(-sum(step.characters for step in shard.steps), -sum(step.tokens for step in shard.steps))
        shard.steps = []
        self._taken_back.append(shard)
        return undone

    def _end_workers(self) -> None:
        import ray

        for worker in (*self._idle, *(shard.worker for shard in self._running.values())):
            ray.kill(worker)
