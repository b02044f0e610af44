"""Verification judges against float64, copies no weights, and is done once for each model."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model import loading, subjects
from exbert_rpc.model import verify as verifying
from exbert_rpc.model.compare import distance
from exbert_rpc.model.float64 import in_float64
from exbert_rpc.model.loading import load_model
from exbert_rpc.model.network import Network
from exbert_rpc.model.stock import make_probe, run_stock, run_stock_in_float64
from exbert_rpc.model.thresholds import beyond_reach, find_thresholds, lower
from exbert_rpc.model.twin import build_twin
from tests.model import zoo
from tests.oracles_model import stock_model
from tests.samples import slow

IDS = torch.arange(5, 45)[None]


@pytest.fixture
def verified(monkeypatch):
    """Names of the models that were verified, as they are."""
    names = []
    monkeypatch.setattr(
        loading, "verify", lambda network, name, **rest: names.append(name) or verifying.verify(network, name, **rest)
    )
    return names


@pytest.mark.parametrize(
    "family", ["bert", "deberta-v2", "t5", *map(slow, ("llama", "gemma2", "gpt_neo", "phi3-long"))]
)
def test_a_pass_in_float64_is_that_of_a_float64_copy(family, folder_of):
    model = stock_model(folder_of(family))
    more = {"decoder_input_ids": IDS[:, :9]} if model.config.is_encoder_decoder else {}
    with in_float64():
        found = model(input_ids=IDS, **more).logits
    with torch.inference_mode():
        expected = stock_model(folder_of(family)).double()(input_ids=IDS, **more).logits
        plain = model(input_ids=IDS, **more).logits
    assert found.dtype == torch.float64
    assert plain.dtype == torch.float32
    # rotary frequencies of the copy are float64 numbers, too: equal up to their rounding
    assert distance(found, expected) < max(1e-12, distance(plain, expected))
    assert torch.get_default_dtype() == torch.float32


def test_mixtures_of_experts_have_a_float64_pass_too(folder_of):
    network = Network(stock_model(folder_of("gpt_oss")))
    stock = run_stock(network, "gpt_oss", make_probe(network, set(), 24), has_lm_head=True)
    exact = run_stock_in_float64(network, make_probe(network, set(), 24), has_lm_head=True)
    assert 0 < distance(stock.logits, exact.logits) < 1e-4


@pytest.mark.parametrize("family", ["mistral-90", *map(slow, ("deepseek_v32-90", "t5", "gpt_neo-90"))])
def test_a_copy_with_lowered_thresholds_shares_the_weights(family, folder_of):
    model = stock_model(folder_of(family))
    twin = build_twin(model, lower(model.config, beyond_reach(find_thresholds(model.config))))
    own = {parameter.data_ptr() for parameter in model.parameters()}
    assert {parameter.data_ptr() for parameter in twin.parameters()} <= own
    more = {"decoder_input_ids": IDS[:, :9]} if model.config.is_encoder_decoder else {}
    with torch.inference_mode():
        short, whole = ({**more, "input_ids": ids} for ids in (IDS[:, :4], IDS))
        if family != "t5":  # fewer buckets are other buckets from the start
            assert distance(twin(**short).logits, model(**short).logits) < 1e-5
        assert distance(twin(**whole).logits, model(**whole).logits) > 1e-2


def sharpened(folder, factor: float) -> None:
    """Queries and keys that many times as large."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    for name in weights:
        if "q_proj" in name or "k_proj" in name:
            weights[name] = weights[name] * factor
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def test_rounding_of_sharp_attention_is_no_reason_to_refuse_a_model(tmp_path, monkeypatch):
    deep = {**zoo.FAMILIES["llama"].settings, "num_hidden_layers": 24}
    monkeypatch.setitem(zoo.FAMILIES, "deep", zoo.Family("LlamaConfig", "LlamaForCausalLM", "metaspace-bpe", deep))
    folder = zoo.make_model("deep", tmp_path / "deep")
    sharpened(folder, 3)
    model = load_model(str(folder), cache_dir=tmp_path, device="cpu")
    capture = model.capture(model.tokenize(zoo.TEXT))
    inputs = {"input_ids": torch.tensor(capture.encoding.ids)[None]}
    stock = stock_model(folder)
    with torch.inference_mode():
        eager = np.stack([layer[0].numpy() for layer in stock(**inputs, output_attentions=True).attentions])
        exact = stock.double()(**inputs, output_attentions=True).attentions
    exact = np.stack([layer[0].numpy() for layer in exact])
    own = np.abs(eager - exact).max()
    assert own > 1e-5  # the stock model is no closer to the truth
    assert np.abs(capture.attention(range(24)) - exact).max() < 4 * own


