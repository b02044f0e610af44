"""LoRA adapters: merged into their base model by peft, exactly, or refused with what merges them."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from exbert_rpc.errors import ModelNotFound, ModelNotSupported
from exbert_rpc.model.loading import load_model
from tests.model import zoo
from tests.oracles_model import stock_model

peft = pytest.importorskip("peft", reason="pip install 'exbert-rpc[peft]'")
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers.*"),  # peft asks for what transformers deprecates
    pytest.mark.filterwarnings("ignore::UserWarning:peft.*"),
]
MODULES = {"llama": ["q_proj", "v_proj"], "bert": ["query", "value"], "gpt2": ["c_attn"]}


@pytest.fixture
def adapter_of(folder_of, tmp_path):
    """An adapter with weights of its own, as peft saves it, and the stock model with it."""

    def make(family: str, **more):
        torch.manual_seed(7)
        options = {"r": 4, "lora_alpha": 8, "target_modules": MODULES[family], **more}
        model = peft.get_peft_model(stock_model(folder_of(family)), peft.LoraConfig(**options))
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.3)
        folder = tmp_path / f"{family}-adapter"
        model.save_pretrained(folder)
        config = json.loads((folder / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = str(folder_of(family))
        (folder / "adapter_config.json").write_text(json.dumps(config))
        return folder, model.eval()

    return make


def change_weights(folder, change) -> None:
    weights = load_file(folder / "adapter_model.safetensors")
    change(weights)
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("family", MODULES)
def test_a_merged_adapter_gives_the_numbers_of_the_adapted_model(family, adapter_of, load, tmp_path):
    folder, adapted = adapter_of(family)
    model = load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu")
    encoding = model.tokenize(zoo.TEXT)
    capture = model.capture(encoding)
    with torch.inference_mode():
        out = adapted(input_ids=torch.tensor(encoding.ids)[None], output_attentions=True, output_hidden_states=True)
    hidden = np.stack([state[0].numpy() for state in out.hidden_states])
    weights = np.stack([layer[0].numpy() for layer in out.attentions])
    np.testing.assert_allclose(capture.hidden_states, hidden, atol=2e-5 * np.abs(hidden).max(), rtol=0)
    np.testing.assert_allclose(capture.attention(range(len(weights))), weights, atol=2e-5, rtol=0)
    base = load(family).capture(load(family).tokenize(zoo.TEXT))
    assert np.abs(base.hidden_states - hidden).max() > 1e-2
    assert model.info.fingerprint != load(family).info.fingerprint


def test_a_second_load_merges_nothing(adapter_of, tmp_path, monkeypatch):
    folder, _adapted = adapter_of("bert")
    said: list[str] = []
    first = load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu", report=said.append)
    assert any("merging" in one for one in said)
    monkeypatch.setattr(peft.PeftModel, "from_pretrained", lambda *_args, **_more: pytest.fail("merged again"))
    again = load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu")
    assert again.info == first.info


def test_a_changed_adapter_is_merged_again(adapter_of, tmp_path):
    folder, _adapted = adapter_of("bert")
    before = load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu").info.fingerprint
    change_weights(folder, lambda weights: [tensor.mul_(1.5) for tensor in weights.values()])
    assert load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu").info.fingerprint != before


def test_without_peft_the_message_says_what_installs_and_what_merges(adapter_of, tmp_path, monkeypatch):
    folder, _adapted = adapter_of("bert")
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ModelNotSupported, match=r"an adapter \(LORA\) for .*bert, and peft") as caught:
        load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu")
    assert "exbert-rpc[peft]" in caught.value.hint
    assert "merge_and_unload()" in caught.value.hint


@pytest.mark.parametrize("damage", ["missing", "unexpected"])
def test_weights_that_do_not_fit_are_named(damage, adapter_of, tmp_path):
    folder, _adapted = adapter_of("bert")
    name = next(iter(load_file(folder / "adapter_model.safetensors")))
    other = name.replace("layer.", "layer.7")
    if damage == "missing":
        change_weights(folder, lambda weights: weights.pop(name))
    else:
        change_weights(folder, lambda weights: weights.update({other: torch.ones(4, 4)}))
    with pytest.raises(ModelNotSupported) as caught:
        load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu")
    assert (name if damage == "missing" else other) in caught.value.message
    assert not (tmp_path / "cache" / "merged").exists()


def test_an_adapter_of_another_shape_is_refused(adapter_of, folder_of, tmp_path):
    folder, _adapted = adapter_of("bert")
    change_weights(folder, lambda weights: weights.update({name: one[:, :1].clone() for name, one in weights.items()}))
    with pytest.raises(ModelNotSupported, match="does not fit"):
        load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu")


def test_an_adapter_that_adds_virtual_tokens_is_refused_by_its_kind(folder_of, tmp_path):
    config = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    peft.get_peft_model(stock_model(folder_of("llama")), config).save_pretrained(tmp_path / "prompt")
    path = tmp_path / "prompt" / "adapter_config.json"
    named = {"base_model_name_or_path": str(folder_of("llama"))}
    path.write_text(json.dumps(json.loads(path.read_text()) | named))
    with pytest.raises(ModelNotSupported, match="of the kind PROMPT_TUNING"):
        load_model(str(tmp_path / "prompt"), cache_dir=tmp_path / "cache", device="cpu")


def test_a_base_model_that_is_not_there_is_named(adapter_of, tmp_path):
    folder, _adapted = adapter_of("bert")
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": "nobody/no-such-base"}))
    with pytest.raises(ModelNotFound, match="whose base model is not there: no model 'nobody/no-such-base'"):
        load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu")


def test_a_base_model_outside_of_the_allowed_folders_is_not_read(adapter_of, tmp_path):
    folder, _adapted = adapter_of("bert")
    with pytest.raises(ModelNotFound, match="whose base model is not there"):
        load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu", allowed_roots=(folder,))


def test_an_adapter_as_a_pickle_is_refused(adapter_of, tmp_path):
    folder, _adapted = adapter_of("bert")
    (folder / "adapter_model.safetensors").unlink()
    torch.save({}, folder / "adapter_model.bin")
    with pytest.raises(ModelNotSupported, match=r"only adapter_model\.bin"):
        load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu")


def test_an_adapter_beside_a_whole_model_is_refused(adapter_of, folder_of, tmp_path):
    folder, _adapted = adapter_of("bert")
    for name in ("config.json", "model.safetensors"):
        shutil.copy(folder_of("bert") / name, folder / name)
    with pytest.raises(ModelNotSupported, match="an adapter and other weights"):
        load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu")
