"""GGUF files: whole, in parts, and with tensors that are not there."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import transformers as tf

from exbert_rpc.errors import ModelNotFound, ModelNotSupported
from exbert_rpc.model.gguf_parts import merge_command
from exbert_rpc.model.loading import load_model
from exbert_rpc.model.sources import find_model
from tests.model import zoo

gguf = pytest.importorskip("gguf")
pytest.importorskip("accelerate")

NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
OF_LAYER = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
FIRST, SECOND = ("m-00001-of-00002.gguf", "m-00002-of-00002.gguf")


def name_of(key: str) -> str:
    """What llama.cpp calls a weight of Llama."""
    parts = key.removesuffix(".weight").split(".")
    if "layers" in parts:
        return f"blk.{parts[2]}.{OF_LAYER['.'.join(parts[3:])]}.weight"
    return f"{NAMES['.'.join(parts)]}.weight"


def interleaved(weight: np.ndarray, n_heads: int) -> np.ndarray:
    """Rows of queries and keys in the order that llama.cpp rotates them in."""
    rows, width = weight.shape
    return weight.reshape(n_heads, 2, rows // n_heads // 2, width).swapaxes(1, 2).reshape(rows, width)


def write(
    path: Path,
    folder: Path,
    keep: Callable[[str], bool],
    part: tuple[int, int] | None = None,
    extra: dict[str, np.ndarray] | None = None,
) -> Path:
    """The Llama in ``folder`` as a GGUF file with the tensors to keep."""
    model = tf.LlamaForCausalLM.from_pretrained(folder)
    config, writer = model.config, gguf.GGUFWriter(str(path), "llama")
    _write_shape(writer, config)
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([form.encode() for form in sorted(vocabulary["vocab"], key=vocabulary["vocab"].get)])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in vocabulary["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    if part is not None:
        writer.add_uint16("split.no", part[0])
        writer.add_uint16("split.count", part[1])
    for key, tensor in model.state_dict().items():
        array = tensor.numpy()
        if "q_proj" in key or "k_proj" in key:
            heads = config.num_attention_heads if "q_proj" in key else config.num_key_value_heads
            array = interleaved(array, heads)
        if keep(name_of(key)):
            writer.add_tensor(name_of(key), array.copy())
    for name, array in (extra or {}).items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _write_shape(writer, config) -> None:
    writer.add_context_length(128)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(8)


def is_first(name: str) -> bool:
    return name.startswith(("token_embd", "blk.0"))


@pytest.fixture(scope="module")
def llama(tmp_path_factory) -> Path:
    """A Llama of two layers with a byte-level tokenizer."""
    folder = tmp_path_factory.mktemp("llama")
    size = len(zoo.make_tokenizer("bpe", folder))
    settings = zoo._bert(num_hidden_layers=2, vocab_size=size, bos_token_id=0, eos_token_id=2, intermediate_size=40)
    tf.set_seed(0)
    tf.LlamaForCausalLM(tf.LlamaConfig(**settings)).eval().save_pretrained(folder)
    return folder


@pytest.fixture
def split(llama, tmp_path) -> Path:
    """A folder with the same model in two parts."""
    write(tmp_path / FIRST, llama, is_first, (0, 2))
    write(tmp_path / SECOND, llama, lambda name: not is_first(name), (1, 2))
    return tmp_path


@pytest.fixture
def hidden_states(llama, cache_dir):
    """Of the model with an id, over the tokens that the original's tokenizer makes."""
    encoding = load_model(str(llama), cache_dir=cache_dir, device="cpu").tokenize(zoo.TEXT)
    return lambda path: load_model(str(path), cache_dir=cache_dir, device="cpu").capture(encoding).hidden_states


def refused(model_id: Path, cache_dir: Path) -> ModelNotSupported:
    with pytest.raises(ModelNotSupported) as caught:
        load_model(str(model_id), cache_dir=cache_dir, device="cpu")
    return caught.value


