"""A model that somebody has in memory is copied and verified as any other, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.given_model import given_id, prepare_given
from tests.model import zoo

TEXT = "The girl ran to a local pub."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zoo.make_model("bert", tmp_path_factory.mktemp("given") / "tiny")


@pytest.fixture
def tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def load(folder: Path, kind: str = "AutoModelForMaskedLM") -> Any:
    import transformers

    return getattr(transformers, kind).from_pretrained(folder)


def test_its_attention_is_the_models_own_and_the_model_stays_as_it_was(
    folder: Path, tokenizer: Any, tmp_path: Path
) -> None:
    model = load(folder)
    with torch.no_grad():
        model.bert.encoder.layer[1].attention.self.query.weight.mul_(1.5)  # no file has these numbers
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    mine = prepare_given(model, tokenizer, given_id(model, tokenizer), tmp_path)
    assert model.training and model.config._attn_implementation != "eager"
    assert all(parameter.requires_grad for parameter in model.parameters())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    capture = mine.capture(mine.tokenize(TEXT))
    model.eval().set_attn_implementation("eager")
    with torch.no_grad():
        stock = model(**tokenizer(TEXT, return_tensors="pt"), output_attentions=True)
    expected = torch.stack(stock.attentions)[:, 0].numpy()
    layers, heads = range(expected.shape[0]), range(expected.shape[1])
    np.testing.assert_allclose(capture.attention(tuple(layers), tuple(heads)), expected, atol=1e-5)
    assert mine.info.has_lm_head


def test_later_changes_of_the_model_are_not_seen_and_give_it_another_name(
    folder: Path, tokenizer: Any, tmp_path: Path
) -> None:
    model = load(folder)
    name = given_id(model, tokenizer)
    assert name.startswith("BertForMaskedLM@") and name == given_id(load(folder), tokenizer)
    mine = prepare_given(model, tokenizer, name, tmp_path)
    encoding = mine.tokenize(TEXT)
    first = mine.capture(encoding).attention((0,), (0,))
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight.mul_(-1)
    np.testing.assert_array_equal(mine.capture(encoding).attention((0,), (0,)), first)
    assert given_id(model, tokenizer) != name


def test_a_classifier_is_read_without_its_head(folder: Path, tokenizer: Any, tmp_path: Path) -> None:
    mine = prepare_given(load(folder, "AutoModelForSequenceClassification"), tokenizer, "mine", tmp_path)
    assert (mine.info.architecture, mine.info.has_lm_head) == ("BertModel", False)


def test_a_model_that_ran_with_output_attentions_is_taken(folder: Path, tokenizer: Any) -> None:
    model = load(folder)
    model.set_attn_implementation("eager")
    model(**tokenizer(TEXT, return_tensors="pt"), output_attentions=True)  # transformers leaves hooks of its own
    assert given_id(model, tokenizer).startswith("BertForMaskedLM@")


def test_what_cannot_be_reproduced_is_refused_by_name(folder: Path, tokenizer: Any, tmp_path: Path) -> None:
    def refusal(model: Any, its: Any = tokenizer) -> str:
        with pytest.raises(ModelNotSupported) as raised:
            prepare_given(model, its, "mine", tmp_path)
        return raised.value.message

    assert "Linear is not a transformers model" in refusal(torch.nn.Linear(2, 2))
    assert "dict is not a transformers tokenizer" in refusal(load(folder), {})
    assert "weights in bfloat16" in refusal(load(folder).bfloat16())
    hooked = load(folder)
    hooked.bert.encoder.layer[1].register_forward_hook(lambda *_: None)
    assert "has hooks on bert.encoder.layer.1" in refusal(hooked)
    patched = load(folder)
    patched.bert.forward = patched.bert.forward
    assert "the forward of bert was replaced" in refusal(patched)
    broken = load(folder)
    with torch.no_grad():
        broken.bert.embeddings.word_embeddings.weight[0, 0] = float("nan")
    assert "weights are not finite: bert.embeddings.word_embeddings.weight" in refusal(broken)
