"""Corpora of fewer bits, re-ranking by a fresh pass, and search graphs: what each promises of its answers."""

from __future__ import annotations

import numpy as np
import pytest

from exbert_rpc.corpus.types import Filter
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest, SearchRequest, SummarizeRequest
from exbert_rpc.engine.requests import TextInput
from exbert_rpc.errors import CorpusNotFound, InvalidParams
from exbert_rpc.tasks import Task
from tests.engine.helpers import DOCUMENTS, LoadedCorpus
from tests.engine.test_engine_search import QUERIES, REAL_QUERIES, head_sets, random_token

PRECISIONS = ["int8", "int4", "binary"]


@pytest.fixture(scope="module")
def tiers(tmp_path_factory, tiny_model, bert):
    """The same documents in every precision; the oracle is that of the int8 corpus."""
    engine = Engine(tmp_path_factory.mktemp("tiers"), default_model=str(tiny_model("bert")), pipeline="blank:en")
    for precision in PRECISIONS:
        engine.index_corpus(IndexRequest(precision, tuple(DOCUMENTS.items()), precision=precision), Task())
    yield engine
    engine.close()


def search(engine: Engine, corpus: str, text: str, token: int, **fields):
    request = SearchRequest("tiers", corpus, input=TextInput(text), token=token, **fields)
    return engine.search_contexts(request, Task())


def recall(corpus: LoadedCorpus, found, query, token: int, **fields) -> tuple[float, float]:
    """Recall@50 and the largest error of a score, against the oracle."""
    space = fields["space"]
    layer = fields["layer"]
    exact = corpus.oracle.scores(query, token, space, layer, fields.get("heads") or range(corpus.n_heads))
    rows = [corpus.oracle.row_of(hit) for hit in found.hits]
    least = np.sort(exact)[-50] - 1e-6
    return float(np.mean(exact[rows] >= least)), float(np.abs([h.score for h in found.hits] - exact[rows]).max())


@pytest.mark.parametrize("precision", PRECISIONS)
def test_scores_of_a_fresh_pass_are_exact_and_told_as_such(tiers, bert, precision):
    query = bert.stock.read(QUERIES[0])
    fields = {"space": "headOutput", "layer": 1, "heads": (0, 2)}
    found = search(tiers, precision, QUERIES[0], 2, k=50, rerank=True, **fields)
    _, error = recall(bert, found, query, 2, **fields)
    assert error < 1e-4
    assert found.stats.reranked >= 50
    assert found.stats.precision == precision


@pytest.mark.parametrize("precision", ["int4", "binary"])
def test_compact_corpora_show_the_attention_of_a_fresh_pass(tiers, bert, precision):
    found = search(tiers, precision, QUERIES[0], 2, k=20, space="headOutput", layer=2, heads=(1,))
    for hit in found.hits:
        number, at = bert.oracle.rows[bert.oracle.row_of(hit)]
        np.testing.assert_allclose(hit.outgoing, bert.oracle.sentences[number].attention[2][1, at], atol=1e-5)
    summary = tiers.summarize(SummarizeRequest("tiers", found.search_id), Task()).summary
    assert summary.n_hits == 20


def assert_finds_itself(engine: Engine, corpus: LoadedCorpus, precision: str, number: int) -> None:
    sentence = corpus.oracle.sentences[number]
    for fields in (
        *({"space": "hiddenState", "layer": layer} for layer in range(1, corpus.n_layers + 1)),
        *({"space": "headOutput", "layer": layer} for layer in range(corpus.n_layers)),
    ):
        first = search(engine, precision, sentence.text, 3, k=5, **fields).hits[0]
        assert first.score >= 0.99
        assert (first.sentence_text, first.match) == (sentence.text, 3)


def test_a_sentence_finds_itself_first_in_four_bits_too(tiers, bert):
    assert_finds_itself(tiers, bert, "int4", 11)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["int4", "binary"])
def test_a_real_sentence_finds_itself_first_in_compact_corpora_too(real_tiers, precision):
    for number in (20, 133):
        assert_finds_itself(real_tiers.engine, real_tiers, precision, number)


def test_one_bit_and_few_heads_are_told_in_a_note(tiers):
    few = search(tiers, "binary", QUERIES[0], 2, space="headOutput", layer=1, heads=(0,))
    half = search(tiers, "binary", QUERIES[0], 2, space="headOutput", layer=1, heads=(0, 1))
    assert "one bit" in few.stats.note
    assert half.stats.note is None
    assert search(tiers, "int4", QUERIES[0], 2, space="headOutput", layer=1, heads=(0,)).stats.note is None


def test_fewer_bits_take_fewer_bytes(tiers):
    sizes = [tiers.describe_corpus(precision).nbytes for precision in PRECISIONS]
    assert sizes[0] > 1.5 * sizes[1] > 1.5 * sizes[2]


def places(found):
    return {(hit.document, hit.start, hit.match) for hit in found.hits}


