import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exbert_rpc.corpus.store.quantize import StoredVectors, choose_scale, packed_width, quantize
from exbert_rpc.corpus.vectors import make_query, scan_rows, score, unit_parts
from tests.oracles_corpus import exbert_ranking, similarity

SHAPE = (3, 8)  # parts, numbers a part


class InMemory:
    """Codes that no file holds."""

    def __init__(self, array):
        self.array = array

    def stretch(self, start, end):
        return self.array[start:end]

    def take(self, rows):
        return self.array[rows]


def unit_rows(rng, n, shape=SHAPE):
    return unit_parts(rng.standard_normal((n, *shape)).astype(np.float32))


def stored(rows, precision="int8", calibration=None):
    flat = rows.reshape(len(rows), -1)
    scale = choose_scale(flat if calibration is None else calibration, precision)
    codes = quantize(flat, scale, precision)
    return StoredVectors(precision, InMemory(codes.codes), codes.outliers, scale)


def test_parts_have_length_one_and_zero_parts_stay_zero():
    vectors = np.random.default_rng(0).standard_normal((5, *SHAPE)).astype(np.float32)
    vectors[2, 1] = 0
    lengths = np.linalg.norm(unit_parts(vectors), axis=-1)
    expected = np.ones((5, 3))
    expected[2, 1] = 0
    np.testing.assert_allclose(lengths, expected, atol=1e-6)


def test_int8_rows_come_back_within_half_a_step():
    rows = unit_rows(np.random.default_rng(1), 200)
    vectors = stored(rows)
    assert vectors.codes.array.dtype == np.int8 and vectors.codes.array.shape == (200, 24)
    decoded = vectors.dequantize(np.arange(200))
    assert decoded.dtype == np.float32
    assert np.all(np.abs(decoded - rows.reshape(200, -1)) <= vectors.scale.steps / 2 + 1e-7)


def test_what_int8_cannot_express_is_kept_beside_the_codes_exactly():
    rng = np.random.default_rng(2)
    rows = unit_rows(rng, 50)
    calibration = unit_rows(rng, 50).reshape(50, -1) * np.float32(0.3)  # a corpus three times as wide
    vectors = stored(rows, calibration=calibration)
    assert len(vectors.outliers) > 100
    assert np.all(np.diff(vectors.outliers["row"].astype(int)) >= 0)
    flat = rows.reshape(50, -1)
    beyond = np.abs(flat - vectors.scale.center) > vectors.scale.steps * 127.5
    decoded = vectors.dequantize(np.arange(50))
    np.testing.assert_allclose(decoded[beyond], flat[beyond], atol=1e-6)
    assert np.all(np.abs(decoded - flat) <= vectors.scale.steps / 2 + 1e-6)


def test_a_part_that_is_zero_is_like_nothing():
    rng = np.random.default_rng(7)
    calibration = (unit_rows(rng, 50) + 0.5).reshape(50, -1).astype(np.float32)  # all far from zero
    rows = unit_rows(rng, 6)
    rows[3, 1] = 0
    vectors = stored(rows, calibration=calibration)
    query = make_query(rows[0], np.array([1]), by_norm=False)
    assert score(query, vectors.dequantize(np.arange(6)))[3] == 0


def test_rows_are_decoded_in_the_order_they_are_asked_for():
    rows = unit_rows(np.random.default_rng(3), 40)
    vectors = stored(rows, calibration=rows.reshape(40, -1) * np.float32(0.4))
    whole = vectors.dequantize(np.arange(40))
    order = np.array([7, 39, 0, 7, 12])
    np.testing.assert_array_equal(vectors.dequantize(order), whole[order])


def test_a_dimension_that_is_dead_in_the_calibration_text_does_no_harm():
    calibration = unit_rows(np.random.default_rng(4), 30).reshape(30, -1)
    calibration[:, 5] = 0
    vectors = stored(unit_rows(np.random.default_rng(5), 30), calibration=calibration)
    assert np.all(vectors.scale.steps > 0)
    assert np.isfinite(vectors.dequantize(np.arange(30))).all()


