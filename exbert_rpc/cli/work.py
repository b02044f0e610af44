"""Running the engine for one command, so that Ctrl-C stops it cleanly."""

from __future__ import annotations

import os
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.progress import ProgressBar, duration
from exbert_rpc.tasks import Progress, Task

if TYPE_CHECKING:
    from exbert_rpc.corpus.search.actors import ActorSettings
    from exbert_rpc.engine import Engine

T = TypeVar("T")


def store_of(options: Namespace) -> Path | None:
    """The folder of the corpora that was asked for; ``None``: the engine's default."""
    named = options.store or os.environ.get("EXBERT_RPC_STORE")
    return Path(named).expanduser() if named else None


def actors_of(options: Namespace) -> ActorSettings | None:
    """The actors that search, if ``--engine ray`` asks for some; that of ``index`` asks who computes."""
    if options.command == "index" or getattr(options, "engine", "local") != "ray":
        return None
    from exbert_rpc.corpus.search.actors import ActorSettings

    return ActorSettings(options.address, options.workers, options.replicas)


@contextmanager
def engine_of(options: Namespace) -> Iterator[Engine]:
    """The engine that the options describe; its helpers end with the command."""
    from exbert_rpc.engine import Engine
    from exbert_rpc.engine.defaults import DEFAULT_MODEL, DEFAULT_PIPELINE

    engine = Engine(
        store_of(options),
        default_model=getattr(options, "model", None) or DEFAULT_MODEL,
        device=getattr(options, "device", "auto"),
        dtype=getattr(options, "dtype", "float32"),
        allow_network=getattr(options, "allow_network", False),
        pipeline=getattr(options, "pipeline", None) or DEFAULT_PIPELINE,
        origin=getattr(options, "origin", None),
        actors=actors_of(options),
    )
    try:
        yield engine
    finally:
        engine.close()


def run(call: Callable[[Task], T], title: str) -> T:
    """Run a call of the engine with its progress on standard error.

    The first Ctrl-C asks it to stop, and waits for it to leave everything as it was; a second one leaves at once.

    Raises:
        Cancelled: it was stopped.
    """
    with ProgressBar(Screen.of(sys.stderr), title) as bar:
        task = Task(lambda progress: bar.update(words_of(progress), share_of(progress)))
        future: Future[T] = Future()
        # a thread of our own, not a pool's: the interpreter must not wait for it at its end
        thread = threading.Thread(target=_settle, args=(future, call, task), name="engine", daemon=True)
        try:
            thread.start()
            return future.result()
        except KeyboardInterrupt:
            task.cancel()
            bar.update("stopping", None)
            return future.result()


def words_of(progress: Progress) -> str:
    """A report in words, remaining time included."""
    if progress.seconds_left is None:
        return progress.message
    return f"{progress.message} · {duration(progress.seconds_left)} left"


def share_of(progress: Progress) -> float | None:
    """How much is done, in [0, 1]; ``None`` while that is unknown."""
    return progress.done / progress.total if progress.total > 0 else None


def _settle(future: Future[T], call: Callable[[Task], T], task: Task) -> None:
    try:
        future.set_result(call(task))
    except BaseException as error:
        future.set_exception(error)
