"""Batches give the numbers of single passes and cost no more than was asked for; captures stay lazy."""

from __future__ import annotations

import threading
from functools import partial

import numpy as np
import pytest

from exbert_rpc.errors import InvalidParams, ModelNotSupported
from exbert_rpc.model import attention_function
from exbert_rpc.model.capture import check_finite
from tests.model import zoo
from tests.samples import sampled

TEXTS = ["The girl ran.", zoo.TEXT, "pub", zoo.LONG_TEXT[:150]]
FAMILIES = ["bert", "roberta", "albert", "modernbert", "gpt2", "opt", "llama", "gemma3", "gpt_oss", "t5", "bart"]
FAMILIES += ["deberta-v2", "mpnet", "gptj", "gpt_neo", "bloom"]


@pytest.mark.parametrize("family", sampled(FAMILIES, 4))
def test_a_padded_batch_gives_what_single_passes_give(load, family):
    model = load(family)
    encodings = model.tokenize_many(TEXTS)
    asked = {"hidden_layers": [0, 2, 3], "layers": [0, 2], "attention_layers": [1]}
    for encoding, found in zip(encodings, model.capture_batch(encodings, **asked), strict=True):
        alone = model.capture(encoding)
        assert found.encoding is encoding
        assert {array.dtype for array in (*found.hidden_states, *found.head_outputs, *found.attention)} == {
            np.dtype(np.float32)
        }
        np.testing.assert_allclose(found.hidden_states, alone.hidden_states[[0, 2, 3]], atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(found.head_outputs, alone.head_outputs[[0, 2]], atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(found.attention, alone.attention([1]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", ["bert", "llama", "deberta-v2", "t5", "bart"])
def test_each_hidden_state_can_be_asked_for_alone(load, family):
    model = load(family)
    (encoding,) = model.tokenize_many([zoo.TEXT])
    expected = model.capture(encoding).hidden_states
    for layer in range(model.info.n_layers + 1):
        (found,) = model.capture_batch([encoding], hidden_layers=[layer], layers=[], attention_layers=[])
        np.testing.assert_allclose(found.hidden_states[0], expected[layer], atol=1e-5, rtol=1e-5)


def calls_of(monkeypatch, action) -> int:
    """Attention calls that an action makes."""
    count = [0]

    def counted(original):
        def call(*args):
            count[0] += 1
            return original(*args)

        return call

    with monkeypatch.context() as patch:
        # an output comes from the kernel, or from weights that are wanted anyway
        for name in ("_output", "_weighted"):
            patch.setattr(attention_function, name, counted(getattr(attention_function, name)))
        action()
    return count[0]


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        (([0], [], []), 0),
        (([1], [], []), 1),
        (([], [0], []), 1),
        (([0], [1], [0]), 2),
        (([2], [], [0]), 2),
        (([3], [], []), 3),
        (([], [], [2]), 3),
        (([], [], []), 0),
    ],
)
def test_a_pass_ends_as_soon_as_it_has_what_was_asked_for(load, monkeypatch, asked, calls):
    names = ("hidden_layers", "layers", "attention_layers")
    chosen = dict(zip(names, asked, strict=True))
    for family in ("bert", "llama"):
        run = partial(load(family).capture_batch, load(family).tokenize_many(TEXTS), **chosen)
        assert calls_of(monkeypatch, run) <= max(calls, 1)


def test_weights_and_predictions_of_a_capture_cost_no_second_pass(load, monkeypatch):
    for family in ("bert", "gpt2", "t5", "bart"):
        model = load(family)
        capture = model.capture(model.tokenize(zoo.TEXT))

        def read(capture=capture):
            capture.attention([0, 1, 2])
            capture.predictions(3)

        assert calls_of(monkeypatch, read) == 0


def test_weights_are_computed_for_the_layers_asked_for_only(load, monkeypatch):
    model = load("bert")
    capture = model.capture(model.tokenize(zoo.TEXT))
    computed = []
    original = attention_function.attention_weights
    from exbert_rpc.model import passes

    monkeypatch.setattr(passes, "attention_weights", lambda *args: computed.append(args) or original(*args))
    assert capture.attention([1]).shape[0] == 1
    assert len(computed) == 1


def test_no_layers_give_an_empty_array_of_the_right_shape(load):
    model = load("bart")
    capture = model.capture(model.tokenize("The girl ran", "to the pub now"))
    n, m = len(capture.encoding.ids), len(capture.decoder_encoding.ids)
    assert capture.attention([]).shape == (0, 4, n, n)
    assert capture.attention([], [1], "cross").shape == (0, 1, m, n)


def test_a_capture_counts_its_bytes(load):
    model = load("bert")
    encoding = model.tokenize(zoo.TEXT)
    capture = model.capture(encoding)
    n = len(encoding.ids)
    arrays = capture.hidden_states.nbytes + capture.head_outputs.nbytes
    query_and_key = 3 * 2 * n * 32 * 4
    assert arrays + query_and_key <= capture.nbytes <= arrays + query_and_key + n * 32 * 4 + n * n * 4


def test_an_empty_batch_gives_nothing(load):
    assert load("bert").capture_batch([], hidden_layers=[0], layers=[], attention_layers=[]) == []


def test_layers_out_of_range_are_refused_before_the_pass(load):
    model = load("bert")
    encodings = model.tokenize_many(["The girl"])
    for hidden, layers, attention in (([4], [], []), ([], [3], []), ([], [], [-1])):
        with pytest.raises(InvalidParams):
            model.capture_batch(encodings, hidden_layers=hidden, layers=layers, attention_layers=attention)


def test_more_predictions_than_words_give_all_words(load):
    model = load("bert")
    capture = model.capture(model.tokenize("The girl"))
    (first, *_rest) = capture.predictions(10**6)
    assert sum(candidate.probability for candidate in first) == pytest.approx(1, abs=1e-4)
    assert capture.predictions(0) == tuple(() for _ in capture.encoding.ids)


def test_threads_that_share_models_do_not_mix_their_passes(load):
    models = [load("bert"), load("gpt2")]
    expected = [[model.capture(model.tokenize(text)).hidden_states for text in TEXTS] for model in models]
    wrong: list[str] = []

    def work(number: int) -> None:
        for step in range(8):
            model, text = models[(number + step) % 2], TEXTS[step % len(TEXTS)]
            found = model.capture(model.tokenize(text))
            if not np.allclose(found.hidden_states, expected[(number + step) % 2][step % len(TEXTS)], atol=1e-5):
                wrong.append(text)
            if len(found.head_outputs) != 3:
                wrong.append("layers")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_model_without_padding_invariance_runs_texts_of_one_length_together(load):
    model = load("bert")
    network = model._network
    before, network.padding_is_harmless = network.padding_is_harmless, False
    try:
        encodings = model.tokenize_many([*TEXTS, "The girl ran."])
        found = model.capture_batch(encodings, hidden_layers=[3], layers=[], attention_layers=[])
    finally:
        network.padding_is_harmless = before
    assert [capture.encoding for capture in found] == encodings
    for capture in found:
        np.testing.assert_allclose(
            capture.hidden_states[0], model.capture(capture.encoding).hidden_states[3], atol=1e-5
        )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("family", ["bert", "gpt2", "llama"])
def test_numbers_that_are_not_finite_anywhere_on_the_way_are_refused(load, family, value):
    model = load(family)
    (encoding,) = model.tokenize_many([zoo.TEXT])
    places = [
        parameter
        for name, parameter in model._network.body.named_parameters()
        if name.endswith(
            ("0.weight", "value.weight", "v_proj.weight", "c_attn.weight", "dense.weight", "mlp.c_fc.weight")
        )
        and "pooler" not in name
    ]
    assert len(places) >= 3
    for parameter in places:
        kept = parameter.data.clone()
        try:
            parameter.data.view(-1)[0] = value
            with pytest.raises(ModelNotSupported, match="not finite"):
                model.capture(encoding)
            with pytest.raises(ModelNotSupported, match="not finite"):
                model.capture_batch([encoding], hidden_layers=[0, 1, 2, 3], layers=[0, 1, 2], attention_layers=[])
        finally:
            parameter.data.copy_(kept)
    model.capture(encoding)


def test_large_numbers_are_finite_although_their_sum_is_not():
    check_finite(np.full((2, 600), 3e38, np.float32), None)
