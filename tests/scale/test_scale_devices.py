"""Nothing but the model's device is ever named: a device that is not the default one shows every tensor that forgets.

``meta`` tensors refuse to meet CPU tensors, as CUDA's do, and there is one on every machine.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from exbert_rpc.errors import InvalidParams, ModelNotSupported
from exbert_rpc.model.loaded import model_inputs
from exbert_rpc.model.loading import load_model
from exbert_rpc.model.network import Network
from exbert_rpc.model.placement import check_all_in_memory, choose_device, is_too_large, name_of, place_as
from tests.model import zoo


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    root = tmp_path_factory.mktemp("device")
    return load_model(str(zoo.make_model("bert", root / "bert")), device="cpu", cache_dir=root / "cache")


def test_auto_means_cuda_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")


def test_a_device_that_is_not_there_is_refused_in_words():
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(InvalidParams, match="cannot be used"):
        choose_device("cuda")


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


def test_a_model_that_is_spread_gives_the_same_numbers(bert, tmp_path):
    model = load_model(bert.info.id, device="spread", cache_dir=tmp_path)
    encoding = bert.tokenize("A girl ran.")
    np.testing.assert_array_equal(model.capture(encoding).hidden_states, bert.capture(encoding).hidden_states)
    assert model.info.device == "cpu"


@pytest.mark.parametrize("family", ["llama", "mistral-90", "gpt2"])
def test_a_model_whose_modules_move_their_inputs_is_verified_and_changed_as_any_other(tmp_path, family, monkeypatch):
    """What accelerate does where parts lie on several devices: every module gets hooks; here all are the processor."""
    from accelerate import dispatch_model

    from exbert_rpc.model import loading, twin

    folder = str(zoo.make_model(family, tmp_path / family))
    plain = load_model(folder, device="cpu", cache_dir=tmp_path / "plain")
    load = loading.load_network_weights

    def hooked(model):
        names = [name for name, one in model.named_modules() if next(one.children(), None) is None]
        return dispatch_model(model, dict.fromkeys(names, "cpu"), force_hooks=True, main_device="cpu")

    def load_hooked(*args, **more):
        found = load(*args, **more)
        hooked(found.model)
        return found

    monkeypatch.setattr(loading, "load_network_weights", load_hooked)
    monkeypatch.setattr(twin, "place_as", lambda copy, _model: hooked(copy))
    model = load_model(folder, device="spread", cache_dir=tmp_path / "spread")
    assert model._network.route == plain._network.route
    encoding = plain.tokenize("The girl ran to a local pub.")
    one, other = model.capture(encoding), plain.capture(encoding)
    np.testing.assert_array_equal(one.attention([0, 1]), other.attention([0, 1]))
    np.testing.assert_array_equal(one.head_outputs, other.head_outputs)
    assert one.predictions(3) == other.predictions(3)
    values = np.zeros((model.info.n_layers, model.info.n_heads, model.info.head_size), dtype=np.float32)
    ends = [next(iter(each.ablate_each(encoding, None, [(1, 2)], values, 2))) for each in (model, plain)]
    np.testing.assert_array_equal(ends[0].logits, ends[1].logits)


def test_a_model_larger_than_an_accelerator_is_spread(bert, monkeypatch):
    files = [next(iter((Path(bert.info.id)).glob("*.safetensors")))]
    size = files[0].stat().st_size
    for free, dtype, expected in ((2 * size, "float32", False), (size, "float32", True), (size, "bfloat16", False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device, free=free: (free, 10 * free))
        assert is_too_large(torch.device("cuda"), files, dtype) is expected
    assert not is_too_large(torch.device("cpu"), files, "float32")


def test_without_accelerate_the_message_says_what_to_install(bert, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ModelNotSupported, match="needs accelerate") as caught:
        load_model(bert.info.id, device="spread", cache_dir=tmp_path)
    assert "pip install accelerate" in caught.value.hint


def test_weights_that_would_stay_on_the_disk_are_refused():
    model = SimpleNamespace(hf_device_map={"embed": 0, "layers.0": "cpu", "layers.1": "disk"})
    with pytest.raises(ModelNotSupported, match=r"no room for layers\.1"):
        check_all_in_memory(model, "m")
    assert name_of(None, model) == "cpu + cuda:0 + disk"


def test_a_copy_goes_where_the_model_is():
    model, copy = torch.nn.Linear(2, 2).to("meta"), torch.nn.Linear(2, 2)
    assert next(place_as(copy, model).parameters()).device.type == "meta"