@pytest.mark.parametrize("precision", ["int8", "int4", "binary"])
def test_integers_are_the_codes_that_decoding_multiplies(precision):
    rows = unit_rows(np.random.default_rng(6), 33, (5, 5))
    vectors = stored(rows, precision)
    assert vectors.codes.array.shape[1] == packed_width(25, precision)
    integers = vectors.integers(4, 20)
    assert integers.dtype == np.int8 and integers.shape == (16, 25)
    expected = integers * vectors.scale.steps + vectors.scale.center
    np.testing.assert_allclose(vectors.dequantize(np.arange(4, 20)), expected, atol=1e-6)


@pytest.mark.parametrize(("precision", "least"), [("int8", 0.9999), ("int4", 0.98), ("binary", 0.75)])
def test_every_precision_points_the_same_way_as_the_row(precision, least):
    rows = unit_rows(np.random.default_rng(7), 300, (1, 64))
    decoded = stored(rows, precision).dequantize(np.arange(300))
    cosines = [similarity(row, back[None], [0]) for row, back in zip(rows, decoded, strict=True)]
    assert np.mean(cosines) > least


@given(
    heads=st.none() | st.sets(st.integers(0, 2), min_size=1).map(sorted),
    by_norm=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_scores_equal_the_slow_formula(heads, by_norm, seed):
    rng = np.random.default_rng(seed)
    vector = rng.standard_normal(SHAPE).astype(np.float32)
    rows = unit_rows(rng, 6)
    query = make_query(vector, None if heads is None else np.array(heads), by_norm=by_norm)
    assert query.weights.sum() == pytest.approx(1)
    found = score(query, rows.reshape(6, -1))
    assert found.dtype == np.float32
    parts = range(3) if heads is None else heads
    expected = [similarity(vector, row, parts, by_norm=by_norm) for row in rows]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_weighting_by_norm_ranks_as_exbert_does():
    rng = np.random.default_rng(8)
    vector = rng.standard_normal(SHAPE).astype(np.float32) * np.array([[9.0], [1.0], [0.2]], dtype=np.float32)
    raw = rng.standard_normal((60, *SHAPE)).astype(np.float32) * 3
    found = score(make_query(vector, np.array([0, 2]), by_norm=True), unit_parts(raw).reshape(60, -1))
    assert np.argsort(-found).tolist() == np.argsort(-exbert_ranking(vector, raw, [0, 2])).tolist()


def test_scores_stay_between_minus_one_and_one():
    rows = unit_rows(np.random.default_rng(9), 500)
    for row in rows[:20]:
        found = score(make_query(row, None, by_norm=False), rows.reshape(500, -1))
        assert found.min() >= -1 and found.max() <= 1


@given(seed=st.integers(0, 2**16), head=st.none() | st.integers(0, 2))
def test_the_scan_ranks_as_the_score_up_to_rounding(seed, head):
    rng = np.random.default_rng(seed)
    rows = unit_rows(rng, 40)
    vectors = stored(rows)
    query = make_query(
        rng.standard_normal(SHAPE).astype(np.float32), None if head is None else np.array([head]), by_norm=False
    )
    codes = vectors.integers(0, 40).astype(np.float64)
    scanned = sum(factor * (codes @ row[0].astype(np.float64)) for row, factor in scan_rows(query, vectors.scale.steps))
    same_for_all = (query.parts * query.weights[:, None]).ravel() @ vectors.scale.center
    exact = score(query, rows.reshape(40, -1))
    np.testing.assert_allclose(scanned + same_for_all, exact, atol=0.03)


def test_a_zero_query_scores_nothing_and_scans_nothing():
    query = make_query(np.zeros(SHAPE, np.float32), None, by_norm=True)
    rows = unit_rows(np.random.default_rng(10), 4)
    assert scan_rows(query, np.ones(24, np.float32)) == []
    np.testing.assert_array_equal(score(query, rows.reshape(4, -1)), np.zeros(4))
