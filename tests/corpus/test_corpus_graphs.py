"""Search graphs beside a corpus: written whole, shared, extended, never served when they are not what was written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exbert_rpc.corpus.search import graph as graph_module
from exbert_rpc.corpus.search import graph_build, graphs
from exbert_rpc.corpus.search.exact import find_exactly
from exbert_rpc.corpus.search.filters import eligible_rows
from exbert_rpc.corpus.search.finding import Scope
from exbert_rpc.corpus.search.graph_build import build_graph
from exbert_rpc.corpus.search.graphs import Graphs, scope_of_all
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.graphs import read_header
from exbert_rpc.corpus.types import Filter
from exbert_rpc.corpus.vectors import make_query
from exbert_rpc.errors import Cancelled, StorageFailed
from exbert_rpc.tasks import Task
from tests.store_faults.building import build, open_folder
from tests.store_faults.fakes import FakeModel, make_text

PROJECT = Path(__file__).parents[2]
MODEL = FakeModel(n_heads=8, head_size=8, hidden_size=64)
SECTION = ("headOutput", 1)
TEXTS = {f"{seed}.txt": make_text(seed, 12) for seed in range(8)}  # 1,400 tokens or so
MORE = {**TEXTS, "more.txt": make_text(99, 12)}


def made(root: Path, texts=TEXTS) -> CorpusReader:
    build(root, texts, model=MODEL)
    return CorpusReader(open_folder(root))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("graphs")
    build(root, TEXTS, model=MODEL)
    return root


@pytest.fixture
def reader(corpus, tmp_path):
    shutil.copytree(corpus / "corpus", tmp_path / "corpus")
    return CorpusReader(open_folder(tmp_path))


@pytest.fixture(autouse=True)
def few_candidates(monkeypatch):
    """So few that a graph of a small corpus has something to leave out, and few probes, for speed."""
    for module in (graph_build, graphs):
        monkeypatch.setattr(module, "CANDIDATES", (64, 256))
    monkeypatch.setattr(graph_build, "_PROBES", 12)


def files(root: Path) -> list[Path]:
    return sorted((root / "corpus").glob("graph-*"))


def queries(n_heads: int = 8, count: int = 5):
    rng = np.random.default_rng(3)
    for number in range(count):
        capture = MODEL.capture(MODEL.tokenize(make_text(number, 1)))
        yield make_query(capture.head_outputs[1, :, 2], np.sort(rng.choice(8, n_heads, replace=False)), by_norm=False)


def keys(candidates) -> set[tuple[int, int]]:
    return {(one.segment, row) for one in candidates for row in one.rows.tolist()}


def nearest(scope: Scope, query, count: int = 10) -> set[tuple[int, int]]:
    """Rows of the exact scan that lie clearly above all others."""
    found = {
        (c.segment, r): s
        for c in find_exactly(scope, query, count, Task())
        for r, s in zip(c.rows, c.scores, strict=True)
    }
    return set(sorted(found, key=lambda key: -found[key])[:count])


def share(graph, scope: Scope) -> float:
    """Mean share of the nearest ten rows that are among a graph's fifty."""
    pairs = [(nearest(scope, query), keys(graph.find(scope, query, 50, Task()))) for query in queries()]
    return float(np.mean([len(true & found) / len(true) for true, found in pairs]))


