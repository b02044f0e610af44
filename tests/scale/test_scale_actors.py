"""Searches on actors of a local Ray cluster, against the same engine without one: the same JSON, bit for bit."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from exbert_rpc.cli.calls import call
from exbert_rpc.client import Client
from exbert_rpc.corpus.build import builder
from exbert_rpc.corpus.cluster import connected
from exbert_rpc.corpus.search import exact
from exbert_rpc.corpus.search.actors import ActorSettings
from exbert_rpc.corpus.search.relations import Relation
from exbert_rpc.corpus.store.folders import Store
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest
from exbert_rpc.errors import Cancelled
from exbert_rpc.methods.validation import validate
from exbert_rpc.protocol.jsonrpc import encode
from exbert_rpc.protocol.types import signatures
from exbert_rpc.tasks import Task
from tests.engine.helpers import make_documents
from tests.model import zoo

if find_spec("ray") is None:
    pytest.skip("ray is not installed", allow_module_level=True)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(280),
    pytest.mark.filterwarnings("ignore:::ray.*"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

DOCUMENTS = make_documents(seed=5, documents=8, paragraphs=8, sentences=3)
TIERS = ("int8", "int4", "binary")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zoo.make_model("bert", tmp_path_factory.mktemp("model") / "bert")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """A store with a corpus of each precision, each of several segments."""
    root = tmp_path_factory.mktemp("store")
    engine = make_engine(root, model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "SEGMENT_BYTES", 1)
        patch.setattr(builder, "WINDOW_TOKENS", 300)
        patch.setattr(builder, "worth_merging", lambda entries, alive: [])
        for tier in TIERS:
            request = IndexRequest(tier, tuple(DOCUMENTS.items()), precision=tier)
            engine.index_corpus(request, Task())
    engine.close()
    assert all(len(Store(root).folder(tier).manifest().segments) >= 5 for tier in TIERS)
    return root


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    with connected(None, 2):
        yield


@pytest.fixture(scope="module")
def local(store: Path, model: Path) -> Iterator[Engine]:
    engine = make_engine(store, model)
    yield engine
    engine.close()


@pytest.fixture(scope="module", params=[2, 4])
def spread(request: pytest.FixtureRequest, cluster: None, store: Path, model: Path) -> Iterator[Engine]:
    engine = make_engine(store, model, ActorSettings(actors=request.param))
    yield engine
    engine.close()


def make_engine(store: Path, model: Path, actors: ActorSettings | None = None) -> Engine:
    return Engine(store, default_model=str(model), pipeline="blank:en", device="cpu", actors=actors)


def answer(engine: Engine, method: str, **params: Any) -> dict[str, Any]:
    """What a server would answer, but for the time that it took."""
    signature = signatures()[method]
    found = call(engine, validate(signature.params, params), signature.result, options=Namespace(json=True))
    whole = json.loads(encode(found))
    return without(whole, {"milliseconds", "searchId", "captureId"})


def without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: without(one, names) for name, one in value.items() if name not in names}
    return [without(one, names) for one in value] if isinstance(value, list) else value


SENTENCE = DOCUMENTS["tiny:/3.txt"].split(". ")[0] + "."
SEARCHES: dict[str, dict[str, Any]] = {
    "all heads": {"space": "headOutput", "layer": 1, "exact": True},
    "one head": {"space": "headOutput", "layer": 1, "heads": [1]},
    "by norm": {"space": "headOutput", "layer": 0, "heads": [0, 1], "weighting": "norm"},
    "hidden": {"space": "hiddenState", "hiddenLayer": 2, "k": 200},
    "distinct": {"space": "hiddenState", "hiddenLayer": 0, "distinct": True},
    "one document": {"space": "hiddenState", "hiddenLayer": 1, "filter": {"documents": ["tiny:/5.txt"]}},
    "some words": {"space": "headOutput", "layer": 1, "filter": {"token": ["the", "a"]}},
}


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", SEARCHES)
def test_actors_find_what_one_machine_finds(spread, local, tier, name):
    asked = {"corpus": tier, "text": SENTENCE, "token": 2, **SEARCHES[name]}
    assert answer(spread, "searchContexts", **asked) == answer(local, "searchContexts", **asked)


@pytest.mark.parametrize("tier", TIERS)
def test_actors_find_the_relations_that_one_machine_finds(spread, local, tier):
    asked = {"corpus": tier, "text": SENTENCE, "source": 1, "target": 3, "layer": 1, "head": 0, "minWeight": 0.1}
    assert answer(spread, "searchRelations", **asked) == answer(local, "searchRelations", **asked)


@pytest.mark.parametrize("tier", TIERS)
def test_summaries_with_base_rates_and_controls_are_those_of_one_machine(spread, local, tier):
    asked = {"corpus": tier, "text": SENTENCE, "token": 2, "layer": 1, "heads": [1], "k": 30, "metadata": ["folder"]}
    found = answer(spread, "summarize", **asked)
    assert found == answer(local, "summarize", **asked)
    assert "peers" in json.dumps(found) and "echo" in json.dumps(found)


def test_profiles_with_examples_are_those_of_one_machine(spread, local):
    asked = {"corpus": "int8", "layers": [1], "heads": [0], "examples": 1, "minPairs": 5}
    assert answer(spread, "profileHeads", **asked) == answer(local, "profileHeads", **asked)


def test_nothing_is_scanned_where_the_engine_is(spread, monkeypatch):
    def here(*_: object) -> None:
        raise AssertionError("scanned here")

    monkeypatch.setattr(exact, "scan_here", here)
    monkeypatch.setattr(Relation, "__call__", here)
    answer(spread, "searchContexts", corpus="int8", text=SENTENCE, token=2, layer=1)
    answer(spread, "searchRelations", corpus="int8", text=SENTENCE, source=1, target=3, layer=1, head=0)


_MOST_SLOWER = 4.0
"""Median of a search beside a build, in medians of one without; on two cores that the build keeps busy."""


@pytest.mark.parametrize("spread", [2], indirect=True)
def test_ten_clients_wait_little_longer_while_a_build_runs(spread, store, model):
    alone = latencies(spread, 40)
    other = make_engine(store, model)
    done = threading.Event()
    texts = make_documents(seed=9, documents=40, paragraphs=30, sentences=4)

    def build() -> None:
        request = IndexRequest("beside", tuple(texts.items()), engine="ray", workers=1)
        task = Task(lambda _: task.cancel() if done.is_set() else running.set())
        with suppress(Cancelled):
            other.index_corpus(request, task)

    running = threading.Event()
    thread = threading.Thread(target=build, daemon=True)
    thread.start()
    assert running.wait(60)
    time.sleep(5)  # until the worker has its model
    beside = latencies(spread, 40)
    was_running = thread.is_alive()
    done.set()
    thread.join()
    other.close()
    print(f"median of ten clients: {statistics.median(alone):.3f} s alone, {statistics.median(beside):.3f} s beside")
    assert was_running
    assert statistics.median(beside) < _MOST_SLOWER * statistics.median(alone)


def latencies(engine: Engine, each: int) -> list[float]:
    """Seconds that each search of ten clients took, who all ask at the same time, ``each`` times in all."""
    found: list[float] = []
    asked = {"corpus": "int8", "text": SENTENCE, "token": 2, "layer": 1}
    answer(engine, "searchContexts", **asked)

    def client() -> None:
        for _ in range(each // 10):
            started = time.perf_counter()
            answer(engine, "searchContexts", **asked)
            found.append(time.perf_counter() - started)

    clients = [threading.Thread(target=client) for _ in range(10)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    assert len(found) == each
    return found


@pytest.mark.parametrize("spread", [2], indirect=True)
def test_a_graph_may_be_searched_in_a_process_that_has_ray(spread, local):
    asked = {"corpus": "int8", "text": SENTENCE, "token": 2, "layer": 1}
    answer(local, "searchContexts", **asked, exact=False)
    assert local._graphs.wait(60)
    assert answer(local, "searchContexts", **asked, exact=False)["stats"]["exact"] is False
    assert "usearch" in sys.modules
    asked["exact"] = True
    assert answer(spread, "searchContexts", **asked) == answer(local, "searchContexts", **asked)


def test_a_process_that_has_a_graph_refuses_ray_and_says_why():
    code = (
        "import usearch.index; from exbert_rpc.engine import Engine; from exbert_rpc.corpus.search.actors import *\n"
        "try: Engine(actors=ActorSettings())\n"
        "except Exception as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert "this process has searched by a graph" in done.stdout


def test_a_server_with_actors_answers_and_leaves_neither_process_nor_folder(local, store, model, tmp_path):
    environment = {**os.environ, "EXBERT_RPC_TEST_MARK": str(tmp_path)}
    folders = set(Path("/tmp").glob("exbert-rpc-*"))
    arguments = ["--engine", "ray", "--workers", "2", "--pipeline", "blank:en", "--device", "cpu"]
    with Client.spawn(arguments, store=store, model=str(model), env=environment) as client:
        found = client.search_contexts(corpus="int8", text=SENTENCE, token=2, layer=1)
        pids = marked_processes(str(tmp_path))
        assert len(pids) > 4
        assert listening(pids) and listening(pids) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
        ours = answer(local, "searchContexts", corpus="int8", text=SENTENCE, token=2, layer=1)
        assert [hit.score for hit in found.hits] == [hit["score"] for hit in ours["hits"]]
    assert wait_until(lambda: not marked_processes(str(tmp_path)), 30)
    assert set(Path("/tmp").glob("exbert-rpc-*")) <= folders


def listening(pids: list[int]) -> set[str]:
    """Addresses that processes listen to."""
    found = set()
    for pid in pids:
        with suppress(psutil.Error):
            sockets = psutil.Process(pid).net_connections("tcp")
            found |= {one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN}
    return found


def marked_processes(mark: str) -> list[int]:
    """Processes that carry a mark in their environment, inherited from the server."""
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"EXBERT_RPC_TEST_MARK={mark}".encode() in file.read_bytes():
                found.append(int(file.parent.name))
    return found


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.2)
    return holds()