def test_a_file_without_one_tensor_is_refused_by_that_tensors_name(llama, tmp_path, cache_dir):
    error = refused(write(tmp_path / "m.gguf", llama, lambda name: name != "blk.1.attn_q.weight"), cache_dir)
    assert error.message.endswith("weights are missing and would be random: model.layers.1.self_attn.q_proj.weight")


def test_an_output_layer_that_is_the_embedding_is_not_missing(llama, tmp_path, cache_dir):
    path = write(tmp_path / "m.gguf", llama, lambda name: name != "output.weight")
    assert load_model(str(path), cache_dir=cache_dir, device="cpu").info.has_lm_head


def test_a_folder_of_parts_loads_all_of_them(llama, split, hidden_states):
    np.testing.assert_allclose(hidden_states(split), hidden_states(llama), atol=1e-5)


def test_one_part_alone_is_refused_with_what_to_do(split, cache_dir):
    error = refused(split / FIRST, cache_dir)
    assert f"{FIRST} is part 1 of 2, so weights are missing" in error.message
    assert error.hint.endswith(shlex.join(["gguf-split", "--merge", str(split / FIRST), str(split / "m.gguf")]))
    assert str(split) in error.hint


def test_the_last_part_alone_names_the_first_one_to_merge_from(split, cache_dir):
    error = refused(split / SECOND, cache_dir)
    assert f"{SECOND} is part 2 of 2" in error.message
    assert error.hint.endswith(shlex.join(["gguf-split", "--merge", str(split / FIRST), str(split / "m.gguf")]))


def test_a_command_that_merges_can_be_pasted():
    folder = Path("my models")
    command = ["gguf-split", "--merge", str(folder / FIRST), str(folder / "m.gguf")]
    assert shlex.split(merge_command(folder / SECOND)) == command


def test_a_renamed_part_is_known_by_what_it_says_inside(llama, tmp_path, cache_dir):
    error = refused(write(tmp_path / "whole.gguf", llama, is_first, (0, 2)), cache_dir)
    assert "whole.gguf is part 1 of 2" in error.message
    assert "name-00001-of-00002.gguf" in error.hint


def test_a_part_that_is_not_there_is_named(split):
    (split / SECOND).unlink()
    with pytest.raises(ModelNotFound, match=rf"1 of 2 parts: {SECOND} is missing"):
        find_model(str(split))


def test_parts_beside_another_model_have_to_be_told_apart(llama, split):
    write(split / "other.gguf", llama, lambda _name: True)
    with pytest.raises(ModelNotFound, match=rf"several GGUF models: {FIRST} \(2 parts\), other\.gguf") as caught:
        find_model(str(split))
    assert "folder of its own" in caught.value.hint


def test_a_conversion_that_was_not_checked_for_missing_tensors_is_made_again(llama, tmp_path, cache_dir, hidden_states):
    path = write(tmp_path / "m.gguf", llama, lambda _name: True)
    expected = hidden_states(path)
    for folder in (cache_dir / "gguf").iterdir():
        (folder / "conversion.json").unlink(missing_ok=True)
        (folder / "model.safetensors").write_bytes(b"of an earlier version")
    np.testing.assert_array_equal(hidden_states(path), expected)


def test_tensors_that_the_class_has_no_place_for_are_named(llama, tmp_path, cache_dir):
    path = write(tmp_path / "m.gguf", llama, lambda _name: True, extra={"rope_freqs.weight": np.ones(4, np.float32)})
    for _time in range(2):  # converted, and found converted
        assert load_model(str(path), cache_dir=cache_dir, device="cpu").info.unused_weights == ("rope_freqs.weight",)


def test_nothing_is_unused_in_a_whole_file(llama, tmp_path, cache_dir):
    path = write(tmp_path / "m.gguf", llama, lambda _name: True)
    assert load_model(str(path), cache_dir=cache_dir, device="cpu").info.unused_weights == ()