def run(script: str, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + script, str(root), *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


PRELUDE = """
import os, signal, sys
from pathlib import Path
from exbert_rpc.corpus.search import graph_build, graphs
from exbert_rpc.corpus.search.graphs import Graphs, scope_of_all
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.tasks import Task
from tests.store_faults.building import open_folder
reader = CorpusReader(open_folder(Path(sys.argv[1])))
graph_build.CANDIDATES = graphs.CANDIDATES = (64, 256)
graph_build._PROBES = 12
"""


def test_a_graph_that_was_made_is_mapped_by_the_next_process_and_finds_the_same(reader, tmp_path):
    first = Graphs().build(reader, *SECTION, Task())
    script = """
def never(*given, **named): raise AssertionError("it was made again")
graphs.build_graph = never
graph = Graphs().graph_of(scope_of_all(reader, "headOutput", 1), 8, asked=True)
print(graph.file.name, len(graph.index), graph.file.body.readonly)
"""
    ran = run(script, tmp_path)
    (file,) = files(tmp_path)
    assert ran.stdout.split() == [file.name, str(len(first.index)), "True"], ran.stderr
    assert share(first, scope_of_all(reader, *SECTION)) >= 0.97


def test_with_one_thread_the_same_corpus_gives_the_same_graph(reader, tmp_path):
    Graphs().build(reader, *SECTION, Task())
    (file,) = files(tmp_path)
    first = file.read_bytes()
    file.unlink()
    Graphs().build(reader, *SECTION, Task())
    assert file.read_bytes() == first


def test_recall_is_kept_by_head_set_size_and_is_what_a_slow_count_gives(reader):
    everything = scope_of_all(reader, *SECTION)
    graph = Graphs().build(reader, *SECTION, Task())
    measured = {one.n_heads: one for one in graph.header.recall}
    assert next(iter(measured)) == 8 and set(measured) <= {8, 4, 2, 1}
    one = measured[8]
    shares = []
    for query in queries(count=12):
        scored = sorted(
            (
                (
                    float(
                        np.mean(
                            [q @ r / np.linalg.norm(r) for q, r in zip(query.parts, row.reshape(8, 8), strict=True)]
                        )
                    ),
                    number,
                    at,
                )
                for number, segment in enumerate(reader.segments)
                for at, row in enumerate(everything.vectors(number).dequantize(np.arange(segment.n_rows)))
            ),
            reverse=True,
        )
        found = keys(graph.find_among(everything, query, 64, one.candidates, Task()))
        least = scored[49][0] - 1e-6
        shares.append(np.mean([(number, at) in found for score, number, at in scored[:50] if score > least]))
    assert one.recall >= 0.97 and np.mean(shares) >= one.recall - 0.05


@pytest.mark.slow
@pytest.mark.parametrize("where", [0, 0.1, 0.5, 0.9, "header", "trailer", "last"])
def test_one_flipped_bit_anywhere_is_found_before_usearch_maps_the_file(reader, tmp_path, monkeypatch, where):
    Graphs().build(reader, *SECTION, Task())
    (file,) = files(tmp_path)
    data = bytearray(file.read_bytes())
    header = data.rindex(b'{"config"')
    at = {"header": header + 30, "trailer": len(data) - 40 + 9, "last": len(data) - 1}.get(where)
    at = int(where * header) if at is None else at
    data[at] ^= 1 << (at % 8)
    file.write_bytes(data)
    made_again = []
    monkeypatch.setattr(graphs, "build_graph", lambda *a, **n: made_again.append(1) or build_graph(*a, **n))
    manager = Graphs()
    everything = scope_of_all(reader, *SECTION)
    assert manager.graph_of(everything, 8, asked=True) is None
    assert manager.wait(30) and made_again == [1]
    graph = manager.graph_of(everything, 8, asked=True)
    assert graph is not None and share(graph, everything) >= 0.97
    manager.close()


@pytest.mark.parametrize("part", [0, 0.3, 0.99])
def test_a_file_that_was_cut_is_deleted_and_made_again(reader, tmp_path, part):
    Graphs().build(reader, *SECTION, Task())
    (file,) = files(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(part * len(whole))])
    assert Graphs().build(reader, *SECTION, Task()).file is not None
    assert file.read_bytes() == whole


@pytest.mark.slow
def test_a_file_that_is_cut_while_it_is_mapped_is_let_go_of(reader, tmp_path):
    manager = Graphs()
    manager.build(reader, *SECTION, Task())
    (file,) = files(tmp_path)
    os.truncate(file, 100)
    assert manager.graph_of(scope_of_all(reader, *SECTION), 8, asked=True) is None
    assert manager.wait(30)
    assert manager.graph_of(scope_of_all(reader, *SECTION), 8, asked=True) is not None
    manager.close()


