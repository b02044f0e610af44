"""What a reader of attention weights must know is said beside them."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from exbert_rpc.engine import Engine
from exbert_rpc.engine.requests import AttendRequest, TextInput
from exbert_rpc.tasks import Task
from tests.model import zoo


@pytest.mark.parametrize(("family", "has_sinks"), [("gpt_oss", True), ("gpt2", False)])
def test_a_model_with_attention_sinks_says_that_its_rows_are_not_whole(tmp_path, family, has_sinks):
    engine = Engine(tmp_path / "store", default_model=str(zoo.make_model(family, tmp_path / family)))
    answer = engine.attend(AttendRequest("s", TextInput(zoo.TEXT), annotate=False), Task())
    engine.close()
    assert (answer.attention.sum(axis=-1).min() < 0.999) == has_sinks
    assert any("sinks" in note for note in answer.notes) == has_sinks


def test_weights_that_nothing_reads_are_named(tmp_path):
    folder = zoo.make_model("llama", tmp_path / "llama")
    weights = load_file(folder / "model.safetensors")
    bias = "model.layers.0.self_attn.q_proj.bias"
    save_file({**weights, bias: torch.ones(64)}, folder / "model.safetensors", metadata={"format": "pt"})
    engine = Engine(tmp_path / "store", default_model=str(folder))
    notes = engine.attend(AttendRequest("s", TextInput(zoo.TEXT), annotate=False), Task()).notes
    engine.close()
    assert f"the checkpoint has weights that LlamaForCausalLM does not use: {bias}" in notes
