"""``ablate_heads``: effects against the stock model with zeroed columns, means against single passes, and bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from scipy.stats import entropy

from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import SearchRequest
from exbert_rpc.engine.reference import mean_head_outputs
from exbert_rpc.engine.requests import AblateRequest, AttendRequest, TextInput
from exbert_rpc.errors import Cancelled, CorpusMismatch, InvalidParams, UnknownHandle
from exbert_rpc.model.float64 import in_float64
from exbert_rpc.tasks import Task
from exbert_rpc.text.calibration import calibration_texts
from tests.model import zoo
from tests.oracles_model import zeroed

TEXT = "The girl ran to a local pub."
OTHER = "The quick brown fox jumps."


@pytest.fixture
def engine_of(tiny_corpus):
    return lambda family: tiny_corpus(family).engine


def ablate(engine, text=TEXT, task=None, **fields):
    given = {} if text is None else {"input": TextInput(text)}
    return engine.ablate_heads(AblateRequest("test", **given, **fields), task or Task())


def stock_logits(corpus, text, heads):
    """Logits of the stock model with the heads' columns of W_O at zero."""
    model = corpus.engine._models.get(None, Task())
    encoding = model.tokenize(text)
    inputs = {"input_ids": encoding.ids}
    if encoding.type_ids is not None:
        inputs["token_type_ids"] = encoding.type_ids
    return zeroed(corpus.folder, corpus.family, inputs, heads, model.info.head_size)[1].astype(np.float64)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_every_effect_of_zero_ablation_is_that_of_the_stock_model_with_zeroed_columns(family, tiny_corpus):
    corpus = tiny_corpus(family)
    answer = ablate(corpus.engine, mode="zero", top_k=3)
    base = log_softmax(stock_logits(corpus, TEXT, ())[-1])
    assert answer.measure == "logProbability"
    assert answer.target.id == int(base.argmax())
    assert answer.base == pytest.approx(base.max(), abs=1e-4)
    assert len(answer.effects) == 12
    for one in answer.effects[::5]:
        changed = log_softmax(stock_logits(corpus, TEXT, ((one.layer, one.head),))[-1])
        assert one.effect.value == pytest.approx(changed[answer.target.id], abs=1e-4)
        assert one.effect.delta == pytest.approx(changed[answer.target.id] - base.max(), abs=1e-4)
        assert one.effect.kl_divergence == pytest.approx(entropy(np.exp(base), np.exp(changed)), abs=1e-4)
        assert [top.id for top in one.effect.top] == np.argsort(-changed)[:3].tolist()


def test_each_head_alone_has_the_effect_that_it_has_among_all(engine_of):
    engine = engine_of("llama")
    everything = ablate(engine)
    assert [(one.layer, one.head) for one in everything.effects] == [
        (layer, head) for layer in range(3) for head in range(4)
    ]
    for one in everything.effects[::4]:
        (alone,) = ablate(engine, heads=((one.layer, one.head),)).effects
        assert (alone.layer, alone.head) == (one.layer, one.head)
        assert alone.effect.value == pytest.approx(one.effect.value, abs=3e-5)
        assert alone.effect.kl_divergence == pytest.approx(one.effect.kl_divergence, abs=3e-5)


def test_several_heads_together_are_one_effect_that_names_no_head(engine_of):
    (one,) = ablate(engine_of("llama"), heads=((2, 1), (0, 3), (2, 1))).effects
    assert (one.layer, one.head) == (None, None)
    assert one.effect.delta != 0


def test_the_mean_is_taken_over_the_tokens_of_the_packaged_text(engine_of):
    engine = engine_of("gpt2")
    model = engine._models.get(None, Task())
    total, tokens = 0.0, 0
    for text in calibration_texts()[::3]:
        if model.count_tokens(text) > model.info.max_tokens:
            continue
        encoding = model.tokenize(text)
        outputs = model.capture(encoding).head_outputs[:, :, ~encoding.is_special]
        total, tokens = total + outputs.sum(axis=2, dtype=np.float64), tokens + outputs.shape[2]
    found = engine._references.packaged(model, Task())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, total / tokens, atol=1e-5)


def test_means_over_a_corpus_are_those_of_its_sentences(tiny_corpus):
    corpus = tiny_corpus("bert")
    engine = corpus.engine
    model = engine._models.get(None, Task())
    texts = [hit.text for hit in corpus.oracle.sentences]
    expected = mean_head_outputs(model, model.tokenize_many(texts), Task())
    found = engine._references.corpus(model, engine._corpora.reader("tiny"), Task())
    assert len(texts) <= 256
    np.testing.assert_allclose(found, expected, atol=1e-5)
    packaged = ablate(engine, against=OTHER, heads=((1, 1),))
    of_corpus = ablate(engine, against=OTHER, heads=((1, 1),), corpus="tiny")
    assert packaged.effects[0].effect.value != of_corpus.effects[0].effect.value


