"""Relation search: pairs as a look at every row has them, a planted relation found whole, and bad input named."""

from __future__ import annotations

import shutil
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exbert_rpc.corpus.search.graphs import Graphs
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.types import Filter
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest, RelationRequest, SearchRequest, SummarizeRequest
from exbert_rpc.engine.handles import Handles
from exbert_rpc.engine.relations import NOTHING_ATTENDS, NOTHING_PASSES
from exbert_rpc.engine.requests import AttendRequest, TextInput
from exbert_rpc.engine.search import Searcher
from exbert_rpc.errors import Cancelled, CorpusDamaged, CorpusMismatch, InvalidParams
from exbert_rpc.tasks import Task
from tests.engine.helpers import DOCUMENTS
from tests.oracles_corpus import cosine
from tests.store_faults.building import _Loaded, _Opened, build, open_folder
from tests.store_faults.fakes import FakeAnnotators, FakeModel

TEXT = "The girl ran to a local pub."
STORE = Path(__file__).parents[1] / "golden" / "store"
PRECISIONS = ("int8", "int4", "binary")


def relation(corpus="tiny", layer=1, head=2, source=3, target=2, min_weight=0.0, text=TEXT, **fields):
    given = {} if text is None else {"input": TextInput(text)}
    search = SearchRequest(
        "test", corpus, layer, "hiddenState", **given, token=source, heads=(head,), **{"k": 30, **fields}
    )
    return RelationRequest(search, target, head, min_weight)


@pytest.fixture(scope="module")
def tiers(tmp_path_factory, tiny_model, bert):
    engine = Engine(tmp_path_factory.mktemp("relations"), default_model=str(tiny_model("bert")), pipeline="blank:en")
    for precision in PRECISIONS:
        engine.index_corpus(IndexRequest(precision, tuple(DOCUMENTS.items()), precision=precision), Task())
    yield engine
    engine.close()


class Pairs:
    """Every row of a corpus with what a head attends to most there, by the stock model."""

    def __init__(self, corpus, layer, head):
        self.oracle, self.layer, self.head = corpus.oracle, layer, head

    def weights(self, row):
        """The head's attention from a row to the tokens of its sentence; -1 for special ones."""
        number, token = self.oracle.rows[row]
        sentence = self.oracle.sentences[number]
        return np.where(sentence.special, -1.0, sentence.attention[self.layer][self.head, token])

    def score(self, query, source, target, row, of_row):
        """Half a cosine of the sources and half a cosine of the targets."""
        number, token = self.oracle.rows[row]
        wanted, found = query.hidden[self.layer], self.oracle.sentences[number].hidden[self.layer]
        return (cosine(wanted[source], found[token]) + cosine(wanted[target], found[of_row])) / 2


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama"])
@pytest.mark.parametrize(("layer", "head", "tolerance"), [(0, 1, 5e-3), (2, 3, 5e-3), (2, 3, 2e-5)])
def test_hits_are_the_best_pairs_of_a_look_at_every_row(family, layer, head, tolerance, tiny_corpus):
    corpus = tiny_corpus(family)
    source, target = 3, 1
    again = tolerance < 1e-3
    request = relation(layer=layer, head=head, source=source, target=target, rerank=again)
    found = corpus.engine.search_relations(request, Task())
    pairs, query = Pairs(corpus, layer, head), corpus.stock.read(TEXT)
    assert len(found.hits) == 30
    for hit in found.hits:
        row = corpus.oracle.row_of(hit)
        weights = pairs.weights(row)
        assert weights[hit.target] >= weights.max() - 1e-5
        assert hit.score == pytest.approx(pairs.score(query, source, target, row, hit.target), abs=tolerance)
    everything = [
        pairs.score(query, source, target, row, int(pairs.weights(row).argmax()))
        for row in range(len(corpus.oracle.rows))
    ]
    np.testing.assert_allclose([hit.score for hit in found.hits], np.sort(everything)[::-1][:30], atol=tolerance)
    assert (found.token, found.target) == (source, target)
    assert found.weight == pytest.approx(query.attention[layer][head, source, target], abs=1e-5)
    assert found.stats.searched == len(corpus.oracle.rows)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_compact_corpora_score_pairs_by_a_rerun(precision, tiers, bert):
    found = tiers.search_relations(relation(precision), Task())
    assert (found.stats.reranked > 0) == (precision != "int8")
    pairs, query = Pairs(bert, 1, 2), bert.stock.read(TEXT)
    tolerance = 5e-3 if precision == "int8" else 2e-5
    for hit in found.hits:
        expected = pairs.score(query, 3, 2, bert.oracle.row_of(hit), hit.target)
        assert hit.score == pytest.approx(expected, abs=tolerance)


def test_a_pair_of_the_corpus_finds_itself_first(bert):
    for number in (0, 7, 20):
        sentence = bert.oracle.sentences[number]
        weights = np.where(sentence.special, -1, sentence.attention[1][2, 2])
        request = relation(source=2, target=int(weights.argmax()), text=sentence.text, k=3)
        first = bert.engine.search_relations(request, Task()).hits[0]
        assert first.score >= 0.99
        assert (first.sentence_text, first.match, first.target) == (sentence.text, 2, int(weights.argmax()))


