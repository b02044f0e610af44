"""Blocks cut into sentences that a model can take: at words, and without losing a character."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exbert_rpc.corpus.batches import length_batches
from exbert_rpc.corpus.build.sentences import tokenize_block
from tests.store_faults.fakes import FakeModel, annotate_one


def pieces(block, model):
    cut = tokenize_block(block, model)
    return list(cut.sentences), list(cut.losses)


def cut(text: str, max_tokens: int = 8):
    return pieces(annotate_one(text), FakeModel(max_tokens=max_tokens))


def test_a_sentence_that_fits_is_kept_whole():
    sentences, losses = cut("Four words stand here. And two more.")
    assert [(s.start, s.end) for s in sentences] == [(0, 22), (23, 36)]
    assert losses == []


def test_a_sentence_that_is_too_long_is_split_at_a_word():
    text = "one two three four five six seven eight nine ten eleven twelve thirteen"
    sentences, losses = cut(text)
    assert losses == []
    assert [text[s.start : s.end] for s in sentences] == [
        "one two three four five six",
        "seven eight nine ten eleven twelve",
        "thirteen",
    ]
    assert all(len(s.encoding.ids) <= 8 for s in sentences)


def test_words_of_the_block_are_joined_to_the_tokens_of_each_piece():
    text = "one two three four five six seven eight nine. Ten eleven!"
    block = annotate_one(text)
    for sentence in cut(text)[0]:
        assert (sentence.word[sentence.encoding.is_special] == -1).all()
        for index, word in enumerate(sentence.word):
            if word >= 0:
                start, end = sentence.encoding.start[index], sentence.encoding.end[index]
                expected = text[block.word_start[word] : block.word_end[word]]
                assert text[sentence.start + start : sentence.start + end] == expected


def test_a_sentence_that_the_tokenizer_keeps_nothing_of_is_listed_as_lost():
    sentences, losses = cut("Here are words. \ue000\ue000 \ue000")
    assert len(sentences) == 1
    assert [(loss.text, loss.reason) for loss in losses] == [
        ("\ue000\ue000 \ue000", "the tokenizer keeps nothing of it")
    ]


class LetterModel(FakeModel):
    """A token a character, as a byte-level tokenizer without merges has."""

    def tokenize(self, text, pair=None, mask=()):
        words = super().tokenize(" ".join(text))
        starts = [index for index, char in enumerate(text) if not char.isspace() and not char.startswith("\ue000")]
        words.start[1:-1] = starts
        words.end[1:-1] = [index + 1 for index in starts]
        return replace(words, text=text)


def test_a_word_that_is_too_long_is_split_at_a_token():
    sentences, losses = pieces(annotate_one("a" * 20 + " bc"), LetterModel(max_tokens=8))
    assert losses == []
    assert [(s.start, s.end) for s in sentences] == [(0, 6), (6, 12), (12, 18), (18, 23)]


def test_a_character_that_is_too_long_for_the_model_is_listed_as_lost():
    sentences, losses = cut("one two", max_tokens=2)  # room for the special tokens alone
    assert sentences == []
    assert "".join(loss.text for loss in losses).replace(" ", "") == "onetwo"
    assert {loss.reason for loss in losses} == {"it has more tokens than the model takes"}


def test_a_sentence_of_a_thousand_pieces_is_cut_without_running_out_of_stack():
    text = " ".join(f"w{number}" for number in range(4000))
    sentences, losses = cut(text, max_tokens=5)
    assert losses == []
    assert len(sentences) == 1334
    assert "".join(text[s.start : s.end].replace(" ", "") for s in sentences) == text.replace(" ", "")


WORDS = st.sampled_from(["a", "bc", "def", "word", ".", "!", ",", "\ue000", "\n", "\t", "  ", "é", "日本", "x" * 30])


@settings(max_examples=200, deadline=None)
@given(words=st.lists(WORDS, max_size=60), max_tokens=st.integers(3, 12), letters=st.booleans())
def test_every_character_is_in_one_sentence_or_one_loss(words, max_tokens, letters):
    text = " ".join(words).strip()
    model = (LetterModel if letters else FakeModel)(max_tokens=max_tokens)
    sentences, losses = pieces(annotate_one(text), model)
    covered = [0] * len(text)
    last = 0
    for sentence in sentences:
        assert sentence.start >= last  # in order
        last = sentence.end
        assert sentence.encoding.text == text[sentence.start : sentence.end]
        assert len(sentence.encoding.ids) <= max_tokens
        for at in range(sentence.start, sentence.end):
            covered[at] += 1
    kept = "".join(char for char, n in zip(text, covered, strict=True) if n and not char.isspace())
    lost = "".join(loss.text for loss in losses)
    assert max(covered, default=0) <= 1
    missing = "".join(char for char, n in zip(text, covered, strict=True) if not n and not char.isspace())
    assert missing == "".join(lost.split())
    assert len(kept) + len(missing) == len("".join(text.split()))


@given(st.lists(st.integers(1, 700), max_size=80))
def test_batches_hold_every_text_once_within_the_bound(lengths):
    batches = list(length_batches(lengths))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[index] for index in batch) * len(batch) <= 1024


@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_a_blank_block_has_no_sentences(text):
    assert cut(text) == ([], [])
