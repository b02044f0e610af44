"""A build on a local Ray cluster of two workers, against the serial build of the same documents."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from exbert_rpc.corpus.build import distributed
from exbert_rpc.corpus.build.builder import Computed
from exbert_rpc.corpus.build.distributed import Job, RayCompute, ShardWorker
from exbert_rpc.corpus.cluster import connected
from exbert_rpc.corpus.store.folders import Store
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest, IndexResult, SearchRequest, SearchResult
from exbert_rpc.engine.requests import TextInput
from exbert_rpc.errors import Cancelled, CorpusMismatch, CorpusNotFound
from exbert_rpc.tasks import Progress, Task
from exbert_rpc.text.types import Block
from tests.engine.helpers import make_documents
from tests.model import zoo

if find_spec("ray") is None:
    pytest.skip("ray is not installed", allow_module_level=True)
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(280),
    pytest.mark.filterwarnings("ignore:::ray.*"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

_ROUNDING = 5e-4  # one step of one int8 code; batches of other shards pad differently, which moves the last digit
DOCUMENTS = make_documents(seed=3, documents=6, paragraphs=6, sentences=3)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zoo.make_model("bert", tmp_path_factory.mktemp("model") / "bert")


@pytest.fixture(scope="module", autouse=True)
def small_shards() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed, "SHARD_CHARACTERS", 700)
        yield


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Two workers on this machine, over loopback; builds of this process find it connected and leave it so."""
    with connected(None, 2):
        yield


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Engine]:
    engine = make_engine(tmp_path_factory.mktemp("serial"), model)
    build(engine, engine_name="local")
    yield engine
    engine.close()


@pytest.fixture
def engine(tmp_path: Path, model: Path) -> Iterator[Engine]:
    engine = make_engine(tmp_path, model)
    yield engine
    engine.close()


def make_engine(store: Path, model: Path) -> Engine:
    return Engine(store, default_model=str(model), pipeline="blank:en", device="cpu")


def build(engine: Engine, *, task: Task | None = None, engine_name: str = "ray", **changed: str) -> IndexResult:
    documents = {**DOCUMENTS, **changed}
    request = IndexRequest("c", tuple(documents.items()), engine=engine_name, workers=2)  # type: ignore[arg-type]
    return engine.index_corpus(request, task or Task())


def search(engine: Engine, sentence: str, **where: object) -> SearchResult:
    request = SearchRequest("s", "c", input=TextInput(sentence), token=2, k=40, exact=True, **where)  # type: ignore[arg-type]
    return engine.search_contexts(request, Task())


def blanks() -> int:
    """Characters between paragraphs, which are in no block."""
    return sum(2 * text.count("\n\n") for text in DOCUMENTS.values())


def counts(report: IndexResult) -> tuple[int, int, int, int]:
    return report.documents, report.sentences, report.tokens, report.unchanged


def assert_same_answers(ours: Engine, theirs: Engine) -> None:
    """The same places with the same scores, as far as a last digit that rounds to another code leaves them."""
    sentences = [text.split(". ")[0] + "." for text in DOCUMENTS.values()][:3]
    for sentence in sentences:
        for where in ({"space": "headOutput", "layer": 1}, {"space": "hiddenState", "layer": 2}):
            mine, other = search(ours, sentence, **where).hits, search(theirs, sentence, **where).hits
            scores = {place(hit): hit.score for hit in mine}
            sure = [hit for hit in other if hit.score > other[-1].score + _ROUNDING]
            assert len(sure) > 30
            np.testing.assert_allclose(
                [scores[place(hit)] for hit in sure], [hit.score for hit in sure], atol=_ROUNDING
            )
            assert place(mine[0]) == place(other[0])
            np.testing.assert_allclose(mine[0].outgoing, other[0].outgoing, atol=1 / 255)


def place(hit: object) -> tuple[object, ...]:
    return hit.document, hit.start.line, hit.start.column, hit.match, hit.tokens.pos  # type: ignore[attr-defined]


