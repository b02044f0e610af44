"""Small and half-dead segments are copied together, and nobody can tell from the answers."""

from exbert_rpc.index.merge import MOST_SMALL, worth_merging
from exbert_rpc.index.reader import CorpusReader
from tests.index.test_index_incremental import PARAGRAPHS, answers, text_of
from tests.store_faults.building import build, open_folder
from tests.store_faults.fakes import FakeModel


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