def test_a_file_of_another_major_version_of_usearch_is_made_again(reader, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(graph_build, "version", lambda _: "1.9.0")
        graph = build_graph(scope_of_all(reader, *SECTION), Task())
        reader.folder.write_graph(reader.manifest, graph.header, graph.index.save)
    assert read_header(files(tmp_path)[0]).library == "1.9.0"
    assert Graphs().build(reader, *SECTION, Task()).header.library != "1.9.0"


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["adding", "saving", "renaming"])
def test_a_process_that_is_killed_while_it_makes_a_graph_leaves_nothing_that_is_served(reader, tmp_path, moment):
    script = """
die = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
moment = sys.argv[2]
if moment == "adding":
    graph_build.measure_recall = die
elif moment == "saving":
    def save(index, path):
        index.save(path)
        os.truncate(path, os.path.getsize(path) // 2)
        die()
    graphs.save_index = save
else:
    Path.replace = die
Graphs().build(reader, "headOutput", 1, Task())
"""
    assert run(script, tmp_path, moment).returncode == -signal.SIGKILL
    assert [file.suffix for file in files(tmp_path)] == ([] if moment == "adding" else [".tmp"])
    assert Graphs().build(reader, *SECTION, Task()).file is not None
    assert [file.suffix for file in files(tmp_path)] == [".exg"]
    build(tmp_path, MORE, model=MODEL)
    assert {file.suffix for file in files(tmp_path)} == {".exg"}


