"""Models that compute something else from some length on: verified there, exact there, and never mixed in a batch."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

from exbert_rpc.model.thresholds import find_thresholds, lower
from tests.model import zoo
from tests.oracles_model import softmax, stock_model
from tests.samples import sampled

WORDS = re.findall(r"\w+", " ".join(zoo.CORPUS[:3]))
TOLERANCE = 1e-5
EVERY = [name for name in zoo.FAMILIES if name != "mamba"]


def text_of(model, tokens: int) -> str:
    """The longest beginning of some running text that has at most so many tokens."""
    words = WORDS * (1 + tokens // len(WORDS))
    size = next(n for n in range(len(words), 0, -1) if model.count_tokens(" ".join(words[:n])) <= tokens)
    return " ".join(words[:size])


def thresholds_of(folder) -> list[int]:
    """Written down by hand for each family, from its configuration file."""
    config = json.loads((folder / "config.json").read_text())
    names = ("sliding_window", "index_topk", "window_size", "local_attention", "original_max_position_embeddings")
    names += ("max_relative_positions", "position_buckets", "relative_attention_num_buckets")
    found = {value for name in names if isinstance(value := config.get(name), int) and value > 1}
    if "index_block_size" in config:
        found |= {config["index_block_size"], config["index_block_size"] * config["index_topk_blocks"]}
    return sorted(found)


def stock_of(folder, encoding):
    """Weights ``[L, H, n, n]``, hidden states and logits of the stock model for one text."""
    inputs = {"input_ids": torch.tensor(encoding.ids)[None]}
    with torch.inference_mode():
        out = stock_model(folder)(**inputs, output_attentions=True, output_hidden_states=True)
    stacked = [np.stack([layer[0].numpy() for layer in layers]) for layers in (out.attentions, out.hidden_states)]
    return *stacked, out.logits[0].numpy()


@pytest.mark.parametrize("family", sampled(zoo.LENGTHS, 2))
def test_both_sides_of_a_threshold_are_the_stock_models(family, load, folder_of):
    model = load(family)
    for tokens in (16, 125):
        encoding = model.tokenize(text_of(model, tokens))
        capture = model.capture(encoding)
        weights, hidden, logits = stock_of(folder_of(family), encoding)
        np.testing.assert_allclose(capture.attention(range(len(weights))), weights, atol=TOLERANCE, rtol=0)
        np.testing.assert_allclose(capture.hidden_states, hidden, atol=TOLERANCE * np.abs(hidden).max(), rtol=0)
        best = [row[0].probability for row in capture.predictions(1)]
        np.testing.assert_allclose(best, softmax(logits).max(-1), atol=1e-4)


@pytest.mark.parametrize("family", sampled(EVERY, 4))
def test_what_shares_a_batch_never_changes_an_answer(family, load, folder_of):
    model = load(family)
    edges = [value for value in thresholds_of(folder_of(family)) if value < model.info.max_tokens - 4]
    lengths = sorted({5, 30, *(max(3, edge + step) for edge in edges for step in (-3, 1, 6))})
    encodings = model.tokenize_many([text_of(model, length) for length in lengths])
    n, shown = model.info.n_layers, model.info.attention_layers
    asked = {"hidden_layers": range(n + 1), "layers": shown, "attention_layers": shown}
    for encoding, found in zip(encodings, model.capture_batch(encodings, **asked), strict=True):
        alone = model.capture(encoding)
        hidden = [alone.hidden_state(layer) for layer in range(n + 1)]
        scale = max(1.0, *(np.abs(state).max() for state in hidden))
        for place, layer in enumerate(shown):
            np.testing.assert_allclose(found.attention[place], alone.attention([layer])[0], atol=TOLERANCE, rtol=0)
            np.testing.assert_allclose(
                found.head_outputs[place], alone.head_output(layer), atol=TOLERANCE * scale, rtol=0
            )
        for layer in range(n):
            np.testing.assert_allclose(
                found.hidden_states[layer + 1], hidden[layer + 1], atol=TOLERANCE * scale, rtol=0
            )


def test_batches_are_split_only_where_the_model_needs_it(load):
    assert load("phi3-long")._network.split_at == (24,)
    assert load("phi3-longer")._network.split_at == (90,)
    for family in ("mistral-90", "gemma3-90", "modernbert-90", "bert"):
        network = load(family)._network
        assert (network.padding_is_harmless, network.split_at) == (True, ())


def test_texts_of_one_side_share_a_pass(load, monkeypatch):
    model = load("phi3-long")
    encodings = model.tokenize_many([text_of(model, length) for length in (6, 40, 12, 60, 30)])
    shared = []
    run = type(model._network).run_selected
    monkeypatch.setattr(
        type(model._network),
        "run_selected",
        lambda self, inputs, *rest: shared.append(inputs) or run(self, inputs, *rest),
    )
    model.capture_batch(encodings, hidden_layers=[1], layers=[], attention_layers=[])
    assert sorted(len(inputs["input_ids"]) for inputs in shared) == [2, 3]


@pytest.mark.parametrize("family", ["deepseek_v32", "deepseek_v32-90", "glm_moe_dsa-90", "minimax_m3-90"])
def test_models_that_look_at_the_name_of_the_implementation_run_by_a_name_they_know(family, load):
    assert load(family)._network.route == "sdpa"


def test_thresholds_are_found_wherever_they_are_named():
    import transformers as tf

    def named(config) -> dict[str, int]:
        return {threshold.field: threshold.value for threshold in find_thresholds(config)}

    assert named(tf.BertConfig()) == named(tf.GPT2Config()) == named(tf.LlamaConfig()) == {}
    assert named(tf.MistralConfig(sliding_window=4096)) == {"sliding_window": 4096}
    assert named(tf.Gemma3Config(text_config={"sliding_window": 512})) == {"text_config.sliding_window": 512}
    assert named(tf.LongformerConfig(attention_window=[8, 16])) == {"attention_window.0": 8, "attention_window.1": 16}
    assert "floor_scale" in named(tf.Llama4TextConfig())
    assert {"rope_parameters.original_max_position_embeddings", "original_max_position_embeddings"} <= set(
        named(tf.Phi3Config(**zoo.LENGTHS["phi3-longer"].settings))
    )


def test_lowering_leaves_the_configuration_itself_alone():
    import transformers as tf

    config = tf.Phi3Config(**zoo.LENGTHS["phi3-longer"].settings)
    before = config.to_dict()
    lowered = lower(config, find_thresholds(config))
    assert config.to_dict() == before
    assert lowered.rope_parameters["original_max_position_embeddings"] == 8
    assert lowered.original_max_position_embeddings == 8
