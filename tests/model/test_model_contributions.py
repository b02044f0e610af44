"""Decomposition against the stock model: parts from its own modules, put together by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from exbert_rpc.analysis.decomposition import sums_up
from exbert_rpc.errors import ModelNotSupported
from tests.model import zoo
from tests.oracles_model import stock_model
from tests.samples import sampled

DECODERS = [
    "gpt2",
    "gpt_neox",
    "opt",
    "llama",
    "mistral",
    "qwen2",
    "qwen3",
    "gemma3",
    "phi3",
    "gptj",
    "gpt_neo",
    "bloom",
]
MASKED_HEADS = [
    "bert",
    "roberta",
    "distilbert",
    "albert",
    "electra",
    "xlm-roberta",
    "modernbert",
    "mpnet",
    "deberta-v2",
]
ALL = [*zoo.ON_INTERFACE, *zoo.FALLBACK, *zoo.ENCODER_DECODER]
POSITION, TARGET, CONTRAST = 7, 17, 23


@pytest.mark.parametrize("family", sampled(DECODERS, 3))
def test_the_parts_of_a_prediction_sum_to_its_centered_logit(family, load):
    model = load(family)
    encoding = model.tokenize(zoo.TEXT)
    parts = model.explain_prediction(encoding, POSITION, TARGET)
    logits = model.ablate(encoding, None, None, POSITION).logits.astype(np.float64)
    assert parts.total == pytest.approx(logits[TARGET] - logits.mean(), abs=1e-5)
    assert abs(parts.residual) < 1e-5
    assert (parts.heads != 0).all()
    assert (parts.mlps != 0).all()


@pytest.mark.parametrize("family", ["gpt2", "llama", "gpt_neox"])
def test_the_parts_of_a_contrast_sum_to_the_difference_of_two_logits(family, load):
    model = load(family)
    encoding = model.tokenize(zoo.TEXT)
    parts = model.explain_prediction(encoding, POSITION, TARGET, CONTRAST)
    logits = model.ablate(encoding, None, None, POSITION).logits.astype(np.float64)
    assert parts.total == pytest.approx(logits[TARGET] - logits[CONTRAST], abs=1e-5)
    assert abs(parts.residual) < 1e-5


@pytest.mark.parametrize("family", sampled(ALL, 5))
def test_the_parts_of_a_similarity_sum_to_the_cosine(family, load):
    model = load(family)
    encoding = model.tokenize(zoo.TEXT)
    a = model.capture(encoding).hidden_states[-1].astype(np.float64).mean(axis=0)
    b = model.capture(model.tokenize("The quick brown fox.")).hidden_states[-1].astype(np.float64).mean(axis=0)
    parts = model.explain_similarity(encoding, b.astype(np.float32))
    assert parts.total == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-5)
    assert abs(parts.residual) < 1e-6
    assert (parts.heads != 0).all()


def test_each_part_of_a_llama_is_what_its_own_modules_give(load, folder_of):
    """Direct logit attribution by hand: (W_U[t] - mean W_U) * g / rms on what each module adds to the stream."""
    model = load("llama")
    encoding = model.tokenize(zoo.TEXT)
    parts = model.explain_prediction(encoding, POSITION, TARGET)
    stock = stock_model(folder_of("llama"))
    taken, mlps = [], []
    for layer in stock.model.layers:
        layer.self_attn.o_proj.register_forward_pre_hook(lambda _module, given: taken.append(given[0][0, POSITION]))
        layer.mlp.register_forward_hook(lambda _module, _given, output: mlps.append(output[0, POSITION]))
    with torch.no_grad():
        out = stock(torch.tensor(encoding.ids)[None], output_hidden_states=True)
        embedding = out.hidden_states[0][0, POSITION]
        weights = [layer.self_attn.o_proj.weight for layer in stock.model.layers]
        heads = [
            [weight[:, 16 * head : 16 * head + 16] @ z[16 * head : 16 * head + 16] for head in range(4)]
            for weight, z in zip(weights, taken, strict=True)
        ]
        stream = embedding + sum(sum(row) for row in heads) + sum(mlps)
        norm = stock.model.norm
        rms = (stream.pow(2).mean() + norm.variance_epsilon).sqrt()
        unembedding = stock.lm_head.weight
        direction = (unembedding[TARGET] - unembedding.mean(0)) * norm.weight / rms
        expected = np.array([[float(one @ direction) for one in row] for row in heads])
        assert parts.embedding == pytest.approx(float(embedding @ direction), abs=1e-5)
        np.testing.assert_allclose(parts.mlps, [float(one @ direction) for one in mlps], atol=1e-5)
    np.testing.assert_allclose(parts.heads, expected, atol=1e-5)
    assert parts.bias == 0


def test_each_part_of_a_bert_is_carried_through_its_frozen_norms(load, folder_of):
    """Parts carried along by hand through (c - mean c) / sd * g of each norm that they pass."""
    model = load("bert")
    encoding = model.tokenize(zoo.TEXT)
    other = model.capture(model.tokenize("The quick brown fox.")).hidden_states[-1].mean(axis=0)
    parts = model.explain_similarity(encoding, other)
    stock = stock_model(folder_of("bert")).bert
    taken, mlps, before = [], [], []
    for layer in stock.encoder.layer:
        layer.attention.output.dense.register_forward_pre_hook(lambda _module, given: taken.append(given[0][0]))
        layer.output.dense.register_forward_hook(lambda _module, _given, output: mlps.append(output[0]))
        for norm in (layer.attention.output.LayerNorm, layer.output.LayerNorm):
            norm.register_forward_pre_hook(lambda _module, given: before.append(given[0][0]))
    with torch.no_grad():
        inputs = {
            "input_ids": torch.tensor(encoding.ids)[None],
            "token_type_ids": torch.tensor(encoding.type_ids)[None],
        }
        out = stock(**inputs, output_hidden_states=True)
        carried = {"embedding": out.hidden_states[0][0]}
        for number, layer in enumerate(stock.encoder.layer):
            weight = layer.attention.output.dense.weight
            for head in range(4):
                part = slice(8 * head, 8 * head + 8)
                carried[number, head] = taken[number][:, part] @ weight[:, part].T
            carried = _through(layer.attention.output.LayerNorm, before[2 * number], carried)
            carried[f"mlp {number}"] = mlps[number] - layer.output.dense.bias
            carried = _through(layer.output.LayerNorm, before[2 * number + 1], carried)
        pooled = out.last_hidden_state[0].double().mean(0)
        second = torch.from_numpy(other).double()
        direction = second / second.norm() / pooled.norm()
        shares = {name: float(part.double().mean(0) @ direction) for name, part in carried.items()}
    assert parts.embedding == pytest.approx(shares["embedding"], abs=1e-6)
    for number in range(3):
        assert parts.mlps[number] == pytest.approx(shares[f"mlp {number}"], abs=1e-6)
        for head in range(4):
            assert parts.heads[number, head] == pytest.approx(shares[number, head], abs=1e-6)


def _through(norm, before, carried):
    deviation = (before.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    return {name: (c - c.mean(-1, keepdim=True)) / deviation * norm.weight for name, c in carried.items()}


@pytest.mark.parametrize("family", sampled([*MASKED_HEADS, "gemma2", "gpt_oss"], 4))
def test_the_parts_of_a_prediction_that_is_not_linear_do_not_sum(family, load):
    model = load(family)
    parts = model.explain_prediction(model.tokenize(zoo.TEXT), POSITION, TARGET)
    assert not sums_up(parts.residual, parts.total, parts.largest)


def test_a_decomposition_leaves_the_model_as_it_was(load):
    model = load("gpt2")
    encoding = model.tokenize(zoo.TEXT)
    before = model.capture(encoding).hidden_states
    model.explain_prediction(encoding, POSITION, TARGET)
    np.testing.assert_array_equal(model.capture(encoding).hidden_states, before)


def test_a_model_whose_head_outputs_go_nowhere_by_themselves_is_refused_by_name(load, monkeypatch):
    from exbert_rpc.model import contributions

    monkeypatch.setattr(contributions, "same_numbers", lambda *_: False)
    model = load("llama")
    with pytest.raises(
        ModelNotSupported, match="LlamaForCausalLM cannot be decomposed: in layer 0 no output projection"
    ):
        model.explain_prediction(model.tokenize(zoo.TEXT), POSITION, TARGET)


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert", "bloom", "gptj", "gemma2"])
def test_the_lens_ends_with_what_the_model_predicts_and_begins_with_the_embedding(family, load, folder_of):
    model = load(family)
    encoding = model.tokenize(zoo.TEXT)
    rows = model.lens(encoding, POSITION)
    assert rows.dtype == np.float32
    stock = stock_model(folder_of(family))
    inputs = {"input_ids": torch.tensor(encoding.ids)[None]}
    if encoding.type_ids is not None:
        inputs["token_type_ids"] = torch.tensor(encoding.type_ids)[None]
    norms = {"gpt2": "transformer.ln_f", "bloom": "transformer.ln_f", "gptj": "transformer.ln_f"}
    name = {**norms, "llama": "model.norm", "gemma2": "model.norm"}.get(family)
    with torch.no_grad():
        out = stock(**inputs, output_hidden_states=True)
        states = [state[:, POSITION] for state in out.hidden_states]
        if name is not None:
            states = [stock.get_submodule(name)(state) for state in states[:-1]] + states[-1:]
        head = stock.cls if family == "bert" else stock.lm_head
        expected = torch.cat([head(state) for state in states]).numpy()
        if family == "gemma2":
            cap = stock.config.final_logit_softcapping
            expected = cap * np.tanh(expected / cap)
    assert rows.shape == expected.shape
    np.testing.assert_allclose(rows, expected, atol=1e-4)
    np.testing.assert_allclose(rows[-1], out.logits[0, POSITION].numpy(), atol=1e-4)