@pytest.mark.slow
def test_of_two_processes_one_makes_the_graph_and_both_use_it(reader, tmp_path):
    script = """
make, calls = graphs.build_graph, []
def slowly(*given, **named):
    import time
    calls.append(1)
    time.sleep(0.5)
    return make(*given, **named)
graphs.build_graph = slowly
print("ready", flush=True)
sys.stdin.readline()
graph = Graphs().build(reader, "headOutput", 1, Task())
print(len(calls), graph.file.name, graph.file.state[0])
"""
    command = [sys.executable, "-c", PRELUDE + script, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": PROJECT}
    both = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for one in both:
        assert one.stdout.readline() == "ready\n"
    for one in both:
        one.stdin.write("go\n")
        one.stdin.flush()
    said = sorted(one.communicate(timeout=60)[0].split() for one in both)
    assert [words[0] for words in said] == ["0", "1"] and said[0][1:] == said[1][1:]


def test_a_graph_that_was_extended_finds_as_much_as_a_fresh_one(reader, tmp_path, monkeypatch):
    before = Graphs().build(reader, *SECTION, Task())
    build(tmp_path, MORE, model=MODEL)
    grown = CorpusReader(open_folder(tmp_path))
    added = []
    monkeypatch.setattr(
        graph_build, "_codes", lambda scope, number, step: (added.append(number), codes(scope, number, step))[1]
    )
    extended = Graphs().build(grown, *SECTION, Task())
    assert 0 < len(added) < len(grown.segments) and len(extended.index) > len(before.index)
    assert len(files(tmp_path)) == 1 and extended.missing == ()
    fresh = build_graph(scope_of_all(grown, *SECTION), Task())
    everything = scope_of_all(grown, *SECTION)
    assert share(extended, everything) == pytest.approx(share(fresh, everything), abs=0.03)
    for one, other in zip(extended.header.recall, fresh.header.recall, strict=True):
        assert one.recall == pytest.approx(other.recall, abs=0.03)


codes = graph_build._codes


def test_a_graph_of_an_earlier_state_finds_new_rows_and_none_that_have_left(reader, tmp_path):
    Graphs().build(reader, *SECTION, Task())
    changed = {uri: text for uri, text in MORE.items() if uri not in ("1.txt", "2.txt")}
    build(tmp_path, changed, model=MODEL)
    now = CorpusReader(open_folder(tmp_path))
    everything = scope_of_all(now, *SECTION)
    graph = Graphs().graph_of(everything, 8, asked=True)
    assert graph is not None and graph.missing
    found = set().union(*(keys(graph.find(everything, query, 50, Task())) for query in queries()))
    assert all(everything.eligible.weights[segment][row] > 0 for segment, row in found)
    assert any(segment in graph.missing for segment, _ in found)
    assert share(graph, everything) >= 0.97


def test_the_graphs_that_are_there_follow_a_corpus_that_grows_and_no_others_are_made(reader, tmp_path):
    manager = Graphs()
    manager.build(reader, *SECTION, Task())
    build(tmp_path, MORE, model=MODEL)
    grown = CorpusReader(open_folder(tmp_path))
    manager.extend(grown, Task())
    (file,) = files(tmp_path)
    assert sum(slot.n_rows for slot in read_header(file).slots) == sum(one.n_rows for one in grown.segments)


def test_graphs_of_which_nothing_is_left_go_with_the_next_build(reader, tmp_path):
    Graphs().build(reader, *SECTION, Task())
    stray = tmp_path / "corpus" / "graph-head-0-0123456789abcdef.exg"
    stray.write_bytes(b"not a graph")
    stray.with_suffix(".exg.tmp").write_bytes(b"left by a process that was killed")
    build(tmp_path, MORE, model=MODEL)
    assert [file.name.rsplit("-", 1)[0] for file in files(tmp_path)] == ["graph-head-1"]
    build(tmp_path, {"other.txt": make_text(1234, 12)}, model=MODEL)
    assert files(tmp_path) == []


@pytest.mark.parametrize("where", [Filter(documents=("3.txt",)), Filter(pos=("NOUN",))])
def test_under_a_filter_a_graph_finds_what_the_scan_finds(reader, where):
    graph = Graphs().build(reader, *SECTION, Task())
    filtered = Scope(reader, *SECTION, eligible_rows(reader, where))
    assert 50 < filtered.eligible.total < scope_of_all(reader, *SECTION).eligible.total
    for query in queries():
        found = keys(graph.find(filtered, query, 50, Task()))
        assert len(found) >= 50
        assert all(filtered.eligible.weights[segment][row] > 0 for segment, row in found)
        assert len(nearest(filtered, query) & found) >= 9


def test_a_filter_that_leaves_nearly_nothing_is_answered_by_a_scan(reader, monkeypatch):
    monkeypatch.setattr(graph_module, "_MOST_WANTED", 64)
    graph = Graphs().build(reader, *SECTION, Task())
    everything = scope_of_all(reader, *SECTION)
    weights = [np.zeros_like(one) for one in everything.eligible.weights]
    weights[-1][-3:] = 1
    few = replace(everything, eligible=replace(everything.eligible, weights=tuple(weights), total=3))
    for query in queries():
        assert len(keys(graph.find(few, query, 50, Task()))) == 3


def test_where_a_graph_finds_too_few_all_vectors_are_compared(reader, monkeypatch):
    everything = scope_of_all(reader, *SECTION)
    monkeypatch.setattr(graph_build, "CANDIDATES", (50,))
    graph = build_graph(everything, Task())
    assert graph.header.recall[-1].recall < 0.97 or graph.header.recall[-1].n_heads == 1
    poor = replace(graph.header, recall=(replace(graph.header.recall[0], recall=0.9699),))
    reader.folder.write_graph(reader.manifest, poor, graph.index.save)
    manager = Graphs(faster_from=0)
    assert manager.graph_of(everything, 8, asked=True) is None
    assert "97 %" not in manager.why_exact(everything, 8) and "97%" in manager.why_exact(everything, 8)
    assert manager.wait(30) and manager.graph_of(everything, 8, asked=False) is None


def test_fewer_heads_than_were_measured_are_never_left_to_a_graph(reader):
    everything = scope_of_all(reader, *SECTION)
    graph = build_graph(everything, Task())
    good = replace(graph.header, recall=tuple(one for one in graph.header.recall if one.n_heads >= 4))
    reader.folder.write_graph(reader.manifest, good, graph.index.save)
    manager = Graphs()
    assert manager.graph_of(everything, 4, asked=True) is not None
    assert manager.graph_of(everything, 3, asked=True) is None
    assert "more heads" in manager.why_exact(everything, 3)


def test_unasked_a_graph_is_used_only_where_it_is_faster_and_never_made(reader, tmp_path):
    everything = scope_of_all(reader, *SECTION)
    eager, usual = Graphs(faster_from=0), Graphs()
    assert eager.graph_of(everything, 8, asked=False) is None
    assert eager.wait(30) and files(tmp_path) == []
    usual.build(reader, *SECTION, Task())
    assert usual.graph_of(everything, 8, asked=True) is not None
    assert usual.graph_of(everything, 8, asked=False) is None
    another = Graphs(faster_from=0)
    assert another.graph_of(everything, 8, asked=False) is None  # it is opened in the background first
    assert another.wait(30) and another.graph_of(everything, 8, asked=False) is not None


def test_a_cancelled_graph_leaves_no_file(reader, tmp_path):
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        Graphs().build(reader, *SECTION, task)
    assert files(tmp_path) == []


def test_a_graph_that_cannot_be_written_is_an_error_for_whom_asks_and_lives_in_memory_for_a_search(reader, monkeypatch):
    def full(index, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(graphs, "save_index", full)
    manager = Graphs()
    with pytest.raises(StorageFailed, match="disk is full"):
        manager.build(reader, *SECTION, Task())
    everything = scope_of_all(reader, *SECTION)
    assert manager.graph_of(everything, 8, asked=True) is None
    assert manager.wait(30)
    graph = manager.graph_of(everything, 8, asked=True)
    assert graph is not None and graph.file is None and share(graph, everything) >= 0.97
    manager.close()


def test_a_store_that_is_read_only_is_an_error_for_whom_asks_and_no_endless_wait(reader, monkeypatch):
    class ReadOnly:
        def acquire(self):
            raise OSError(30, "Read-only file system")

    monkeypatch.setattr(type(reader.folder), "_lock", lambda *_: ReadOnly())
    manager = Graphs()
    with pytest.raises(StorageFailed, match="Read-only"):
        manager.build(reader, *SECTION, Task())
    everything = scope_of_all(reader, *SECTION)
    assert manager.graph_of(everything, 8, asked=True) is None and manager.wait(30)
    assert manager.graph_of(everything, 8, asked=True).file is None
    manager.close()


def test_while_a_graph_is_made_the_reason_says_how_far_it_is(reader, monkeypatch):
    manager, everything = Graphs(), scope_of_all(reader, *SECTION)
    hold, reported = threading.Event(), Task.report

    def report(task, progress):
        reported(task, progress)
        if progress.total:
            hold.wait(30)

    monkeypatch.setattr(Task, "report", report)
    assert manager.graph_of(everything, 8, asked=True) is None
    deadline = time.monotonic() + 30
    while "%" not in manager.why_exact(everything, 8) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "being made (search graph of headOutput 1: " in manager.why_exact(everything, 8)
    hold.set()
    assert manager.wait(30)
    assert manager.graph_of(everything, 8, asked=True) is not None
    manager.close()


def test_nobody_loads_usearch_before_a_graph_is_used(reader, tmp_path):
    Graphs().build(reader, *SECTION, Task())
    script = """
from exbert_rpc.engine.corpora import Corpora
corpora = Corpora(Path(sys.argv[1]), None, "blank:en", None, None)
(listed,) = corpora.list()
described = corpora.describe("corpus")
everything = scope_of_all(reader, "headOutput", 1)
assert Graphs().graph_of(everything, 8, asked=False) is None
before = "usearch" in sys.modules
assert Graphs().graph_of(everything, 8, asked=True) is not None
import json
print(json.dumps([before, "usearch" in sys.modules, listed.graphs == described.graphs, described.graphs[0].coverage]))
"""
    ran = run(script, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [False, True, True, 1.0]


@pytest.mark.parametrize("texts", [{}, {"a.txt": "\ue000"}, {"a.txt": "One word."}])
def test_a_corpus_of_nearly_nothing_has_a_graph_too(tmp_path, texts):
    reader = made(tmp_path, texts)
    graph = Graphs().build(reader, *SECTION, Task())
    (query, *_) = queries()
    everything = scope_of_all(reader, *SECTION)
    assert keys(graph.find(everything, query, 50, Task())) == keys(find_exactly(everything, query, 50, Task()))
