"""Every token knows its characters, whatever the text and the kind of tokenizer."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exbert_rpc.errors import InvalidParams
from exbert_rpc.model.encoding import TextTokenizer
from exbert_rpc.model.tokenizer import load_tokenizer
from tests.model import zoo
from tests.samples import sizes

KINDS = ["wordpiece", "bpe", "unigram", "metaspace-bpe"]
HARD = [
    "👩‍👩‍👧",
    "🇩🇪",
    "e\u0301",
    "q\u0323\u0307",
    "\r\n",
    "\t",
    "  ",
    "\u00a0",
    "\u200b",
    "don't",
    "they'll",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "<s>",
    "</s>",
    "<mask>",
    "<unk>",
    "<pad>",
    "<0x41>",
    "שלום",
    "مَرْحَبًا",
    "日本語",
    "ｶﾞ",
    "ﬁ",
    "½",
    "İstanbul",
    "Straße",
    "▁",
    "Ġ",
    "##s",
    "한국어",
    "\x00",
    "\u202e",
    "word",
    "The girl ran",
    ".",
    "1859",
]
pieces = [st.sampled_from(HARD), st.sampled_from([" ", "", " the "]), st.text(st.characters(codec="utf-8"), max_size=4)]
texts = st.lists(st.one_of(pieces), min_size=1, max_size=8).map("".join)


def make_encoder(kind: str, folder) -> TextTokenizer:
    zoo.make_tokenizer(kind, folder)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    tokenizer, literal = load_tokenizer(folder, kind)
    vocabulary = [form for form, _id in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    return TextTokenizer(literal, vocabulary, 10_000, tokenizer.mask_token_id, tokenizer.mask_token, False)


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def encoder(kind, tmp_path_factory) -> TextTokenizer:
    return make_encoder(kind, tmp_path_factory.mktemp(kind))


def normalized(kind: str, text: str) -> str:
    """What the tokenizer's normalizer makes of a text (by the library's own normalizer, or by Python's)."""
    if kind == "wordpiece":
        from tokenizers.normalizers import BertNormalizer

        return BertNormalizer(lowercase=True).normalize_str(text)
    return unicodedata.normalize("NFKC", text) if kind == "unigram" else text


def byte_alphabet() -> dict[str, int]:
    """Byte of each letter of byte-level BPE (as in GPT-2's published code)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + number): byte for number, byte in enumerate(others)}


BYTES = byte_alphabet()


def covers_its_characters(kind: str, token: str, piece: str) -> bool:
    if token in {"[UNK]", "<unk>"}:
        return piece != ""
    if kind == "bpe":
        raw = bytes(BYTES[letter] for letter in token)
        return (raw.strip() or raw) in piece.encode()
    if kind == "metaspace-bpe" and token.startswith("<0x") and token.endswith(">") and len(token) == 6:
        return int(token[3:5], 16) in piece.encode()
    form = token.removeprefix("##") if kind == "wordpiece" else token.replace("▁", " ").strip()
    if not form:
        return piece == "" or piece.isspace() or set(piece) <= {"▁", " "}
    return form in normalized(kind, piece).replace("▁", " ")


@pytest.fixture(params=sizes(40, 150))
def examples(request) -> int:
    return request.param


def for_hard_texts(check, kind: str, encoder: TextTokenizer, examples: int) -> None:
    """Run ``check(kind, text, encoding)`` on drawn and on hand-made texts of which the tokenizer keeps something."""

    def body(text: str) -> None:
        encoding = tokenize_or_none(encoder, text)
        if encoding is not None:
            check(kind, text, encoding)

    for text in ["".join(HARD), " ".join(HARD), "\r\n".join(HARD)]:
        body = example(text)(body)
    settings(max_examples=examples, deadline=None, derandomize=True, database=None)(given(texts)(body))()


def tokenize_or_none(encoder: TextTokenizer, text: str):
    try:
        return encoder.tokenize(text)
    except InvalidParams:
        return None


def check_slices(kind, text, encoding):
    for token, start, end, special in zip(
        encoding.tokens, encoding.start, encoding.end, encoding.is_special, strict=True
    ):
        if special:
            assert (start, end) == (0, 0)
        else:
            assert 0 <= start <= end <= len(text)
            assert covers_its_characters(kind, token, text[start:end]), (token, text[start:end], text)


def test_each_token_slices_back_to_its_characters(kind, encoder, examples):
    for_hard_texts(check_slices, kind, encoder, examples)


def check_coverage(kind, text, encoding):
    covered = np.zeros(len(text), dtype=bool)
    for start, end in zip(encoding.start, encoding.end, strict=True):
        covered[start:end] = True
    for character in {text[index] for index in np.flatnonzero(~covered)}:
        assert not normalized(kind, character).strip(), (character, text)


def test_every_character_that_is_kept_belongs_to_a_token(kind, encoder, examples):
    for_hard_texts(check_coverage, kind, encoder, examples)


def check_literal(kind, text, encoding):
    frame = {"[CLS]", "[SEP]", "[MASK]", "[PAD]", "<s>", "</s>", "<mask>", "<pad>"}
    assert not frame & {
        token for token, special in zip(encoding.tokens, encoding.is_special, strict=True) if not special
    }


def test_typed_special_tokens_are_ordinary_text(kind, encoder, examples):
    for_hard_texts(check_literal, kind, encoder, examples)


def check_order(kind, text, encoding):
    starts = encoding.start[~encoding.is_special]
    assert (np.diff(starts) >= 0).all(), (encoding.tokens, encoding.start, text)


def test_tokens_are_in_the_order_of_the_text(kind, encoder, examples):
    for_hard_texts(check_order, kind, encoder, examples)


def test_many_texts_at_once_give_what_one_gives(kind, encoder, examples):
    def check(_kind, text, encoding):
        (other,) = encoder.tokenize_many([text])
        np.testing.assert_array_equal(encoding.ids, other.ids)
        np.testing.assert_array_equal(encoding.start, other.start)
        assert encoder.count_tokens(text) == len(encoding.ids)

    for_hard_texts(check, kind, encoder, examples)


@pytest.mark.parametrize("kind", ["wordpiece"], indirect=True)
def test_special_tokens_that_the_tokenizer_adds_are_marked(encoder):
    encoding = encoder.tokenize("[CLS] ran [SEP]", "to [MASK]")
    assert encoding.tokens[0] == "[CLS]"
    assert encoding.is_special.sum() == 3
    assert encoding.segment[encoding.is_special].tolist() == [0, 0, 1]


def test_ordinary_added_tokens_keep_their_ids_and_special_ones_cannot_be_typed(tmp_path):
    from tokenizers import AddedToken

    tokenizer = zoo.make_tokenizer("bpe", tmp_path)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|user|>", "<|end|>"]})
    tokenizer.add_tokens([AddedToken("<tool>", special=False)])
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    loaded, literal = load_tokenizer(tmp_path, "added")
    wanted = loaded.convert_tokens_to_ids("<tool>")
    ids = literal.encode("<|user|> a <tool> b <|end|> \x00<s>\x00 ").ids
    assert ids.count(wanted) == 1
    assert not {loaded.convert_tokens_to_ids(form) for form in ("<|user|>", "<|end|>")} & set(ids)
    assert ids.count(loaded.convert_tokens_to_ids("<s>")) == 1
    assert ids[1:-1] == loaded("<|user|> a <tool> b <|end|> \x00<s>\x00 ", split_special_tokens=True).input_ids[1:-1]
