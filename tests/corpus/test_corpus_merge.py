"""Small and half-dead segments are copied together, and nobody can tell from the answers."""

from exbert_rpc.corpus.build.merge import MOST_SMALL, merge_parts, take_blocks, worth_merging
from exbert_rpc.corpus.search.reader import CorpusReader
from tests.corpus.test_corpus_incremental import PARAGRAPHS, answers, text_of
from tests.store_faults.building import build, open_folder
from tests.store_faults.fakes import FakeModel, config_of, make_text


def test_thirty_edits_leave_few_segments_and_the_answers_of_a_fresh_build(tmp_path):
    for step in range(30):
        edited = text_of([step % len(PARAGRAPHS), 3])
        texts = {"a.txt": f"{edited}\n\nEdit number {step} was made here.", "b.txt": PARAGRAPHS[5]}
        build(tmp_path / "edited", texts)
    build(tmp_path / "fresh", texts)
    assert len(CorpusReader(open_folder(tmp_path / "edited")).segments) <= MOST_SMALL
    assert answers(tmp_path / "edited", FakeModel()) == answers(tmp_path / "fresh", FakeModel())


def test_a_segment_of_which_most_has_left_is_copied_without_what_left(tmp_path):
    build(tmp_path / "c", {f"{number}.txt": text for number, text in enumerate(PARAGRAPHS)})
    before = open_folder(tmp_path / "c").nbytes(open_folder(tmp_path / "c").manifest())
    build(tmp_path / "c", {"0.txt": PARAGRAPHS[0]})
    folder = open_folder(tmp_path / "c")
    assert folder.nbytes(folder.manifest()) < before / 2
    build(tmp_path / "fresh", {"0.txt": PARAGRAPHS[0]})
    assert answers(tmp_path / "c", FakeModel()) == answers(tmp_path / "fresh", FakeModel())


def test_what_was_skipped_is_remembered_through_a_copy(tmp_path):
    texts = {"a.txt": "Words first.\n\n\ue000\ue000", **{f"{n}.txt": PARAGRAPHS[n] for n in range(5)}}
    first = build(tmp_path / "c", texts)
    again = build(tmp_path / "c", {"a.txt": texts["a.txt"]})
    assert first.skipped
    assert again.skipped == first.skipped


def test_few_small_segments_are_left_alone(tmp_path):
    build(tmp_path / "c", {"a.txt": PARAGRAPHS[0]})
    build(tmp_path / "c", {"a.txt": PARAGRAPHS[0], "b.txt": PARAGRAPHS[1]})
    entries = open_folder(tmp_path / "c").manifest().segments
    assert len(entries) == 2
    assert worth_merging(entries, [1.0, 1.0]) == []
    assert worth_merging(entries, [1.0, 0.4]) == [1]


def test_the_same_blocks_copied_from_other_segments_are_never_written_over_each_other(tmp_path):
    first, second, third = (make_text(seed, 1) for seed in (1, 2, 3))
    config = config_of(FakeModel())
    names = []
    for root, texts in ((tmp_path / "a", [first, second]), (tmp_path / "b", [first, third])):
        build(root, {"d.txt": "\n\n".join(texts)})
        folder = open_folder(root)
        part = take_blocks(folder.segment(folder.manifest().segments[0]), [0])
        names.append(merge_parts(config, [part])[0])
        assert merge_parts(config, [part])[0] == names[-1]
    assert names[0] != names[1]


def test_a_merged_segment_names_only_labels_that_its_tokens_have(tmp_path):
    build(tmp_path, {"d.txt": "\n\n".join(make_text(seed, 1) for seed in (1, 2))})
    folder = open_folder(tmp_path)
    part = take_blocks(folder.segment(folder.manifest().segments[0]), [1])
    _, writer, meta = merge_parts(config_of(FakeModel()), [part])
    for column, names in meta["labels"].items():
        assert set(writer._sections[f"token/{column}"][0].tolist()) - {0} == set(range(1, len(names) + 1))
    build(tmp_path / "alone", {"d.txt": make_text(2, 1)})
    alone = open_folder(tmp_path / "alone")
    fresh = alone.segment(alone.manifest().segments[0]).meta["labels"]
    assert {column: set(names) for column, names in meta["labels"].items()} == {
        column: set(names) for column, names in fresh.items()
    }
