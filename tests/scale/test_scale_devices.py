"""Nothing but the model's device is ever named: a device that is not the default one shows every tensor that forgets.

``meta`` tensors refuse to meet CPU tensors, as CUDA's do, and there is one on every machine.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from exbert_rpc.errors import InvalidParams
from exbert_rpc.model import loading
from exbert_rpc.model.loaded import model_inputs
from exbert_rpc.model.loading import load_model
from exbert_rpc.model.network import Network
from tests.model import zoo


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    root = tmp_path_factory.mktemp("device")
    return load_model(str(zoo.make_model("bert", root / "bert")), device="cpu", cache_dir=root / "cache")


def test_auto_means_cuda_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert loading._device("auto") == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert loading._device("auto") == torch.device("cpu")


def test_a_device_that_is_not_there_is_refused_in_words():
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(InvalidParams, match="cannot be used"):
        loading._device("cuda")


def test_inputs_are_made_where_the_model_is(bert):
    inputs = model_inputs([bert.tokenize("A girl ran."), bert.tokenize("It ran.")], 0, torch.device("meta"))
    assert {tensor.device.type for tensor in inputs.values()} == {"meta"}


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama", "modernbert", "gemma2"])
def test_every_tensor_of_a_pass_stays_on_the_models_device(tmp_path, family, monkeypatch):
    # meta tensors have no values to look at; this is what transformers would see of a padded batch
    for name in ("_ignore_causal_mask_sdpa", "_ignore_bidirectional_mask_sdpa"):
        monkeypatch.setattr(f"transformers.masking_utils.{name}", lambda *_args, **_more: False)
    model = load_model(str(zoo.make_model(family, tmp_path / family)), device="cpu", cache_dir=tmp_path / "cache")
    network: Network = model._network
    encodings = [model.tokenize("The girl ran to a local pub."), model.tokenize("It ran.")]
    network.model.to("meta")
    raw = network.run_selected(model_inputs(encodings, 0, network.device), [1], [0, 1], [1])
    tensors = [*raw.hidden.values(), *raw.heads.values(), raw.attention["self"][1].weights()]
    assert {tensor.device.type for tensor in tensors} == {"meta"}


def test_captures_are_float32_numpy_arrays(bert):
    capture = bert.capture(bert.tokenize("A girl ran."))
    for array in (capture.hidden_states, capture.head_outputs, capture.attention([0])):
        assert isinstance(array, np.ndarray)
        assert array.dtype == np.float32


def test_weights_made_at_once_are_those_made_later(bert, monkeypatch):
    asked = {"hidden_layers": [0, 1, 2, 3], "layers": [0, 1, 2], "attention_layers": [0, 1, 2]}
    encodings = [bert.tokenize("The girl ran to a local pub."), bert.tokenize("It ran.")]
    at_once = bert.capture_batch(encodings, **asked)
    # elsewhere than on the processor the kernel runs, and weights come from the query and key that were kept
    monkeypatch.setattr(Network, "device", property(lambda _self: SimpleNamespace(type="other")))
    monkeypatch.setattr(bert, "_inputs", lambda some: model_inputs(some, 0, torch.device("cpu")))
    for one, other in zip(at_once, bert.capture_batch(encodings, **asked), strict=True):
        for name in ("hidden_states", "head_outputs", "attention"):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-5, rtol=1e-5)
