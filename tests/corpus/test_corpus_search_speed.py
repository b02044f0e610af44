"""What a search computes at once for all hits is, to the bit, what the slow formulas give one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from exbert_rpc.corpus.search import columns as columns_module
from exbert_rpc.corpus.search import exact as exact_module
from exbert_rpc.corpus.search.attended import attended
from exbert_rpc.corpus.search.exact import find_exactly, score_by_codes, score_query
from exbert_rpc.corpus.search.filters import eligible_rows
from exbert_rpc.corpus.search.finding import Candidates, Scope
from exbert_rpc.corpus.search.hits import FoundRow, peak_of
from exbert_rpc.corpus.search.nearest import lay_out, places_of
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.search.rerun import RerunAttention, StoredAttention
from exbert_rpc.corpus.types import Filter
from exbert_rpc.corpus.vectors import make_query, scan_rows, score
from exbert_rpc.recent import Recent
from exbert_rpc.tasks import Task
from tests.store_faults.building import build, open_folder
from tests.store_faults.fakes import FakeModel, make_text

MODEL = FakeModel()


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    root = tmp_path_factory.mktemp("speed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exbert_rpc.corpus.build.builder.WINDOW_TOKENS", 120)
        patch.setattr("exbert_rpc.corpus.build.builder.SEGMENT_BYTES", 4000)
        texts = {f"{seed}.txt": make_text(seed, 6) for seed in range(3)}
        build(root, texts | {"again.txt": make_text(1, 6), "one.txt": "Word"}, model=MODEL)
    reader = CorpusReader(open_folder(root))
    assert len(reader.segments) > 1
    return reader


def scope(reader, space="headOutput", where=None) -> Scope:
    return Scope(reader, space, 1, eligible_rows(reader, where or Filter()))


def every_row(here) -> list[FoundRow]:
    return [
        FoundRow(0.0, number, row, next(places_of(here, number, row)))
        for number, segment in enumerate(here.segments)
        for row in np.flatnonzero(segment.multiplicity).tolist()
    ]


def query_of(heads=None, space="headOutput", token=2):
    capture = MODEL.capture(MODEL.tokenize("Some query of words"))
    if space == "hiddenState":
        return make_query(capture.hidden_states[1][token][None, :], None, by_norm=False)
    return make_query(capture.head_outputs[1, :, token], None if heads is None else np.array(heads), by_norm=True)


@pytest.mark.parametrize("heads", [(0,), (1,), (0, 1), (1, 0)])
def test_lines_and_peaks_of_hits_are_those_of_the_mean_of_the_whole_sentence(reader, heads):
    found = every_row(scope(reader))
    np.random.default_rng(3).shuffle(found)
    for source in (StoredAttention(reader), RerunAttention(reader, MODEL)):
        shown = attended(source, reader, found, 1, heads, Task())
        assert len(shown) == len(found) > 50
        for row, one in zip(found, shown, strict=True):
            segment = reader.segments[row.segment]
            sentence = int(segment.row_sentence[row.row])
            (whole,) = source.attention([(row.segment, sentence)], 1, Task())
            mean, plain = whole[list(heads)].mean(axis=0), ~segment.is_special(sentence)
            assert one.match == segment.row_token[row.row] - segment.first_token[sentence]
            assert np.array_equal(one.outgoing, mean[one.match]) and one.outgoing.dtype == np.float32
            assert np.array_equal(one.incoming, mean[:, one.match])
            assert one.peak_outgoing == peak_of(mean[one.match], one.match, plain)
            assert one.peak_incoming == peak_of(mean[:, one.match], one.match, plain)
            if one.next is None:
                assert not plain[one.match + 1 :].any() and one.next_outgoing is one.peak_next is None
                continue
            assert one.next == one.match + 1 + int(plain[one.match + 1 :].argmax())
            assert np.array_equal(one.next_outgoing, mean[one.next])
            assert np.array_equal(one.next_incoming, mean[:, one.next])
            assert one.peak_next == peak_of(mean[one.next], one.next, plain)


def test_no_hits_show_nothing(reader):
    assert attended(StoredAttention(reader), reader, [], 1, (0,), Task()) == []


@pytest.mark.parametrize(("space", "heads"), [("headOutput", None), ("headOutput", (1,)), ("hiddenState", None)])
def test_scores_of_all_segments_at_once_are_those_of_each_row_alone(reader, space, heads):
    here, query = scope(reader, space), query_of(heads, space)
    candidates = find_exactly(here, query, 60, Task())
    together = score_query(here, query, candidates)
    assert [one.segment for one in together] == [one.segment for one in candidates]
    for one, same in zip(
        together, score_by_codes(here, lambda _segment, rows, of: score(query, of(rows)), candidates), strict=True
    ):
        alone = [score(query, here.vectors(one.segment).dequantize(np.array([row])))[0] for row in one.rows.tolist()]
        assert np.array_equal(one.rows, np.sort(same.rows))
        assert np.array_equal(one.scores, same.scores) and np.array_equal(one.scores, np.array(alone))
    assert score_query(here, query, []) == []


def test_scores_of_segments_whose_scales_differ_are_each_by_its_own(reader, monkeypatch):
    here, query = scope(reader), query_of((0,))
    candidates = find_exactly(here, query, 60, Task())
    assert len({one.segment for one in candidates}) > 1
    before = score_query(here, query, candidates)
    first = here.vectors(candidates[0].segment)
    other = replace(first, scale=replace(first.scale, center=first.scale.center + np.float32(0.25)))
    monkeypatch.setitem(here.segments[candidates[0].segment]._vectors, ("headOutput", 1), other)
    after = score_query(here, query, candidates)
    assert np.array_equal(after[0].scores, score(query, other.dequantize(after[0].rows)))
    assert not np.array_equal(after[0].scores, before[0].scores)
    assert all(np.array_equal(a.scores, b.scores) for a, b in zip(after[1:], before[1:], strict=True))


@pytest.mark.parametrize("enough", [1, 3, 7, 1000])
def test_the_foremost_places_are_those_of_all_places_in_order(reader, enough):
    here = scope(reader)
    rng = np.random.default_rng(enough)
    candidates = [
        Candidates(number, rows, np.round(rng.random(len(rows)), 1).astype(np.float32))  # many are equal
        for number, segment in enumerate(here.segments)
        for rows in (np.flatnonzero(segment.multiplicity),)
        if len(rows)
    ]
    slow = sorted(
        (-round(value, 6), place.document, place.order, row)
        for one in candidates
        for row, value in zip(one.rows.tolist(), one.scores.tolist(), strict=True)
        for place in places_of(here, one.segment, row)
    )
    found = [
        (-one.score, one.occurrence.document, one.occurrence.order, one.row)
        for one in lay_out(here, candidates, enough)
    ]
    assert len(found) >= min(enough, len(slow)) and found == slow[: len(found)]


def slow_scan(here, query, count) -> dict[tuple[int, int], float]:
    """The best rows by whole products of the rounded query with all codes, in Python's integers."""
    scores = {}
    for number, segment in enumerate(here.segments):
        vectors = here.vectors(number)
        rows = scan_rows(query, vectors.scale.steps)
        codes = vectors.integers(0, segment.n_rows).astype(np.int64)
        total = np.zeros(len(codes))
        for row, factor in rows:
            total = total + (codes @ row[0].astype(np.int64)) * factor
        scores |= {(number, at): total[at] for at in np.flatnonzero(here.eligible.weights[number]).tolist()}
    least = sorted(scores.values(), reverse=True)[:count][-1]
    return {key: value for key, value in scores.items() if value >= least}


