"""``decompose``: both forms through the engine, the lens, and models and input that are refused."""

from __future__ import annotations

import numpy as np
import pytest

from exbert_rpc.engine import Engine
from exbert_rpc.engine.requests import DecomposeRequest, TextInput
from exbert_rpc.errors import InvalidParams, ModelNotSupported
from exbert_rpc.tasks import Task

TEXT = "The girl ran to a local pub."
OTHER = "The quick brown fox jumps."


def decompose(engine, text=TEXT, **fields):
    given = {} if text is None else {"input": TextInput(text)}
    return engine.decompose(DecomposeRequest("test", **given, **fields), Task())


def test_a_prediction_is_decomposed_with_its_lens(tiny_corpus):
    engine = tiny_corpus("llama").engine
    answer = decompose(engine)
    model = engine._models.get(None, Task())
    encoding = model.tokenize(TEXT)
    logits = model.ablate(encoding, None, None, len(encoding.ids) - 1).logits.astype(np.float64)
    assert answer.measure == "logit"
    assert (answer.target.position, answer.target.id) == (len(encoding.ids) - 1, int(logits.argmax()))
    assert answer.parts.total == pytest.approx(logits.max() - logits.mean(), abs=1e-5)
    assert abs(answer.parts.residual) < 1e-4
    assert [row.hidden_layer for row in answer.lens] == [0, 1, 2, 3]
    last = answer.lens[-1]
    assert last.target_rank == 1
    assert last.top[0].id == answer.target.id
    assert last.target_probability == pytest.approx(np.exp(logits.max()) / np.exp(logits).sum(), abs=1e-5)


def test_a_contrast_is_the_difference_of_two_logits(tiny_corpus):
    answer = decompose(tiny_corpus("gpt2").engine, token=2, target=50, contrast=60)
    assert answer.measure == "logitDifference"
    assert (answer.target.position, answer.target.id, answer.contrast.id) == (2, 50, 60)
    assert abs(answer.parts.residual) < 1e-4
    assert any(row.target_rank > 1 for row in answer.lens)


def test_a_target_may_be_the_text_of_one_token(tiny_corpus):
    engine = tiny_corpus("gpt2").engine
    model = engine._models.get(None, Task())
    assert decompose(engine, target="e").target.id == int(model.tokenize("e").ids[1])


def test_a_similarity_is_decomposed_into_parts_and_into_pairs_of_tokens(tiny_corpus):
    engine = tiny_corpus("bert").engine
    answer = decompose(engine, against=OTHER)
    model = engine._models.get(None, Task())
    a, b = (model.capture(model.tokenize(text)).hidden_states[-1].astype(np.float64) for text in (TEXT, OTHER))
    expected = a.mean(0) @ b.mean(0) / np.linalg.norm(a.mean(0)) / np.linalg.norm(b.mean(0))
    assert answer.measure == "cosine"
    assert answer.lens == ()
    assert answer.parts.total == pytest.approx(expected, abs=1e-5)
    assert answer.token_pairs.shape == (len(a), len(b))
    assert answer.token_pairs.dtype == np.float32
    assert answer.token_pairs.sum(dtype=np.float64) == pytest.approx(expected, abs=1e-5)
    at = 2, 3
    one = a[at[0]] @ b[at[1]] / (len(a) * len(b) * np.linalg.norm(a.mean(0)) * np.linalg.norm(b.mean(0)))
    assert answer.token_pairs[at] == pytest.approx(one, abs=1e-6)


@pytest.mark.parametrize(
    ("family", "fields", "error", "message"),
    [
        ("bert", {"token": 2}, ModelNotSupported, "BertForMaskedLM: embedding, heads, MLPs and biases do not sum"),
        ("gemma2", {}, ModelNotSupported, "Gemma2ForCausalLM: embedding, heads, MLPs and biases do not sum"),
        ("t5", {}, ModelNotSupported, "T5ForConditionalGeneration: predictions of a decoder behind an encoder"),
        ("llama", {"token": 99}, InvalidParams, "token: 99 is out of range"),
        ("llama", {"target": 99_999}, InvalidParams, "target: there is no token with the id 99999"),
        ("llama", {"contrast": "The girl ran"}, InvalidParams, "contrast: 'The girl ran' is not one token"),
        ("llama", {"target": 40, "contrast": 40}, InvalidParams, "contrast: is the target itself"),
        ("llama", {"against": ""}, InvalidParams, "against: is empty or blank"),
        ("llama", {"against": OTHER, "token": 1}, InvalidParams, "token: may not be given together with `against`"),
    ],
)
def test_what_cannot_be_decomposed_is_named(family, fields, error, message, tiny_model, tmp_path):
    engine = Engine(tmp_path, default_model=str(tiny_model(family)), pipeline="blank:en", device="cpu")
    with pytest.raises(error) as caught:
        decompose(engine, **fields)
    assert message in caught.value.message
    assert caught.value.hint
    engine.close()


def test_a_model_without_a_language_model_head_needs_a_second_text(headless):
    with pytest.raises(InvalidParams, match=r"against: is required: .* has no language-model head") as caught:
        decompose(headless)
    assert "give a second text" in caught.value.hint
    assert decompose(headless, against=OTHER).measure == "cosine"
