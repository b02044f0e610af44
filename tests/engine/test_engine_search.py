"""Searches against a slow oracle: the stock model, every row, float64 cosines."""

from __future__ import annotations

import numpy as np
import pytest

from exbert_rpc.corpus.types import Filter
from exbert_rpc.errors import InvalidParams
from tests.engine.helpers import LoadedCorpus, OracleSentence, make_documents
from tests.oracles_corpus import exbert_ranking, similarities

FAMILIES = ["bert", "gpt2", *(pytest.param(family, marks=pytest.mark.slow) for family in ("roberta", "llama"))]
TINY_RECALL = 0.95
"""Heads of eight dimensions lie closer together than those of real models, which are held to 98 % below."""
QUERIES = [text.split(". ")[0] + "." for text in make_documents(99, 12, 1, 1).values()]


def head_sets(n_heads: int, rng: np.random.Generator) -> dict[str, list[tuple[int, ...]]]:
    """Two random sets of each size."""
    sizes = {"1": 1, "3": 3, "half": n_heads // 2, "all": n_heads}
    return {
        name: [tuple(sorted(rng.permutation(n_heads)[:size].tolist())) for _ in range(2)]
        for name, size in sizes.items()
    }


def random_token(query: OracleSentence, rng: np.random.Generator) -> int:
    return int(rng.choice(np.flatnonzero(~query.special)))


def compare(corpus: LoadedCorpus, text: str, rng: np.random.Generator, **fields) -> tuple[float, float]:
    """Recall@50 and the largest error of a score."""
    query = corpus.stock.read(text)
    token = random_token(query, rng)
    space = fields["space"]
    layer = fields["layer"]
    heads = fields.get("heads") or range(corpus.n_heads)
    by_norm = fields.get("weighting") == "norm"
    exact = corpus.oracle.scores(query, token, space, layer, heads, by_norm=by_norm)
    found = corpus.search(text, token=token, k=50, **fields)
    assert found.stats.exact and found.stats.searched == len(exact)
    rows = [corpus.oracle.row_of(hit) for hit in found.hits]
    assert len(set(rows)) == len(rows) == min(50, len(exact))
    threshold = np.sort(exact)[-50] - 1e-6
    scores = np.array([hit.score for hit in found.hits])
    assert np.all(np.diff(scores) <= 0)
    return float(np.mean(exact[rows] >= threshold)), float(np.abs(scores - exact[rows]).max())


def assert_close(results: list[tuple[float, float]], recall: float = 0.98) -> None:
    """Mean recall, and every score; pytest -s shows the figures."""
    found, errors = zip(*results, strict=True)
    print(f"recall@50 {np.mean(found):.4f} of {len(found)} queries, largest error of a score {max(errors):.4f}")
    assert np.mean([one[0] for one in results]) >= recall
    assert max(one[1] for one in results) <= 0.01


@pytest.mark.parametrize("family", FAMILIES)
def test_hidden_states_are_found_as_by_brute_force_in_every_layer(tiny_corpus, family):
    corpus = tiny_corpus(family)
    rng = np.random.default_rng(1)
    for layer in range(corpus.n_layers + 1):
        assert_close([compare(corpus, text, rng, space="hiddenState", layer=layer) for text in QUERIES])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("weighting", ["uniform", "norm"])
def test_head_outputs_are_found_as_by_brute_force_for_head_sets_of_every_size(tiny_corpus, family, weighting):
    corpus = tiny_corpus(family)
    rng = np.random.default_rng(2)
    for sets in head_sets(corpus.n_heads, rng).values():
        results = [
            compare(corpus, text, rng, space="headOutput", layer=layer, heads=heads, weighting=weighting)
            for layer in range(corpus.n_layers)
            for heads, text in zip(sets, QUERIES[:2], strict=True)
        ]
        assert_close(results, TINY_RECALL)


def test_weighting_by_norm_is_exberts_ranking(bert):
    rng = np.random.default_rng(3)
    for layer, heads in ((0, (0, 1, 2, 3)), (2, (1, 3))):
        query = bert.stock.read(QUERIES[0])
        token = random_token(query, rng)
        found = bert.search(QUERIES[0], token=token, layer=layer, heads=heads, weighting="norm", k=20)
        ranking = exbert_ranking(query.heads[layer][token], bert.oracle.vectors("headOutput", layer), heads)
        rows = [bert.oracle.row_of(hit) for hit in found.hits]
        least = np.sort(ranking)[-20]
        weights = sum(np.linalg.norm(query.heads[layer][token][head]) for head in heads)
        assert np.all(ranking[rows] >= least - 0.01 * weights)
        np.testing.assert_allclose([hit.score for hit in found.hits], ranking[rows] / weights, atol=0.01)


@pytest.mark.parametrize("space", ["hiddenState", "headOutput"])
def test_tokens_that_count_as_one_are_searched_by_the_mean_of_their_vectors(bert, space):
    query = bert.stock.read(QUERIES[0])
    tokens = (3, 1, 2, 3)
    found = bert.search(QUERIES[0], tokens=tokens, layer=1, space=space, k=20)
    vectors = query.hidden[1][:, None] if space == "hiddenState" else query.heads[1]
    mean = vectors[[1, 2, 3]].astype(np.float64).mean(axis=0)
    exact = similarities(mean, bert.oracle.vectors(space, 1), range(len(mean)))
    rows = [bert.oracle.row_of(hit) for hit in found.hits]
    assert np.all(exact[rows] >= np.sort(exact)[-20] - 0.01)
    np.testing.assert_allclose([hit.score for hit in found.hits], exact[rows], atol=0.01)
    assert found.token == 3


def test_the_head_output_of_several_tokens_is_that_of_their_mean_attention(bert):
    query = bert.stock.read(QUERIES[0])
    attention = query.attention[1].astype(np.float64)
    outputs = query.heads[1].astype(np.float64).transpose(1, 0, 2)  # [H, n, d]
    for head in range(bert.n_heads):
        values = np.linalg.pinv(attention[head]) @ outputs[head]
        joined = attention[head][[1, 2]].mean(axis=0) @ values
        np.testing.assert_allclose(joined, outputs[head][[1, 2]].mean(axis=0), atol=1e-4)


def test_tokens_out_of_range_are_named(bert):
    with pytest.raises(InvalidParams, match="tokens: 99 is out of range"):
        bert.search(QUERIES[0], tokens=(1, 99), layer=1)


def assert_finds_itself(corpus: LoadedCorpus, numbers: list[int]) -> None:
    oracle = corpus.oracle
    rng = np.random.default_rng(4)
    searches = [{"space": "hiddenState", "layer": layer} for layer in range(corpus.n_layers + 1)]
    searches += [{"space": "headOutput", "layer": layer} for layer in range(corpus.n_layers)]
    searches += [{"space": "headOutput", "layer": layer, "heads": (1,)} for layer in range(corpus.n_layers)]
    for number in numbers:
        sentence = oracle.sentences[number]
        token = random_token(sentence, rng)
        for fields in searches:
            first = corpus.search(sentence.text, token=token, k=5, **fields).hits[0]
            assert first.score >= 0.99
            row = oracle.row_of(first)
            if oracle.rows[row] != (number, token):  # one that cannot be told from it stands before it
                layer = fields["layer"]
                scores = oracle.scores(
                    sentence, token, fields["space"], layer, fields.get("heads", range(corpus.n_heads))
                )
                assert scores[row] > 1 - (1e-5 if fields == {"space": "hiddenState", "layer": 0} else 1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sentence_of_the_corpus_finds_itself_first_in_every_layer_of_both_spaces(tiny_corpus, family):
    corpus = tiny_corpus(family)
    assert_finds_itself(corpus, [0, 17, len(corpus.oracle.sentences) - 1])


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_attention_of_hits_is_the_stock_models_within_one_255th(tiny_corpus, family):
    corpus = tiny_corpus(family)
    rng = np.random.default_rng(5)
    cases = [
        ({"space": "headOutput", "layer": 1, "heads": (2,)}, 1, [2]),
        ({"space": "headOutput", "layer": 2}, 2, range(4)),
        ({"space": "hiddenState", "layer": 3, "heads": (0, 3)}, 2, [0, 3]),
        ({"space": "hiddenState", "layer": 0}, 0, range(4)),
    ]
    for fields, layer, heads in cases:
        token = random_token(corpus.stock.read(QUERIES[1]), rng)
        found = corpus.search(QUERIES[1], token=token, k=30, **fields)
        assert (found.attention_layer, found.heads) == (layer, tuple(heads))
        for hit in found.hits:
            number, at = corpus.oracle.rows[corpus.oracle.row_of(hit)]
            sentence = corpus.oracle.sentences[number]
            mean = sentence.attention[layer][list(heads)].mean(axis=0)
            np.testing.assert_allclose(hit.outgoing, mean[at], atol=1 / 255)
            np.testing.assert_allclose(hit.incoming, mean[:, at], atol=1 / 255)
            assert_peak(hit.peak_outgoing, mean[at], at, sentence.special)
            assert_peak(hit.peak_incoming, mean[:, at], at, sentence.special)
            later = np.flatnonzero(~sentence.special & (np.arange(len(mean)) > at))
            assert hit.next == (int(later[0]) if len(later) else None)
            if hit.next is None:
                assert hit.peak_next is None
            else:
                assert_peak(hit.peak_next, mean[hit.next], hit.next, sentence.special)


def assert_peak(peak, row: np.ndarray, at: int, special: np.ndarray) -> None:
    """The strongest attention to a token that is not special, its distance counted from the row's own position."""
    assert not special[peak.index]
    assert row[peak.index] >= row[~special].max() - 2 / 255
    assert peak.offset == peak.index - at
    assert peak.weight == pytest.approx(row[peak.index], abs=1 / 255)


def test_special_tokens_are_never_hits_and_every_other_token_is_one(bert):
    found = bert.search(QUERIES[0], token=2, layer=1, k=1000)
    assert not any(hit.tokens.is_special[hit.match] for hit in found.hits)
    assert found.stats.searched == len(bert.oracle.rows) > 1000
    assert len(found.hits) == 1000
    assert {tuple(hit.tokens.is_special[[0, -1]]) for hit in found.hits} == {(True, True)}


def test_a_special_token_may_be_asked_for(bert):
    found = bert.search(QUERIES[0], token=0, layer=1, k=10)
    exact = bert.oracle.scores(bert.stock.read(QUERIES[0]), 0, "headOutput", 1, range(4))
    rows = [bert.oracle.row_of(hit) for hit in found.hits]
    np.testing.assert_allclose([hit.score for hit in found.hits], exact[rows], atol=0.01)


def test_tokens_of_a_hit_are_those_of_its_sentence(bert):
    for hit in bert.search(QUERIES[0], token=2, layer=1, k=20).hits:
        number, _ = bert.oracle.rows[bert.oracle.row_of(hit)]
        sentence = bert.oracle.sentences[number]
        assert hit.sentence_text == sentence.text
        np.testing.assert_array_equal(hit.tokens.is_special, sentence.special)
        spans = list(zip(hit.tokens.start.tolist(), hit.tokens.end.tolist(), strict=True))
        expected = [
            (0, 0) if special else span for span, special in zip(sentence.offsets, sentence.special, strict=True)
        ]
        assert spans == expected


def test_the_same_search_gives_the_same_answer(bert):
    def answer():
        hits = bert.search(QUERIES[2], token=1, layer=0, heads=(1, 2), k=200).hits
        return [(hit.score, hit.document, hit.start, hit.match) for hit in hits]

    assert answer() == answer()


def test_fewer_hits_are_a_prefix_of_more(bert):
    many = bert.search(QUERIES[2], token=1, layer=0, k=300).hits
    few = bert.search(QUERIES[2], token=1, layer=0, k=7).hits
    assert [(hit.score, hit.start) for hit in few] == [(hit.score, hit.start) for hit in many[:7]]
    assert [hit.rank for hit in many] == list(range(300))


def test_distinct_keeps_the_best_hit_of_each_sentence(bert):
    plain = bert.search(QUERIES[2], token=1, layer=0, k=1000).hits
    distinct = bert.search(QUERIES[2], token=1, layer=0, k=1000, distinct=True).hits
    best: dict[str, object] = {}
    for hit in plain:
        best.setdefault(hit.sentence_text, (hit.score, hit.document, hit.start))
    found = [(hit.score, hit.document, hit.start) for hit in distinct]
    assert len({hit.sentence_text for hit in distinct}) == len(distinct)
    assert found[: len(best)] == list(best.values())[: len(found)]


def test_a_filter_leaves_the_others_in_order(bert):
    plain = bert.search(QUERIES[2], token=1, layer=0, k=1000).hits
    where = Filter(documents=("*/2.txt", "tiny:/4.txt"))
    only = bert.search(QUERIES[2], token=1, layer=0, k=1000, filter=where)
    allowed = [hit for hit in plain if hit.document in ("tiny:/2.txt", "tiny:/4.txt")]
    assert [(hit.score, hit.start) for hit in only.hits][: len(allowed)] == [(hit.score, hit.start) for hit in allowed]
    assert only.stats.searched == sum(
        bert.oracle.sentences[number].document in ("tiny:/2.txt", "tiny:/4.txt") for number, _ in bert.oracle.rows
    )


# --- the real model ------------------------------------------------------------------------------

REAL_QUERIES = [
    "The girl ran to a local pub to escape the din of her city.",
    "An expression that appears on the right side is evaluated first.",
    "You can give each of these names a different value in the new scope!",
    "Why does it raise an error when the file cannot be found?",
]


@pytest.mark.slow
@pytest.mark.parametrize("size", ["1", "3", "half", "all"])
def test_real_head_outputs_have_recall_of_98_percent_and_scores_within_a_hundredth(real_corpus, size):
    rng = np.random.default_rng(6)
    results = [
        compare(real_corpus, text, rng, space="headOutput", layer=layer, heads=heads, weighting=weighting)
        for layer in range(real_corpus.n_layers)
        for heads in head_sets(real_corpus.n_heads, rng)[size]
        for text, weighting in zip(REAL_QUERIES, ("uniform", "norm", "uniform", "norm"), strict=True)
    ]
    assert_close(results)


@pytest.mark.slow
def test_real_hidden_states_have_recall_of_98_percent_in_every_layer(real_corpus):
    rng = np.random.default_rng(7)
    for layer in range(real_corpus.n_layers + 1):
        assert_close([compare(real_corpus, text, rng, space="hiddenState", layer=layer) for text in REAL_QUERIES])


@pytest.mark.slow
def test_a_real_sentence_finds_itself_first_in_every_layer_of_both_spaces(real_corpus):
    rng = np.random.default_rng(8)
    assert_finds_itself(real_corpus, rng.integers(0, len(real_corpus.oracle.sentences), 6).tolist())
