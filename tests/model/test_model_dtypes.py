"""Weights in 16 bits: as near to float64 as the stock model in the same dtype, and the same computation."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import numpy as np
import pytest
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

from exbert_rpc.errors import InvalidParams, ModelNotSupported
from exbert_rpc.model import attention_function
from exbert_rpc.model.dtypes import choose_dtype, describe_quantization, rounding_unit
from exbert_rpc.model.float64 import in_float64
from exbert_rpc.model.loading import load_model
from tests.model import zoo
from tests.oracles_model import stock_model
from tests.samples import slow

NARROW = ("bfloat16", "float16")
FAMILIES = ["bert", "llama", "gpt_neo"]
MORE = ["gpt2", "opt", "gemma2", "gemma3", "mistral", "qwen3", "phi3", "gpt_neox", "bloom", "gptj", "mpnet"]
# not gpt_oss: where two experts are nearly alike, rounding chooses another one than in float64, in any pass
MORE += ["roberta", "distilbert", "albert", "electra", "modernbert", "deepseek_v32", "phi3-long", "mistral-90"]


def saved_in(folder, target, dtype):
    """A copy of a model's folder with its weights in another dtype."""
    import shutil

    shutil.copytree(folder, target)
    weights = load_file(target / "model.safetensors")
    converted = {name: tensor.to(dtype) for name, tensor in weights.items()}
    save_file(converted, target / "model.safetensors", metadata={"format": "pt"})
    return target


def stock_pass(folder, ids, dtype) -> list[np.ndarray]:
    """Hidden states and weights of the stock model in a dtype, and in float64 from weights rounded to that dtype."""
    model = stock_model(folder).to(dtype)
    model.set_experts_implementation("eager")  # the grouped kernels know no float64
    found = []
    for convert in (lambda: model, model.double):
        one = convert()
        with torch.inference_mode():
            out = one(input_ids=torch.tensor(ids)[None], output_attentions=True, output_hidden_states=True)
        found += [
            np.stack([layer[0].double().numpy() for layer in part]) for part in (out.hidden_states, out.attentions)
        ]
    return found


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("family", [*FAMILIES, *map(slow, MORE)])
def test_a_pass_in_16_bits_is_as_near_to_float64_as_the_stock_models(family, dtype, folder_of, tmp_path):
    model = load_model(str(folder_of(family)), cache_dir=tmp_path, device="cpu", dtype=dtype)
    capture = model.capture(model.tokenize(zoo.TEXT))
    hidden, weights, exact_hidden, exact_weights = stock_pass(
        folder_of(family), capture.encoding.ids, getattr(torch, dtype)
    )
    found = (capture.hidden_states, capture.attention(range(len(weights))))
    for ours, stock, exact in zip(found, (hidden, weights), (exact_hidden, exact_weights), strict=True):
        scale = max(1.0, float(np.abs(exact).max()))
        own = float(np.abs(stock - exact).max()) / scale
        assert own > 1e-5  # rounding is there to be seen
        assert float(np.abs(ours - exact).max()) / scale <= 4 * max(own, rounding_unit(dtype))
    assert capture.hidden_states.dtype == np.float32


def test_what_is_asked_for_is_what_weights_are_kept_in(folder_of, tmp_path):
    half = saved_in(folder_of("bert"), tmp_path / "half", torch.bfloat16)
    for folder, asked, expected in (
        (folder_of("bert"), "auto", "float32"),
        (half, "auto", "bfloat16"),
        (half, "float16", "float16"),
    ):
        model = load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu", dtype=asked)
        assert model.info.dtype == expected
        assert {str(one.dtype) for one in model._network.model.parameters()} == {f"torch.{expected}"}


def test_the_dtype_is_part_of_the_fingerprint_and_auto_is_not(folder_of, load, tmp_path):
    own = load("bert").info.fingerprint
    found = {
        asked: load_model(str(folder_of("bert")), cache_dir=tmp_path, device="cpu", dtype=asked).info.fingerprint
        for asked in ("auto", "bfloat16")
    }
    assert found["auto"] == own
    assert found["bfloat16"] != own


def test_a_dtype_that_is_none_is_refused_with_those_that_are(folder_of, tmp_path):
    with pytest.raises(InvalidParams) as caught:
        load_model(str(folder_of("bert")), cache_dir=tmp_path, dtype="int8")
    assert caught.value.data["field"] == "dtype"
    assert "bfloat16" in caught.value.hint


def test_most_numbers_decide_what_auto_is(tmp_path):
    path = tmp_path / "model.safetensors"
    tensors = {"norm": torch.ones(3), "weight": torch.ones(8, dtype=torch.float16)}
    save_file(tensors | {"quantized": torch.ones(99, dtype=torch.int8)}, path)
    assert choose_dtype("auto", [path]) == "float16"


def test_a_route_that_differs_by_less_than_rounding_is_not_taken(folder_of, tmp_path, monkeypatch):
    original = attention_function.attention_weights
    monkeypatch.setattr("exbert_rpc.model.passes.attention_weights", lambda call, *rest: original(call, *rest) ** 1.002)
    model = load_model(str(folder_of("llama")), cache_dir=tmp_path, device="cpu", dtype="bfloat16")
    assert model._network.route == "eager"


