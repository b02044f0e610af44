import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from exbert_rpc.analysis.statistics import (
    benjamini_hochberg,
    log_fisher_tails,
    log_fisher_two_sided,
    wilson_interval,
)
from tests.oracles_analysis import adjusted_p_values, hypergeometric_tails, wilson_by_search


@st.composite
def tables(draw, largest=60):
    n, base_n = draw(st.integers(1, largest)), draw(st.integers(1, 4 * largest))
    return draw(st.integers(0, n)), n, draw(st.integers(0, base_n)), base_n


@pytest.mark.parametrize(("count", "n"), [(0, 50), (1, 50), (25, 50), (48, 50), (50, 50), (0, 1), (1, 1), (999, 1000)])
def test_the_interval_is_scipys_wilson_interval(count, n):
    expected = stats.binomtest(count, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(count / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.integers(1, 300), st.floats(0, 1))
def test_the_interval_inverts_its_test_and_holds_the_share(n, share):
    low, high = wilson_interval(share, n)
    assert 0 <= low <= share <= high <= 1
    assert (low, high) == pytest.approx(wilson_by_search(share, n), abs=1e-9)


def test_without_trials_the_interval_is_everything():
    assert wilson_interval(0.0, 0) == (0.0, 1.0)


@settings(deadline=None)
@given(tables())
def test_tails_are_those_of_exact_counting(table):
    expected = hypergeometric_tails(*table)
    for log_tail, fraction in zip(log_fisher_tails(*table), expected, strict=True):
        assert math.exp(log_tail) == pytest.approx(float(fraction), rel=1e-10)


@pytest.mark.parametrize(
    "table", [(48, 50, 120_000, 1_270_000), (3, 50, 9, 1_000_000), (700, 1000, 300_000, 1_000_000)]
)
def test_tails_of_a_large_corpus_are_scipys(table):
    count, n, base_count, base_n = table
    random = stats.hypergeom(n + base_n, count + base_count, n)
    lower, upper = log_fisher_tails(*table)
    assert lower == pytest.approx(random.logcdf(count), rel=1e-6, abs=1e-9)
    assert upper == pytest.approx(random.logsf(count - 1), rel=1e-6, abs=1e-9)


def test_a_p_value_too_small_for_a_float_keeps_its_logarithm():
    log_p = log_fisher_two_sided(1000, 1000, 10, 1_000_000)
    assert -20_000 < log_p < -5_000


@given(tables())
def test_two_sided_is_twice_the_smaller_tail(table):
    expected = min(1.0, 2 * float(min(hypergeometric_tails(*table))))
    assert math.exp(log_fisher_two_sided(*table)) == pytest.approx(expected, rel=1e-10)


@given(tables())
def test_more_and_less_are_treated_alike(table):
    count, n, base_count, base_n = table
    mirrored = log_fisher_two_sided(n - count, n, base_n - base_count, base_n)
    assert log_fisher_two_sided(*table) == pytest.approx(mirrored, rel=1e-9, abs=1e-9)


def test_without_hits_or_baseline_nothing_is_surprising():
    assert log_fisher_two_sided(0, 0, 5, 10) == 0.0
    assert log_fisher_two_sided(5, 5, 0, 0) == 0.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_q_values_are_scipys_and_those_of_the_definition(p_values):
    q_values = benjamini_hochberg(p_values)
    assert q_values.dtype == np.float64
    assert q_values == pytest.approx(stats.false_discovery_control(p_values), abs=1e-12)
    assert q_values == pytest.approx(adjusted_p_values(p_values), abs=1e-12)


def test_no_p_values_give_no_q_values():
    assert benjamini_hochberg([]).shape == (0,)


@pytest.mark.parametrize(("rate", "base_n"), [(0.3, 20_000), (0.1, 2_000), (0.02, 500)])
def test_random_hits_give_uniform_p_values(rate, base_n):
    rng = np.random.default_rng(7)
    n, runs = 50, 4_000
    places, exact = [], []
    for _ in range(runs):
        table = (int(rng.binomial(n, rate)), n, int(rng.binomial(base_n, rate)), base_n)
        lower, upper = np.exp(log_fisher_tails(*table))
        here = lower + upper - 1  # P(X = count): spread evenly over it, a discrete tail becomes continuous
        places.append(upper - here * rng.random())
        exact.append(np.exp(log_fisher_two_sided(*table)))
    assert stats.kstest(places, "uniform").pvalue > 0.01
    for level in (0.01, 0.05, 0.1, 0.25, 0.5):
        noise = 3 * np.sqrt(level * (1 - level) / runs)
        assert np.mean(np.array(exact) <= level) <= level + noise


def test_random_hits_that_are_part_of_the_baseline_are_no_surprise_either():
    rng = np.random.default_rng(8)
    corpus = rng.random(400) < 0.2
    counts = [int(rng.choice(corpus, 50, replace=False).sum()) for _ in range(4_000)]
    p_values = np.exp([log_fisher_two_sided(count, 50, int(corpus.sum()), 400) for count in counts])
    for level in (0.05, 0.2, 0.5):
        assert np.mean(p_values <= level) <= level + 0.02
