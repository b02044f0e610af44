"""Query and keys of a row against the stock model: their softmax is its attention, or the family is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from exbert_rpc.errors import InvalidParams, ModelNotSupported
from tests.model import zoo
from tests.oracles_model import stock_model, stock_pass

FAMILIES = [*zoo.ON_INTERFACE, *zoo.FALLBACK, "gpt_oss", *zoo.ENCODER_DECODER]


def by_the_formula(found):
    """The weights of a row, key by key and dimension by dimension."""
    powers = {}
    for key in range(len(found.keys)):
        if found.hidden[key]:
            continue
        score = sum(float(q) * float(k) for q, k in zip(found.query, found.keys[key], strict=True)) * found.scaling
        if found.softcap is not None:
            score = found.softcap * np.tanh(score / found.softcap)
        powers[key] = np.exp(score + float(found.bias[key]))
    total = sum(powers.values()) + (0 if found.sink is None else np.exp(found.sink))
    return np.array([powers.get(key, 0) / total for key in range(len(found.keys))])


@pytest.mark.parametrize("family", FAMILIES)
def test_softmax_of_the_products_is_the_stock_attention_or_the_family_is_refused_by_name(family, load, folder_of):
    model = load(family)
    pair = "She doesn't know." if family in zoo.ENCODER_DECODER else None
    encoding = model.tokenize(zoo.TEXT, pair)
    capture = model.capture(encoding)
    if family in zoo.FALLBACK:
        with pytest.raises(ModelNotSupported, match="cannot be shown") as refused:
            capture.query_key(0, 0, 1)
        assert capture.info.architecture in str(refused.value)
        return
    inputs = {"input_ids": encoding.ids}
    if encoding.type_ids is not None:
        inputs["token_type_ids"] = encoding.type_ids
    if capture.decoder_encoding is not None:
        inputs["decoder_input_ids"] = capture.decoder_encoding.ids
    stock = stock_pass(folder_of(family), family, inputs, model.info.n_kv_heads)
    layer, row = capture.info.n_layers - 1, len(encoding.ids) // 2
    for head in range(capture.info.n_heads):
        found = capture.query_key(layer, head, row)
        assert found.query.dtype == found.keys.dtype == np.float32
        assert found.keys.shape == (len(encoding.ids), len(found.query))
        np.testing.assert_allclose(by_the_formula(found), stock.attentions[layer, head, row], atol=1e-5)
        np.testing.assert_allclose(found.weights, stock.attentions[layer, head, row], atol=1e-5)


def test_queries_and_keys_of_bert_are_those_of_its_projections(load, folder_of):
    model = load("bert")
    encoding = model.tokenize(zoo.TEXT)
    seen = {}
    stock = stock_model(folder_of("bert"))
    for name, module in stock.named_modules():
        if name.endswith(("self.query", "self.key")):
            module.register_forward_hook(lambda _m, _given, output, name=name: seen.update({name: output[0]}))
    with torch.no_grad():
        stock(torch.tensor(encoding.ids)[None])
    queries, keys = (
        next(v for k, v in seen.items() if f"layer.1.attention.self.{what}" in k) for what in ("query", "key")
    )
    size = model.info.head_size
    found = model.capture(encoding).query_key(1, 2, 3)
    np.testing.assert_allclose(found.query, queries[3, 2 * size : 3 * size].numpy(), atol=1e-5)
    np.testing.assert_allclose(found.keys, keys[:, 2 * size : 3 * size].numpy(), atol=1e-5)
    assert found.scaling == pytest.approx(size**-0.5)


@pytest.mark.parametrize("stream", ["decoder", "cross"])
def test_the_decoder_of_t5_has_rows_of_its_own(stream, load):
    model = load("t5")
    capture = model.capture(model.tokenize(zoo.TEXT, "She doesn't know."))
    found = capture.query_key(1, 2, 2, stream)
    np.testing.assert_allclose(by_the_formula(found), capture.attention([1], [2], stream)[0, 0, 2], atol=1e-5)
    assert found.hidden.tolist() == [stream == "decoder" and key > 2 for key in range(len(found.keys))]


@pytest.mark.parametrize(("place", "field"), [((9, 0, 0), "layer"), ((0, 9, 0), "head"), ((0, 0, 99), "token")])
def test_a_place_that_is_not_there_is_named(place, field, load):
    model = load("bert")
    capture = model.capture(model.tokenize(zoo.TEXT))
    with pytest.raises(InvalidParams) as refused:
        capture.query_key(*place)
    assert refused.value.data["field"] == field
