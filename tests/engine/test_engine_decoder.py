"""The decoder's side of an encoder-decoder model: all of its layers, and what its tokens' offsets count in."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForSeq2SeqLM

from exbert_rpc.engine import Engine
from exbert_rpc.engine.requests import AblateRequest, AttendRequest, TextInput
from exbert_rpc.errors import InvalidParams
from exbert_rpc.methods.attend import encode_result
from exbert_rpc.tasks import Task
from tests.model import zoo

PAIR = "She hid there 😀 a while."


@pytest.fixture
def deep(tmp_path, monkeypatch):
    """A T5 with two encoder layers and three decoder layers, and an engine that reads it."""
    family = zoo.FAMILIES["t5"]
    monkeypatch.setitem(
        zoo.FAMILIES, "t5", replace(family, settings={**family.settings, "num_layers": 2, "num_decoder_layers": 3})
    )
    folder = zoo.make_model("t5", tmp_path / "t5")
    engine = Engine(tmp_path / "store", default_model=str(folder))
    yield folder, engine
    engine.close()


def ask(engine: Engine, **fields):
    return engine.attend(AttendRequest("s", TextInput(zoo.TEXT, PAIR), annotate=False, **fields), Task())


def test_a_decoder_that_is_deeper_than_its_encoder_is_shown_to_its_last_layer(deep):
    folder, engine = deep
    answer = ask(engine)
    assert (answer.layers, answer.decoder_layers) == ((0, 1), (0, 1, 2))
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, attn_implementation="eager").eval()
    ids = [torch.tensor(table.encoding.ids)[None] for table in (answer.tokens, answer.decoder_tokens)]
    with torch.no_grad():
        stock = model(input_ids=ids[0], decoder_input_ids=ids[1], output_attentions=True)
    for ours, theirs in (
        (answer.attention, stock.encoder_attentions),
        (answer.decoder_attention, stock.decoder_attentions),
        (answer.cross_attention, stock.cross_attentions),
    ):
        np.testing.assert_allclose(ours, torch.cat(theirs).numpy(), atol=1e-5)


def test_a_layer_that_only_the_decoder_has_can_be_asked_for_alone(deep):
    _, engine = deep
    answer = ask(engine, layers=(2,))
    assert (answer.layers, answer.decoder_layers) == ((), (2,))
    assert len(answer.attention) == 0 and len(answer.decoder_attention) == len(answer.cross_attention) == 1
    with pytest.raises(InvalidParams, match="layers: 3 is out of range"):
        ask(engine, layers=(3,))


def test_decoder_tokens_name_the_segment_that_their_offsets_count_in(deep):
    _, engine = deep
    result = encode_result(ask(engine), "list", "utf-32")
    segments = (zoo.TEXT, PAIR)
    for token in (*result.tokens, *result.decoder_tokens):
        assert token.is_special or segments[token.segment][token.start : token.end] == token.text
    assert {token.segment for token in result.decoder_tokens} == {1}
    alone = engine.attend(AttendRequest("s", TextInput(zoo.TEXT), annotate=False), Task())
    assert {token.segment for token in encode_result(alone, "list", "utf-32").decoder_tokens} == {0}


@pytest.fixture(params=["t5", "bart"])
def pretrained(request, tmp_path):
    """A family whose decoder starts with a token of its configuration, its engine, and the stock model."""
    folder = zoo.make_model(request.param, tmp_path / request.param)
    engine = Engine(tmp_path / "store", default_model=str(folder))
    yield engine, AutoModelForSeq2SeqLM.from_pretrained(folder, attn_implementation="eager").eval()
    engine.close()


@pytest.mark.parametrize("pair", [PAIR, None])
def test_the_decoder_reads_what_the_stock_model_reads_when_it_is_trained(pretrained, pair):
    engine, stock = pretrained
    answer = engine.attend(AttendRequest("s", TextInput(zoo.TEXT, pair), annotate=False, top_k=1), Task())
    source, target = (
        engine._models.get(None, Task()).tokenize(text).ids for text in (zoo.TEXT, zoo.TEXT if pair is None else pair)
    )
    labels = torch.tensor(target)[None]
    with torch.no_grad():
        out = stock(input_ids=torch.tensor(source)[None], labels=labels, output_attentions=True)
    for ours, theirs in (
        (answer.decoder_attention, out.decoder_attentions),
        (answer.cross_attention, out.cross_attentions),
    ):
        np.testing.assert_allclose(ours, torch.cat(theirs).numpy(), atol=1e-5)
    best = torch.softmax(out.logits[0], -1).max(-1).values.numpy()
    assert [row[0].probability for row in answer.decoder_tokens.predictions] == pytest.approx(best, abs=1e-5)
    tokens = encode_result(answer, "list", "utf-32").decoder_tokens
    assert tokens[0].id == stock.config.decoder_start_token_id
    assert [token.id for token in tokens[1:]] == target[:-1].tolist()
    assert [token.expected.id for token in tokens] == target.tolist()
    assert [token.expected.token for token in tokens[:-1]] == [token.token for token in tokens[1:]]
    assert (tokens[0].is_special, tokens[0].start, tokens[0].end, tokens[0].text) == (True, 0, 0, "")


def test_a_decoder_without_a_start_token_reads_its_text_as_it_is_and_says_so(tmp_path):
    folder = zoo.make_model("t5", tmp_path / "t5")
    for name in ("config.json", "generation_config.json"):
        values = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(values | {"decoder_start_token_id": None}))
    engine = Engine(tmp_path / "store", default_model=str(folder))
    try:
        answer = ask(engine)
    finally:
        engine.close()
    tokens = encode_result(answer, "list", "utf-32").decoder_tokens
    assert [token.expected.id for token in tokens[:-1]] == [token.id for token in tokens[1:]]
    assert tokens[-1].expected is None
    assert any("names no start token" in note for note in answer.notes)


def test_replacing_heads_measures_the_token_that_follows_the_shifted_text(pretrained):
    engine, _stock = pretrained
    request = AblateRequest("s", TextInput(zoo.TEXT, PAIR), heads=((0, 0),), mode="zero", target_token=2)
    result = engine.ablate_heads(request, Task())
    answer = engine.attend(AttendRequest("s", TextInput(zoo.TEXT, PAIR), annotate=False, top_k=1), Task())
    best = answer.decoder_tokens.predictions[2][0]
    assert (result.target.id, np.exp(result.base)) == (best.id, pytest.approx(best.probability, abs=1e-5))


def test_the_text_of_the_decoder_is_not_said_to_be_dropped_by_the_encoder(deep):
    _, engine = deep
    answer = engine.attend(AttendRequest("s", TextInput(zoo.TEXT, "She hid there."), annotate=False), Task())
    assert not any("drops" in note for note in answer.notes)
