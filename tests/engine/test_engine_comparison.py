"""``compare_captures``: against SciPy, planted changes, and captures that cannot be compared."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from exbert_rpc.analysis.comparison import cosines, jensen_shannon
from exbert_rpc.engine.requests import AblateRequest, AttendRequest, CompareRequest, TextInput
from exbert_rpc.errors import InvalidParams, UnknownHandle
from exbert_rpc.tasks import Task

TEXT = "The girl ran to a local pub."


def read(engine, text=TEXT, mask=(), session="test"):
    request = AttendRequest(session, TextInput(text, mask=mask), annotate=False)
    return engine.attend(request, Task())


def compare(engine, first, second):
    return engine.compare_captures(CompareRequest("test", first, second), Task())


def test_the_distance_of_rows_is_scipys():
    rng = np.random.default_rng(0)
    p, q = (rng.dirichlet(np.full(7, 0.3), size=(3, 5)).astype(np.float32) for _ in range(2))
    expected = jensenshannon(p.astype(np.float64), q.astype(np.float64), axis=-1, base=2)
    np.testing.assert_allclose(jensen_shannon(p, q), expected, atol=1e-5)
    np.testing.assert_allclose(jensen_shannon(p, p), 0, atol=1e-6)
    one, other = np.eye(2, dtype=np.float32)
    assert jensen_shannon(one, other) == 1


def test_what_a_row_gives_to_a_sink_is_one_more_place():
    p, q = np.array([0.2, 0.3], dtype=np.float32), np.array([0.5, 0.5], dtype=np.float32)
    expected = jensenshannon([0.2, 0.3, 0.5], [0.5, 0.5, 0.0], base=2)
    assert jensen_shannon(p, q) == pytest.approx(expected, abs=1e-6)


def test_cosines_of_zero_vectors_are_defined():
    zero, one = np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.float32)
    assert cosines(zero, zero) == 1
    assert cosines(zero, one) == 0
    assert cosines(one, -one) == -1


def test_a_pass_does_not_differ_from_itself(tiny_corpus):
    engine = tiny_corpus("bert").engine
    found = compare(engine, read(engine).capture_id, read(engine).capture_id)
    assert found.comparison.divergence.shape == (3, 4)
    assert found.comparison.divergence.max() < 1e-6
    np.testing.assert_allclose(found.comparison.cosine, 1, atol=1e-6)
    assert found.changed == ()


def test_a_mask_changes_what_scipy_says_it_changes(tiny_corpus):
    engine = tiny_corpus("bert").engine
    plain, masked = read(engine), read(engine, mask=(3,))
    found = compare(engine, plain.capture_id, masked.capture_id)
    expected = jensenshannon(
        plain.attention.astype(np.float64), masked.attention.astype(np.float64), axis=-1, base=2
    ).mean(axis=-1)
    np.testing.assert_allclose(found.comparison.divergence, expected, atol=1e-4)
    assert found.comparison.cosine[0, 3] < 0.9
    np.testing.assert_allclose(np.delete(found.comparison.cosine[0], 3), 1, atol=1e-6)
    before = [row[0] for row in plain.tokens.predictions]
    after = [row[0] for row in masked.tokens.predictions]
    assert [index for index, _one, _other in found.changed] == [
        index for index, (one, other) in enumerate(zip(before, after, strict=True)) if one.id != other.id
    ]


def test_a_replaced_head_changes_only_what_comes_after_it(tiny_corpus):
    engine = tiny_corpus("gpt2").engine
    request = AblateRequest("test", TextInput(TEXT), heads=((1, 2),), mode="zero", keep=True)
    changed = engine.ablate_heads(request, Task()).capture_id
    found = compare(engine, read(engine).capture_id, changed).comparison
    assert found.divergence[:2].max() < 1e-6
    assert found.divergence[2].min() > 1e-4
    np.testing.assert_allclose(found.cosine[:2], 1, atol=1e-6)
    assert found.cosine[2].max() < 1 - 1e-4


def test_captures_of_other_tokens_or_other_sessions_are_errors(tiny_corpus):
    engine = tiny_corpus("bert").engine
    first = read(engine).capture_id
    with pytest.raises(InvalidParams, match="captureIds: the captures have"):
        compare(engine, first, read(engine, "The girl ran.").capture_id)
    with pytest.raises(InvalidParams, match=r"captureIds: token \d+ differs: '\.' and ','"):
        compare(engine, first, read(engine, TEXT.replace(".", ",")).capture_id)
    with pytest.raises(UnknownHandle):
        compare(engine, first, "never")
    with pytest.raises(UnknownHandle):
        compare(engine, first, read(engine, session="other").capture_id)
