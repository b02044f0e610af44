"""Summaries of whole searches: what was planted is found, and chance is not."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest

from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.engine.corpus_requests import SummarizeRequest
from exbert_rpc.engine.search import summarize_kept
from exbert_rpc.tasks import Task
from tests.samples import sizes
from tests.store_faults.building import build, open_folder, search_kept
from tests.store_faults.fakes import FakeAnnotators, FakeModel, make_text


class PlantedModel(FakeModel):
    """Looks back by two from every "frob", and anywhere from other words."""

    def attention(self, encoding, layer):
        plain = super().attention(encoding, layer)
        for at, token in enumerate(encoding.tokens):
            if token == "frob" and at > 2:
                plain[:, at] = 0.05 / (len(encoding.ids) - 1)
                plain[:, at, at - 2] = 0.95
        return plain


class RandomModel(FakeModel):
    """Vectors that have nothing to do with words: each sentence and position has its own."""

    def _vectors(self, encoding, salt, width):
        seed = zlib.crc32(f"{encoding.text}{salt}".encode())
        return np.random.default_rng(seed).standard_normal((len(encoding.ids), width)).astype(np.float32)


def summarize(reader, model, sentence, token, **fields):
    kept = search_kept(reader, model, sentence, token=token, k=50, layer=1)
    return summarize_kept(kept, SummarizeRequest("s", **fields), Task()).findings, kept


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    rng = np.random.default_rng(0)
    paragraphs = make_text(3, 60, 4).split("\n\n")
    texts = []
    for paragraph in paragraphs:
        words = paragraph.split(" ")
        for _ in range(2):
            words.insert(int(rng.integers(3, len(words) - 1)), "frob")
        texts.append(" ".join(words))
    root = tmp_path_factory.mktemp("planted")
    model = PlantedModel(head_size=16)
    build(root, {"d.txt": "\n\n".join(texts)}, model=model)
    return CorpusReader(open_folder(root)), model


def test_a_planted_enrichment_of_the_match_is_found(planted):
    findings, kept = summarize(*planted, "One two three frob five.", 4)
    words = {hit.sentence_text[hit.tokens.start[hit.match] : hit.tokens.end[hit.match]] for hit in kept.hits}
    assert words == {"frob"}
    # words of four letters are all verbs, objects and T4 to the fake pipeline; few other words are
    assert any("verb" in finding.lower() for finding in findings)


def test_findings_explain_labels_as_the_pipeline_does_and_show_those_alone_that_it_does_not(planted, monkeypatch):
    explained = replace(FakeAnnotators.info, meanings={"VERB": "a doing word"})
    monkeypatch.setattr(FakeAnnotators, "info", explained)
    findings, _ = summarize(*planted, "One two three frob five.", 4)
    text = " ".join(findings)
    assert "VERB (a doing word)" in text
    assert "tagged T4" in text
    assert "T4 (" not in text


def test_a_planted_habit_of_attention_is_found(planted):
    findings, kept = summarize(*planted, "One two three frob five.", 4)
    offsets = [hit.peak_outgoing.offset for hit in kept.hits if hit.match > 2]
    assert set(offsets) <= {-2}
    assert any("two" in finding.lower() or "2" in finding for finding in findings)


def test_hits_without_a_next_token_are_counted_as_matches_only(planted):
    reader, model = planted
    kept = search_kept(reader, model, "One two three frob five.", token=6, k=1000, layer=1)
    ends = [hit for hit in kept.hits if hit.next is None]
    assert 0 < len(ends) < len(kept.hits) == 1000
    rows = sum(segment.n_rows for segment in reader.segments)
    sentences = sum((np.diff(segment.first_row) > 0).sum() for segment in reader.segments)

    def counts(subject):
        found = summarize_kept(kept, SummarizeRequest("s", subject=subject), Task())
        sums = {sum(row.count for row in one.bins) for one in found.histograms}
        return found.n_hits, found.n_distinct, sums, found.n_baseline

    texts = {hit.sentence_text for hit in kept.hits}
    inner = {hit.sentence_text for hit in kept.hits if hit.next is not None}
    assert counts("match") == (1000, len(texts), {1000}, rows)
    assert counts("next") == (1000 - len(ends), len(inner), {1000 - len(ends)}, rows - sentences)


@pytest.mark.parametrize("searches", sizes(20, 60))
def test_hits_at_random_seldom_support_a_finding(tmp_path, searches):
    model = RandomModel(head_size=16)
    build(tmp_path, {"d.txt": make_text(5, 80, 4)}, model=model)
    reader = CorpusReader(open_folder(tmp_path))
    found = 0
    for number in range(searches):
        findings, _ = summarize(reader, model, f"Query number {number} stands here.", 2)
        found += len(findings) > 0
    assert found <= searches / 10  # q < 0.05 promises at most one in twenty
