"""Machines that join and leave a Ray cluster while it is searched; here they are processes of one machine."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from exbert_rpc.corpus.cluster import load_ray
from exbert_rpc.corpus.search.actors import ActorSettings, SearchActors
from exbert_rpc.corpus.search.exact import Scanning
from exbert_rpc.corpus.search.filters import eligible_rows
from exbert_rpc.corpus.search.finding import Scope
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.types import Filter
from exbert_rpc.corpus.vectors import make_query
from exbert_rpc.errors import InvalidParams
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


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of one machine, to which others can be added."""
    load_ray()
    from ray._private import utils
    from ray.cluster_utils import Cluster

    monkeypatch.setattr(utils, "write_ray_address", lambda *_: None)  # for everybody on this machine

    folder = tempfile.mkdtemp(prefix="xr-", dir="/tmp")
    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80 << 20, "temp_dir": f"{folder}/ray"}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    yield cluster
    cluster.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def wait_until(holds: Callable[[], bool], seconds: float = 90) -> bool:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.1)
    return holds()


def test_machines_get_an_actor_when_they_join_and_are_not_asked_when_they_have_left(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("exbert_rpc.corpus.build.builder.WINDOW_TOKENS", 120)
    monkeypatch.setattr("exbert_rpc.corpus.build.builder.SEGMENT_BYTES", 1)
    monkeypatch.setattr("exbert_rpc.corpus.build.builder.worth_merging", lambda entries, alive: [])
    model = FakeModel()
    build(tmp_path, {f"{seed}.txt": make_text(seed, 8) for seed in range(3)}, model=model)
    reader = CorpusReader(open_folder(tmp_path))
    scope = Scope(reader, "headOutput", 1, eligible_rows(reader, Filter()))
    vector = model.capture(model.tokenize("Some query of words")).head_outputs[1, :, 2]
    work = Scanning((make_query(vector, np.array([0]), by_norm=False),))

    def bits(found):
        return [[(one.segment, one.rows.tolist(), one.scores.tobytes()) for one in of_query] for of_query in found]

    expected = bits(work(scope, 40, Task()))
    actors = SearchActors(ActorSettings(address=cluster.address))
    nodes = lambda: {one.node for one in list(actors._actors.values()) if one.is_ready}  # noqa: E731
    try:
        assert bits(actors(work, scope, 40, Task())) == expected
        assert len(nodes()) == 1
        added = cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
        assert wait_until(lambda: len(nodes()) == 2)
        assert bits(actors(work, scope, 40, Task())) == expected
        cluster.remove_node(added, allow_graceful=False)
        assert bits(actors(work, scope, 40, Task())) == expected
        assert wait_until(lambda: len(nodes()) == 1)
        assert bits(actors(work, scope, 40, Task())) == expected
        with pytest.raises(InvalidParams, match="connected to another cluster"):
            SearchActors(ActorSettings(address="127.0.0.1:1"))(work, scope, 40, Task())
    finally:
        actors.close()