@pytest.mark.parametrize("stretch", [7, 16, 1 << 16])
@pytest.mark.parametrize("share", [1, 4])
@pytest.mark.parametrize("tiles", [True, False])
def test_a_scan_finds_the_same_rows_by_columns_as_by_whole_rows(reader, monkeypatch, stretch, share, tiles):
    """``share``: 1 reads columns for every set of heads, 4 (of two heads) for none."""
    monkeypatch.setattr(exact_module, "_STRETCH", stretch)
    monkeypatch.setattr(columns_module, "_SHARE", share)
    monkeypatch.setattr(columns_module, "_has_tiles", lambda: tiles)
    monkeypatch.setattr(columns_module, "_columns", Recent(1 << 16, 1 << 20, lambda kept: kept.nbytes))
    for where in (Filter(), Filter(documents=("1.txt",))):
        for heads in ((0,), (1,), None):
            here, query = scope(reader, where=where), query_of(heads)
            for _again in range(2):  # from the copy that the first one has made
                found = {
                    (one.segment, row): value
                    for one in find_exactly(here, query, 9, Task())
                    for row, value in zip(one.rows.tolist(), one.scores.tolist(), strict=True)
                }
                assert found == slow_scan(here, query, 9)
    assert (len(columns_module._columns) > 0) == (share == 1)


def test_columns_that_do_not_fit_are_not_kept(reader, monkeypatch):
    monkeypatch.setattr(columns_module, "_SHARE", 1)
    monkeypatch.setattr(columns_module, "MOST_BYTES", 1)
    monkeypatch.setattr(columns_module, "_columns", Recent(1 << 16, 1, lambda kept: kept.nbytes))
    assert find_exactly(scope(reader), query_of((0,)), 9, Task())
    assert len(columns_module._columns) == 0
