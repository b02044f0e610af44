"""The decoder's side of an encoder-decoder model: all of its layers, and what its tokens' offsets count in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForSeq2SeqLM

from exbert_rpc.engine import Engine
from exbert_rpc.engine.requests import AttendRequest, TextInput
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