def test_a_mask_by_the_name_of_the_implementation_is_found_in_16_bits(folder_of, tmp_path):
    model = load_model(str(folder_of("deepseek_v32")), cache_dir=tmp_path, device="cpu", dtype="bfloat16")
    assert model._network.route == "sdpa"


def test_a_model_that_cannot_run_in_16_bits_is_refused_with_what_can_be_done(folder_of, tmp_path):
    with pytest.raises(ModelNotSupported, match="cannot run in bfloat16 on cpu") as caught:
        load_model(str(folder_of("deberta")), cache_dir=tmp_path, device="cpu", dtype="bfloat16")
    assert "float32" in caught.value.hint


def test_numbers_beyond_float16_are_refused_with_what_can_be_done(folder_of, tmp_path):
    folder = saved_in(folder_of("llama"), tmp_path / "large", torch.float32)
    weights = load_file(folder / "model.safetensors")
    for name in weights:
        if "down_proj" in name:
            weights[name] *= 3e4
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert load_model(str(folder), cache_dir=tmp_path, device="cpu", dtype="bfloat16").info.dtype == "bfloat16"
    with pytest.raises(ModelNotSupported, match="float16"):
        load_model(str(folder), cache_dir=tmp_path, device="cpu", dtype="float16")


def test_parts_smaller_than_rounding_are_not_shown(folder_of, tmp_path):
    model = load_model(str(folder_of("llama")), cache_dir=tmp_path, device="cpu", dtype="bfloat16")
    with pytest.raises(ModelNotSupported, match="rounding") as caught:
        model.explain_prediction(model.tokenize(zoo.TEXT), 2, 5)
    assert "--dtype float32" in caught.value.hint
    norms = model.value_norms(model.tokenize(zoo.TEXT))
    exact = load_model(str(folder_of("llama")), cache_dir=tmp_path, device="cpu").value_norms(model.tokenize(zoo.TEXT))
    np.testing.assert_allclose(norms, exact, rtol=0.1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_large_matrices_are_widened_in_blocks(dtype, monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr("exbert_rpc.model.float64.BLOCK", 40)
    layer = torch.nn.Linear(12, 31).to(dtype)
    table = torch.nn.Embedding(9, 12).to(dtype)
    ids = torch.tensor([[1, 8, 3]])
    with torch.inference_mode():
        expected = torch.nn.functional.linear(table.weight.double()[ids], layer.weight.double(), layer.bias.double())
        with in_float64():
            found = layer(table(ids))
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)


def test_a_quantized_checkpoint_says_what_became_of_it():
    class Config:
        quantization_config = {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]}

    said = describe_quantization(Config(), torch.nn.Linear(2, 2), "bfloat16")
    assert said == "fp8 (fmt e4m3, weight_block_size [128, 128]), dequantized to bfloat16"
    assert describe_quantization(tf.BertConfig(), torch.nn.Linear(2, 2), "float32") is None


def big_model(folder, dtype) -> int:
    """A made-up model with large embeddings; its number of weights."""
    tokenizer = zoo.make_tokenizer("metaspace-bpe", folder)
    sizes = {"hidden_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 16, "num_key_value_heads": 4}
    config = tf.LlamaConfig(vocab_size=32_000, intermediate_size=3584, max_position_embeddings=512, **sizes)
    assert len(tokenizer) <= config.vocab_size
    torch.manual_seed(0)
    model = tf.LlamaForCausalLM(config).to(dtype)
    model.save_pretrained(folder)
    return sum(parameter.numel() for parameter in model.parameters())


MEASURE = """
import resource, sys
from pathlib import Path
import torch, transformers, transformers.models.llama.modeling_llama
from exbert_rpc.model.loading import load_model
from exbert_rpc.model import verify, verified
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
load_model(sys.argv[3], cache_dir=Path(sys.argv[2]), device="cpu", dtype=sys.argv[4])  # what any model needs
before = peak()
model = load_model(sys.argv[1], cache_dir=Path(sys.argv[2]), device="cpu", dtype=sys.argv[4])
model.capture(model.tokenize("The girl ran to a local pub."))
print(peak() - before, model.info.dtype, model._network.route)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stored", "asked", "used"),
    [
        (torch.bfloat16, "auto", "bfloat16"),
        (torch.bfloat16, "float32", "float32"),
        (torch.float32, "bfloat16", "bfloat16"),
        (torch.float32, "float32", "float32"),
    ],
)
def test_loading_takes_little_more_memory_than_the_model(stored, asked, used, folder_of, tmp_path):
    if sys.platform != "linux" or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss == 0:
        pytest.skip("peaks are read as Linux gives them")
    folder = tmp_path / "big"
    folder.mkdir()
    size = big_model(folder, stored) * (4 if used == "float32" else 2)
    arguments = [str(folder), str(tmp_path / "cache"), str(folder_of("llama")), asked]
    done = subprocess.run([sys.executable, "-c", MEASURE, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    peak, dtype, route = done.stdout.split()
    assert (dtype, route) == (used, "exbert_rpc")
    assert int(peak) <= 1.3 * size, f"{int(peak) / size:.2f} times {size >> 20} MiB"
    assert json.loads((folder / "config.json").read_text())["dtype"] == str(stored).removeprefix("torch.")
