"""Filters let through exactly the rows that a slow look at every hit would."""

import pytest

from exbert_rpc.corpus.build import builder as build_module
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.types import Filter
from exbert_rpc.errors import InvalidParams
from tests.store_faults.building import build, open_folder, search, search_kept
from tests.store_faults.fakes import FakeModel, make_text

MODEL = FakeModel()
TEXTS = {f"docs/{name}": make_text(seed, 3) for seed, name in enumerate(["a.txt", "b.md", "sub/c.txt"])}


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    root = tmp_path_factory.mktemp("filters")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_module, "WINDOW_TOKENS", 100)
        patch.setattr(build_module, "SEGMENT_BYTES", 8000)
        build(root, TEXTS, model=MODEL)
    return CorpusReader(open_folder(root))


def place(hit):
    return hit.document, hit.start.line, hit.start.column


def everything(reader):
    return search(reader, MODEL, "Some query", token=1, k=1000)


def text_of(hit):
    return hit.sentence_text[hit.tokens.start[hit.match] : hit.tokens.end[hit.match]]


FILTERS = {
    "pos": (Filter(pos=("NOUN",)), lambda hit: hit.tokens.pos[hit.match] == "NOUN"),
    "two pos": (Filter(pos=("VERB", "PUNCT")), lambda hit: hit.tokens.pos[hit.match] in ("VERB", "PUNCT")),
    "dep": (Filter(dep=("obj",)), lambda hit: hit.tokens.dep[hit.match] == "obj"),
    "entity": (Filter(entity=("PERSON",)), lambda hit: hit.tokens.entity[hit.match] == "PERSON"),
    "no entity": (Filter(entity=("none",)), lambda hit: hit.tokens.entity[hit.match] is None),
    "both": (
        Filter(pos=("NOUN",), dep=("obj", "nsubj")),
        lambda hit: hit.tokens.pos[hit.match] == "NOUN" and hit.tokens.dep[hit.match] in ("obj", "nsubj"),
    ),
    "nothing": (Filter(pos=()), lambda hit: False),
    "token": (Filter(token=(".",)), lambda hit: text_of(hit) == "."),
    "documents": (Filter(documents=("*.md",)), lambda hit: hit.document == "docs/b.md"),
    "file name": (Filter(documents=("c.txt",)), lambda hit: hit.document == "docs/sub/c.txt"),
    "folder": (Filter(documents=("docs/*.txt",)), lambda hit: hit.document.endswith(".txt")),
}


@pytest.mark.parametrize(("where", "passes"), FILTERS.values(), ids=FILTERS.keys())
def test_a_filter_lets_through_what_a_slow_look_would(reader, where, passes):
    expected = [place(hit) for hit in everything(reader) if passes(hit)]
    kept = search_kept(reader, MODEL, "Some query", token=1, k=1000, filter=where)
    assert [place(hit) for hit in kept.hits] == expected
    assert kept.stats.searched == len(expected)


def test_a_filter_by_token_ignores_case(reader):
    word = text_of(everything(reader)[40])
    hits = search(reader, MODEL, "Some query", token=1, k=1000, filter=Filter(token=(word.upper(),)))
    assert hits and {text_of(hit).lower() for hit in hits} == {word.lower()}


def test_a_filter_by_token_heeds_case_where_that_is_asked_for(tmp_path):
    build(tmp_path, {"d.txt": "May may. May Émile MAY. émile ran."}, model=MODEL)
    reader = CorpusReader(open_folder(tmp_path))
    for asked, either, as_asked in (
        ("May", ["MAY", "May", "May", "may"], ["May", "May"]),
        ("E\u0301mile", ["Émile", "émile"], ["Émile"]),
        ("émile", ["Émile", "émile"], ["émile"]),
    ):
        for match_case, expected in ((False, either), (True, as_asked)):
            where = Filter(token=(asked,), match_case=match_case)
            hits = search(reader, MODEL, "Some query", token=1, k=1000, filter=where)
            assert sorted(map(text_of, hits)) == expected


class ForgetfulModel(FakeModel):
    """Every long word is the same unknown token, as [UNK] is."""

    def tokenize(self, text, pair=None, mask=()):
        encoding = super().tokenize(text)
        for index, token in enumerate(encoding.tokens):
            if len(token) > 5 and not encoding.is_special[index]:
                encoding.ids[index] = 3
        return encoding


def test_a_filter_by_token_looks_at_the_text_even_if_the_vocabulary_cannot_tell_words_apart(tmp_path):
    model = ForgetfulModel()
    build(tmp_path, {"d.txt": "unknown words stand beside strange things. Strange unknown words."}, model=model)
    reader = CorpusReader(open_folder(tmp_path))
    for word in ("unknown", "strange", "things"):
        hits = search(reader, model, "Some query", token=1, filter=Filter(token=(word,)))
        assert {text_of(hit).lower() for hit in hits} == {word}
        assert len(hits) == {"unknown": 2, "strange": 2, "things": 1}[word]


@pytest.mark.parametrize(
    ("where", "field", "told"),
    [
        (Filter(pos=("NOUNS",)), "filter.pos", "NOUN"),
        (Filter(dep=("xyz",)), "filter.dep", "nsubj"),
        (Filter(entity=("person",)), "filter.entity", "PERSON"),
        (Filter(documents=("*.rst",)), "filter.documents", "docs/a.txt"),
    ],
)
def test_a_filter_that_nothing_can_pass_is_told_with_what_there_is(reader, where, field, told):
    with pytest.raises(InvalidParams, match=field) as caught:
        search(reader, MODEL, "Some query", token=1, filter=where)
    assert told in caught.value.hint


def test_a_paragraph_that_stands_in_two_documents_counts_where_the_filter_allows(tmp_path):
    same = "Equal words stand here."
    build(tmp_path, {"a.txt": same, "b.txt": f"{same}\n\n{same}"}, model=MODEL)
    reader = CorpusReader(open_folder(tmp_path))
    kept = search_kept(reader, MODEL, same, token=1, filter=Filter(documents=("b.txt",)))
    assert {hit.document for hit in kept.hits} == {"b.txt"}
    assert kept.stats.searched == len(kept.hits) == 2 * 5
