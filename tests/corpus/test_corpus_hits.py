"""Every hit can be opened at its line and column; hits carry the tokens and attention of their sentence."""

import json
import os
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exbert_rpc.corpus.build import builder as build_module
from exbert_rpc.corpus.build.builder import Builder
from exbert_rpc.corpus.search.hits import Attended, FoundRow, make_hits, peak_of
from exbert_rpc.corpus.search.reader import CorpusReader, OpenSegment
from exbert_rpc.corpus.store.folders import Store
from exbert_rpc.tasks import Task
from exbert_rpc.text.sources import read_sources
from tests.oracles_corpus import place_of
from tests.ratios import least
from tests.samples import drawn, sizes
from tests.store_faults.building import build, open_folder, search
from tests.store_faults.fakes import CALIBRATION, FakeModel, annotate, config_of, make_text

MODEL = FakeModel()


def all_hits(root, sentence="word", **fields):
    """Every row of a corpus as a hit."""
    return search(CorpusReader(open_folder(root)), MODEL, sentence, token=1, k=1000, **fields)


def build_sources(root, sources):
    documents, skipped = read_sources(sources)
    folder = Store(root).create("corpus")
    with folder.locked():
        Builder(folder, config_of(MODEL), MODEL, annotate, CALIBRATION, Task()).build(documents, 1)
    return skipped


def offset_of(text: str, line: int, column: int) -> int:
    return next(at for at in range(len(text) + 1) if place_of(text, at)[:2] == (line, column))


