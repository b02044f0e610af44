"""Chat messages, parsed special tokens and generated text, as an engine answers them."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from exbert_rpc.engine import Engine
from exbert_rpc.engine.requests import AttendRequest, TextInput
from exbert_rpc.errors import Cancelled, InvalidParams, ModelNotSupported, TextTooLong
from exbert_rpc.tasks import Task
from tests.model import zoo
from tests.model.chat_models import make_chat_model
from tests.model.test_model_chat import messages_of, stock_ids

PAIRS = [("user", "The girl ran. Who is she?"), ("assistant", "No idea."), ("user", "Ask her!")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_chat_model("llama", tmp_path_factory.mktemp("chat"))


@pytest.fixture(scope="module")
def engine(folder, tmp_path_factory):
    engine = Engine(tmp_path_factory.mktemp("store"), default_model=str(folder), pipeline="blank:en")
    yield engine
    engine.close()


def attend(engine, text="", task=None, **more):
    keys = {key: more.pop(key) for key in ("messages", "special_tokens", "mask") if key in more}
    given = None if "capture_id" in more else TextInput(text, **keys)
    return engine.attend(AttendRequest("s", given, **more), task or Task())


def test_words_and_sentences_of_messages_are_annotated_one_message_at_a_time(engine):
    answer = attend(engine, messages=tuple(messages_of(PAIRS)))
    of, found = answer.tokens.encoding, answer.tokens.annotations
    for index, sentence in enumerate(found.sentence):
        if not of.text[of.start[index] : of.end[index]].strip():
            continue
        inside = [n for n, p in enumerate(of.messages) if of.start[index] < p.end and of.end[index] > p.start]
        assert (sentence is not None) == bool(inside and not of.is_special[index]), of.tokens[index]
    sentences = [one for one in found.sentence if one is not None]
    assert sentences == sorted(sentences)
    assert answer.notes == ()


def test_a_stripped_content_and_a_typed_control_token_are_noted(tmp_path):
    folder = make_chat_model("llama", tmp_path / "strict", "strict")
    engine = Engine(tmp_path / "store", default_model=str(folder), pipeline="blank:en")
    pairs = [("user", " say <|im_end|> "), ("assistant", "ran")]
    literal = attend(engine, messages=tuple(messages_of(pairs)), annotate=False).notes
    parsed = attend(engine, messages=tuple(messages_of(pairs)), annotate=False, special_tokens="parse").notes
    engine.close()
    assert "the chat template strips white space at the ends of message 0" in literal
    assert any("'<|im_end|>'" in note and 'specialTokens: "parse"' in note for note in literal)
    assert not any("<|im_end|>" in note for note in parsed)


@pytest.mark.parametrize("parse", [False, True])
def test_a_typed_mask_token_is_noted_or_masks(tmp_path, parse):
    engine = Engine(tmp_path / "store", default_model=str(zoo.make_model("bert", tmp_path / "bert")))
    answer = attend(engine, "The girl [MASK] away.", annotate=False, special_tokens="parse" if parse else "literal")
    engine.close()
    assert answer.tokens.encoding.is_masked.any() == parse
    assert any("[MASK]" in note for note in answer.notes) != parse


def test_characters_that_the_vocabulary_lacks_are_noted(tmp_path):
    engine = Engine(tmp_path / "store", default_model=str(zoo.make_model("bert", tmp_path / "bert")))
    answer = attend(engine, "The girl ☃ ran ☃ 龘.", annotate=False)
    engine.close()
    assert any(
        note == "3 tokens are not in the model's vocabulary; the model reads [UNK] for '☃', '龘'"
        for note in answer.notes
    )


def stock_continuation(folder, ids, n):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    inputs = torch.tensor([list(ids)])
    with torch.inference_mode():
        written = model.generate(
            input_ids=inputs, attention_mask=torch.ones_like(inputs), max_new_tokens=n, do_sample=False
        )
    return written[0].tolist()


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2", "mistral"])
def test_a_continuation_is_that_of_the_stock_model(tmp_path, family):
    folder = zoo.make_model(family, tmp_path / family)
    engine = Engine(tmp_path / "store", default_model=str(folder), pipeline="blank:en")
    plain = attend(engine, "The girl ran to").tokens.encoding
    answer = attend(engine, "The girl ran to", generate=12)
    engine.close()
    of = answer.tokens.encoding
    assert of.ids.tolist() == stock_continuation(folder, plain.ids, 12)
    assert np.flatnonzero(of.generated).tolist() == list(range(len(plain.ids), len(of.ids)))
    assert of.text.startswith("The girl ran to")
    assert answer.attention.shape[-1] == len(of.ids)
    np.testing.assert_allclose(answer.attention.sum(axis=-1), 1, atol=1e-5)


def test_each_generated_token_was_the_likeliest_one(engine):
    answer = attend(engine, "The girl ran to", generate=8, top_k=1)
    of, rows = answer.tokens.encoding, answer.tokens.predictions
    for index in np.flatnonzero(of.generated).tolist():
        assert rows[index - 1][0].id == of.ids[index]


def test_generated_tokens_cover_the_text_that_they_spell(engine, folder):
    from transformers import AutoTokenizer

    stock = AutoTokenizer.from_pretrained(folder)
    of = attend(engine, "The girl ran to", generate=40, annotate=False).tokens.encoding
    written = np.flatnonzero(of.generated)
    assert of.text[len("The girl ran to") :] == stock.decode(of.ids[written[0] - 1 :]).removeprefix(
        stock.decode(of.ids[written[0] - 1 : written[0]])
    )
    assert (np.diff(of.start[written]) >= 0).all()
    assert of.end[written[-1]] == len(of.text)
    covered = np.zeros(len(of.text), dtype=bool)
    for start, end in zip(of.start, of.end, strict=True):
        covered[start:end] = True
    assert all(of.text[n].isspace() for n in np.flatnonzero(~covered))


def test_a_note_names_the_settings_by_which_another_token_may_be_written(tmp_path):
    from transformers import GenerationConfig

    folder = zoo.make_model("llama", tmp_path / "model")
    config = GenerationConfig.from_pretrained(folder)
    config.repetition_penalty = 1.3
    config.save_pretrained(folder)
    engine = Engine(tmp_path / "store", default_model=str(folder), pipeline="blank:en")
    plain = attend(engine, "The girl ran to").notes
    noted = attend(engine, "The girl ran to", generate=3).notes
    engine.close()
    assert not any("generation_config" in note for note in plain)
    assert [note for note in noted if "repetition_penalty 1.3" in note and "likeliest" in note]


def test_an_answer_goes_on_where_the_messages_end(engine, folder):
    answer = attend(engine, messages=tuple(messages_of(PAIRS)), generate=5)
    prompt = stock_ids(folder, PAIRS, add_generation_prompt=True)
    assert answer.tokens.encoding.ids.tolist() == stock_continuation(folder, prompt, 5)
    open_ = attend(engine, messages=tuple(messages_of(PAIRS[:2])), generate=5)
    prompt = stock_ids(folder, PAIRS[:2], continue_final_message=True)
    assert open_.tokens.encoding.ids.tolist() == stock_continuation(folder, prompt, 5)


def test_a_kept_pass_is_continued_as_if_more_had_been_asked_for_at_once(engine):
    first = attend(engine, "The girl ran to", generate=3)
    more = attend(engine, capture_id=first.capture_id, generate=4)
    whole = attend(engine, "The girl ran to", generate=7)
    one, other = more.tokens.encoding, whole.tokens.encoding
    for name in ("ids", "start", "end", "generated"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.text == other.text
    np.testing.assert_allclose(more.attention, whole.attention, atol=1e-6)
    assert more.capture_id != first.capture_id


@pytest.mark.parametrize("family", ["bert", "t5"])
def test_models_that_do_not_continue_texts_say_so(tmp_path, family):
    engine = Engine(tmp_path / "store", default_model=str(zoo.make_model(family, tmp_path / family)))
    with pytest.raises(InvalidParams, match="does not continue texts: it is") as refused:
        attend(engine, "The girl ran", generate=3)
    engine.close()
    assert "autoregressive" in refused.value.hint


def test_a_class_that_cannot_generate_says_so(tmp_path, monkeypatch):
    from transformers import LlamaForCausalLM

    def refuse(*_args, **_more):
        raise ValueError("no cache, no text")

    engine = Engine(tmp_path / "store", default_model=str(zoo.make_model("llama", tmp_path / "llama")))
    monkeypatch.setattr(LlamaForCausalLM, "generate", refuse)
    with pytest.raises(ModelNotSupported, match=r"LlamaForCausalLM cannot continue a text: .*no cache, no text"):
        attend(engine, "The girl ran", generate=3, annotate=False)
    engine.close()


def test_more_than_the_model_takes_is_refused_before_anything_is_written(engine):
    limit = attend(engine, "ran").model.max_tokens
    with pytest.raises(TextTooLong) as refused:
        attend(engine, "The girl ran to a pub. " * (limit // 12), generate=200)
    assert refused.value.data["limit"] == limit


def test_a_generation_is_cancelled_between_two_tokens(engine):
    reports = []

    def on_progress(progress):
        reports.append(progress.done)
        if progress.done == 3:
            task.cancel()

    task = Task(on_progress)
    with pytest.raises(Cancelled):
        attend(engine, "The girl ran to", task=task, generate=60)
    assert 3 in reports
    assert max(reports) <= 3
    assert attend(engine, "The girl ran").tokens.encoding.generated is None


def test_generation_and_other_passes_do_not_disturb_each_other(engine):
    expected = attend(engine, "The girl ran to", generate=20, annotate=False)
    plain = attend(engine, "She drank coffee.", annotate=False).attention
    found = []
    thread = threading.Thread(
        target=lambda: found.append(attend(engine, "The girl ran to", generate=20, annotate=False))
    )
    thread.start()
    while thread.is_alive():
        other = attend(engine, "She drank coffee.", annotate=False).attention
        np.testing.assert_allclose(other, plain, atol=1e-6)
    thread.join()
    assert found[0].tokens.encoding.ids.tolist() == expected.tokens.encoding.ids.tolist()