def test_another_text_gives_the_change_of_the_cosine_of_mean_states(tiny_corpus):
    corpus = tiny_corpus("bert")
    engine = corpus.engine
    model = engine._models.get(None, Task())

    def pooled(text, heads):
        encoding = model.tokenize(text)
        inputs = {"input_ids": encoding.ids, "token_type_ids": encoding.type_ids}
        return zeroed(corpus.folder, "bert", inputs, heads, model.info.head_size)[0].astype(np.float64).mean(axis=0)

    def cosine(heads):
        a, b = pooled(TEXT, heads), pooled(OTHER, heads)
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    answer = ablate(engine, against=OTHER, mode="zero")
    assert answer.measure == "cosine"
    assert answer.target is None
    assert answer.base == pytest.approx(cosine(()), abs=1e-5)
    for one in answer.effects[::5]:
        assert one.effect.value == pytest.approx(cosine(((one.layer, one.head),)), abs=1e-5)
        assert one.effect.delta == pytest.approx(one.effect.value - answer.base, abs=1e-9)
        assert one.effect.kl_divergence is None


def test_without_a_language_model_head_a_text_is_compared_with_its_own_unchanged_pass(headless):
    answer = ablate(headless, mode="zero")
    assert (answer.measure, answer.base) == ("cosine", 1.0)
    model = headless._models.get(None, Task())
    encoding = model.tokenize(TEXT)
    before = model.capture(encoding).hidden_states[-1].mean(axis=0)
    (alone,) = ablate(headless, heads=((1, 2),), keep=True, mode="zero").effects
    kept = headless._captures.get("test", ablate(headless, heads=((1, 2),), keep=True, mode="zero").capture_id)
    after = kept.capture.hidden_states[-1].mean(axis=0)
    expected = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    assert alone.effect.value == pytest.approx(expected, abs=1e-5)
    assert alone.effect.delta == pytest.approx(expected - 1, abs=1e-5)


def test_a_masked_token_is_the_default_target_of_a_model_that_reads_both_ways(engine_of):
    engine = engine_of("bert")
    request = AblateRequest("test", TextInput(TEXT, mask=(3,)), heads=((0, 0),), mode="zero")
    assert engine.ablate_heads(request, Task()).target.position == 3


@pytest.mark.parametrize("family", zoo.ENCODER_DECODER)
def test_heads_of_an_encoder_change_what_its_decoder_predicts(family, tiny_model, tmp_path):
    engine = Engine(tmp_path, default_model=str(tiny_model(family)), pipeline="blank:en", device="cpu")
    answer = ablate(engine, mode="zero")
    assert answer.measure == "logProbability"
    assert len(answer.effects) == 12
    assert all(one.effect.kl_divergence > 0 for one in answer.effects)
    engine.close()


def test_a_kept_pass_can_be_looked_at_and_searched_with(tiny_corpus):
    corpus = tiny_corpus("bert")
    engine = corpus.engine
    answer = ablate(engine, heads=((1, 2),), keep=True, mode="zero", against=OTHER)
    seen = engine.attend(AttendRequest("test", capture_id=answer.capture_id, annotate=False), Task())
    plain = engine.attend(AttendRequest("test", input=TextInput(TEXT), annotate=False), Task())
    np.testing.assert_array_equal(seen.attention[:2], plain.attention[:2])
    assert np.abs(seen.attention[2] - plain.attention[2]).max() > 1e-3
    assert any("1.2" in note for note in seen.notes)
    request = SearchRequest("test", "tiny", capture_id=answer.capture_id, token=3, layer=2, k=3)
    hits = engine.search_contexts(request, Task()).hits
    other = engine.search_contexts(SearchRequest("test", "tiny", input=TextInput(TEXT), token=3, layer=2, k=3), Task())
    assert [hit.score for hit in hits] != [hit.score for hit in other.hits]


def test_a_planted_copying_head_loses_its_copy_and_no_other_head_matters(tmp_path):
    engine = Engine(tmp_path / "store", default_model=str(make_copier(tmp_path / "model")), device="cpu")
    model = engine._models.get(None, Task())
    copied = int(model.tokenize(TEXT).ids[2])
    with in_float64():
        # in float32 these heads would seem to do up to 7e-6: rows that share a product add up in another order than a
        # row alone, and a delta is the difference of both
        answer = ablate(engine, mode="zero", target=copied)
    deltas = {(one.layer, one.head): one.effect.delta for one in answer.effects}
    planted = deltas.pop((1, 2))
    assert planted < -2
    assert max(abs(delta) for delta in deltas.values()) < 1e-12
    (mean,) = ablate(engine, heads=((1, 2),), target=copied).effects
    assert mean.effect.delta < -1
    engine.close()


