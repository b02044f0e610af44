"""Shares of a corpus, searched apart and put together again, without a cluster."""

from __future__ import annotations

import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exbert_rpc.corpus.search import exact as exact_module
from exbert_rpc.corpus.search.exact import Scanning, scan
from exbert_rpc.corpus.search.filters import Eligible, eligible_rows
from exbert_rpc.corpus.search.finding import Candidates, Scope, best_of
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.search.relations import Relation
from exbert_rpc.corpus.search.shares import ShareRequest, ShareServer, masks_of, place, scope_here, split
from exbert_rpc.corpus.types import Filter
from exbert_rpc.corpus.vectors import make_query
from exbert_rpc.errors import Cancelled, CorpusDamaged
from exbert_rpc.tasks import Task
from tests.store_faults.building import build, open_folder
from tests.store_faults.fakes import FakeModel, make_text

MODEL = FakeModel()
COUNT = 20


@pytest.fixture(scope="module", params=["int8", "int4", "binary"])
def reader(tmp_path_factory, request):
    root = tmp_path_factory.mktemp("shares")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exbert_rpc.corpus.build.builder.WINDOW_TOKENS", 120)
        patch.setattr("exbert_rpc.corpus.build.builder.SEGMENT_BYTES", 1)
        patch.setattr("exbert_rpc.corpus.build.builder.worth_merging", lambda entries, alive: [])
        texts = {f"{seed}.txt": make_text(seed, 6) for seed in range(4)}
        build(root, texts, model=MODEL, config={"precision": request.param})
    reader = CorpusReader(open_folder(root))
    assert len(reader.segments) > 3
    return reader


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch):
    """Stretches so short that a segment has several."""
    monkeypatch.setattr(exact_module, "_STRETCH", 16)


def scope_of(reader, where=None, space="headOutput") -> Scope:
    return Scope(reader, space, 1, eligible_rows(reader, where or Filter()))


def works():
    capture = MODEL.capture(MODEL.tokenize("Some query of words"))
    vector = capture.head_outputs[1, :, 2]
    queries = tuple(make_query(vector, np.array([head]), by_norm=False) for head in range(len(vector)))
    ends = [make_query(capture.hidden_states[1, token][None], None, by_norm=False) for token in (1, 2)]
    return {"headOutput": Scanning(queries), "hiddenState": Relation(ends[0], ends[1], 1, 0)}


def request_for(scope, numbers, work, count) -> ShareRequest:
    masks, entries = masks_of(scope.eligible), scope.reader.manifest.segments
    return ShareRequest(
        request="r",
        folder=scope.reader.folder,
        config=scope.reader.config,
        entries=tuple(entries[number] for number in numbers),
        numbers=tuple(numbers),
        masks=tuple(masks[number] for number in numbers),
        space=scope.space,
        layer=scope.layer,
        work=work,
        count=count,
    )


def bits(found):
    """All of an answer, in its order."""
    return [[(one.segment, one.rows.tolist(), one.scores.tobytes()) for one in of_query] for of_query in found]


@pytest.mark.parametrize("space", ["headOutput", "hiddenState"])
@pytest.mark.parametrize("where", [Filter(), Filter(documents=("1.txt", "3.txt"))])
@pytest.mark.parametrize("n_shares", [1, 2, 3])
def test_shares_searched_apart_are_the_whole_bit_for_bit(reader, space, where, n_shares):
    scope, work = scope_of(reader, where, space), works()[space]
    dealt = np.random.default_rng(n_shares).integers(0, n_shares, len(reader.segments))
    shares = [np.flatnonzero(dealt == one).tolist() for one in range(n_shares)]
    whole = work(scope, COUNT, Task())
    assert sum(len(one.rows) for one in whole[0]) >= COUNT
    requests = [request_for(scope, share, work, COUNT) for share in shares]
    answers = [ShareServer().search(pickle.loads(pickle.dumps(one))) for one in requests]
    assert bits(best_of(answers, len(whole), COUNT)) == bits(whole)


def test_a_scan_is_done_where_the_reader_has_it_done(reader):
    scope, work = scope_of(reader), works()["headOutput"]
    asked = []

    def gather(work, scope, count, task):
        asked.append((work, count))
        return [[]]

    elsewhere = replace(scope, reader=CorpusReader(reader.folder, gather))
    assert scan(elsewhere, work.queries, 7, Task()) == [[]]
    assert asked == [(work, 7)]


@given(
    st.lists(st.lists(st.integers(-3, 3), max_size=6), min_size=1, max_size=5),
    st.integers(1, 8),
)
def test_the_best_of_shares_are_the_best_of_all_and_equal_ones_all_or_none(scores, count):
    shares = [
        [[Candidates(number, np.arange(len(some)), np.array(some, np.float64))] if some else []]
        for number, some in enumerate(scores)
    ]
    (best,) = best_of(reversed(shares), 1, count)
    everything = sorted((value for some in scores for value in some), reverse=True)
    least = everything[count - 1] if len(everything) >= count else -4
    expected = [(n, row) for n, some in enumerate(scores) for row, value in enumerate(some) if value >= least]
    assert [(one.segment, row) for one in best for row in one.rows.tolist()] == expected


