import functools

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.glossary import GLOSSARY

from exbert_rpc.errors import InvalidParams, TextTooLong
from exbert_rpc.text.annotation.pipeline import _CLEARER, MAX_CHARACTERS, Annotator, installed_pipelines
from tests.samples import drawn, sizes

PIPELINES = ["en_core_web_sm", "blank:de", "blank:tr", "blank:ja", "blank:ar"]
PIECES = [
    *(
        "The girl",
        " ran",
        " to",
        " a local pub.",
        "don't",
        "it's",
        " O'Brien's",
        "U.S.",
        " 3.14",
        " e.g.",
        "\n",
        "\r\n",
    ),
    *(
        "\t",
        "  ",
        "\xa0",
        "\u2028",
        "\x1c",
        "😀",
        "👩‍👩‍👧",
        "e\u0301",
        "\u200d",
        "\u200b",
        "\u0301",
        "مرحبا",
        " كيف حالك؟",
    ),
    *(
        "\u200f",
        "[CLS]",
        " [MASK] ",
        "</s>",
        "東京は大きい。",
        "大阪も！",
        "İstanbul'da",
        " Grüße",
        "!",
        "?",
        "...",
        "“",
        "”",
        "\x00",
    ),
    *("สวัสดี", "한국어", "#", "@user", "https://x.org/?a=1&b", "a_b", "\ufeff"),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=15).map("".join)
load = functools.cache(Annotator)
english = pytest.fixture(scope="module")(lambda: load("en_core_web_sm"))


def words(annotated) -> list[str]:
    return [annotated.text[a:b] for a, b in zip(annotated.word_start, annotated.word_end, strict=True)]


def sentences(annotated) -> list[str]:
    return [annotated.text[a:b] for a, b in zip(annotated.sentence_start, annotated.sentence_end, strict=True)]


def covered(text: str, starts, ends) -> list[int]:
    """How many spans each character that is not blank is in."""
    counts = np.zeros(len(text) + 1, dtype=int)
    np.add.at(counts, starts, 1)
    np.add.at(counts, ends, -1)
    return [int(count) for count, char in zip(np.cumsum(counts), text, strict=False) if not char.isspace()]


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("examples", sizes(15, 60))
def test_words_and_sentences_slice_the_text_and_leave_no_character_out(name, examples):
    @drawn(examples)
    @given(text=TEXTS)
    def check(text):
        annotated = load(name).annotate(text)
        n = len(annotated.word_start)
        assert annotated.text == text
        for column in (annotated.pos, annotated.tag, annotated.dep, annotated.lemma, annotated.entity):
            assert len(column) == n
        assert all(word and not any(char.isspace() for char in word) for word in words(annotated))
        assert all(sentence == sentence.strip() != "" for sentence in sentences(annotated))
        assert set(covered(text, annotated.word_start, annotated.word_end)) <= {1}
        assert set(covered(text, annotated.sentence_start, annotated.sentence_end)) <= {1}

    check()


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("examples", sizes(10, 30))
def test_each_word_is_in_its_sentence_and_depends_on_a_word(name, examples):
    @drawn(examples)
    @given(text=TEXTS)
    def check(text):
        annotated = load(name).annotate(text)
        n = len(annotated.word_start)
        for column in (annotated.word_start, annotated.word_end, annotated.syntactic_head, annotated.sentence):
            assert column.dtype == np.int32
            assert column.shape == (n,)
        assert (annotated.sentence_start[annotated.sentence] <= annotated.word_start).all()
        assert (annotated.word_end <= annotated.sentence_end[annotated.sentence]).all()
        if name.startswith("blank:"):
            assert (annotated.syntactic_head == -1).all()
        else:
            assert ((annotated.syntactic_head >= 0) & (annotated.syntactic_head < n)).all()
            assert (annotated.sentence[annotated.syntactic_head] == annotated.sentence).all()

    check()


def test_labels_are_those_of_spacy(english):
    text = "Maria Gonzalez didn't escape  the din of\tLondon.\r\nShe stayed."
    annotated = english.annotate(text)
    doc = [token for token in spacy.load(installed_pipelines()[0])(text) if not token.is_space]
    number = {token.i: position for position, token in enumerate(doc)}
    assert words(annotated) == [token.text for token in doc]
    assert list(annotated.pos) == [token.pos_ for token in doc]
    assert list(annotated.tag) == [token.tag_ for token in doc]
    assert list(annotated.dep) == [token.dep_ for token in doc]
    assert list(annotated.lemma) == [token.lemma_ for token in doc]
    assert list(annotated.entity) == [token.ent_type_ for token in doc]
    assert annotated.syntactic_head.tolist() == [number[token.head.i] for token in doc]
    assert {"PERSON", "GPE"} <= set(annotated.entity)


def test_labels_mean_what_spacy_explains_worded_for_a_sentence(english):
    meanings = english.info.meanings
    for labels in english.info.labels.values():
        for label in labels:
            words = GLOSSARY.get(label)
            if words is None or label in _CLEARER:
                assert meanings.get(label) == _CLEARER.get(label)
            else:
                assert meanings[label].lower() == words.lower().removesuffix(".") or words.endswith("etc.")
    assert meanings["TO"] == 'infinitival "to"'
    assert meanings["PERSON"] == "people, including fictional"
    assert meanings["LAW"] == "named documents made into laws"
    assert meanings["FAC"] == "buildings, airports, highways, bridges, etc."
    assert not load("blank:de").info.meanings


def test_words_of_our_own_explain_only_what_spacy_explains_worse():
    for label in _CLEARER:
        worse = spacy.explain(label)
        assert "(" in worse


