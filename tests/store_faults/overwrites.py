"""Builds that stop at random moments, while everything that is done to a file of the corpus is watched.

A kill finds a file of the corpus replaced too early only if it falls between that and the commit. Here each rename,
removal, cut and opening for writing is held against the manifest that is on the disk at that moment: what it names must
stay as it is, whatever the build does next. A build that stops leaves the disk as a kill would: nothing is cleaned up.

The texts are few and come and go, segments are copied far sooner than by default, and most builds stop once they have
copied, so that the same blocks are copied from ever other segments. Flushes are left out; ``traces.py`` looks at
them. An audit hook sees what Python does to files, not what native code does; the store writes through Python alone.
"""

from __future__ import annotations

import math
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from exbert_rpc.corpus.build import builder as build_module
from exbert_rpc.corpus.build import merge
from exbert_rpc.corpus.store.folders import CorpusFolder
from exbert_rpc.corpus.store.manifest import MANIFEST
from exbert_rpc.tasks import Progress, Task
from tests.store_faults.building import Inline, build
from tests.store_faults.fakes import FakeModel, make_text

CONFIGS: list[dict[str, object]] = [{}, {"layers": (1,), "hidden_layers": (2,)}]
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_TRUNC


@dataclass
class OverwriteReport:
    """Counts of a run; ``violations`` is what must be empty."""

    builds: int = 0
    finished: int = 0
    copies: int = 0
    changes: int = 0
    same_bytes: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


class Stopped(Exception):
    """The build has come to its end; from then on it can do nothing to the disk."""


class Watch:
    """What one build says and does to files below a folder, step by step.

    Args:
        folder: The corpus.
        report: What is counted there.
        steps: It is stopped after so many.
        until_commit: It is stopped, at the latest, when all that it lacks is the commit.
    """

    def __init__(self, folder: Path, report: OverwriteReport, steps: float, *, until_commit: bool) -> None:
        self._folder = folder
        self._report = report
        self._last = steps
        self._until_commit = until_commit
        self.steps = 0

    def hear(self, progress: Progress) -> None:
        """A report of the build."""
        self._report.copies += progress.message.startswith("copying")
        if self._until_commit and progress.message.startswith("making"):
            self._last = self.steps
        self._step()

    def _step(self) -> None:
        if self.steps >= self._last:
            raise Stopped
        self.steps += 1

    def see(self, event: str, args: tuple[Any, ...]) -> None:
        """Called before whatever Python does to a file; what is done to files of the folder is judged."""
        changes = [(what, Path(os.path.realpath(path))) for what, path in _changes(event, args)]
        changes = [(what, path) for what, path in changes if path.is_relative_to(self._folder)]
        if not changes:
            return
        self._step()
        self._report.changes += 1
        for what, path in changes:
            for name in self._current_files():
                if (self._folder / name).is_relative_to(path):
                    self._judge(what, name, args[0])

    def _current_files(self) -> list[str]:
        if not (self._folder / MANIFEST).exists():
            return []
        manifest = CorpusFolder(self._folder).manifest()
        return [MANIFEST, manifest.documents.name, *(entry.name for entry in manifest.segments)]

    def _judge(self, what: str, name: str, source: str) -> None:
        if what == "replaced" and name == MANIFEST:
            return  # a commit
        if what == "replaced" and Path(source).read_bytes() == (self._folder / name).read_bytes():
            self._report.same_bytes += 1
        else:
            self._report.violations.append(f"build {self._report.builds}: {name} was {what} while it was current")


def run_overwrites(root: Path, builds: int, seed: int = 0) -> OverwriteReport:
    """So many builds of one corpus, or as many as it takes until a promise has been broken."""
    rng = random.Random(seed)
    report = OverwriteReport()
    started = time.monotonic()
    model = InlineModel()
    folder = root.resolve() / "corpus"
    pool = [new_paragraph(rng) for _ in range(8)]
    config = CONFIGS[0]
    current: set[int] = set()
    target: set[int] = set()
    usual = 12  # steps of a build
    with much_copying():
        while report.builds < builds and not report.violations:
            report.builds += 1
            if rng.random() < 0.02:
                config = rng.choice(CONFIGS)
                pool[rng.randrange(len(pool))] = new_paragraph(rng)
            # some come or come back, some go; as often as not, what the last build wanted is given up
            target = rng.choice([current, target]) ^ set(rng.sample(range(len(pool)), rng.randrange(1, 4)))
            steps = rng.choice([math.inf, math.inf, rng.randrange(2 * usual)])
            watch = Watch(folder, report, steps, until_commit=rng.random() < 0.6)
            texts = {f"d{number}.txt": pool[number] for number in target}
            try:
                with watching(watch):
                    build(root, texts, model=model, config=config, task=Task(watch.hear))
            except Stopped:
                continue
            report.finished += 1
            current = target
            usual = max(6, (3 * usual + watch.steps) // 4)
    report.seconds = time.monotonic() - started
    return report


def new_paragraph(rng: random.Random) -> str:
    """One that was never there."""
    return make_text(rng.randrange(1 << 30), 1, 3)


class InlineModel(FakeModel):
    """Runs without threads, which would take steps in any order."""

    def lanes(self) -> Inline:
        return Inline()


@contextmanager
def much_copying() -> Iterator[None]:
    """Builds with a paragraph or two a segment that copy from the third small one on and do not wait for the disk.

    They delete in the order of names, so that a seed gives the same steps every time.
    """
    listing = Path.iterdir
    with ExitStack() as stack:
        for module, name, value in (
            (build_module, "WINDOW_TOKENS", 60),
            (build_module, "SEGMENT_BYTES", 2000),
            (build_module, "ThreadPoolExecutor", Inline),
            (merge, "MOST_SMALL", 2),
            (os, "fsync", lambda _: None),
            (Path, "iterdir", lambda folder: iter(sorted(listing(folder)))),
        ):
            stack.enter_context(mock.patch.object(module, name, value))
        yield


_watches: list[Watch] = []


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Tell a watch of all that is done to files meanwhile."""
    _add_hook()
    _watches.append(watch)
    try:
        yield
    finally:
        _watches.pop()


@cache
def _add_hook() -> None:
    """There is no way to remove one: it does nothing while nobody watches."""

    def tell(event: str, args: tuple[Any, ...]) -> None:
        for watch in _watches:
            watch.see(event, args)

    sys.addaudithook(tell)


def _changes(event: str, args: tuple[Any, ...]) -> list[tuple[str, str]]:
    """What an audit event is going to do to which paths; a descriptor was opened for writing before, which was seen."""
    match event:
        case "open" if args[2] & _WRITING and not isinstance(args[0], int):
            return [("opened for writing", args[0])]
        case "os.rename":
            return [("moved", args[0]), ("replaced", args[1])]
        case "os.remove" | "shutil.rmtree":
            return [("deleted", args[0])]
        case "os.truncate" if not isinstance(args[0], int):
            return [("cut", args[0])]
        case _:
            return []
