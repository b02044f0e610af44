"""Captures against the stock model of every family that the project promises."""

from __future__ import annotations

import numpy as np
import pytest

from tests.model import zoo
from tests.oracles_model import softmax, stock_pass

ONE_STACK = [*zoo.ON_INTERFACE, *zoo.FALLBACK, "gpt_oss"]
ALL = [*ONE_STACK, *zoo.ENCODER_DECODER]
TOLERANCE = 1e-5


@pytest.fixture(params=ALL)
def family(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def passes(family, load, folder_of):
    model = load(family)
    text = zoo.LONG_TEXT if family in {"gemma2", "gemma3", "mistral", "modernbert", "gpt_neo"} else zoo.TEXT
    encoding = model.tokenize(text, "She doesn't know." if family in zoo.ENCODER_DECODER else None)
    capture = model.capture(encoding)
    inputs = {"input_ids": encoding.ids}
    if encoding.type_ids is not None:
        inputs["token_type_ids"] = encoding.type_ids
    if capture.decoder_encoding is not None:
        inputs["decoder_input_ids"] = capture.decoder_encoding.ids
    return capture, stock_pass(folder_of(family), family, inputs, model.info.n_kv_heads)


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    """Within 1e-5 of the largest number of the expected array, or of 1."""
    np.testing.assert_allclose(found, expected, atol=TOLERANCE * max(1.0, np.abs(expected).max()), rtol=0)


def test_attention_is_that_of_the_stock_model(passes):
    capture, stock = passes
    found = capture.attention(range(capture.info.n_layers))
    assert found.dtype == np.float32
    assert found.shape == stock.attentions.shape
    np.testing.assert_allclose(found, stock.attentions, atol=TOLERANCE, rtol=0)


def test_hidden_states_are_those_of_the_stock_model(passes):
    capture, stock = passes
    assert capture.hidden_states.dtype == np.float32
    assert capture.hidden_states.shape == (
        capture.info.n_layers + 1,
        len(capture.encoding.ids),
        capture.info.hidden_size,
    )
    assert_close(capture.hidden_states, stock.hidden)


def test_head_outputs_are_the_stock_weights_times_the_values(passes):
    capture, stock = passes
    info = capture.info
    assert capture.head_outputs.dtype == np.float32
    assert capture.head_outputs.shape == (info.n_layers, info.n_heads, len(capture.encoding.ids), info.head_size)
    assert_close(capture.head_outputs, stock.heads)


def test_predictions_are_the_softmax_of_the_stock_logits(passes):
    capture, stock = passes
    predictions = capture.predictions(5)
    probabilities = softmax(stock.logits)
    assert len(predictions) == len(probabilities)
    for row, expected in zip(predictions, probabilities, strict=True):
        assert len({candidate.id for candidate in row}) == 5
        best = np.sort(expected)[::-1][:5]
        np.testing.assert_allclose([candidate.probability for candidate in row], best, atol=TOLERANCE, rtol=1e-4)
        np.testing.assert_allclose([expected[candidate.id] for candidate in row], best, atol=TOLERANCE, rtol=1e-4)


@pytest.mark.parametrize("family", zoo.ENCODER_DECODER)
def test_decoder_and_cross_attention_are_told_apart(passes):
    capture, stock = passes
    layers = range(capture.info.n_decoder_layers)
    np.testing.assert_allclose(capture.attention(layers, stream="decoder"), stock.decoder, atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(capture.attention(layers, stream="cross"), stock.cross, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("family", [name for name in ALL if name != "gpt_oss"])
def test_attention_rows_sum_to_one(passes):
    capture, _stock = passes
    np.testing.assert_allclose(capture.attention(range(capture.info.n_layers)).sum(-1), 1, atol=TOLERANCE)


@pytest.mark.parametrize("family", ["bert", "llama", "gemma2", "gpt_oss", "deberta-v2", "t5", "bloom"])
def test_any_layers_and_heads_are_a_part_of_all(passes):
    capture, _stock = passes
    whole = capture.attention(range(capture.info.n_layers))
    np.testing.assert_array_equal(capture.attention([2, 0], [3, 1]), whole[[2, 0]][:, [3, 1]])


@pytest.mark.parametrize("family", zoo.ON_INTERFACE)
def test_families_on_the_interface_need_no_fallback(family, load):
    assert load(family)._network.route == "exbert_rpc"


@pytest.mark.parametrize("family", zoo.FALLBACK)
def test_families_off_the_interface_fall_back(family, load):
    assert load(family)._network.route == "eager"
