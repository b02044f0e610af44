"""Effects, comparisons, weights and pairs against SciPy, and against formulas that look at one number at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cosine as cosine_distance
from scipy.spatial.distance import jensenshannon
from scipy.special import log_softmax, softmax
from scipy.stats import entropy, rankdata

from exbert_rpc.analysis.ablation import cosine, cosine_effect, likeliest, log_probabilities, prediction_effect
from exbert_rpc.analysis.comparison import compare, cosines, jensen_shannon
from exbert_rpc.analysis.decomposition import lens_rows, sums_up, token_pairs
from exbert_rpc.analysis.value_weights import value_weighted


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def logits_of(rng, *shape):
    return (20 * rng.standard_normal(shape)).astype(np.float32)


# ---- replaced heads


def test_log_probabilities_are_scipys_and_sum_to_one(rng):
    logits = logits_of(rng, 3, 500)
    found = log_probabilities(logits)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, log_softmax(logits.astype(np.float64), axis=-1), atol=1e-12)
    np.testing.assert_allclose(np.exp(found).sum(axis=-1), 1, atol=1e-12)


def test_the_effect_on_a_prediction_is_the_change_of_its_log_probability_and_scipys_divergence(rng):
    before, after = logits_of(rng, 300), logits_of(rng, 300)
    base, changed = log_probabilities(before), log_probabilities(after)
    effect = prediction_effect(base, np.exp(base), changed, 17, ())
    assert effect.value == pytest.approx(math.log(softmax(after.astype(np.float64))[17]))
    assert effect.delta == pytest.approx(effect.value - math.log(softmax(before.astype(np.float64))[17]))
    assert effect.kl_divergence == pytest.approx(entropy(np.exp(base), np.exp(changed)))


def test_an_unchanged_prediction_has_no_effect_and_impossible_tokens_do_not_matter(rng):
    logits = logits_of(rng, 50)
    logits[:10] = -np.inf  # a vocabulary may have entries that are never predicted
    base = log_probabilities(logits)
    effect = prediction_effect(base, np.exp(base), base.copy(), 20, ())
    assert (effect.delta, effect.kl_divergence) == (0, 0)


@pytest.mark.parametrize("k", [0, 1, 3, 40, 100])
def test_the_likeliest_are_those_of_a_full_sort_with_ties_by_id(rng, k):
    scores = rng.integers(0, 8, 40).astype(np.float64)
    scores -= np.log(np.exp(scores).sum())
    by_hand = sorted(range(40), key=lambda id_: (-scores[id_], id_))[:k]
    found = likeliest(scores, k)
    assert [id_ for id_, _ in found] == by_hand
    assert [p for _, p in found] == pytest.approx([math.exp(scores[id_]) for id_ in by_hand])


def test_a_cosine_is_scipys_and_its_effect_the_difference(rng):
    a, b = rng.standard_normal((2, 64)).astype(np.float32)
    assert cosine(a, b) == pytest.approx(1 - cosine_distance(a.astype(np.float64), b.astype(np.float64)))
    assert cosine(a, np.zeros(64, np.float32)) == 0
    effect = cosine_effect(0.25, a, b)
    assert (effect.value, effect.delta) == (cosine(a, b), pytest.approx(cosine(a, b) - 0.25))
    assert effect.kl_divergence is None


# ---- two passes


def test_the_distance_of_two_heads_is_scipys_mean_over_the_rows(rng):
    first, second = rng.dirichlet(np.full(9, 0.3), size=(2, 5, 9)).astype(np.float32)
    second[2] = first[2]
    by_hand = [
        np.mean([jensenshannon(p, q, base=2) for p, q in zip(*rows, strict=True)])
        for rows in zip(first, second, strict=True)
    ]
    hidden = rng.standard_normal((2, 3, 9, 6)).astype(np.float32)
    found = compare(lambda layer: (first, second), [0, 1], lambda layer: (hidden[0, layer], hidden[1, layer]), 3)
    np.testing.assert_allclose(found.divergence, [by_hand, by_hand], atol=1e-6)
    assert found.divergence[0, 2] == 0
    expected = [
        [1 - cosine_distance(a, b) for a, b in zip(*layers, strict=True)] for layers in zip(*hidden, strict=True)
    ]
    np.testing.assert_allclose(found.cosine, expected, atol=1e-6)


def test_opposite_rows_are_one_apart_and_what_a_sink_takes_is_a_place_of_its_own():
    apart = jensen_shannon(np.array([[1.0, 0.0]], np.float32), np.array([[0.0, 1.0]], np.float32))
    assert apart[0] == pytest.approx(1)
    p, q = np.array([0.2, 0.1], np.float32), np.array([0.5, 0.1], np.float32)
    expected = jensenshannon([0.2, 0.1, 0.7], [0.5, 0.1, 0.4], base=2)
    assert jensen_shannon(p, q) == pytest.approx(expected, abs=1e-6)


def test_zero_vectors_are_alike_and_unlike_all_others():
    zero, one = np.zeros((1, 3), np.float32), np.ones((1, 3), np.float32)
    assert (cosines(zero, zero)[0], cosines(zero, one)[0], cosines(one, one)[0]) == (1, 0, pytest.approx(1))


# ---- weights by value, pairs of tokens, the lens


def test_weights_by_value_are_each_weight_times_its_norm_by_the_sum_of_the_row(rng):
    attention = rng.dirichlet(np.ones(4), size=(2, 3, 4)).astype(np.float32)
    norms = rng.random((2, 3, 4)).astype(np.float32)
    norms[1, 2] = 0
    found = value_weighted(attention, norms)
    for layer, head, i, j in np.ndindex(found.shape):
        total = sum(float(attention[layer, head, i, one]) * float(norms[layer, head, one]) for one in range(4))
        weight = float(attention[layer, head, i, j]) * float(norms[layer, head, j])
        assert found[layer, head, i, j] == pytest.approx(weight / total if total else 0, abs=1e-6)


def test_pairs_of_tokens_sum_to_the_cosine_of_the_means(rng):
    first, second = (rng.standard_normal((n, 16)).astype(np.float32) for n in (5, 8))
    pairs = token_pairs(first, second)
    assert pairs.shape == (5, 8)
    expected = 1 - cosine_distance(first.astype(np.float64).mean(axis=0), second.astype(np.float64).mean(axis=0))
    assert pairs.sum(dtype=np.float64) == pytest.approx(expected, abs=1e-5)
    scaled = token_pairs(first * 3, second)
    np.testing.assert_allclose(scaled, pairs, atol=1e-6)


def test_the_lens_ranks_as_scipy_does(rng):
    logits = logits_of(rng, 4, 60)
    for layer, row in enumerate(lens_rows(logits, 11, 3)):
        wide = logits[layer].astype(np.float64)
        assert row.hidden_layer == layer
        assert row.target_rank == rankdata(-wide, method="min")[11]
        assert row.target_probability == pytest.approx(softmax(wide)[11])
        assert [id_ for id_, _ in row.top] == np.argsort(-wide)[:3].tolist()


@pytest.mark.parametrize(
    ("residual", "total", "largest", "expected"),
    [
        (9e-5, 0.5, 0.5, True),
        (2e-4, 0.5, 0.5, False),
        (2e-4, -3.0, 1.0, True),
        (9e-4, 1.0, 10.0, True),
        (2e-3, 1, 10, False),
    ],
)
def test_parts_sum_up_within_1e_4_of_the_largest_number_involved(residual, total, largest, expected):
    assert sums_up(residual, total, largest) is expected
    assert sums_up(-residual, total, largest) is expected