def make_copier(folder):
    """A Llama whose only working head, 1.2, adds the mean of all earlier embeddings to the residual stream."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = zoo.make_tokenizer("bpe", folder)
    torch.manual_seed(0)
    size = 64
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size,
        head_dim=size,
        num_attention_heads=4,
        num_key_value_heads=4,
        num_hidden_layers=2,
        intermediate_size=8,
        max_position_embeddings=128,
        initializer_range=1.0,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for number, layer in enumerate(model.model.layers):
            attention = layer.self_attn
            for projection in (attention.q_proj, attention.k_proj, attention.o_proj, layer.mlp.down_proj):
                projection.weight.zero_()
            attention.v_proj.weight.copy_(torch.eye(size).repeat(4, 1))
            if number == 1:
                attention.o_proj.weight[:, 2 * size : 3 * size] = 8 * torch.eye(size)
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("family", "fields", "message"),
    [
        ("llama", {"heads": ()}, "heads: names no head"),
        ("llama", {"heads": ((3, 0),)}, "heads: there is no layer 3"),
        ("llama", {"heads": ((0, 4),)}, "heads: there is no head 4"),
        ("llama", {"keep": True}, "keep: goes with a list of heads"),
        ("llama", {"target_token": 99}, "target.token: 99 is out of range"),
        ("llama", {"target": 99_999}, "target.id: there is no token with the id 99999"),
        ("llama", {"target": "The girl ran"}, "target.id: 'The girl ran' is not one token"),
        ("llama", {"target_token": 1, "against": OTHER}, "target: may not be given together with `against`"),
        ("llama", {"target": 7, "against": OTHER}, "target: may not be given together with `against`"),
        ("llama", {"mode": "zero", "corpus": "tiny"}, "corpus: goes with"),
        ("llama", {"against": " "}, "against: is empty or blank"),
        ("bert", {}, "target.token: is required"),
    ],
)
def test_bad_input_is_named(family, fields, message, engine_of):
    with pytest.raises(InvalidParams) as caught:
        ablate(engine_of(family), **{"mode": "zero", **fields})
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("target", [{"target_token": 1}, {"target": 7}])
def test_a_target_is_an_error_for_a_model_without_a_language_model_head(headless, target):
    with pytest.raises(InvalidParams, match="no language-model head"):
        ablate(headless, **target)


def test_a_pass_with_heads_replaced_cannot_be_the_base_of_another_one(engine_of):
    engine = engine_of("llama")
    kept = ablate(engine, heads=((0, 0),), mode="zero", keep=True).capture_id
    with pytest.raises(InvalidParams, match="were replaced"):
        ablate(engine, None, capture_id=kept, mode="zero")
    with pytest.raises(UnknownHandle):
        ablate(engine, None, capture_id="never")


def test_a_corpus_of_another_model_is_an_error(tiny_corpus):
    engine = tiny_corpus("bert").engine
    model = tiny_corpus("gpt2").engine._models.get(None, Task())
    with pytest.raises(CorpusMismatch, match="built by another model"):
        engine._references.corpus(model, engine._corpora.reader("tiny"), Task())


def test_progress_counts_heads_while_a_batch_runs(engine_of):
    seen = []
    ablate(engine_of("llama"), task=Task(seen.append), mode="zero")
    done = [one.done for one in seen if one.total == 12]
    assert done == sorted(done)
    assert len(set(done)) >= 3  # within one batch, too
    assert done[-1] == 12
    left = [one.seconds_left for one in seen if one.total == 12]
    assert left[-1] == 0


@pytest.mark.parametrize("text", [{}, {"against": OTHER}])
def test_a_cancel_stops_between_layers(text, engine_of):
    seen = []

    def stop(progress):
        seen.append(progress.done)
        if progress.done > 0:
            task.cancel()

    task = Task(stop)
    with pytest.raises(Cancelled):
        ablate(engine_of("llama"), task=task, mode="zero", **text)
    assert 0 < seen[-1] < 12


def test_answers_hold_nothing_but_finite_numbers(engine_of):
    answer = ablate(engine_of("llama"), mode="zero")
    json.dumps(
        [(one.effect.value, one.effect.delta, one.effect.kl_divergence) for one in answer.effects], allow_nan=False
    )
