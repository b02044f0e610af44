"""The seam of a search: scopes that are scanned, by one query or several, and what finds candidates otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from exbert_rpc.corpus.search import exact as exact_module
from exbert_rpc.corpus.search.exact import find_exactly, scan
from exbert_rpc.corpus.search.filters import eligible_rows
from exbert_rpc.corpus.search.finding import Scope
from exbert_rpc.corpus.search.graph_build import build_graph
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.types import Filter
from exbert_rpc.corpus.vectors import make_query
from exbert_rpc.errors import Cancelled
from exbert_rpc.tasks import Task
from tests.oracles_corpus import similarities
from tests.store_faults.building import build, open_folder
from tests.store_faults.fakes import FakeModel, make_text

MODEL = FakeModel()
COUNT = 20


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    root = tmp_path_factory.mktemp("scan")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exbert_rpc.corpus.build.builder.WINDOW_TOKENS", 120)
        patch.setattr("exbert_rpc.corpus.build.builder.SEGMENT_BYTES", 4000)
        build(root, {f"{seed}.txt": make_text(seed, 6) for seed in range(3)}, model=MODEL)
    reader = CorpusReader(open_folder(root))
    assert len(reader.segments) > 1
    return reader


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch):
    """Stretches so short that a segment has several."""
    monkeypatch.setattr(exact_module, "_STRETCH", 16)


def scope(reader, space="headOutput", layer=1, where=None) -> Scope:
    return Scope(reader, space, layer, eligible_rows(reader, where or Filter()))


def queries_of_each_head(layer=1):
    vector = MODEL.capture(MODEL.tokenize("Some query of words")).head_outputs[layer, :, 2]
    return [make_query(vector, np.array([head]), by_norm=False) for head in range(len(vector))], vector


def keys(candidates) -> dict[tuple[int, int], float]:
    return {
        (one.segment, row): value
        for one in candidates
        for row, value in zip(one.rows.tolist(), one.scores.tolist(), strict=True)
    }


def slow(reader, layer, vector, heads) -> dict[tuple[int, int], float]:
    """Similarity of every row in the corpus, from a pass of its sentence."""
    found = {}
    for number, segment in enumerate(reader.segments):
        for sentence in range(len(segment.first_row) - 1):
            capture = MODEL.capture(MODEL.tokenize(segment.sentence_text(sentence)))
            rows = capture.head_outputs[layer][:, ~capture.encoding.is_special].transpose(1, 0, 2)
            first = int(segment.first_row[sentence])
            for at, value in enumerate(similarities(vector, rows, heads)):
                if segment.multiplicity[first + at]:
                    found[number, first + at] = float(value)
    return found


def nearest(scores: dict[tuple[int, int], float]) -> list[tuple[int, int]]:
    """The best rows: as many as a search may ask of so many candidates, which are ranked by codes without outliers."""
    return sorted(scores, key=lambda key: -scores[key])[: COUNT // 4]


def test_one_pass_for_all_heads_finds_what_a_pass_for_each_finds(reader):
    queries, _ = queries_of_each_head()
    together = scan(scope(reader), queries, COUNT, Task())
    assert [keys(one) for one in together] == [keys(find_exactly(scope(reader), q, COUNT, Task())) for q in queries]
    assert len({frozenset(keys(one)) for one in together}) == len(queries)


def test_what_a_scan_finds_is_the_nearest_by_the_slow_formula(reader):
    queries, vector = queries_of_each_head()
    for head, found in enumerate(scan(scope(reader), queries, COUNT, Task())):
        assert len(keys(found)) >= COUNT
        assert set(nearest(slow(reader, 1, vector, [head]))) <= set(keys(found))


def test_no_queries_need_no_scan(reader):
    assert scan(scope(reader), [], COUNT, Task()) == []


def test_another_layer_under_the_same_filter_is_another_scope(reader):
    here = scope(reader, where=Filter(documents=("1.txt",)))
    (query, *_), vector = queries_of_each_head(layer=0)
    found = keys(find_exactly(replace(here, layer=0), query, COUNT, Task()))
    true = slow(reader, 0, vector, [0])
    allowed = {
        (number, row)
        for number, weights in enumerate(here.eligible.weights)
        for row in np.flatnonzero(weights).tolist()
    }
    assert 0 < len(allowed) < len(true) and set(found) <= allowed
    assert set(nearest({key: true[key] for key in allowed})) <= set(found)


def test_a_scan_for_a_cancelled_task_ends(reader):
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        scan(scope(reader), queries_of_each_head()[0], COUNT, task)


def test_a_graph_finds_rows_of_its_own_layer_only(reader):
    everything = scope(reader)
    graph = build_graph(everything, Task())
    query = queries_of_each_head()[0][0]
    assert keys_of(graph.find(everything, query, COUNT, Task())) >= set(
        keys(find_exactly(everything, query, 5, Task()))
    )
    with pytest.raises(ValueError, match="made for"):
        graph.find(replace(everything, layer=0), query, COUNT, Task())


def keys_of(candidates) -> set[tuple[int, int]]:
    return {(one.segment, row) for one in candidates for row in one.rows.tolist()}