def assert_places(hits, text_of) -> None:
    """Each hit's places, looked up in the document, hold the match and the sentence."""
    for hit in hits:
        text = text_of(hit)
        start, end = (offset_of(text, place.line, place.column) for place in (hit.start, hit.end))
        tokens = hit.tokens
        match = hit.sentence_text[tokens.start[hit.match] : tokens.end[hit.match]]
        assert text[start:end] == match != ""
        first, last = (offset_of(text, place.line, place.column) for place in (hit.sentence_start, hit.sentence_end))
        assert text[first:last] == hit.sentence_text
        assert first <= start < end <= last
        line = place_of(text, start)[2][: hit.start.column]
        assert hit.start.before == (len(line), len(line.encode("utf-16-le")) // 2, len(line.encode()))


TRICKY = {
    "crlf.txt": "First line.\r\nSecond line here.\r\n\r\n  Indented\tparagraph\r\nruns on. And on.\r\n",
    "cr.txt": "Old Mac lines.\rSecond one.\r\rThird paragraph here.",
    "tabs.txt": "\t\tTabbed words.\n\n \t mixed indent\twith tabs\n\n\n\ttail",
    "feed.txt": "Page one.\x0cSame line still.\u2028And here.\n\nNext paragraph \U0001f469\u200d\U0001f469 emoji word.",
    "list.md": "# Heading words\n\n- first item\n- second\n  goes on\n\n1. numbered item\n   > quoted\n\n| a | b |\n",
    "code.md": "Text before.\n```python\nx = 1\n\n    y = 2\n```\nText after the code.\n",
    "quote.md": "> quoted line one\n> line two\n\nplain *words* here\n* star item\n+ plus item",
}


def test_places_are_right_under_every_kind_of_line_end_and_indent(tmp_path):
    build(tmp_path, TRICKY, model=MODEL)
    hits = all_hits(tmp_path)
    assert {hit.document for hit in hits} == set(TRICKY)
    assert_places(hits, lambda hit: TRICKY[hit.document])


def test_every_word_of_every_document_is_a_row(tmp_path):
    build(tmp_path, TRICKY, model=MODEL)
    found = sorted(
        (hit.document, hit.sentence_text[hit.tokens.start[hit.match] : hit.tokens.end[hit.match]])
        for hit in all_hits(tmp_path)
    )
    expected = sorted(
        (uri, MODEL.tokenize(text).tokens[index])
        for uri, text in TRICKY.items()
        for index in range(1, len(MODEL.tokenize(text).tokens) - 1)
    )
    assert found == expected


def test_hits_of_a_notebook_are_placed_in_their_cell(tmp_path):
    cells = ["# Title words\n\nA sentence here.", "print('code')", "Second *cell* of words.\n\n- an item\n- more"]
    kinds = ["markdown", "code", "markdown"]
    notebook = {
        "cells": [
            {"cell_type": kind, "source": source.splitlines(keepends=True)}
            for kind, source in zip(kinds, cells, strict=True)
        ]
    }
    (tmp_path / "n.ipynb").write_text(json.dumps(notebook))
    build_sources(tmp_path / "store", [str(tmp_path / "n.ipynb")])
    hits = all_hits(tmp_path / "store")
    assert {hit.cell for hit in hits} == {0, 2}
    assert_places(hits, lambda hit: cells[hit.cell])


PIECES = st.sampled_from(
    ["word", "two words.", "\n", "\r\n", "\r", "\t", "  ", "- item", "> quote", "# head", "```", "é"]
)


@pytest.mark.parametrize("examples", sizes(15, 60))
def test_places_are_right_in_any_document(tmp_path_factory, examples):
    @drawn(examples)
    @given(pieces=st.lists(PIECES, min_size=1, max_size=25), markdown=st.booleans())
    def place(pieces, markdown):
        text = "start " + " ".join(pieces)
        root = tmp_path_factory.mktemp("places")
        name = "d.md" if markdown else "d.txt"
        build(root, {name: text}, model=MODEL)
        assert_places(all_hits(root), lambda hit: text)

    place()


def test_a_paragraph_that_occurs_twice_is_found_at_both_places_in_order(tmp_path):
    same = "The same words stand here."
    texts = {"a.txt": f"Before.\n\n{same}\n\n{same}", "b.txt": f"   {same}"}
    build(tmp_path, texts, model=MODEL)
    hits = search(CorpusReader(open_folder(tmp_path)), MODEL, same, token=3)
    assert [(hit.document, hit.start.line, hit.start.column) for hit in hits[:3]] == [
        ("a.txt", 2, 9),
        ("a.txt", 4, 9),
        ("b.txt", 0, 12),
    ]
    assert len({hit.score for hit in hits[:3]}) == 1
    assert [hit.sentence_index for hit in hits[:3]] == [1, 2, 0]
    distinct = search(CorpusReader(open_folder(tmp_path)), MODEL, same, token=3, distinct=True)
    assert sum(hit.sentence_text == same for hit in distinct) == 1


def test_more_equal_rows_than_candidates_still_come_in_corpus_order(tmp_path):
    """A thousand sentences that begin alike are equal in a layer that sees nothing behind the token."""
    texts = {f"d{number:04}.txt": f"Same {number} words." for number in range(1200)}
    build(tmp_path, texts, model=MODEL)
    hits = search(CorpusReader(open_folder(tmp_path)), MODEL, "Same thing", token=1, k=1000)
    assert [hit.document for hit in hits] == sorted(texts)[:1000]


def test_a_sentence_finds_itself_first_in_every_layer_of_both_spaces(tmp_path, monkeypatch):
    monkeypatch.setattr(build_module, "SEGMENT_BYTES", 8000)
    monkeypatch.setattr(build_module, "WINDOW_TOKENS", 200)
    text = make_text(5, 12)
    build(tmp_path, {"d.txt": text, "e.txt": make_text(6)}, model=MODEL)
    reader = CorpusReader(open_folder(tmp_path))
    for number, sentence in enumerate(text.replace("\n\n", " ").split(". ")[:8]):
        sentence = sentence.removesuffix(".") + "."
        for fields in [{"space": "hiddenState", "layer": layer} for layer in range(3)] + [
            {"space": "headOutput", "layer": layer, "heads": heads} for layer in range(2) for heads in (None, (1,))
        ]:
            (hit, *_) = search(reader, MODEL, sentence, token=2, **fields)
            assert (hit.sentence_text, hit.match, hit.sentence_index) == (sentence, 2, number)
            assert hit.score >= 0.99


def test_attention_of_a_hit_is_its_sentences_row_and_column(tmp_path):
    build(tmp_path, {"d.txt": make_text(1)}, model=MODEL)
    for heads in ((0,), (0, 1)):
        for hit in all_hits(tmp_path, heads=heads)[:30]:
            encoding = MODEL.tokenize(hit.sentence_text)
            mean = MODEL.attention(encoding, 1)[list(heads)].mean(axis=0)
            n = len(encoding.ids)
            assert hit.outgoing.shape == hit.incoming.shape == (n,)
            np.testing.assert_allclose(hit.outgoing, mean[hit.match], atol=1 / 510 + 1e-6)
            np.testing.assert_allclose(hit.incoming, mean[:, hit.match], atol=1 / 510 + 1e-6)
            following = hit.match + 1 if hit.match + 2 < n else None
            assert hit.next == following
            if following is None:
                assert hit.next_outgoing is None and hit.peak_next is None
            else:
                np.testing.assert_allclose(hit.next_outgoing, mean[following], atol=1 / 510 + 1e-6)
                assert hit.peak_next.offset == hit.peak_next.index - following
            assert hit.peak_outgoing.offset == hit.peak_outgoing.index - hit.match
            assert not hit.tokens.is_special[hit.peak_outgoing.index]
            assert hit.peak_outgoing.weight == hit.outgoing[1:-1].max()
            assert hit.peak_incoming.weight == hit.incoming[1:-1].max()


def test_a_peak_looks_at_allowed_tokens_only_and_takes_the_first_of_equals():
    row = np.array([0.9, 0.1, 0.4, 0.4, 0.2], dtype=np.float32)
    peak = peak_of(row, 3, np.array([False, True, True, True, True]))
    assert (peak.index, peak.offset) == (2, -1)
    assert peak.weight == pytest.approx(0.4)
    assert peak_of(row, 3, np.zeros(5, dtype=bool)) is None


def test_a_hit_of_a_file_that_changed_says_so(tmp_path):
    kept, edited, gone = (tmp_path / name for name in ("kept.txt", "edited.txt", "gone.txt"))
    for path in (kept, edited, gone):
        path.write_text(f"Some words of {path.stem}.")
    skipped = build_sources(tmp_path / "store", [str(tmp_path / "*.txt"), ("inline:a", "Some inline words.")])
    assert skipped == []

    def stale() -> dict[str, bool]:
        return {hit.document.rsplit("/")[-1]: hit.stale for hit in all_hits(tmp_path / "store")}

    assert not any(stale().values())
    os.utime(kept, ns=(1, 1))  # touched, not changed
    edited.write_text("Other words.")
    gone.unlink()
    assert stale() == {"kept.txt": False, "edited.txt": True, "gone.txt": True, "inline:a": False}


def test_hits_of_a_text_in_parts_are_those_of_the_whole(tmp_path, monkeypatch):
    path = tmp_path / "large.txt"
    path.write_text("\n\n".join(f"Paragraph {number} has a café.\nIt has two lines." for number in range(60)))

    def found(store: str) -> list[tuple[object, ...]]:
        assert build_sources(tmp_path / store, [str(path)]) == []
        os.utime(path, ns=(1, 1))  # looked at again
        hits = all_hits(tmp_path / store)
        return sorted(
            (hit.start.line, hit.start.column, hit.end.column, hit.sentence_index, hit.sentence_text, hit.stale)
            for hit in hits
        )

    whole = found("whole")
    monkeypatch.setattr("exbert_rpc.text.formats.parts.PART", 300)
    monkeypatch.setattr("exbert_rpc.text.contents._CHUNK", 100)
    assert found("parts") == whole
    assert CorpusReader(open_folder(tmp_path / "parts")).manifest.n_documents == 1
    assert len(CorpusReader(open_folder(tmp_path / "parts")).documents) > 5
    path.write_text("Another text.")
    assert all(hit.stale for hit in all_hits(tmp_path / "parts"))


def test_a_line_that_is_repeated_ten_thousand_times_is_searched_at_once(tmp_path):
    same = "The same words stand here, again and again, as in a table or a log."
    build(tmp_path, {"log.txt": "\n\n".join([same] * 10_000), "other.txt": make_text(3)}, model=MODEL)
    reader = CorpusReader(open_folder(tmp_path))
    hits, distinct = [], []

    def seconds() -> float:
        started = time.process_time()
        hits[:] = search(reader, MODEL, same, token=3, k=50)
        distinct[:] = search(reader, MODEL, same, token=3, k=50, distinct=True)
        return time.process_time() - started

    assert least(seconds, 5) < 5
    assert [hit.start.line for hit in hits] == list(range(0, 100, 2))
    assert sum(hit.sentence_text == same for hit in distinct) == 1


def test_hits_in_one_block_decode_it_once_however_many_they_are(tmp_path, monkeypatch):
    build(tmp_path, {"lines.txt": "\n".join(f"Word number {n} ends." for n in range(400))}, model=MODEL)
    reader, decoded = CorpusReader(open_folder(tmp_path)), []
    segment = reader.segments[0]
    found = [FoundRow(1.0, 0, row, next(segment.occurrences.of(0))) for row in range(0, segment.n_rows, 3)]
    n = [int(length) for length in segment.row_length[::3]]

    def counted(of_segment, block, read=OpenSegment.block_text):
        decoded.append(block)
        return read(of_segment, block)

    monkeypatch.setattr(OpenSegment, "block_text", counted)
    lines = [np.zeros(size, dtype=np.float32) for size in n]
    hits = make_hits(reader, found, [Attended(1, None, line, line, None, None, None, None, None) for line in lines])
    assert len({hit.start.line for hit in hits}) == 400
    assert decoded == [0]
