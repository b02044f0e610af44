"""What a corpus keeps of its heads: peaks of all rows, syntactic heads, and sums; and what happens to old corpora."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exbert_rpc.analysis.profile.vocabulary import LEAST_WEIGHT
from exbert_rpc.corpus.build import builder as build_module
from exbert_rpc.corpus.head_measures import measure
from exbert_rpc.corpus.head_sums import SUMS, HeadSums, add_sums
from exbert_rpc.corpus.search.document_sums import document_sums
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store import sums as sums_module
from exbert_rpc.corpus.store.peaks import write_peaks
from exbert_rpc.corpus.store.sums import SumGroup, join_groups, read_sums
from exbert_rpc.corpus.store.validation import check_thoroughly
from exbert_rpc.tasks import Task
from tests.corpus.test_corpus_incremental import PARAGRAPHS, STATES, URIS, text_of
from tests.golden.test_golden_disk import STORE, TEXTS
from tests.samples import drawn, sizes
from tests.store_faults.building import build, open_folder, search
from tests.store_faults.fakes import CALIBRATION, FakeModel, annotate_one, make_text

TIERS = ("int8", "int4", "binary")


def _no_model() -> FakeModel:
    raise AssertionError("the model is not needed")


def _total(root: Path, name: str = "corpus", model=FakeModel) -> HeadSums:
    reader = CorpusReader(open_folder(root, name))
    return add_sums(4, document_sums(reader, model, Task()))


def _assert_same(one: HeadSums, other: HeadSums) -> None:
    names = tuple(sorted({*one.relations, *other.relations}))
    for name in SUMS:
        a, b = getattr(one.over(names), name), getattr(other.over(names), name)
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3, err_msg=name)


def _sentences(reader: CorpusReader):
    for segment in reader.segments:
        for sentence in range(len(segment.first_token) - 1):
            yield segment, sentence


@pytest.fixture(scope="module", params=TIERS)
def corpus(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("tables")
    texts = {f"{number}.txt": make_text(number, 3) for number in range(4)}
    build(root, texts, config={"precision": request.param})
    return root


def test_peaks_are_the_strongest_targets_that_are_not_special(corpus):
    reader, model = CorpusReader(open_folder(corpus)), FakeModel()
    for segment, sentence in _sentences(reader):
        encoding = model.tokenize(segment.sentence_text(sentence))
        plain = np.flatnonzero(~encoding.is_special)
        rows = slice(int(segment.first_row[sentence]), int(segment.first_row[sentence + 1]))
        for layer in range(2):
            attention = model.attention(encoding, layer)[:, plain][:, :, plain]
            for head in range(2):
                target, weight = segment.peaks(layer, head)
                np.testing.assert_array_equal(
                    target[rows] - segment.first_token[sentence], plain[attention[head].argmax(axis=1)]
                )
                exact = np.rint(attention[head].max(axis=1) * 255)
                middle = np.minimum(17 * (exact // 17) + 8, 255)  # of its step
                expected = exact if reader.config.precision == "int8" else middle
                np.testing.assert_array_equal(weight[rows], expected)
                np.testing.assert_array_equal(weight[rows] >= LEAST_WEIGHT, exact >= LEAST_WEIGHT)


@pytest.mark.parametrize("precision", ["int8", "int4", "binary"])
def test_peaks_of_merged_segments_are_those_of_the_segments(tmp_path, monkeypatch, precision):
    texts = {f"{number}.txt": make_text(number) for number in range(3)}
    for number in range(1, 4):
        some = dict(list(texts.items())[:number])
        monkeypatch.setattr("exbert_rpc.corpus.build.merge.MOST_SMALL", 8 if number < 3 else 0)
        build(tmp_path / "merged", some, config={"precision": precision})
    build(tmp_path / "fresh", texts, config={"precision": precision})
    merged, fresh = (CorpusReader(open_folder(tmp_path / name)) for name in ("merged", "fresh"))
    assert len(merged.segments) == 1
    assert _peaks_by_sentence(merged) == _peaks_by_sentence(fresh)


def _peaks_by_sentence(reader: CorpusReader) -> dict[str, list]:
    found = {}
    for segment, sentence in _sentences(reader):
        rows = slice(int(segment.first_row[sentence]), int(segment.first_row[sentence + 1]))
        tables = [segment.stored_peaks(layer, head) for layer in range(2) for head in range(2)]
        found[segment.sentence_text(sentence)] = [array[rows].tolist() for table in tables for array in table]
    return found


def test_a_compact_corpus_whose_peaks_are_not_packed_is_read(tmp_path, monkeypatch):
    build(tmp_path / "packed", {"a.txt": make_text(1)}, config={"precision": "binary"})
    monkeypatch.setattr(
        "exbert_rpc.corpus.build.segment_builder.write_peaks",
        lambda writer, config, *rest: write_peaks(writer, replace(config, precision="int8"), *rest),
    )
    build(tmp_path / "plain", {"a.txt": make_text(1)}, config={"precision": "binary"})
    one, other = (CorpusReader(open_folder(tmp_path / name)).segments[0] for name in ("packed", "plain"))
    assert "peak/0/target" in other.segment
    np.testing.assert_array_equal(one.stored_peaks(1, 1)[0], other.stored_peaks(1, 1)[0])


def test_tokens_know_the_word_that_they_depend_on(corpus):
    reader = CorpusReader(open_folder(corpus))
    (hit, *_) = search(reader, FakeModel(), PARAGRAPHS[0].split(". ")[0] + ".", token=2)
    annotated = annotate_one(hit.sentence_text)
    # one token a word, behind a special one
    assert hit.tokens.syntactic_head == (None, *(int(head) + 1 for head in annotated.syntactic_head), None)


def test_sums_are_those_of_all_sentences_and_nothing_is_run_for_them(corpus):
    reader, model = CorpusReader(open_folder(corpus)), FakeModel()
    parts = []
    for segment, sentence in _sentences(reader):
        encoding = model.tokenize(segment.sentence_text(sentence))
        layers = [model.attention(encoding, layer) for layer in range(2)]
        parts.append(measure(layers, segment.words(sentence), causal=False)[0])
    total = _total(corpus, model=_no_model)
    _assert_same(total, add_sums(4, parts))
    assert total.n_rows == reader.manifest.n_tokens
    assert total.relations


def test_sums_are_kept_apart_by_document(corpus):
    reader = CorpusReader(open_folder(corpus))
    documents = document_sums(reader, _no_model, Task())
    rows = [0] * len(reader.documents)
    for segment in reader.segments:
        for block in range(len(segment.occurrences)):
            sentences = segment.first_sentence[block : block + 2]
            rows[next(segment.occurrences.of(block)).document] += int(np.diff(segment.first_row[sentences])[0])
    assert [one.n_rows for one in documents] == rows


def test_rows_that_look_at_a_word_are_found_without_attention(corpus):
    reader = CorpusReader(open_folder(corpus))
    peak = int(reader.segments[0].peaks(1, 0)[0][5])
    word = reader.segments[0].segment.meta["labels"]["form"][reader.segments[0].segment.array("token/form")[peak] - 1]
    found = set(reader.rows_looking_at(word, 1, 0))
    expected = set()
    for number, segment in enumerate(reader.segments):
        target, _ = segment.peaks(1, 0)
        for row in range(segment.n_rows):
            sentence = int(segment.row_sentence[row])
            tokens, text = segment.tokens(sentence), segment.sentence_text(sentence)
            at = int(target[row] - segment.first_token[sentence])
            if text[int(tokens.start[at]) : int(tokens.end[at])].lower() == word:
                expected.add((number, row))
    assert found == expected != set()
    assert reader.rows_looking_at("nosuchword", 1, 0) == []


@pytest.mark.parametrize("examples", sizes(3, 10))
def test_sums_after_any_edits_are_those_of_a_fresh_build(examples):
    @drawn(examples)
    @given(states=st.lists(STATES, min_size=2, max_size=4), segment_bytes=st.sampled_from([1, 9_000, 1 << 20]))
    def edit(states, segment_bytes):
        root = Path(tempfile.mkdtemp())
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(build_module, "WINDOW_TOKENS", 60)
                patch.setattr(build_module, "SEGMENT_BYTES", segment_bytes)
                patch.setattr(sums_module, "LEAST_GROUPS", 2)
                for state in states:
                    texts = {uri: text_of(numbers) for uri, numbers in zip(URIS, state, strict=True) if numbers}
                    build(root / "edited", texts)
            build(root / "fresh", texts)
            _assert_same(_total(root / "edited"), _total(root / "fresh", model=_no_model))
            for entry in open_folder(root / "edited").manifest().segments:
                check_thoroughly(
                    open_folder(root / "edited").segment(entry), open_folder(root / "edited").manifest().config
                )
        finally:
            shutil.rmtree(root)

    edit()


def test_an_edit_runs_the_smaller_side_of_its_group_again_and_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(sums_module, "LEAST_GROUPS", 1)
    texts = {"a.txt": text_of([0, 1, 2, 3, 4])}
    build(tmp_path, texts)
    build(tmp_path, {"a.txt": text_of([0, 1, 2, 3, 5])})
    model = FakeModel()
    edited = _total(tmp_path, model=lambda: model)
    ran = [text for text in model.seen if text not in CALIBRATION]
    assert ran and all(text in PARAGRAPHS[4] for text in ran)
    build(tmp_path / "fresh", {"a.txt": text_of([0, 1, 2, 3, 5])})
    _assert_same(edited, _total(tmp_path / "fresh"))


def test_a_block_that_stands_twice_counts_once(tmp_path):
    build(tmp_path / "twice", {"a.txt": PARAGRAPHS[0], "b.txt": text_of([0, 1])})
    build(tmp_path / "once", {"a.txt": PARAGRAPHS[0], "b.txt": PARAGRAPHS[1]})
    _assert_same(_total(tmp_path / "twice"), _total(tmp_path / "once"))


def test_merged_segments_carry_whole_groups(tmp_path):
    texts: dict[str, str] = {}
    for number in range(9):
        texts[f"{number}.txt"] = PARAGRAPHS[number]
        build(tmp_path, texts)
    folder = open_folder(tmp_path)
    assert len(folder.manifest().segments) < 9
    grouped = sum(
        len(group.blocks) for entry in folder.manifest().segments for group in read_sums(folder.segment(entry))
    )
    assert grouped == 9
    build(tmp_path / "fresh", texts)
    _assert_same(_total(tmp_path, model=_no_model), _total(tmp_path / "fresh"))


def test_groups_are_joined_with_neighbors_and_keep_all_blocks():
    groups = []
    for number, rows in enumerate([5, 1, 1, 9, 2, 3]):
        sums = HeadSums.zero(2)
        sums.rows[0] = rows
        groups.append(SumGroup(sums, (number,)))
    joined = join_groups(groups, 3)
    assert [group.blocks for group in joined] == [(0, 1, 2), (3,), (4, 5)]
    assert [group.sums.n_rows for group in joined] == [7, 9, 5]


def test_targets_take_two_bytes_only_where_a_sentence_is_long(tmp_path):
    long = " ".join(f"w{number}" for number in range(300)) + "."
    for name, text in (("short", make_text(1)), ("long", long)):
        build(tmp_path / name, {"a.txt": text}, model=FakeModel(max_tokens=400))
    kinds = []
    for name in ("short", "long"):
        folder = open_folder(tmp_path / name)
        (entry,) = folder.manifest().segments
        kinds.append(folder.segment(entry).kind("peak/0/target")[0])
        check_thoroughly(folder.segment(entry), folder.manifest().config)
    assert kinds == [np.dtype("u1"), np.dtype("u2")]
    build(tmp_path / "both", {"a.txt": make_text(1)}, model=FakeModel(max_tokens=400))
    build(tmp_path / "both", {"a.txt": make_text(1), "b.txt": long}, model=FakeModel(max_tokens=400))
    _assert_same(_total(tmp_path / "both", model=_no_model), _total(tmp_path / "short") + _total(tmp_path / "long"))


@pytest.fixture(params=TIERS)
def old(request, tmp_path):
    """A corpus that an earlier version has built."""
    shutil.copytree(STORE, tmp_path / "store")
    return tmp_path / "store", request.param


def test_an_old_corpus_is_read_and_says_that_it_has_no_tables(old):
    reader = CorpusReader(open_folder(*old))
    assert not reader.has_head_tables
    (hit, *_) = search(reader, FakeModel(), make_text(1).split(". ")[0] + ".", token=2)
    assert hit.tokens.syntactic_head is None


def test_indexing_an_old_corpus_again_runs_all_of_it_and_adds_the_tables(old):
    root, name = old
    before = {path.name for path in (root / name).glob("segment-*")}
    model = FakeModel()
    outcome = build(root, TEXTS, name=name, model=model, config={"precision": name})
    assert outcome.unchanged == 0
    assert outcome.computed_tokens > 0
    reader = CorpusReader(open_folder(root, name))
    assert reader.has_head_tables
    # a file of another content under the same name would have been written over the corpus that was still current
    assert before.isdisjoint(path.name for path in (root / name).glob("segment-*"))
    build(root / "fresh", TEXTS, name=name, config={"precision": name})
    _assert_same(_total(root, name, model=_no_model), _total(root / "fresh", name))
    again = FakeModel()
    assert build(root, TEXTS, name=name, model=again, config={"precision": name}).unchanged == len(TEXTS)
    assert again.calls == 0
