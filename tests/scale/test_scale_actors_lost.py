"""Search actors that die, hang, run out of disk or are told to stop: a request is answered, or fails by name."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psutil
import pytest

from exbert_rpc.corpus.cluster import connected
from exbert_rpc.corpus.search import actors as actors_module
from exbert_rpc.corpus.search.actors import ActorSettings, SearchActors
from exbert_rpc.corpus.search.exact import Scanning
from exbert_rpc.corpus.search.filters import eligible_rows
from exbert_rpc.corpus.search.finding import Candidates, Scope
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.remote import RemoteStore
from exbert_rpc.corpus.types import Filter
from exbert_rpc.corpus.vectors import make_query
from exbert_rpc.errors import Cancelled, ExbertError, StorageFailed
from exbert_rpc.tasks import Task
from tests.store_faults.building import build, open_folder
from tests.store_faults.fakes import FakeModel, make_text

if find_spec("ray") is None:
    pytest.skip("ray is not installed", allow_module_level=True)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(280),
    pytest.mark.filterwarnings("ignore:::ray.*"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

MODEL = FakeModel()
COUNT = 40


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exbert_rpc.corpus.build.builder.WINDOW_TOKENS", 120)
        patch.setattr("exbert_rpc.corpus.build.builder.SEGMENT_BYTES", 1)
        patch.setattr("exbert_rpc.corpus.build.builder.worth_merging", lambda entries, alive: [])
        build(root, {f"{seed}.txt": make_text(seed, 8) for seed in range(4)}, model=MODEL)
    return root


@pytest.fixture(scope="module")
def actors() -> Iterator[SearchActors]:
    """Three actors on this machine."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # actors have no folder of tests in their path
    with connected(None, 2):
        actors = SearchActors(ActorSettings(actors=3))
        yield actors
        actors.close()


@pytest.fixture(autouse=True)
def all_there(actors: SearchActors) -> None:
    """Every test begins with all actors."""
    actors.start()
    assert wait_until(lambda: len(ready(actors)) == 3)


def ready(actors: SearchActors) -> list[int]:
    """Processes of the actors that answer, and that have not died since they last did."""
    return [one.pid for one in list(actors._actors.values()) if one.is_ready and psutil.pid_exists(one.pid)]


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.05)
    return holds()


def scope_of(store: Path) -> Scope:
    reader = CorpusReader(open_folder(store))
    assert len(reader.segments) >= 6
    return Scope(reader, "headOutput", 1, eligible_rows(reader, Filter()))


def scanning() -> Scanning:
    vector = MODEL.capture(MODEL.tokenize("Some query of words")).head_outputs[1, :, 2]
    return Scanning(tuple(make_query(vector, np.array([head]), by_norm=False) for head in range(len(vector))))


def bits(found: list[list[Candidates]]) -> list[list[tuple[int, list[int], bytes]]]:
    return [[(one.segment, one.rows.tolist(), one.scores.tobytes()) for one in of_query] for of_query in found]


@dataclass(frozen=True)
class Held:
    """A scan that says in a folder who carries it out, and begins when it is told to."""

    folder: Path
    queries: Scanning

    def __call__(self, scope: Scope, count: int, task: Task) -> list[list[Candidates]]:
        (self.folder / f"begun-{os.getpid()}").touch()
        try:
            while not (self.folder / "go").exists():
                task.check()
                time.sleep(0.02)
        except Cancelled:
            (self.folder / f"cancelled-{os.getpid()}").touch()
            raise
        return self.queries(scope, count, task)

    def begun(self) -> list[int]:
        return sorted(int(path.name.partition("-")[2]) for path in self.folder.glob("begun-*"))

    def cancelled(self) -> list[int]:
        return sorted(int(path.name.partition("-")[2]) for path in self.folder.glob("cancelled-*"))


@dataclass(frozen=True)
class Deadly:
    """A scan that ends each process that begins it."""

    queries: Scanning

    def __call__(self, scope: Scope, count: int, task: Task) -> list[list[Candidates]]:
        os.kill(os.getpid(), signal.SIGKILL)
        return self.queries(scope, count, task)


@dataclass(frozen=True)
class Full:
    """A scan for which the disks of some processes are too full."""

    pids: tuple[int, ...]
    queries: Scanning

    def __call__(self, scope: Scope, count: int, task: Task) -> list[list[Candidates]]:
        if os.getpid() in self.pids:
            raise StorageFailed("could not write a copy: the disk is full", hint="free some space")
        return self.queries(scope, count, task)


