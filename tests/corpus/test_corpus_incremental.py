"""After any sequence of edits a corpus answers as one that was built anew; what did not change is not run again."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exbert_rpc.corpus.build import builder as build_module
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.blocks import block_digest, block_digests
from exbert_rpc.corpus.types import Filter
from exbert_rpc.errors import Cancelled
from exbert_rpc.tasks import Task
from tests.samples import drawn, sizes
from tests.store_faults.building import build, open_folder, search, search_kept
from tests.store_faults.fakes import CALIBRATION, FakeModel, make_text

PARAGRAPHS = [make_text(seed, 1, 2) for seed in range(14)]
URIS = ["a.txt", "b.md", "c.txt", "d.txt"]
QUERIES = [(PARAGRAPHS[number].split(". ")[0] + ".", token) for number, token in ((0, 1), (3, 2), (9, 3))]
SEARCHES = [
    {"layer": 0},
    {"layer": 1, "heads": (1,), "weighting": "norm"},
    {"space": "hiddenState", "layer": 2},
    {"layer": 1, "distinct": True, "k": 5},
    {"layer": 0, "filter": Filter(pos=("NOUN", "none"))},
]


def answers(root: Path, model: FakeModel) -> list[tuple]:
    reader = CorpusReader(open_folder(root))
    out: list[tuple] = []
    for sentence, token in QUERIES:
        for fields in SEARCHES:
            kept = search_kept(reader, model, sentence, token=token, **{"k": 40, **fields})
            out.append(("searched", kept.stats.searched))
            out += [
                (
                    round(hit.score, 4),
                    *(hit.document, hit.start, hit.end, hit.sentence_start, hit.sentence_end),
                    *(hit.sentence_index, hit.sentence_text, hit.match, hit.next, hit.tokens.pos, hit.tokens.lemma),
                    hit.outgoing.round(3).tolist(),
                )
                for hit in kept.hits
            ]
    manifest = reader.manifest
    return [*out, (manifest.n_documents, manifest.n_sentences, manifest.n_tokens)]


def text_of(numbers: list[int]) -> str:
    return "\n\n".join(PARAGRAPHS[number] for number in numbers)


# a corpus: which paragraphs each document has; an empty list: the document is not there
STATES = st.lists(
    st.lists(st.integers(0, len(PARAGRAPHS) - 1), max_size=5), min_size=len(URIS), max_size=len(URIS)
).filter(any)


@pytest.mark.parametrize("examples", sizes(3, 12))
def test_answers_equal_those_of_a_fresh_build_after_any_edits(examples):
    @drawn(examples)
    @given(states=st.lists(STATES, min_size=2, max_size=5), segment_bytes=st.sampled_from([1, 9_000, 1 << 20]))
    def edit(states, segment_bytes):
        root = Path(tempfile.mkdtemp())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(build_module, "WINDOW_TOKENS", 60)
            patch.setattr(build_module, "SEGMENT_BYTES", segment_bytes)
            stored: set[int] = set()
            for state in states:
                texts = {uri: text_of(numbers) for uri, numbers in zip(URIS, state, strict=True) if numbers}
                model = FakeModel()
                outcome = build(root / "edited", texts, model=model)
                wanted = {number for numbers in state for number in numbers}
                # nothing that was there is run again
                assert not any(PARAGRAPHS[old].startswith(seen) for old in stored for seen in model.seen)
                if wanted <= stored:
                    assert model.calls == 0
                    assert outcome.unchanged == len(texts)
                stored = (stored | wanted) if segment_bytes > 10_000 else wanted
                stored &= {number for number in stored if _is_kept(root / "edited", number)}
        model = FakeModel()
        build(root / "fresh", texts, model=model)
        try:
            assert answers(root / "edited", model) == answers(root / "fresh", model)
        finally:
            shutil.rmtree(root)

    edit()


def _is_kept(root: Path, number: int) -> bool:
    """Whether a segment that is still named holds the paragraph, live or not."""
    digest = block_digest(PARAGRAPHS[number])
    folder = open_folder(root)
    return any(digest in block_digests(folder.segment(entry)) for entry in folder.manifest().segments)


def test_an_unchanged_corpus_costs_no_forward_pass_at_all(tmp_path):
    texts = {uri: text_of([number, number + 1]) for number, uri in enumerate(URIS)}
    build(tmp_path, texts)
    model = FakeModel()
    outcome = build(tmp_path, texts, model=model)
    assert model.calls == 0  # not even the calibration texts
    assert outcome.unchanged == len(URIS) and outcome.computed_tokens == 0


def test_editing_one_paragraph_runs_that_paragraph_alone(tmp_path):
    texts = {uri: text_of([number, number + 1]) for number, uri in enumerate(URIS)}
    build(tmp_path, texts)
    model = FakeModel()
    texts["c.txt"] = text_of([2, 3, 12])
    outcome = build(tmp_path, texts, model=model)
    ran = [text for text in model.seen if text not in CALIBRATION]
    assert sorted(ran) == sorted(part for part in PARAGRAPHS[12].replace(". ", ".|").split("|"))
    assert outcome.unchanged == len(URIS) - 1


def test_a_removed_document_leaves(tmp_path):
    model = FakeModel()
    texts = {"a.txt": text_of([0, 1]), "b.txt": text_of([2])}
    build(tmp_path, texts, model=model)
    del texts["b.txt"]
    outcome = build(tmp_path, texts, model=model)
    assert outcome.manifest.n_documents == 1
    sentence = PARAGRAPHS[2].split(". ")[0] + "."
    hits = search(CorpusReader(open_folder(tmp_path)), model, sentence, token=2, k=1000)
    assert {hit.document for hit in hits} == {"a.txt"}
    assert len(hits) == outcome.manifest.n_tokens


def test_a_renamed_document_costs_no_forward_pass(tmp_path):
    model = FakeModel()
    build(tmp_path, {"a.txt": text_of([0, 1])}, model=model)
    calls = model.calls
    build(tmp_path, {"z.txt": text_of([1, 0])}, model=model)
    assert model.calls == calls
    hits = search(CorpusReader(open_folder(tmp_path)), model, "Any words", token=1, k=1000)
    assert {hit.document for hit in hits} == {"z.txt"}


def test_segments_that_hold_nothing_any_more_are_deleted(tmp_path):
    build(tmp_path, {"a.txt": text_of([0, 1])})
    build(tmp_path, {"a.txt": text_of([2, 3])})
    manifest = open_folder(tmp_path).manifest()
    assert len(manifest.segments) == 1
    assert len(list((tmp_path / "corpus").glob("segment-*"))) == 1


def test_other_settings_are_computed_anew_and_answer_like_a_fresh_build(tmp_path):
    texts = {uri: text_of([number, number + 1]) for number, uri in enumerate(URIS)}
    model, other = FakeModel(), FakeModel(weights=1)
    build(tmp_path / "changed", texts, model=model)
    build(tmp_path / "changed", texts, model=other)
    build(tmp_path / "fresh", texts, model=other)
    assert answers(tmp_path / "changed", other) == answers(tmp_path / "fresh", other)


def test_what_was_skipped_is_told_again_by_a_build_that_changes_nothing(tmp_path):
    texts = {"a.txt": "Words first.\n\n\ue000\ue000"}
    first = build(tmp_path, texts)
    again = build(tmp_path, texts)
    assert [one.reason for one in first.skipped] == ["line 3: '\\ue000\\ue000': the tokenizer keeps nothing of it"]
    assert again.skipped == first.skipped


def test_damage_is_repaired_by_indexing_again_and_costs_only_what_it_hit(tmp_path, monkeypatch):
    monkeypatch.setattr(build_module, "WINDOW_TOKENS", 60)
    monkeypatch.setattr(build_module, "SEGMENT_BYTES", 1)
    model = FakeModel()
    texts = {uri: text_of([number, number + 4]) for number, uri in enumerate(URIS)}
    build(tmp_path, texts, model=model)
    before = answers(tmp_path, model)
    entries = open_folder(tmp_path).manifest().segments
    assert len(entries) >= 3
    path = tmp_path / "corpus" / entries[1].name
    data = bytearray(path.read_bytes())
    data[next(data.find(one.encode()) for one in PARAGRAPHS if one.encode() in data)] ^= 4
    path.write_bytes(data)
    repairing = FakeModel()
    build(tmp_path, texts, model=repairing)
    ran = [text for text in repairing.seen if text not in CALIBRATION]
    assert 0 < len(ran) < len([text for text in model.seen if text not in CALIBRATION]) / 2
    assert answers(tmp_path, model) == before


def test_a_damaged_document_table_or_manifest_is_repaired_without_a_forward_pass(tmp_path):
    model = FakeModel()
    texts = {uri: text_of([number, number + 4]) for number, uri in enumerate(URIS)}
    build(tmp_path, texts, model=model)
    before = answers(tmp_path, model)
    for name in ("documents-*.json", "manifest.json"):
        (path,) = (tmp_path / "corpus").glob(name)
        path.write_bytes(path.read_bytes()[:-9])
        repairing = FakeModel()
        build(tmp_path, texts, model=repairing)
        assert repairing.calls == 0
        assert answers(tmp_path, model) == before


class CancelInModel(FakeModel):
    """Cancels the build that it runs in, at its n-th pass."""

    def __init__(self, task: Task, calls: int) -> None:
        super().__init__()
        self._task, self._left = task, calls

    def capture_batch(self, encodings, **layers):
        self._left -= 1
        if self._left < 0:
            self._task.cancel()
        return super().capture_batch(encodings, **layers)


@pytest.mark.parametrize("examples", sizes(2, 5))
def test_builds_that_are_cancelled_and_started_again_equal_an_uninterrupted_one(examples):
    @drawn(examples)
    @given(calls=st.lists(st.integers(1, 8), min_size=1, max_size=4))
    def cancel_and_resume(calls):
        root = Path(tempfile.mkdtemp())
        texts = {uri: text_of([number, number + 4, number + 8]) for number, uri in enumerate(URIS)}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(build_module, "WINDOW_TOKENS", 60)
            patch.setattr(build_module, "SEGMENT_BYTES", 4_000)
            for count in calls:
                task = Task()
                try:
                    build(root / "resumed", texts, model=CancelInModel(task, count), task=task)
                except Cancelled:
                    continue
            build(root / "resumed", texts)
            build(root / "whole", texts)
        model = FakeModel()
        try:
            assert answers(root / "resumed", model) == answers(root / "whole", model)
        finally:
            shutil.rmtree(root)

    cancel_and_resume()
