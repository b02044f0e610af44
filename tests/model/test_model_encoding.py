"""What a text must be, and what happens when it is not."""

from __future__ import annotations

import numpy as np
import pytest

from exbert_rpc.errors import InvalidParams, ModelNotSupported, TextTooLong
from tests.model import zoo


@pytest.mark.parametrize("text", ["", " ", "\n\t \r\n", "\u00a0"])
def test_blank_text_is_refused_by_field(load, text):
    with pytest.raises(InvalidParams, match="text: is empty or blank") as caught:
        load("bert").tokenize(text)
    assert caught.value.data["field"] == "text"


def test_a_blank_second_segment_is_refused_by_field(load):
    for family in ("bert", "t5"):
        with pytest.raises(InvalidParams) as caught:
            load(family).tokenize("good", " ")
        assert caught.value.data["field"] == "textPair"


@pytest.mark.parametrize("text", ["a\ud83d b", "\udc00", "x" * 50 + "\udfff"])
def test_a_lone_surrogate_is_refused_with_its_place(load, text):
    with pytest.raises(InvalidParams, match="lone surrogate") as caught:
        load("bert").tokenize(text)
    assert "\ud800" <= text[caught.value.data["offset"]] <= "\udfff"


def test_more_than_a_million_characters_are_refused_with_both_lengths(load):
    with pytest.raises(TextTooLong) as caught:
        load("bert").tokenize("a" * 1_000_001)
    assert caught.value.data["length"] == 1_000_001
    assert caught.value.data["limit"] == 1_000_000


def test_text_of_which_nothing_is_kept_is_refused(load):
    with pytest.raises(InvalidParams, match="keeps nothing"):
        load("bert").tokenize("\x00\x01")


def test_nul_in_a_text_does_no_harm(load):
    for family in ("bert", "gpt2", "albert", "llama"):
        model = load(family)
        assert model.capture(model.tokenize("the\x00girl")).hidden_states.shape[1] > 0


@pytest.mark.parametrize(
    "family", ["bert", "roberta", "xlm-roberta", "mpnet", "gpt2", "opt", "llama", "bart", "albert"]
)
def test_the_longest_input_runs_and_one_token_more_is_refused(load, family):
    model = load(family)
    limit = model.info.max_tokens
    text = "the"
    while model.count_tokens(text + " the") <= limit:
        text += " the"
    encoding = model.tokenize(text)
    assert limit - len(encoding.ids) < 4
    assert model.capture(encoding).hidden_states.shape[1] == len(encoding.ids)
    longer = text + " the" * 4
    with pytest.raises(TextTooLong) as caught:
        model.tokenize(longer)
    assert caught.value.data == {"length": model.count_tokens(longer), "limit": limit, "unit": "tokens"}


def test_a_long_encoding_made_in_a_batch_is_refused_before_the_model_sees_it(load):
    model = load("bert")
    (long,) = model.tokenize_many(["the " * 400])
    with pytest.raises(TextTooLong):
        model.capture(long)
    with pytest.raises(TextTooLong):
        model.capture_batch([long], hidden_layers=[0], layers=[], attention_layers=[])


@pytest.mark.parametrize("mask", [[99], [-1], [0]])
def test_a_mask_on_no_maskable_token_is_refused(load, mask):
    with pytest.raises(InvalidParams) as caught:
        load("bert").tokenize("The girl ran", mask=mask)
    assert caught.value.data["field"] == "mask"


def test_a_mask_without_a_mask_token_is_refused(load):
    with pytest.raises(InvalidParams, match="no mask token"):
        load("llama").tokenize("The girl ran", mask=[2])


def test_several_masks_replace_ids_and_keep_offsets(load):
    model = load("bert")
    plain = model.tokenize("The girl ran to the pub")
    masked = model.tokenize("The girl ran to the pub", mask=[2, 4, 2])
    assert np.flatnonzero(masked.is_masked).tolist() == [2, 4]
    assert {masked.tokens[2], masked.tokens[4]} == {"[MASK]"}
    assert (masked.ids != plain.ids).sum() == 2
    np.testing.assert_array_equal(masked.start, plain.start)
    assert not masked.is_special[2]


def test_a_pair_counts_offsets_within_its_segment(load):
    encoding = load("bert").tokenize("The girl", "to the pub")
    second = (encoding.segment == 1) & ~encoding.is_special
    pieces = ["to the pub"[s:e] for s, e in zip(encoding.start[second], encoding.end[second], strict=True)]
    assert "".join(pieces) == "tothepub"
    assert encoding.type_ids.tolist() == encoding.segment.tolist()


def test_encodings_have_the_documented_types(load):
    encoding = load("bert").tokenize(zoo.TEXT)
    assert [array.dtype for array in (encoding.ids, encoding.start, encoding.end, encoding.segment)] == [
        np.int64,
        np.int32,
        np.int32,
        np.int32,
    ]
    assert encoding.is_special.dtype == encoding.is_masked.dtype == np.bool_


def test_the_decoder_reads_the_pair_or_else_the_text(load):
    model = load("bart")
    alone = model.capture(model.tokenize("The girl ran"))
    assert alone.decoder_encoding.text == "The girl ran"
    paired = model.capture(model.tokenize("The girl ran", "She didn't"))
    assert paired.decoder_encoding.text == "She didn't"
    np.testing.assert_array_equal(paired.encoding.ids, alone.encoding.ids)


def test_a_decoder_text_for_a_single_stack_is_refused(load):
    model = load("bert")
    encoding = model.tokenize("The girl")
    with pytest.raises(InvalidParams):
        model.capture(encoding, encoding)


@pytest.mark.parametrize(
    ("layers", "heads", "stream"), [([3], None, "self"), ([-1], None, "self"), ([0], [4], "self"), ([0], None, "cross")]
)
def test_layers_heads_and_streams_out_of_range_are_refused(load, layers, heads, stream):
    model = load("bert")
    capture = model.capture(model.tokenize("The girl"))
    with pytest.raises(InvalidParams):
        capture.attention(layers, heads, stream)


def test_a_token_that_the_model_has_no_embedding_for_is_refused(load):
    from dataclasses import replace

    model = load("bert")
    encoding = model.tokenize("The girl")
    with pytest.raises(ModelNotSupported, match="embeddings"):
        model.capture(replace(encoding, ids=np.array([10**6] * len(encoding.ids))))
