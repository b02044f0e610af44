"""Tokenizers of Python give the stock ids, with offsets that hold for every text."""

from __future__ import annotations

import base64
import json
import unicodedata
from contextlib import nullcontext
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import example, given, settings

from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.align_pieces import align_pieces
from exbert_rpc.model.encoding import TextTokenizer
from exbert_rpc.model.loading import load_model
from exbert_rpc.model.slow_tokenizer import special_spellings
from exbert_rpc.model.tokenizer import load_tokenizer, target_tokenizer, vocabulary_of
from tests.model import slow_tokenizers
from tests.model.test_model_offsets import HARD, texts, tokenize_or_none
from tests.samples import sizes

TWEETS = [
    "@someone wrote https://example.org/x?y=1 today",
    "don't",
    "it's … fine’s",
    "@a @b",
    "www.x.org",
    "cannot stop",
]


NAMED = {
    "&": "&amp;",
    "|": "&#124;",
    "<": "&lt;",
    ">": "&gt;",
    "'": "&apos;",
    '"': "&quot;",
    "[": "&#91;",
    "]": "&#93;",
}
KINDS = [
    pytest.param(
        kind,
        marks=pytest.mark.skipif(
            kind in slow_tokenizers.MOSES and find_spec("sacremoses") is None,
            reason="sacremoses is not installed: pip install 'exbert-rpc[moses]'",
        ),
    )
    for kind in sorted(slow_tokenizers.KINDS)
]


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def stock_and_ours(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp(kind)
    stock = slow_tokenizers.make(kind, folder)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    _loaded, ours = load_tokenizer(folder, kind)
    return stock, ours


@pytest.fixture
def encoder(stock_and_ours) -> TextTokenizer:
    stock, ours = stock_and_ours
    return TextTokenizer(ours, vocabulary_of(stock), 10_000, stock.mask_token_id, stock.mask_token, False)


@pytest.fixture(params=sizes(40, 200))
def examples(request) -> int:
    return request.param


def for_texts(check, examples: int) -> None:
    body = check
    for text in ["".join(HARD), " ".join(HARD), *TWEETS, "\u200bab\u0301 \u0301", "a@@ @@b@@"]:
        body = example(text)(body)
    settings(max_examples=examples, deadline=None, derandomize=True, database=None)(given(texts)(body))()


def test_ids_are_those_of_the_stock_tokenizer(stock_and_ours, examples):
    stock, ours = stock_and_ours

    def check(text: str) -> None:
        if not any(spelling in text for spelling in special_spellings(stock)):
            assert ours.encode(text).ids == stock(text).input_ids

    for_texts(check, examples)
    first, second = "The girl ran.", "to a local pub"
    assert ours.encode(first, second).ids == stock(first, second).input_ids


def test_offsets_are_in_order_and_within_the_text(encoder, examples):
    def check(text: str) -> None:
        encoding = tokenize_or_none(encoder, text)
        if encoding is not None:
            start, end = encoding.start[~encoding.is_special], encoding.end[~encoding.is_special]
            assert (start >= 0).all()
            assert (start <= end).all()
            assert (end <= len(text)).all()
            assert (np.diff(start) >= 0).all(), (encoding.tokens, encoding.start)

    for_texts(check, examples)


def test_each_token_covers_what_it_spells(kind, encoder, examples):
    def check(text: str) -> None:
        encoding = tokenize_or_none(encoder, text)
        for token, start, end, special in (
            ()
            if encoding is None
            else zip(encoding.tokens, encoding.start, encoding.end, encoding.is_special, strict=True)
        ):
            assert special or _covers(kind, token, text[start:end]), (token, text[start:end], text)

    for_texts(check, examples)


def _covers(kind: str, token: str, piece: str) -> bool:
    """By a looser rule than that of alignment: the letters of the token stand in the piece, in their order."""
    if token == "<unk>":
        return piece != ""
    if kind == "byt5":
        return len(piece) == 1 and ord(token) in piece.encode()
    if kind == "tweets" and ("@" in piece or piece.lower().startswith(("http", "www"))):
        return True  # rewritten: see the test of rewritten words
    piece = piece.replace("’", "'")
    if kind in slow_tokenizers.MOSES:  # which writes some characters as names
        piece = _plain_quotes(piece)
        piece = "".join(NAMED.get(letter, letter) for letter in piece) + piece
    form = token.replace("▁", "") if kind in {"marian", "m2m100"} else token.removesuffix("@@").removesuffix("</w>")
    letters = iter(unicodedata.normalize("NFKD", piece).casefold())
    return all(letter in letters for letter in unicodedata.normalize("NFKD", form).casefold())


def _plain_quotes(piece: str) -> str:
    """With each punctuation mark as Moses normalizes it, and as it stands."""
    from sacremoses import MosesPunctNormalizer

    normalizer = MosesPunctNormalizer("en")
    return "".join(letter if letter.isalnum() else normalizer.normalize(letter) + letter for letter in piece)


def test_every_visible_character_belongs_to_a_token(kind, encoder, examples):
    def check(text: str) -> None:
        encoding = tokenize_or_none(encoder, text)
        if encoding is None:
            return
        covered = np.zeros(len(text), dtype=bool)
        for start, end in zip(encoding.start, encoding.end, strict=True):
            covered[start:end] = True
        bare = {text[index] for index in np.flatnonzero(~covered)} - {"▁", "\ufffd"}
        assert all(unicodedata.category(one)[0] in "CZM" or one.isspace() for one in bare), (kind, bare, text)

    for_texts(check, examples)


def test_typed_special_tokens_are_ordinary_text(stock_and_ours, encoder, examples):
    stock, _ours = stock_and_ours
    special = set(stock.all_special_ids) - {stock.unk_token_id}

    def check(text: str) -> None:
        encoding = tokenize_or_none(encoder, text)
        assert encoding is None or not special & set(encoding.ids[~encoding.is_special].tolist())

    for_texts(check, examples)


def test_a_rewritten_word_is_covered_whole_by_its_tokens(tmp_path):
    slow_tokenizers.make("tweets", tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    _stock, ours = load_tokenizer(tmp_path, "tweets")
    text = "the @someone of https://example.org ran"
    raw = ours.encode(text)
    covered = [text[start:end] for start, end in raw.offsets]
    words = text.split()
    assert {one for one in covered if one.startswith(("@", "http"))} == {words[1], words[3]}
    assert covered.count("ran") + covered.count("r") == 1


@pytest.mark.parametrize(
    ("text", "pieces", "covered"),
    [
        ("xx yy the", [None, None, "the"], ["xx", "yy", "the"]),
        ("xx yy the", [None, "the"], ["xx yy", "the"]),
        ("the xx's end", ["the", None, "s", "end"], ["the", "xx's", "xx's", "end"]),
        ("it’s fine", ["it", "'s", "fine"], ["it", "’s", "fine"]),
        ("Ｆｕｌｌ½", ["full1", "\u20442"], ["Ｆｕｌｌ½", "½"]),
        ("Straße", ["stras", "se"], ["Straß", "ße"]),
        ("a\u200bb", ["a", "b"], ["a", "b"]),
        ("e\u0301a", ["é", "a"], ["e\u0301", "a"]),
        ("a  b", ["a", "", "b"], ["a", "  ", "b"]),
        ("", ["a"], [""]),
        ("a", ["a", "b"], ["a", "a"]),
        ("xq▁zy a", ["x", "▁", "w", "w", "y", "a"], [*["xq▁zy"] * 5, "a"]),
    ],
)
def test_pieces_cover_their_characters_or_else_their_words(text, pieces, covered):
    assert [text[start:end] for start, end in align_pieces(text, pieces)] == covered


def test_a_tokenizer_whose_tokens_do_not_spell_the_text_is_refused(tmp_path, monkeypatch):
    from transformers import PhobertTokenizer

    slow_tokenizers.make("phobert", tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    cut = PhobertTokenizer._tokenize
    monkeypatch.setattr(PhobertTokenizer, "_tokenize", lambda self, text: cut(self, text)[::-1])
    with pytest.raises(ModelNotSupported, match=r"PhobertTokenizer.*do not spell the text again"):
        load_tokenizer(tmp_path, "phobert")


def make_marian(folder) -> None:
    import torch
    from transformers import MarianConfig, MarianMTModel

    tokenizer = slow_tokenizers.make("marian", folder)
    torch.manual_seed(0)
    sizes_ = {"encoder_ffn_dim": 40, "decoder_ffn_dim": 40, "d_model": 32, "max_position_embeddings": 64}
    heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_layers": 2, "decoder_layers": 2}
    pad = tokenizer.pad_token_id
    config = MarianConfig(
        **sizes_, **heads, vocab_size=len(tokenizer), pad_token_id=pad, eos_token_id=0, decoder_start_token_id=pad
    )
    MarianMTModel(config).eval().save_pretrained(folder)


@pytest.mark.slow
def test_a_marian_model_attends_as_the_stock_model_does(tmp_path, cache_dir):
    import torch
    from transformers import MarianMTModel, MarianTokenizer

    make_marian(tmp_path)
    model = load_model(str(tmp_path), cache_dir=cache_dir, device="cpu")
    source, target = "The girl ran to a local pub.", "SHE DRANK COFFEE"
    capture = model.capture(model.tokenize(source, target))
    missing = pytest.warns(UserWarning, match="sacremoses") if find_spec("sacremoses") is None else nullcontext()
    with missing:
        stock = MarianTokenizer.from_pretrained(tmp_path)
    eager = MarianMTModel.from_pretrained(tmp_path, attn_implementation="eager").eval()
    inputs = stock(source, text_target=target, return_tensors="pt")
    with torch.inference_mode():
        expected = eager(**inputs, output_attentions=True)
    assert capture.encoding.ids.tolist() == inputs["input_ids"][0].tolist()
    assert capture.decoder_encoding.expected[0].id == inputs["labels"][0, 0]
    for stream, of_stock in (
        ("self", expected.encoder_attentions),
        ("decoder", expected.decoder_attentions),
        ("cross", expected.cross_attentions),
    ):
        ours = capture.attention([0, 1], stream=stream)
        np.testing.assert_allclose(ours, torch.cat(of_stock).numpy(), atol=1e-5)
    words = [source[start:end] for start, end in zip(capture.encoding.start, capture.encoding.end, strict=True)]
    assert "".join(words).replace(" ", "") == source.replace(" ", "")


def test_the_target_of_marian_is_cut_by_its_own_sentencepiece_model(tmp_path):
    stock = slow_tokenizers.make("marian", tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "marian"}')
    _stock, ours = load_tokenizer(tmp_path, "marian")
    text = "THE GIRL RAN"
    assert target_tokenizer(ours).encode(text).ids == stock(text_target=text).input_ids != ours.encode(text).ids


def test_a_fingerprint_changes_with_the_sentencepiece_model(tmp_path):
    slow_tokenizers.make("marian", tmp_path / "a")
    slow_tokenizers.make("marian", tmp_path / "b")
    slow_tokenizers.sentencepiece_model(tmp_path / "b", "source.spm", ["Another text, with other pieces."])
    forms = []
    for name in "ab":
        (tmp_path / name / "config.json").write_text('{"model_type": "marian"}')
        forms.append(load_tokenizer(tmp_path / name, name)[1].to_str())
    assert forms[0] != forms[1]


def test_a_vocabulary_that_transformers_would_make_up_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    with pytest.raises(ModelNotSupported, match="no file with its vocabulary"):
        load_tokenizer(tmp_path, "bert")


def test_a_folder_with_mistrals_own_tokenizer_file_gives_offsets(tmp_path):
    letters = [bytes([byte]) for byte in range(256)]
    tokens = [*letters, b"th", b"the", b" the", b"\xc3\xa9"]
    vocabulary = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for rank, token in enumerate(tokens)
    ]
    special = [
        {"rank": rank, "token_str": name, "is_control": True} for rank, name in enumerate(["<unk>", "<s>", "</s>"])
    ]
    settings_ = {"pattern": r" ?\S+", "num_vocab_tokens": len(tokens), "default_vocab_size": len(tokens) + 3}
    settings_ |= {"default_num_special_tokens": 3, "version": "v11"}
    data = {"config": settings_, "vocab": vocabulary, "special_tokens": special}
    (tmp_path / "tekken.json").write_text(json.dumps(data), encoding="utf-8")
    (tmp_path / "config.json").write_text('{"model_type": "mistral"}')
    _stock, ours = load_tokenizer(tmp_path, "mistral")
    text = "the café the </s>"
    raw = ours.encode(text)
    kept = [
        text[start:end]
        for (start, end), special in zip(raw.offsets, raw.special_tokens_mask, strict=True)
        if not special
    ]
    assert kept == ["the", " ", "c", "a", "f", "é", " the", " ", "<", "/", "s", ">"]
