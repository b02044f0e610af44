"""Passes with heads replaced, against the stock model whose output projection has that head's columns set to zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from exbert_rpc.model import intervene
from exbert_rpc.model.intervene import Ablation, Interventions
from tests.model import zoo
from tests.oracles_model import zeroed, zeroed_columns
from tests.samples import sampled

FAMILIES = [*zoo.ON_INTERFACE, *zoo.FALLBACK, "gpt_oss", *zoo.ENCODER_DECODER]


@pytest.fixture(params=sampled(FAMILIES, 4))
def family(request):
    return request.param


@pytest.fixture
def read(family, load, folder_of):
    model = load(family)
    encoding = model.tokenize(zoo.TEXT, "She doesn't know." if family in zoo.ENCODER_DECODER else None)
    capture = model.capture(encoding)
    inputs = {"input_ids": encoding.ids}
    if encoding.type_ids is not None:
        inputs["token_type_ids"] = encoding.type_ids
    if capture.decoder_encoding is not None:
        inputs["decoder_input_ids"] = capture.decoder_encoding.ids
    return model, encoding, capture, inputs


def zeros(model):
    info = model.info
    return np.zeros((info.n_layers, info.n_heads, info.head_size), dtype=np.float32)


def assert_close(found, expected, tolerance):
    np.testing.assert_allclose(found, expected, atol=tolerance * max(1.0, np.abs(expected).max()), rtol=0)


def test_replacing_heads_by_zero_is_zeroing_their_columns_of_the_output_projection(read, family, folder_of):
    model, encoding, _capture, inputs = read
    heads = ((0, 1), (1, 3), (2, 0), (2, 2))
    hidden, logits = zeroed(folder_of(family), family, inputs, heads, model.info.head_size)
    capture = model.capture(encoding, ablation=Ablation(heads, zeros(model)))
    assert_close(capture.hidden_states[-1], hidden, 1e-5)
    end = model.ablate(encoding, None, Ablation(heads, zeros(model)), len(logits) - 1)
    assert_close(end.logits, logits[-1], 1e-5)
    assert not np.allclose(capture.hidden_states[-1], model.capture(encoding).hidden_states[-1], atol=1e-3)
    for layer, head in heads:
        assert not capture.head_outputs[layer, head].any()


def test_replacing_heads_by_zero_differs_in_nothing_from_zeroed_columns_of_the_same_weights(read, family):
    model, encoding, _capture, _inputs = read
    heads = ((0, 0), (1, 3), (2, 2))
    stock = model._network.model
    with zeroed_columns(
        stock.get_encoder() if family in zoo.ENCODER_DECODER else stock, family, heads, model.info.head_size
    ):
        expected = model.capture(encoding).hidden_states
    found = model.capture(encoding, ablation=Ablation(heads, zeros(model))).hidden_states
    np.testing.assert_array_equal(found, expected)


def test_replacing_no_head_changes_nothing(read):
    model, encoding, capture, _inputs = read
    again = model.capture(encoding, ablation=Ablation((), zeros(model)))
    np.testing.assert_array_equal(again.hidden_states, capture.hidden_states)
    np.testing.assert_array_equal(again.head_outputs, capture.head_outputs)


def test_a_replaced_head_gives_its_vector_everywhere_and_nothing_before_its_layer_changes(read):
    model, encoding, capture, _inputs = read
    values = capture.head_outputs.mean(axis=2)
    changed = model.capture(encoding, ablation=Ablation(((1, 2),), values))
    np.testing.assert_array_equal(
        changed.head_outputs[1, 2], np.broadcast_to(values[1, 2], changed.head_outputs[1, 2].shape)
    )
    np.testing.assert_array_equal(changed.head_outputs[1, [0, 1, 3]], capture.head_outputs[1, [0, 1, 3]])
    np.testing.assert_array_equal(changed.hidden_states[:2], capture.hidden_states[:2])


def test_one_head_at_a_time_in_shared_passes_equals_whole_passes(read):
    model, encoding, capture, _inputs = read
    info = model.info
    values = capture.head_outputs.mean(axis=2)
    heads = [(layer, head) for layer in range(info.n_layers) for head in range(info.n_heads)]
    n = len((capture.decoder_encoding or capture.encoding).ids)
    found = list(model.ablate_each(encoding, None, heads, values, n - 1))
    assert len(found) == len(heads)
    for head, end in zip(heads, found, strict=True):
        whole = model.ablate(encoding, None, Ablation((head,), values), n - 1)
        assert_close(end.pooled, whole.pooled, 3e-5)
        assert_close(end.logits, whole.logits, 3e-5)


@pytest.mark.parametrize("family", ["llama", "bert", "bloom", "t5"], indirect=True)
def test_small_batches_and_heads_in_any_order_give_the_same_ends(read, monkeypatch):
    model, encoding, capture, _inputs = read
    values = capture.head_outputs.mean(axis=2)
    heads = [(2, 1), (0, 3), (1, 0), (1, 2), (2, 3), (2, 0), (0, 0)]
    n = len((capture.decoder_encoding or capture.encoding).ids)
    whole = [model.ablate(encoding, None, Ablation((head,), values), n - 1) for head in heads]
    for rows in (1, 5, 100):
        monkeypatch.setattr(intervene, "BATCH_TOKENS", rows * len(encoding.ids))
        for end, expected in zip(model.ablate_each(encoding, None, heads, values, n - 1), whole, strict=True):
            assert_close(end.pooled, expected.pooled, 3e-5)
            assert_close(end.logits, expected.logits, 3e-5)


def test_the_share_of_the_work_rises_to_all_of_it_and_what_the_watcher_raises_ends_the_passes(load):
    model = load("llama")
    encoding = model.tokenize(zoo.TEXT)
    heads = [(layer, head) for layer in range(3) for head in range(4)]
    shares = []
    list(model.ablate_each(encoding, None, heads, zeros(model), 0, shares.append))
    assert shares == pytest.approx([0, 4 / 24, 12 / 24])  # four rows join at each layer

    def stop(share):
        if share > 0:
            raise Stopped

    with pytest.raises(Stopped):
        list(model.ablate_each(encoding, None, heads, zeros(model), 0, stop))
    again = next(model.ablate_each(encoding, None, heads[:1], zeros(model), 0))  # nothing of it is left behind
    assert_close(again.pooled, model.ablate(encoding, None, Ablation(heads[:1], zeros(model)), 0).pooled, 3e-5)


class Stopped(Exception):
    """Raised by a watcher."""


def test_every_family_but_the_one_with_shared_layers_runs_again_from_a_layer_on(family, load):
    plan = load(family)._interventions.plan()
    assert plan.batched
    assert (plan.layers is None) == (family == "albert")
    assert plan.joining == (family not in {"albert", "bloom"})


def test_a_plan_whose_passes_end_otherwise_is_not_taken(load, monkeypatch):
    """A model whose batched passes gave other numbers would be run one pass a head."""
    model = load("bert")
    interventions = Interventions(model._network, 3, model._interventions.probe)
    rows = Interventions._rows
    off = np.float32(1e-3)

    def wrong(self, *args):
        return [replace(end, pooled=end.pooled + off) for end in rows(self, *args)]

    monkeypatch.setattr(Interventions, "_rows", wrong)
    plan = interventions.plan()
    assert plan.layers is None
    assert not plan.batched
