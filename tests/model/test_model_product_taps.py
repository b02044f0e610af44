"""Head outputs read out of matrix products: XLNet, HY V4 and Nyströmformer, against functions of the stock models."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import models_table
from benchmarks.tiny_models import make_config, text_classes
from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.head_places import AtProducts, as_data, from_data
from exbert_rpc.model.intervene import Ablation, Interventions
from exbert_rpc.model.product_taps import find_product_taps, tapping_products
from tests.samples import slow

N, H, D = 7, 3, 5


class WrittenOut(torch.nn.Module):
    """Attention over parameters, with a product before the one that counts, in one of several notations."""

    def __init__(self, notation: str) -> None:
        super().__init__()
        self.inner = torch.nn.Identity()
        self.notation = notation
        generator = torch.Generator().manual_seed(3)
        self.query, self.value = (torch.randn(H * D, H * D, generator=generator) for _ in range(2))

    def forward(self, states):
        b, n, _ = states.shape
        query, value = ((states @ matrix).reshape(b, n, H, D).transpose(1, 2) for matrix in (self.query, self.value))
        weights = torch.softmax(torch.matmul(query, self.inner(query).transpose(-1, -2)), dim=-1)
        if self.notation == "einsum":
            heads = torch.einsum("bhij,jbhd->ibhd", weights, value.permute(2, 0, 1, 3)).permute(1, 0, 2, 3)
        elif self.notation == "einsum of a tuple":
            heads = torch.einsum("bhij,bhjd->bhid", (weights, value)).transpose(1, 2)
        elif self.notation == "bmm":
            flat = torch.bmm(weights.reshape(b * H, n, n), value.reshape(b * H, n, D))
            heads = flat.reshape(b, H, n, D).transpose(1, 2)
        else:
            heads = (weights @ value).transpose(1, 2)
        heads = heads.contiguous()
        heads += 0  # in place: what was seen must not change with it
        return heads, weights


NOTATIONS = ["einsum", "einsum of a tuple", "bmm", "operator"]


@pytest.fixture(params=NOTATIONS)
def written(request):
    model = torch.nn.Sequential(WrittenOut(request.param))
    states = torch.randn(1, N, H * D, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        _heads, weights = model(states)
        (tap,) = find_product_taps(lambda: model(states), model, [weights])
    return model, tap


@pytest.mark.parametrize("b", [1, 4])
def test_heads_are_seen_whatever_the_notation_and_the_batch(written, b):
    model, tap = written
    states = torch.randn(b, N + b, H * D, generator=torch.Generator().manual_seed(b))
    seen = []
    with torch.inference_mode(), tapping_products([tap], H, lambda _number, heads: seen.append(heads)):
        heads, _weights = model(states)
    assert (tap.call, tap.product) == (0, 3)
    np.testing.assert_allclose(seen[0].numpy(), heads.numpy(), atol=1e-6)


def test_heads_that_are_given_take_the_place_of_those_seen(written):
    model, tap = written
    states = torch.randn(2, N, H * D, generator=torch.Generator().manual_seed(9))

    def zero(_number, heads):
        heads = heads.clone()
        heads[1, :, 2] = 0
        return heads

    with torch.inference_mode():
        expected = model(states)[0].clone()
        expected[1, :, 2] = 0
        with tapping_products([tap], H, zero):
            found, _weights = model(states)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-6)


def test_other_weights_are_not_found(written):
    model, _tap = written
    states = torch.randn(1, N, H * D, generator=torch.Generator().manual_seed(1))
    others = torch.softmax(torch.randn(1, H, N, N, generator=torch.Generator().manual_seed(2)), dim=-1)
    assert find_product_taps(lambda: model(states), model, [others]) is None


def run_xlnet(stock, encoding, *, silent=()):
    """Head outputs ``[H, n, d]`` of each layer of the stock model and its last state, some heads giving nothing."""
    found = []
    for layer, block in enumerate(stock.transformer.layer):
        core = block.rel_attn.rel_attn_core

        def wrapped(*args, core=core, layer=layer, **kwargs):
            given = core(*args, **kwargs)
            for head in [head for of_layer, head in silent if of_layer == layer]:
                given[:, :, head] = 0
            found.append(given[:, 0].permute(1, 0, 2).numpy())
            return given

        block.rel_attn.rel_attn_core = wrapped
    ids = torch.from_numpy(encoding.ids)[None]
    with torch.inference_mode():
        state = stock.transformer(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
    for block in stock.transformer.layer:
        del block.rel_attn.rel_attn_core
    return found, state.numpy()


def test_the_heads_of_xlnet_are_those_of_its_own_function(made):
    model, stock = made("XLNetLMHeadModel")
    encoding = models_table._encoding(24, 0)
    assert isinstance(model._network.head_places, AtProducts)
    capture = model.capture(encoding)
    found, _state = run_xlnet(stock, encoding)
    for layer, expected in enumerate(found):
        np.testing.assert_allclose(capture.head_output(layer), expected, atol=1e-5 * max(1, np.abs(expected).max()))


def test_a_head_of_xlnet_is_replaced_in_its_product(made):
    model, stock = made("XLNetLMHeadModel")
    encoding, info = models_table._encoding(24, 0), model.info
    ids = torch.from_numpy(encoding.ids)[None]
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    nothing = np.zeros((info.n_layers, info.n_heads, info.head_size), dtype=np.float32)
    interventions = Interventions(model._network, info.n_layers, inputs)
    _heads, plain = run_xlnet(stock, encoding)
    _heads, expected = run_xlnet(stock, encoding, silent=[(1, 2)])
    assert np.abs(plain - expected).max() > 1e-3
    found = interventions.end(inputs, Ablation(((1, 2),), nothing), None)
    (alone,) = interventions.each(inputs, [(1, 2)], nothing, None)
    np.testing.assert_allclose(found.pooled, expected.mean(0), atol=1e-4)
    np.testing.assert_allclose(alone.pooled, expected.mean(0), atol=1e-4)


@pytest.mark.parametrize("name", ["HYV4ForCausalLM", slow("NystromformerForMaskedLM")])
def test_heads_that_change_before_the_next_module_are_attention_times_values(made, name):
    model, stock = made(name)
    encoding = models_table._encoding(24, 0)
    assert isinstance(model._network.head_places, AtProducts)
    gates, taken = [], []
    hooks = [
        module.register_forward_hook(lambda _module, _given, output: gates.append(output[0]))
        for path, module in stock.named_modules()
        if path.endswith("self_attn.gate_proj")
    ]
    hooks += [
        module.register_forward_pre_hook(lambda _module, given: taken.append(given[0][0]))
        for path, module in stock.named_modules()
        if path.endswith("self_attn.o_proj")
    ]
    ids = torch.from_numpy(encoding.ids)[None]
    with torch.inference_mode():
        stock(input_ids=ids, attention_mask=torch.ones_like(ids))
    for hook in hooks:
        hook.remove()
    capture = model.capture(encoding)
    for layer in range(model.info.n_layers):
        heads = capture.head_output(layer).transpose(1, 0, 2)
        assert heads.shape == (24, model.info.n_heads, model.info.head_size)
        if gates:
            gate = torch.sigmoid(gates[layer]).reshape(24, model.info.n_heads, -1).numpy()
            expected = taken[layer].reshape(24, model.info.n_heads, -1).numpy()
            np.testing.assert_allclose(heads * gate, expected, atol=1e-4)


def test_rows_of_weights_that_a_model_gives_itself_lack_what_its_sinks_take(made):
    model, _stock = made("HYV4ForCausalLM")
    sums = model.capture(models_table._encoding(24, 0)).attention(range(model.info.n_layers)).sum(-1)
    assert sums.max() <= 1 + 1e-5
    assert sums.min() < 0.99


def test_places_at_products_are_remembered(made):
    model, _stock = made("XLNetLMHeadModel")
    network = model._network
    names = {id(module): name for name, module in network.model.named_modules()}
    data = as_data(network.head_places, names)
    assert from_data(data, dict(network.model.named_modules())) == network.head_places
    with pytest.raises(KeyError):
        from_data({"products": [["no.such.module", 0, 0, "bhnd"]]}, {})


def test_predictions_of_prophetnet_come_from_the_stream_that_the_head_reads(made):
    model, stock = made("ProphetNetForConditionalGeneration")
    encoding, decoder = models_table._encoding(24, 0), models_table._encoding(24, 1, 20)
    found = model.capture(encoding, decoder).predictions(1)
    ids = torch.from_numpy(encoding.ids)[None]
    with torch.inference_mode():
        out = stock(input_ids=ids, decoder_input_ids=torch.from_numpy(decoder.ids)[None])
    expected = torch.softmax(out.logits[0].double(), -1).max(-1).values.numpy()
    np.testing.assert_allclose([row[0].probability for row in found], expected, atol=1e-5)


def test_a_model_that_predicts_from_streams_of_their_own_is_refused(made):
    with pytest.raises(ModelNotSupported, match="streams of their own"):
        made("ProphetNetForCausalLM")


def test_a_model_that_attends_to_landmarks_says_what_to_set(tmp_path, monkeypatch):
    (one,) = [one for one in text_classes() if one.name == "NystromformerForMaskedLM"]
    config = make_config(one)
    config.num_landmarks, config.segment_means_seq_len = 8, 64
    monkeypatch.setattr(models_table, "make_config", lambda _one: config)
    models_table._make(one, tmp_path)
    with pytest.raises(ModelNotSupported, match="8 landmarks") as caught:
        models_table._load(tmp_path, one.name)
    assert "segment_means_seq_len" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "name",
    [
        "XLNetLMHeadModel",
        slow("HYV4ForCausalLM"),
        slow("NystromformerForMaskedLM"),
        slow("ProphetNetForConditionalGeneration"),
    ],
)
def test_what_shares_a_batch_with_texts_of_other_lengths_changes_no_answer(made, name):
    model, _stock = made(name)
    info = model.info
    encodings = [models_table._encoding(length, seed) for seed, length in enumerate([5, 38, 44, 90])]
    asked = {"hidden_layers": range(info.n_layers + 1), "layers": range(info.n_layers)}
    asked["attention_layers"] = range(info.n_layers)
    target = models_table._encoding(7, 9) if info.kind == "encoderDecoder" else None
    for encoding, found in zip(encodings, model.capture_batch(encodings, **asked), strict=True):
        alone = model.capture(encoding, target)
        for layer in range(info.n_layers):
            scale = max(1.0, float(np.abs(alone.hidden_state(layer + 1)).max()))
            np.testing.assert_allclose(found.attention[layer], alone.attention([layer])[0], atol=1e-5)
            np.testing.assert_allclose(found.head_outputs[layer], alone.head_output(layer), atol=1e-5 * scale)
            np.testing.assert_allclose(found.hidden_states[layer + 1], alone.hidden_state(layer + 1), atol=1e-5 * scale)