def test_filters_choose_the_attending_token_and_places_are_those_of_a_search(bert):
    oracle = bert.oracle
    forms = [oracle.sentences[number].text[slice(*oracle.sentences[number].offsets[at])] for number, at in oracle.rows]
    common = tuple(form.lower() for form, _ in Counter(forms).most_common(2))
    where = Filter(token=common, documents=("tiny:/1*", "tiny:/2*"))
    found = bert.engine.search_relations(relation(filter=where, k=1000), Task())
    plain = bert.engine.search_contexts(relation(filter=where, k=1000).search, Task())
    assert found.hits
    assert {(hit.document, hit.start, hit.match) for hit in found.hits} == {
        (hit.document, hit.start, hit.match) for hit in plain.hits
    }
    words = {hit.sentence_text[hit.tokens.start[hit.match] : hit.tokens.end[hit.match]].lower() for hit in found.hits}
    assert words <= set(common)
    assert {hit.document for hit in found.hits} <= {"tiny:/1.txt", "tiny:/2.txt"}


def test_distinct_gives_one_hit_for_each_sentence(bert):
    hits = bert.engine.search_relations(relation(distinct=True), Task()).hits
    assert len({hit.sentence_text for hit in hits}) == len(hits) == 30


def test_a_least_weight_leaves_out_rows_that_attend_to_no_single_token(bert):
    everything = bert.engine.search_relations(relation(k=1000), Task())
    peaks = [float(hit.outgoing[hit.target]) for hit in everything.hits]
    least = float(np.median(peaks))
    some = bert.engine.search_relations(relation(k=1000, min_weight=least), Task())
    assert 0 < len(some.hits) < len(everything.hits)
    assert some.stats.searched == len(some.hits)
    assert min(float(hit.outgoing[hit.target]) for hit in some.hits) > least - 1 / 255
    assert sum(peak > least + 1 / 255 for peak in peaks) <= len(some.hits)


def test_a_search_is_summarized_with_its_word_control(bert):
    found = bert.engine.search_relations(relation(), Task())
    summary = bert.engine.summarize(SummarizeRequest("test", search_id=found.search_id), Task()).summary
    assert summary.n_hits == 30
    assert any(one.controls is not None and one.controls.word is not None for one in summary.histograms[0].bins)


def test_a_kept_pass_answers_as_its_text_does(bert):
    read = bert.engine.attend(AttendRequest("test", TextInput(TEXT), annotate=False), Task())
    kept = bert.engine.search_relations(relation(text=None, capture_id=read.capture_id), Task())
    fresh = bert.engine.search_relations(relation(), Task())
    key = [(hit.document, hit.start, hit.match, hit.target, hit.score) for hit in kept.hits]
    assert key == [(hit.document, hit.start, hit.match, hit.target, hit.score) for hit in fresh.hits]
    assert (kept.weight, kept.stats.note) == (fresh.weight, fresh.stats.note)


def test_the_answer_says_when_the_head_draws_another_relation_in_the_query(bert):
    row = np.where(bert.stock.read(TEXT).special, -1, bert.stock.read(TEXT).attention[1][2, 3])
    strongest, weakest = int(row.argmax()), int(np.where(row < 0, 2, row).argmin())
    assert bert.engine.search_relations(relation(target=strongest), Task()).stats.note is None
    note = bert.engine.search_relations(relation(target=weakest), Task()).stats.note
    assert f"goes to token {strongest}" in note


# ---- a planted relation

CLASSES = "abc"


class Related(FakeModel):
    """Hidden states know the class of a word, which is its first letter; head 0 looks to the left."""

    def hidden(self, encoding, layer):
        codes = np.random.default_rng(1).standard_normal((4, self.info.hidden_size))
        forms = [encoding.text[start:end] for start, end in zip(encoding.start, encoding.end, strict=True)]
        kinds = [CLASSES.find(form[:1]) if form else 3 for form in forms]
        noise = np.stack([self._noise(form, at) for at, form in enumerate(forms)])
        return (codes[kinds] + 0.2 * noise).astype(np.float32)

    def attention(self, encoding, layer):
        n = len(encoding.ids)
        left = np.eye(n, k=-1)
        left[0, 0] = left[1, 1] = 1
        left[1, 0] = 0
        even = np.full((n, n), 1 / n)
        return np.stack([0.9 * left + 0.1 * even, even]).astype(np.float32)

    def _noise(self, form, at):
        return np.random.default_rng(zlib.crc32(f"{form} {at}".encode())).standard_normal(self.info.hidden_size)


MODEL = Related(n_layers=1, n_heads=2, head_size=8, hidden_size=24)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("planted"), np.random.default_rng(3)

    def sentence():
        return " ".join(f"{CLASSES[kind]}{rng.integers(50)}" for kind in rng.integers(0, 3, 9)) + "."

    texts = {f"{n}.txt": "\n\n".join(" ".join(sentence() for _ in range(4)) for _ in range(5)) for n in range(8)}
    build(root, texts, model=MODEL)
    return CorpusReader(open_folder(root))