def test_a_cancel_ends_a_search_that_runs_and_one_that_has_not_begun(reader):
    scope = scope_of(reader)
    server = ShareServer()

    def cancelling(scope, count, task):
        server.cancel("r")
        task.check()
        raise AssertionError("it went on")

    for _ in range(2):
        with pytest.raises(Cancelled):
            server.search(request_for(scope, [0], cancelling, COUNT))


def test_a_segment_that_is_gone_is_named_and_the_mapped_one_still_serves(reader, tmp_path):
    scope, work = scope_of(reader), works()["headOutput"]
    (tmp_path / reader.name).mkdir()
    gone = replace(request_for(scope, [1], work, COUNT), folder=type(reader.folder)(tmp_path / reader.name))
    with pytest.raises(CorpusDamaged, match=r"segment-[0-9a-f]+\.exb"):
        ShareServer().search(gone)
    (found,) = ShareServer().search(request_for(scope, [1], Scanning(work.queries[:1]), COUNT))
    (here,) = Scanning(work.queries[:1])(scope_here(scope, [1]), COUNT, Task())
    assert bits([[replace(one, segment=1) for one in here]]) == bits([found])


def test_a_share_has_a_number_of_its_own_that_stays(reader):
    seen = []

    def noting(scope, count, task):
        seen.append(scope.reader.serial)
        return [[]]

    server, scope = ShareServer(), scope_of(reader)
    for numbers in ([0, 1], [1, 0], [2], [0, 1]):
        server.search(request_for(scope, numbers, noting, COUNT))
    assert seen[0] == seen[3]
    assert len({*seen, reader.serial}) == 4


def test_a_segment_of_other_settings_is_refused(reader):
    request = request_for(scope_of(reader), [0], works()["headOutput"], COUNT)
    with pytest.raises(CorpusDamaged, match="other settings"):
        ShareServer().search(replace(request, config=replace(request.config, model_fingerprint="another")))


def test_masks_are_one_bit_a_row_and_left_out_where_all_rows_count():
    weights = (np.array([0, 2, 1, 0, 0, 0, 0, 0, 7], np.int32), np.ones(3, np.int32))
    some, every = masks_of(Eligible(weights, None, 13))
    assert every is None
    assert some is not None and some.nbytes == 2
    assert np.unpackbits(some, count=9).tolist() == [0, 1, 1, 0, 0, 0, 0, 0, 1]


SIZES = {f"segment-{number}": 150 + number % 50 for number in range(120)}


def loads(placed, sizes=SIZES):
    found: dict[str, int] = {}
    for name, actors in placed.items():
        for actor in actors:
            found[actor] = found.get(actor, 0) + sizes[name]
    return found


def test_segments_are_dealt_by_memory():
    load = loads(place(SIZES, {"small": 1.0, "large": 3.0}))
    assert load["large"] / load["small"] == pytest.approx(3, rel=0.35)
    assert place(SIZES, {"small": 1.0, "large": 3.0}) == place(SIZES, {"large": 3.0, "small": 1.0})


@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_no_actor_has_much_more_than_its_part_and_replicas_are_apart(replicas):
    room = {f"actor-{number}": 8.0 for number in range(5)}
    placed = place(SIZES, room, replicas)
    assert all(len(set(actors)) == replicas for actors in placed.values())
    fair = sum(SIZES.values()) * replicas / len(room)
    assert max(loads(placed).values()) <= 1.2 * fair


def test_little_moves_when_an_actor_goes_or_comes():
    room = {f"actor-{number}": 8.0 for number in range(5)}
    before = place(SIZES, room)
    after = place(SIZES, {name: memory for name, memory in room.items() if name != "actor-2"})
    moved = [name for name in SIZES if before[name] != after[name]]
    lost = [name for name in SIZES if before[name] == ("actor-2",)]
    assert set(lost) <= set(moved)
    assert len(moved) <= 2.2 * len(lost)


def test_more_replicas_than_actors_are_as_many_as_there_are():
    assert all(len(actors) == 2 for actors in place(SIZES, {"a": 1.0, "b": 1.0}, 9).values())
    assert set(place(SIZES, {}).values()) == {()}


@given(st.integers(1, 3), st.sets(st.sampled_from("abcd"), min_size=1))
def test_every_segment_is_searched_once_by_someone_who_is_there(replicas, alive):
    sizes = {f"s{number}": 10 + number for number in range(12)}
    placed = place(sizes, dict.fromkeys("abcd", 1.0), replicas)
    shares = split(list(sizes), sizes, placed, sorted(alive))
    assert set(shares) <= alive
    assert sorted(number for share in shares.values() for number in share) == list(range(12))
    holders = partial(map, lambda number: set(placed[f"s{number}"]) & alive)
    for actor, share in shares.items():
        assert all(actor in some or not some for some in holders(share))