class Asked:
    """A search in a thread of its own."""

    def __init__(self, actors: SearchActors, work: object, scope: Scope, task: Task | None = None) -> None:
        self.result: list[list[Candidates]] | None = None
        self.error: BaseException | None = None
        self._call = lambda: actors(work, scope, COUNT, task or Task())  # type: ignore[arg-type]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._call()
        except BaseException as error:
            self.error = error

    def end(self, seconds: float = 60) -> None:
        self._thread.join(seconds)
        assert not self._thread.is_alive()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_the_share_of_an_actor_that_dies_or_hangs_is_taken_over_and_the_answer_is_the_same(
    actors, store, tmp_path, monkeypatch, how
):
    monkeypatch.setattr(actors_module, "_SILENT_SECONDS", 3.0)
    scope, work = scope_of(store), Held(tmp_path, scanning())
    asked = Asked(actors, work, scope)
    assert wait_until(lambda: len(work.begun()) == 3)
    victim = work.begun()[0]
    assert victim in ready(actors)
    os.kill(victim, how)
    (tmp_path / "go").touch()
    asked.end()
    if how == signal.SIGSTOP:
        os.kill(victim, signal.SIGKILL)
    assert asked.error is None
    assert bits(asked.result) == bits(work.queries(scope, COUNT, Task()))
    assert wait_until(lambda: len(ready(actors)) == 3 and victim not in ready(actors))


def test_when_all_actors_die_others_are_started_and_answer(actors, store, tmp_path):
    scope, work = scope_of(store), Held(tmp_path, scanning())
    asked = Asked(actors, work, scope)
    assert wait_until(lambda: len(work.begun()) == 3)
    for pid in work.begun():
        os.kill(pid, signal.SIGKILL)
    (tmp_path / "go").touch()
    asked.end()
    assert asked.error is None
    assert bits(asked.result) == bits(work.queries(scope, COUNT, Task()))


def test_a_search_that_kills_every_actor_fails_by_name(actors, store):
    with pytest.raises(ExbertError, match="5 search actors were lost over the same search"):
        actors(Deadly(scanning()), scope_of(store), COUNT, Task())


def test_a_cancel_reaches_the_actors(actors, store, tmp_path):
    work, task = Held(tmp_path, scanning()), Task()
    asked = Asked(actors, work, scope_of(store), task)
    assert wait_until(lambda: len(work.begun()) == 3)
    task.cancel()
    asked.end()
    assert isinstance(asked.error, Cancelled)
    assert wait_until(lambda: work.cancelled() == work.begun())
    assert len(ready(actors)) == 3


def test_another_actor_takes_over_where_a_disk_is_full_and_if_all_are_the_error_says_so(actors, store):
    scope, pids = scope_of(store), ready(actors)
    found = actors(Full(tuple(pids[:2]), scanning()), scope, COUNT, Task())
    assert bits(found) == bits(scanning()(scope, COUNT, Task()))
    with pytest.raises(StorageFailed, match="the disk is full"):
        actors(Full(tuple(pids), scanning()), scope, COUNT, Task())


def test_an_answer_that_is_lost_on_its_way_is_asked_for_again(actors, store, monkeypatch):
    import ray
    from ray.exceptions import ObjectLostError

    get, lost = ray.get, []

    def losing(reference, **options):
        if not lost and threading.current_thread() is threading.main_thread():
            lost.append(reference)
            raise ObjectLostError(reference.hex(), "", "")
        return get(reference, **options)

    monkeypatch.setattr(ray, "get", losing)
    scope = scope_of(store)
    found = actors(scanning(), scope, COUNT, Task())
    assert len(lost) == 1
    assert bits(found) == bits(scanning()(scope, COUNT, Task()))


def test_a_corpus_that_was_replaced_is_searched_as_this_process_has_it_open(actors, tmp_path):
    build(tmp_path, {"old.txt": make_text(1, 6)}, model=MODEL)
    scope = scope_of_any(tmp_path)
    build(tmp_path, {"new.txt": make_text(2, 6)}, model=MODEL)
    assert not (tmp_path / "corpus" / scope.reader.manifest.segments[0].name).exists()
    assert bits(actors(scanning(), scope, COUNT, Task())) == bits(scanning()(scope, COUNT, Task()))


def scope_of_any(store: Path) -> Scope:
    reader = CorpusReader(open_folder(store))
    return Scope(reader, "headOutput", 1, eligible_rows(reader, Filter()))


def test_actors_fetch_what_lies_elsewhere_onto_their_own_disks(actors, store, tmp_path):
    folder = RemoteStore(f"file://{store}", tmp_path / "copies").folder("corpus")
    reader = CorpusReader(folder)
    scope = Scope(reader, "headOutput", 1, eligible_rows(reader, Filter()))
    found = actors(scanning(), scope, COUNT, Task())
    assert bits(found) == bits(scanning()(scope_of(store), COUNT, Task()))
    codes = {segment.segment._path: segment.segment._contents["head/1/codes"] for segment in reader.segments}
    for path, entry in codes.items():
        assert any(path.read_bytes()[entry.offset : entry.offset + entry.nbytes])