def searcher_of(reader):
    captures = Handles("captureId", 1 << 20, 4, lambda kept: kept.nbytes)
    return Searcher(_Opened(reader), _Loaded(MODEL), FakeAnnotators(), captures, Graphs())


def classes(hit):
    first, second = (hit.sentence_text[int(hit.tokens.start[at])] for at in (hit.match, hit.target))
    return first, second


@pytest.mark.parametrize(("source", "target", "expected"), [(2, 1, "ba"), (3, 2, "cb"), (4, 3, "bc")])
def test_hits_of_a_planted_head_draw_the_querys_relation_whole(source, target, expected, planted):
    request = relation(planted.name, 0, 0, source, target, text="a7 b3 c9 b1.", k=60, distinct=True)
    hits = searcher_of(planted).search_relations(request, Task()).hits
    assert [classes(hit) for hit in hits] == [tuple(expected)] * 60
    alone = searcher_of(planted).search(replace(request.search), Task()).hits
    related = [hit.sentence_text[int(hit.tokens.start[max(1, hit.match - 1)])] == expected[1] for hit in alone]
    assert np.mean(related) < 0.7  # the source alone does not say what it attends to


def test_a_cancel_stops_the_scan(planted):
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        searcher_of(planted).search_relations(relation(planted.name, 0, 0, 2, 1, text="a7 b3."), task)


def test_a_long_scan_reports_how_far_it_is(planted):
    seen = []
    searcher_of(planted).search_relations(relation(planted.name, 0, 0, 2, 1, text="a7 b3."), Task(seen.append))
    assert any(one.message == "comparing pairs of tokens" and one.total == len(planted.segments) for one in seen)


def test_a_peak_that_is_a_special_token_is_damage(planted, monkeypatch):
    segment = planted.segments[0]
    zeros = (np.zeros(segment.n_rows, np.uint16), np.full(segment.n_rows, 255, np.uint8))
    monkeypatch.setattr(type(segment), "stored_peaks", lambda self, layer, head: zeros)
    with pytest.raises(CorpusDamaged, match="special token"):
        searcher_of(planted).search_relations(relation(planted.name, 0, 0, 2, 1, text="a7 b3."), Task())


# ---- bad input


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layer": 3}, "layer: there is no layer 3"),
        ({"head": 4}, "head: there is no head 4"),
        ({"source": 99}, "source: 99 is out of range"),
        ({"target": 99}, "target: 99 is out of range"),
        ({"source": 0}, "source: token 0 ([CLS]) is a special token"),
        ({"target": 0}, "target: token 0 ([CLS]) is a special token"),
        ({"filter": Filter(pos=("NOPE",))}, "filter.pos: 'NOPE' does not occur"),
        ({"filter": Filter(dep=("nsubj",))}, "filter.dep: 'nsubj' does not occur"),
        ({"filter": Filter(documents=("none*",))}, "filter.documents: none of the 5 documents matches"),
    ],
)
def test_bad_input_is_named(fields, message, bert):
    with pytest.raises(InvalidParams) as caught:
        bert.engine.search_relations(relation(**fields), Task())
    assert message in caught.value.message
    assert caught.value.hint


def test_an_answer_without_hits_says_why(bert):
    nothing = bert.engine.search_relations(relation(filter=Filter(token=("zebra",))), Task())
    assert nothing.hits == ()
    assert NOTHING_PASSES in nothing.stats.note
    weak = bert.engine.search_relations(relation(min_weight=1.0), Task())
    assert weak.hits == ()
    assert NOTHING_ATTENDS in weak.stats.note


def test_a_corpus_without_a_peak_table_says_what_to_do(tmp_path, tiny_model):
    shutil.copytree(STORE, tmp_path / "store")
    engine = Engine(tmp_path / "store", default_model=str(tiny_model("bert")), pipeline="blank:en")
    try:
        with pytest.raises(CorpusMismatch, match="earlier version") as caught:
            engine.search_relations(relation("int8", layer=0, head=0), Task())
        assert "index the corpus again" in caught.value.hint
    finally:
        engine.close()


def test_a_corpus_without_the_states_that_the_layer_reads_names_the_layers_that_it_has(tmp_path, tiny_model):
    engine = Engine(tmp_path, default_model=str(tiny_model("bert")), pipeline="blank:en")
    try:
        engine.index_corpus(IndexRequest("some", tuple(DOCUMENTS.items()), layers=(1,)), Task())
        assert engine.search_relations(relation("some", layer=1), Task()).hits
        with pytest.raises(InvalidParams, match=r"layer: .* does not hold the hidden states that layer 2 reads") as one:
            engine.search_relations(relation("some", layer=2), Task())
        assert "relations: 1;" in one.value.hint
        engine.index_corpus(IndexRequest("heads", tuple(DOCUMENTS.items()), spaces=("headOutput",)), Task())
        with pytest.raises(InvalidParams, match=r"relations: none;|does not hold"):
            engine.search_relations(relation("heads"), Task())
    finally:
        engine.close()