def test_two_workers_give_the_corpus_of_the_serial_build(cluster, serial, engine, tmp_path):
    reported: list[Progress] = []
    report = build(engine, task=Task(reported.append))
    described, expected = engine.describe_corpus("c"), serial.describe_corpus("c")
    assert counts(report) == (6, expected.sentences, expected.tokens, 0)
    assert described.fingerprint == expected.fingerprint
    assert described.damaged == ()
    segments = Store(tmp_path).folder("c").manifest().segments
    assert len(segments) > 2
    counted = [progress for progress in reported if progress.total]
    assert counted[-1].done == counted[-1].total == sum(map(len, DOCUMENTS.values())) - blanks()
    assert_same_answers(engine, serial)


def test_a_second_build_computes_only_what_changed(cluster, engine):
    build(engine)
    workers: list[str] = []
    again = build(engine, task=Task(lambda progress: workers.append(progress.message)))
    assert again.unchanged == again.documents
    assert "starting workers" not in workers
    first = next(iter(DOCUMENTS))
    changed = build(engine, **{first: DOCUMENTS[first] + "\n\nThe girl ran to a local pub."})
    assert changed.unchanged == changed.documents - 1


def test_the_shard_of_a_worker_that_dies_is_run_again(cluster, serial, engine, model, tmp_path, monkeypatch):
    mark = tmp_path / "died"
    monkeypatch.setattr(distributed, "ShardWorker", dying_once(mark))
    report = build(engine)
    assert mark.exists()
    assert counts(report) == (*counts(build(serial, engine_name="local"))[:3], 0)
    assert_same_answers(engine, serial)


def dying_once(mark: Path) -> type:
    """A worker that is killed behind its first window, once."""

    class Dying(ShardWorker):
        def make(self, texts, scales):
            for step in super().make(texts, scales):
                yield step
                if not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)

    return Dying


def test_cancelling_ends_the_workers_and_leaves_no_corpus(cluster, engine):
    task = Task(lambda progress: task.cancel() if "tokens/s" in progress.message else None)
    with pytest.raises(Cancelled):
        build(engine, task=task)
    with pytest.raises(CorpusNotFound):
        engine.describe_corpus("c")
    import ray  # not above: each check collects this file, and leaves its tests out

    assert wait_until(lambda: ray.available_resources().get("CPU") == 2)
    assert build(engine).documents == len(DOCUMENTS)


def test_the_command_line_answers_on_standard_output_alone_and_leaves_no_process(model, tmp_path):
    source = tmp_path / "notes.txt"
    source.write_text(next(iter(DOCUMENTS.values())))
    command = [sys.executable, "-m", "exbert_rpc", "index", "c", str(source), "--engine", "ray", "--workers", "1"]
    command += ["--json", "--store", str(tmp_path / "store"), "--model", str(model), "--pipeline", "blank:en"]
    environment = {**os.environ, "EXBERT_RPC_TEST_MARK": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, env=environment, check=False, timeout=600)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["documents"] == 1
    assert wait_until(lambda: not marked_processes(str(tmp_path)), 20)


def marked_processes(mark: str) -> list[bytes]:
    """Environments of all processes that carry a mark, inherited from the command."""
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            found.append(file.read_bytes())
    return [environment for environment in found if f"EXBERT_RPC_TEST_MARK={mark}".encode() in environment]


def wait_until(holds, seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.2)
    return holds()


def test_a_workers_error_arrives_whole(cluster, engine, monkeypatch):
    class Other(ShardWorker):
        def _load(self):
            raise CorpusMismatch("of a worker", hint="as it was", built="x")

    monkeypatch.setattr(distributed, "ShardWorker", Other)
    with pytest.raises(CorpusMismatch, match="of a worker") as caught:
        build(engine)
    assert caught.value.hint == "as it was"
    assert caught.value.data["built"] == "x"


def test_the_coordinator_has_only_the_blocks_in_memory_that_workers_have(cluster, tmp_path, monkeypatch):
    class Counting(ShardWorker):
        def make(self, blocks, scales):
            yield Computed(sum(len(block.text) for block in blocks), len(blocks))

    monkeypatch.setattr(distributed, "ShardWorker", Counting)
    folder = Store(tmp_path).create("c")
    compute = RayCompute(Job(folder, None, None), Task(), workers=2)  # type: ignore[arg-type]
    most = done = 0
    for step in compute((Block(0, f"{number:070}") for number in range(2000)), {}):
        done += step.tokens
        gc.collect(0)
        most = max(most, sum(type(one) is Block for one in gc.get_objects()))
    assert done == 2000
    assert 0 < most <= 4 * 10  # ten blocks a shard: of two workers, and of what is being cut