def test_a_graph_that_is_made_with_the_index_answers_like_the_exact_search_at_once(tiers):
    fields = {"space": "headOutput", "layer": 1, "k": 50}
    report = tiers.index_corpus(IndexRequest("int8", (), graphs=(("headOutput", 1),)), Task())
    (graph,) = report.graphs
    assert (graph.space, graph.layer, graph.coverage, graph.damaged) == ("headOutput", 1, 1.0, False)
    assert max(graph.recall) == 4 and min(graph.recall.values()) >= 0.97
    assert tiers.describe_corpus("int8").graphs == report.graphs
    exact = search(tiers, "int8", QUERIES[0], 2, exact=True, **fields)
    asked = search(tiers, "int8", QUERIES[0], 2, exact=False, **fields)
    assert exact.stats.exact and not asked.stats.exact and asked.stats.note is None
    assert len(places(exact) & places(asked)) >= 47
    scores = {(hit.document, hit.start, hit.match): hit.score for hit in exact.hits}
    for hit in asked.hits:
        key = (hit.document, hit.start, hit.match)
        assert key not in scores or scores[key] == pytest.approx(hit.score, abs=1e-5)


def test_a_graph_that_a_search_asks_for_is_made_behind_it_and_the_answer_says_so(tiers):
    fields = {"space": "hiddenState", "layer": 2, "exact": False}
    first = search(tiers, "int4", QUERIES[0], 2, **fields)
    assert first.stats.exact and "being made" in first.stats.note
    assert tiers._graphs.wait(60)
    assert not search(tiers, "int4", QUERIES[0], 2, **fields).stats.exact
    assert [(one.space, one.layer) for one in tiers.describe_corpus("int4").graphs] == [("hiddenState", 2)]


def test_filters_and_weighting_by_norm_are_never_left_to_a_graph_and_the_answer_says_so(tiers):
    fields = {"space": "headOutput", "layer": 1}
    for asked in ({"weighting": "norm"}, {"filter": Filter(pos=("none",))}):
        found = search(tiers, "int8", QUERIES[0], 2, exact=False, **asked, **fields)
        assert found.stats.exact and "compare all vectors" in found.stats.note
    for exact in (None, True):
        found = search(tiers, "int8", QUERIES[0], 2, exact=exact, **fields)
        assert found.stats.exact and found.stats.note is None


@pytest.mark.parametrize("sources", [(), (("a.txt", "Some words."),)])
def test_a_graph_of_what_is_not_stored_is_refused_before_anything_is_built(tiers, sources):
    before = tiers.describe_corpus("binary")
    with pytest.raises(InvalidParams, match=r"graphs\[1\]: headOutput 7 is not stored") as caught:
        tiers.index_corpus(IndexRequest("binary", sources, graphs=(("headOutput", 0), ("headOutput", 7))), Task())
    assert "hiddenState:0" in caught.value.hint and "headOutput:2" in caught.value.hint
    assert tiers.describe_corpus("binary") == before


def test_graphs_alone_need_a_corpus(tiers):
    with pytest.raises(CorpusNotFound):
        tiers.index_corpus(IndexRequest("nowhere", (), graphs=(("headOutput", 0),)), Task())


# --- the real model ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_tiers(real_corpus):
    for precision in ("int4", "binary"):
        request = IndexRequest(precision, tuple(real_corpus.documents.items()), precision=precision)
        real_corpus.engine.index_corpus(request, Task())
    return real_corpus


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "sizes", "least"),
    [
        ("real", ("1", "3", "half", "all"), 0.995),
        ("int4", ("1", "3", "half", "all"), 0.95),
        ("binary", ("half", "all"), 0.95),
    ],
)
def test_real_head_outputs_re_ranked_have_the_recall_that_their_precision_promises(real_tiers, precision, sizes, least):
    rng = np.random.default_rng(9)
    sets = head_sets(real_tiers.n_heads, rng)
    for size in sizes:
        found = []
        for layer in (0, 2, 5):
            text = REAL_QUERIES[layer % len(REAL_QUERIES)]
            query = real_tiers.stock.read(text)
            token = random_token(query, rng)
            for heads in sets[size]:
                fields = {"space": "headOutput", "layer": layer, "heads": heads}
                hits = search(real_tiers.engine, precision, text, token, k=50, rerank=True, **fields)
                found.append(recall(real_tiers, hits, query, token, **fields))
        assert np.mean([one[0] for one in found]) >= least
        assert max(one[1] for one in found) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "least"), [("real", 0.995), ("int4", 0.95), ("binary", 0.95)])
def test_real_hidden_states_re_ranked_have_the_recall_that_their_precision_promises(real_tiers, precision, least):
    rng = np.random.default_rng(10)
    found = []
    for layer in (0, 3, 6):
        for text in REAL_QUERIES[:2]:
            query = real_tiers.stock.read(text)
            token = random_token(query, rng)
            fields = {"space": "hiddenState", "layer": layer}
            hits = search(real_tiers.engine, precision, text, token, k=50, rerank=True, **fields)
            found.append(recall(real_tiers, hits, query, token, **fields))
    assert np.mean([one[0] for one in found]) >= least
