"""Base rates equal a slow count over every row of the corpus."""

from collections import Counter

import numpy as np
import pytest

from exbert_rpc.analysis import base_rates
from exbert_rpc.corpus.build import builder as build_module
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.types import Filter
from exbert_rpc.engine.corpus_requests import SummarizeRequest
from exbert_rpc.engine.search import summarize_kept
from exbert_rpc.errors import CorpusDamaged
from exbert_rpc.tasks import Task
from tests.oracles_corpus import Row, count_subjects, count_targets
from tests.samples import slow
from tests.store_faults.building import build, open_folder, search, search_kept
from tests.store_faults.fakes import FakeModel, annotate_one, make_text

MODEL = FakeModel()
SAME = "Repeated words stand here. They stand Questionably again."
TEXTS = {"a.txt": make_text(0, 3) + "\n\n" + SAME, "b.txt": SAME + "\n\n" + make_text(1, 3) + "\n\n" + SAME}


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    root = tmp_path_factory.mktemp("rates")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_module, "WINDOW_TOKENS", 100)
        patch.setattr(build_module, "SEGMENT_BYTES", 8000)
        build(root, TEXTS, model=MODEL)
    return CorpusReader(open_folder(root))


def slow_rows(layer: int) -> list[Row]:
    """Every row of the corpus, from the texts alone."""
    rows = []
    for document, text in TEXTS.items():
        for paragraph in text.split("\n\n"):
            block = annotate_one(paragraph)
            for start, end in zip(block.sentence_start, block.sentence_end, strict=True):
                sentence = paragraph[start:end]
                encoding = MODEL.tokenize(sentence)
                words = annotate_one(sentence)
                n = len(encoding.ids)
                labels = {
                    name: [None, *(value or None for value in getattr(words, name)), None]
                    for name in ("pos", "tag", "dep", "entity")
                }
                rows += [
                    Row(
                        document=document,
                        sentence=sentence,
                        token=token,
                        following=token + 1 if token + 1 < n - 1 else None,
                        special=encoding.is_special,
                        labels=labels,
                        attention=MODEL.attention(encoding, layer),
                    )
                    for token in range(1, n - 1)
                ]
    return rows


FILTERS = {
    "all": (Filter(), lambda row: True),
    "nouns": (Filter(pos=("NOUN",)), lambda row: row.labels["pos"][row.token] == "NOUN"),
    "one document": (Filter(documents=("b.txt",)), lambda row: row.document == "b.txt"),
}


@pytest.mark.parametrize(("where", "passes"), FILTERS.values(), ids=FILTERS.keys())
@pytest.mark.parametrize("subject", ["match", "next"])
@pytest.mark.parametrize("attention", ["outgoing", "incoming"])
@pytest.mark.parametrize(("heads", "special"), [((1,), False), slow((0, 1), False), slow((0,), True)])
def test_base_rates_equal_a_hand_count_under_the_same_conditions(
    reader, where, passes, subject, attention, heads, special
):
    kept = search_kept(reader, MODEL, make_text(0).split(". ")[0] + ".", token=2, heads=heads, filter=where, k=30)
    request = SummarizeRequest("s", subject=subject, attention=attention, include_special=special)
    summary = summarize_kept(kept, request, Task())
    rows = [row for row in slow_rows(1) if passes(row)]
    for histogram in summary.histograms:
        if histogram.of == "subject":
            base = count_subjects(rows, histogram.attribute, subject)
        else:
            outgoing = attention == "outgoing"
            base = count_targets(rows, histogram.attribute, subject, heads, outgoing=outgoing, special=special)
        assert histogram.bins
        for one in histogram.bins:
            assert one.baseline == pytest.approx(base[one.label] / base.total()), (histogram.of, histogram.attribute)


