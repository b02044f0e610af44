"""Value-weighted attention against the formula, with values and projections read from the stock model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from exbert_rpc.engine import Engine
from exbert_rpc.engine.requests import AblateRequest, AttendRequest, TextInput
from exbert_rpc.errors import InvalidParams, ModelNotSupported
from exbert_rpc.tasks import Task
from tests.oracles_model import PROJECTIONS, VALUES, stock_model

TEXT = "The girl ran to a local pub."


def attend(engine, **fields):
    return engine.attend(AttendRequest("test", TextInput(TEXT), annotate=False, **fields), Task())


@pytest.mark.parametrize(("family", "n_kv"), [("bert", 4), ("llama", 2)])
def test_rows_are_attention_times_the_norm_of_what_is_handed_over(family, n_kv, tiny_corpus):
    corpus = tiny_corpus(family)
    answer = attend(corpus.engine, weights="valueNorm")
    stock = stock_model(corpus.folder)
    values, weights = [], []
    for name, module in stock.named_modules():
        if name.endswith(VALUES[family][0]):
            module.register_forward_hook(lambda _module, _given, output: values.append(output[0]))
        if name.endswith(PROJECTIONS[family]):
            weights.append(module.weight.detach())
    encoding = answer.tokens.encoding
    with torch.no_grad():
        out = stock(torch.tensor(encoding.ids)[None], output_attentions=True)
    n, size = len(encoding.ids), answer.model.head_size
    for layer in range(3):
        value = values[layer].reshape(n, n_kv, size)
        for head in range(4):
            handed = value[:, head * n_kv // 4] @ weights[layer][:, size * head : size * (head + 1)].T
            expected = out.attentions[layer][0, head] * handed.norm(dim=-1)
            expected = (expected / expected.sum(-1, keepdim=True)).numpy()
            np.testing.assert_allclose(answer.attention[layer, head], expected, atol=1e-5)
    assert any("norm" in note for note in answer.notes)


def test_layers_and_heads_are_a_part_of_all(tiny_corpus):
    engine = tiny_corpus("bert").engine
    whole = attend(engine, weights="valueNorm").attention
    part = attend(engine, weights="valueNorm", layers=(2, 0), heads=(3, 1)).attention
    np.testing.assert_array_equal(part, whole[[2, 0]][:, [3, 1]])
    assert np.abs(whole - attend(engine).attention).max() > 1e-2
    np.testing.assert_allclose(whole.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("family", "reason"), [("bloom", "off transformers' attention interface"), ("t5", "one stack")]
)
def test_families_whose_values_are_not_seen_are_refused_by_name(family, reason, tiny_model, tmp_path):
    engine = Engine(tmp_path, default_model=str(tiny_model(family)), pipeline="blank:en", device="cpu")
    with pytest.raises(ModelNotSupported, match=reason) as caught:
        attend(engine, weights="valueNorm")
    assert family.title() in caught.value.message
    engine.close()


def test_a_pass_with_heads_replaced_has_no_value_weighted_attention(tiny_corpus):
    engine = tiny_corpus("gpt2").engine
    request = AblateRequest("test", TextInput(TEXT), heads=((1, 2),), mode="zero", keep=True)
    kept = engine.ablate_heads(request, Task()).capture_id
    with pytest.raises(InvalidParams, match="were replaced"):
        engine.attend(AttendRequest("test", capture_id=kept, annotate=False, weights="valueNorm"), Task())