def test_white_space_takes_no_word_and_heads_skip_it(english):
    annotated = english.annotate("\n\nThe girl \n\n ran.\n")
    assert words(annotated) == ["The", "girl", "ran", "."]
    assert annotated.syntactic_head.tolist() == [1, 2, 2, 2]


def test_many_texts_are_annotated_as_one_by_one(english):
    texts = ["The girl ran.", "", "  ", "She opened the letter. He didn't.", "😀"]
    for together, alone in zip(english.annotate_many(texts, batch_size=2), map(english.annotate, texts), strict=True):
        assert words(together) == words(alone)
        assert together.pos == alone.pos
        assert sentences(together) == sentences(alone)


def test_new_words_do_not_stay_in_memory():
    annotator = Annotator("blank:en")
    annotator.annotate("warm up.")
    before = len(annotator._nlp.vocab.strings)
    annotator.annotate(" ".join(f"word{number}" for number in range(500)))
    list(annotator.annotate_many([f"other{number}" for number in range(500)]))
    assert len(annotator._nlp.vocab.strings) == before


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("blank:de", "Das ist gut. Und das? Ja!", ["Das ist gut.", "Und das?", "Ja!"]),
        ("blank:tr", "Merhaba. İyi misin? Evet.", ["Merhaba.", "İyi misin?", "Evet."]),
        ("blank:ja", "東京は大きい。大阪も！本当？はい。", ["東京は大きい。", "大阪も！", "本当？", "はい。"]),
        ("blank:ar", "كيف حالك؟ أنا بخير. شكرا!", ["كيف حالك؟", "أنا بخير.", "شكرا!"]),
        ("blank:zh", "你好。今天天气很好！", ["你好。", "今天天气很好！"]),
        ("blank:hi", "यह अच्छा है। वह भी।", ["यह अच्छा है।", "वह भी।"]),
    ],
)
def test_blank_pipelines_end_sentences_at_the_punctuation_of_their_script(name, text, expected):
    assert sentences(load(name).annotate(text)) == expected


@pytest.mark.parametrize("code", ["ja", "th", "ko", "vi"])
def test_languages_whose_tokenizer_library_is_missing_are_cut_by_script(code):
    annotated = load(f"blank:{code}").annotate("東京タワーは2,333.5 metres高い。 สวัสดี 안녕 trời e\u0301té")
    assert words(annotated)[-5:] == ["。", "สวัสดี", "안녕", "trời", "e\u0301té"]
    assert "2,333.5" in words(annotated)


def test_a_blank_pipeline_has_no_labels():
    annotator = load("blank:de")
    assert set(annotator.info.labels.values()) == {()}
    annotated = annotator.annotate("Der Hund schläft.")
    assert set(annotated.pos + annotated.tag + annotated.dep + annotated.entity) == {""}


def test_labels_list_all_that_the_pipeline_produces(english):
    from exbert_rpc.text.calibration import calibration_texts

    labels = english.info.labels
    assert {"PERSON", "GPE", "CARDINAL"} <= set(labels["entity"])
    assert len(labels["pos"]) == 17
    assert all(list(values) == sorted(values) for values in labels.values())
    for annotated in english.annotate_many(calibration_texts()):
        assert set(annotated.pos) <= set(labels["pos"])
        assert set(annotated.tag) <= set(labels["tag"])
        assert set(annotated.dep) <= set(labels["dep"])
        assert set(annotated.entity) - {""} <= set(labels["entity"])


def test_a_pipeline_is_loaded_from_a_folder_too_and_its_fingerprint_follows_its_content(tmp_path):
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "CITY", "pattern": "Lima"}])
    nlp.to_disk(tmp_path / "one")
    ruler.add_patterns([{"label": "FISH", "pattern": "cod"}])
    nlp.to_disk(tmp_path / "two")
    nlp.to_disk(tmp_path / "three")
    one, two, three = (Annotator(str(tmp_path / name)) for name in ("one", "two", "three"))
    assert one.info.labels["entity"] == ("CITY",)
    assert two.annotate("Lima has cod.").entity == ("CITY", "", "FISH", "")
    assert one.info.fingerprint != two.info.fingerprint == three.info.fingerprint


def test_fingerprints_of_languages_differ():
    prints = {load(name).info.fingerprint for name in (*PIPELINES, "blank:th", "blank:ko", "blank:xx")}
    assert len(prints) == len(PIPELINES) + 3


def test_an_unknown_pipeline_is_an_error_that_lists_the_installed_ones():
    for name in ("no_such_pipeline", "blank:qqq", "blank:", "os", ""):
        with pytest.raises(InvalidParams) as caught:
            Annotator(name)
        assert caught.value.data["field"] == "pipeline"
    with pytest.raises(InvalidParams, match="en_core_web_sm"):
        Annotator("no_such_pipeline")


def test_a_folder_that_is_no_pipeline_is_an_error(tmp_path):
    with pytest.raises(InvalidParams, match="cannot be loaded"):
        Annotator(str(tmp_path))


def test_a_text_over_a_million_characters_is_too_long_and_both_lengths_are_told():
    with pytest.raises(TextTooLong) as caught:
        load("blank:de").annotate("x" * (MAX_CHARACTERS + 1))
    assert caught.value.data == {"length": 1_000_001, "limit": 1_000_000}


def test_half_a_surrogate_pair_is_refused():
    for call in (load("blank:de").annotate, lambda text: list(load("blank:de").annotate_many([text]))):
        with pytest.raises(InvalidParams, match="surrogate"):
            call("a\udc00b")