@pytest.mark.parametrize("factor", [1.0003, slow(1.01)])
def test_a_route_that_is_off_by_more_than_rounding_is_not_taken(factor, folder_of, tmp_path, monkeypatch):
    from exbert_rpc.model import attention_function

    original = attention_function.attention_weights

    def skewed(call, *rest):
        return original(call, *rest) ** factor

    monkeypatch.setattr("exbert_rpc.model.passes.attention_weights", skewed)
    assert load_model(str(folder_of("bert")), cache_dir=tmp_path, device="cpu")._network.route == "eager"


@pytest.mark.parametrize("family", ["bert", *map(slow, ("t5", "deberta-v2")), "phi3-longer", slow("deepseek_v32-90")])
def test_a_second_load_verifies_nothing_and_gives_the_same(family, folder_of, tmp_path, verified):
    first = load_model(str(folder_of(family)), cache_dir=tmp_path, device="cpu")
    second = load_model(str(folder_of(family)), cache_dir=tmp_path, device="cpu")
    assert len(verified) == 1
    assert first.info == second.info
    for name in ("route", "n_heads", "padding_is_harmless", "split_at", "answering"):
        assert getattr(first._network, name) == getattr(second._network, name)
    text = zoo.LONG_TEXT
    one, other = first.capture(first.tokenize(text)), second.capture(second.tokenize(text))
    np.testing.assert_array_equal(one.attention([0, 1]), other.attention([0, 1]))
    np.testing.assert_array_equal(one.head_outputs, other.head_outputs)
    assert one.predictions(3) == other.predictions(3)
    asked = {"hidden_layers": [0, 1, 2], "layers": [0, 1], "attention_layers": []}
    texts = ["The girl ran.", text]
    one, other = (model.capture_batch(model.tokenize_many(texts), **asked) for model in (first, second))
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left.hidden_states, right.hidden_states)


def test_other_weights_are_verified_again(folder_of, tmp_path, verified):
    folder = shutil.copytree(folder_of("llama"), tmp_path / "llama")
    load_model(str(folder), cache_dir=tmp_path, device="cpu")
    sharpened(folder, 1.5)
    load_model(str(folder), cache_dir=tmp_path, device="cpu")
    assert len(verified) == 2


def test_other_code_or_another_limit_is_verified_again(folder_of, tmp_path, verified, monkeypatch):
    load_model(str(folder_of("bert")), cache_dir=tmp_path, device="cpu")
    monkeypatch.setattr("exbert_rpc.model.verified._code", lambda: "another version")
    load_model(str(folder_of("bert")), cache_dir=tmp_path, device="cpu")
    assert len(verified) == 2


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"facts": {"kind": 1}}', "route", "module"])
def test_a_damaged_note_costs_time_and_nothing_else(damage, folder_of, tmp_path, verified):
    expected = load_model(str(folder_of("bert")), cache_dir=tmp_path, device="cpu").info
    (note,) = (tmp_path / "verified").iterdir()
    data = json.loads(note.read_text())
    if damage == "route":
        damage = json.dumps({**data, "route": "flash_attention_2"})
    elif damage == "module":
        damage = json.dumps({**data, "hidden_taps": [["no.such.module", 0, False]]})
    note.write_text(damage)
    assert load_model(str(folder_of("bert")), cache_dir=tmp_path, device="cpu").info == expected
    assert len(verified) == 2


def test_a_refusal_is_not_remembered(folder_of, tmp_path, verified):
    for _ in range(2):
        with pytest.raises(ModelNotSupported):
            load_model(str(folder_of("mamba")), cache_dir=tmp_path, device="cpu")
    assert len(verified) == 2


def test_a_threshold_that_cannot_be_lowered_is_met_by_a_longer_probe(folder_of, tmp_path, monkeypatch):
    lengths = []
    original = subjects.make_probe
    monkeypatch.setattr(subjects, "make_probe", lambda *args: lengths.append(args[2]) or original(*args))
    monkeypatch.setattr(subjects, "build_twin", lambda *_args: 1 / 0)
    assert load_model(str(folder_of("mistral-90")), cache_dir=tmp_path, device="cpu").info.max_tokens == 128
    assert max(lengths) > 90


def test_texts_beyond_what_could_be_verified_are_not_taken(folder_of, tmp_path, monkeypatch):
    monkeypatch.setattr(subjects, "build_twin", lambda *_args: 1 / 0)
    monkeypatch.setattr(verifying, "LONGEST_PROBE", 64)
    assert load_model(str(folder_of("mistral-90")), cache_dir=tmp_path, device="cpu").info.max_tokens == 90