def test_base_rates_of_a_sample_are_close_to_those_of_the_whole(reader, monkeypatch):
    fields = {"token": 2, "heads": (1,), "k": 30}
    sentence = make_text(0).split(". ")[0] + "."

    def shares() -> dict[str, float]:
        fresh = CorpusReader(reader.folder)
        summary = summarize_kept(search_kept(fresh, MODEL, sentence, **fields), SummarizeRequest("s"), Task())
        (tags,) = (h for h in summary.histograms if h.of == "maxAttention" and h.attribute == "tag")
        return {one.label: one.baseline for one in tags.bins}

    whole = shares()
    monkeypatch.setattr(base_rates, "SAMPLE_ROWS", 120)
    monkeypatch.setattr(base_rates, "_SENTENCES_AT_ONCE", 4)
    sample = shares()
    assert sample == shares()  # the same sample every time
    assert sample != whole
    for label in whole.keys() & sample.keys():
        error = np.sqrt(whole[label] * (1 - whole[label]) / 120)
        assert sample[label] == pytest.approx(whole[label], abs=5 * error)


@pytest.mark.parametrize("subject", ["match", "next"])
def test_counts_equal_a_hand_count_of_the_hits(reader, subject):
    kept = search_kept(reader, MODEL, SAME.split(". ")[0] + ".", token=3, k=40)
    summary = summarize_kept(kept, SummarizeRequest("s", subject=subject), Task())
    tokens = [hit.match if subject == "match" else hit.next for hit in kept.hits]
    for attribute in ("pos", "tag", "dep", "entity"):
        expected = Counter(
            getattr(hit.tokens, attribute)[at] or "none"
            for hit, at in zip(kept.hits, tokens, strict=True)
            if at is not None
        )
        (found,) = (h for h in summary.histograms if h.of == "subject" and h.attribute == attribute)
        assert {one.label: one.count for one in found.bins if one.count} == expected
    peaks = [hit.peak_outgoing if subject == "match" else hit.peak_next for hit in kept.hits]
    (offsets,) = (h for h in summary.histograms if h.attribute == "offset")
    expected = Counter(str(peak.offset) for peak in peaks if peak is not None)
    assert {one.label: one.count for one in offsets.bins if one.count} == expected
    assert summary.n_distinct == len({hit.sentence_text for hit, at in zip(kept.hits, tokens, strict=True) if at})


def test_searching_after_a_file_was_cut_in_place_is_told_not_a_crash(tmp_path):
    build(tmp_path, TEXTS, model=MODEL)
    reader = CorpusReader(open_folder(tmp_path))
    kept = search_kept(reader, MODEL, SAME.split(". ")[0] + ".", token=3)
    assert reader.is_current
    path = next((tmp_path / "corpus").glob("segment-*"))
    with path.open("r+b") as stream:
        stream.truncate(100)
    assert not reader.is_current  # the engine opens it again, and finds the damage
    with pytest.raises(CorpusDamaged, match=path.name):
        summarize_kept(kept, SummarizeRequest("s"), Task())
    with pytest.raises(CorpusDamaged, match=path.name):
        CorpusReader(open_folder(tmp_path))


def test_a_summary_still_works_when_its_corpus_was_replaced(tmp_path):
    build(tmp_path, TEXTS, model=MODEL)
    kept = search_kept(CorpusReader(open_folder(tmp_path)), MODEL, SAME.split(". ")[0] + ".", token=3)
    build(tmp_path, {"z.txt": make_text(77)}, model=MODEL)
    assert summarize_kept(kept, SummarizeRequest("s"), Task()).n_hits == len(kept.hits)


def test_a_segment_of_another_corpus_in_its_place_is_named(tmp_path):
    """Same texts, same shapes, other weights: every checksum in the file is right."""
    for name, weights in (("one", 0), ("two", 1)):
        build(tmp_path, {"d.txt": "A b c."}, model=FakeModel(weights=weights), name=name, config={"precision": "int4"})
    (one,), (two,) = (list((tmp_path / name).glob("segment-*")) for name in ("one", "two"))
    assert one.stat().st_size == two.stat().st_size
    one.write_bytes(two.read_bytes())
    with pytest.raises(CorpusDamaged, match=one.name):
        CorpusReader(open_folder(tmp_path, "one"))


def test_hits_of_a_search_are_the_same_every_time(reader):
    first = search(reader, MODEL, SAME.split(". ")[0] + ".", token=3, k=1000)
    for _ in range(5):
        again = search(reader, MODEL, SAME.split(". ")[0] + ".", token=3, k=1000)
        assert [(hit.score, hit.document, hit.start) for hit in again] == [
            (hit.score, hit.document, hit.start) for hit in first
        ]
