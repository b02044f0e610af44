"""Folders that people have and that are no model: the message names what each is, and the next step."""

from __future__ import annotations

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from exbert_rpc.engine import Engine
from exbert_rpc.errors import ExbertError
from exbert_rpc.tasks import Task
from tests.model import zoo


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return zoo.make_model("bert", tmp_path_factory.mktemp("folders") / "bert")


def adapter(folder, model):
    folder.mkdir()
    config = {"peft_type": "LORA", "base_model_name_or_path": "org/base"}
    (folder / "adapter_config.json").write_text(json.dumps(config))


def sentence_transformer(folder, model):
    shutil.copytree(model, folder / "0_Transformer")
    (folder / "modules.json").write_text('[{"idx": 0, "path": "0_Transformer"}, {"idx": 1, "path": "1_Pooling"}]')


def trainer(folder, model):
    for step in (500, 1500, 1000):
        shutil.copytree(model, folder / f"checkpoint-{step}")


def outer(folder, model):
    shutil.copytree(model, folder / "best")


def keras(folder, model):
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "tf_model.h5").write_bytes(b"x")


def pickled(folder, model):
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "pytorch_model.bin").write_bytes(b"x")


def compiled(folder, model):
    shutil.copytree(model, folder)
    weights = load_file(folder / "model.safetensors")
    save_file(
        {f"_orig_mod.{name}": one for name, one in weights.items()}, folder / "model.safetensors", {"format": "pt"}
    )


def without_vocabulary(folder, model):
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("tokenizer*", "vocab*"))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')


def broken_notes(folder, model):
    folder.mkdir()
    (folder / "adapter_config.json").write_text("[")
    (folder / "modules.json").write_text('{"path": 3}')


@pytest.mark.parametrize(
    ("make", "said", "step"),
    [
        (adapter, "whose base model is not there: no model 'org/base'", "network"),
        (sentence_transformer, "whose model is in 0_Transformer", "/0_Transformer"),
        (trainer, "output with 3 checkpoints", "checkpoint-1500 is the last"),
        (outer, "its folders best hold models", "/best"),
        (keras, "TensorFlow, Flax or ONNX only: tf_model.h5", "from_tf=True"),
        (pickled, "pytorch_model.bin, which could run code", "save it with safetensors"),
        (compiled, "weights are missing", "save model._orig_mod instead"),
        (without_vocabulary, "its tokenizer (BertTokenizer)", "tokenizer.json"),
        (broken_notes, "neither a config.json nor a .gguf file", "available models"),
    ],
)
def test_the_message_says_what_a_folder_is_and_what_to_do(make, said, step, model, tmp_path):
    folder = tmp_path / "given"
    make(folder, model)
    engine = Engine(tmp_path / "store")
    try:
        with pytest.raises(ExbertError) as refused:
            engine.describe_model(str(folder), Task())
    finally:
        engine.close()
    assert said in refused.value.message
    assert step in refused.value.hint
