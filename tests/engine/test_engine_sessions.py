"""Handles, sessions, mismatches and positions: what the engine refuses, and that it goes on afterwards."""

from __future__ import annotations

import json
import shutil
import threading
from itertools import product

import numpy as np
import pytest

from exbert_rpc.corpus.store.folders import Store
from exbert_rpc.engine import Engine, facade
from exbert_rpc.engine.corpus_requests import IndexRequest, SearchRequest, SummarizeRequest
from exbert_rpc.engine.requests import AttendRequest, TextInput
from exbert_rpc.errors import (
    AnswerTooLarge,
    Busy,
    Cancelled,
    CorpusDamaged,
    CorpusMismatch,
    CorpusNotFound,
    ExbertError,
    InvalidParams,
    ModelNotFound,
    TextTooLong,
    UnknownHandle,
)
from exbert_rpc.tasks import Progress, Task
from tests.engine.helpers import DOCUMENTS, make_documents
from tests.samples import sampled, sizes, slow

TEXT = "The girl ran to a local pub."
SMALL = dict(list(DOCUMENTS.items())[:2])


def attend(engine: Engine, session: str = "a", text: str = TEXT, **fields):
    return engine.attend(AttendRequest(session, TextInput(text), **fields), Task())


def search(engine: Engine, corpus: str = "tiny", session: str = "a", **fields):
    return engine.search_contexts(SearchRequest(session, corpus, **{"layer": 1, "k": 5, **fields}), Task())


def place(hits):
    return [(round(hit.score, 5), hit.document, hit.start) for hit in hits]


@pytest.fixture(scope="module")
def small_store(tmp_path_factory, tiny_model):
    """A store with a small corpus."""
    store = tmp_path_factory.mktemp("small") / "store"
    engine = Engine(store, default_model=str(tiny_model("bert")), pipeline="blank:en", device="cpu")
    engine.index_corpus(IndexRequest("tiny", tuple(SMALL.items())), Task())
    engine.close()
    return store


@pytest.fixture
def engine(tmp_path, tiny_model, small_store):
    """An engine of its own, with a small corpus."""
    store = shutil.copytree(small_store, tmp_path / "store")
    with_store = Engine(store, default_model=str(tiny_model("bert")), pipeline="blank:en", device="cpu")
    yield with_store
    with_store.close()


# --- handles and sessions ------------------------------------------------------------------------


def test_a_search_by_capture_answers_as_one_by_text(bert):
    capture = attend(bert.engine).capture_id
    by_capture = search(bert.engine, capture_id=capture, token=2)
    by_text = search(bert.engine, input=TextInput(TEXT), token=2)
    assert place(by_capture.hits) == place(by_text.hits)


def test_attending_again_by_capture_gives_more_layers_of_the_same_pass(bert):
    first = attend(bert.engine, layers=(0,))
    again = bert.engine.attend(AttendRequest("a", capture_id=first.capture_id, layers=(0, 2), heads=(1,)), Task())
    assert again.capture_id == first.capture_id
    assert again.attention.shape[:2] == (2, 1)
    np.testing.assert_array_equal(again.attention[0, 0], first.attention[0, 1])


@pytest.mark.parametrize("handle", ["", "nothing", "x" * 500, "\0", "../../etc"])
def test_an_unknown_handle_is_told(bert, handle):
    for call in (
        lambda: bert.engine.attend(AttendRequest("a", capture_id=handle), Task()),
        lambda: search(bert.engine, capture_id=handle, token=1),
        lambda: bert.engine.summarize(SummarizeRequest("a", handle), Task()),
    ):
        with pytest.raises(UnknownHandle):
            call()


def test_one_sessions_handles_mean_nothing_to_another(bert):
    capture = attend(bert.engine, "one").capture_id
    found = search(bert.engine, session="one", capture_id=capture, token=1)
    with pytest.raises(UnknownHandle):
        search(bert.engine, session="two", capture_id=capture, token=1)
    with pytest.raises(UnknownHandle):
        bert.engine.summarize(SummarizeRequest("two", found.search_id), Task())
    assert bert.engine.summarize(SummarizeRequest("one", found.search_id), Task()).search_id == found.search_id


def test_a_closed_sessions_handles_are_gone_and_others_stay(bert):
    gone, stays = attend(bert.engine, "gone").capture_id, attend(bert.engine, "stays").capture_id
    bert.engine.close_session("gone")
    with pytest.raises(UnknownHandle):
        bert.engine.attend(AttendRequest("gone", capture_id=gone), Task())
    assert bert.engine.attend(AttendRequest("stays", capture_id=stays), Task()).capture_id == stays


@pytest.mark.parametrize("bound", sizes(16, 256))
def test_captures_are_bounded_and_the_least_recently_used_goes_first(tmp_path, tiny_model, monkeypatch, bound):
    assert facade._CAPTURES == 256
    monkeypatch.setattr(facade, "_CAPTURES", bound)
    engine = Engine(tmp_path, default_model=str(tiny_model("bert")), pipeline="blank:en", device="cpu")
    kept = attend(engine, annotate=False).capture_id
    old = attend(engine, annotate=False).capture_id
    for _ in range(bound + 44):
        engine.attend(AttendRequest("a", capture_id=kept, layers=(0,), annotate=False), Task())
        attend(engine, annotate=False, layers=(0,))
    assert engine.attend(AttendRequest("a", capture_id=kept, annotate=False), Task()).capture_id == kept
    with pytest.raises(UnknownHandle):
        engine.attend(AttendRequest("a", capture_id=old, annotate=False), Task())
    engine.close()


def test_summarize_by_search_params_equals_search_then_summarize(bert):
    request = SearchRequest("a", "tiny", input=TextInput(TEXT), token=2, layer=1, k=40)
    found = bert.engine.search_contexts(request, Task())
    two_steps = bert.engine.summarize(SummarizeRequest("a", found.search_id), Task()).summary
    one_step = bert.engine.summarize(SummarizeRequest("a", search=request), Task()).summary
    assert one_step == two_steps


def test_many_sessions_search_at_once_and_get_their_own_answers(bert):
    texts = [document.split(". ")[0] + "." for document in make_documents(7, 8).values()]
    expected = [
        place(search(bert.engine, session=f"s{n}", input=TextInput(t), token=1).hits) for n, t in enumerate(texts)
    ]
    found: dict[int, list] = {}

    def run(number: int) -> None:
        for _ in range(3):
            capture = attend(bert.engine, f"s{number}", texts[number], annotate=False).capture_id
            found[number] = place(search(bert.engine, session=f"s{number}", capture_id=capture, token=1).hits)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(len(texts))] == expected


# --- positions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["girl", "local", "city"])
def test_a_position_in_a_document_means_the_token_there_in_its_sentence(bert, word):
    document = "First words here.\r\n\r\nModels attend. The girl ran to a local pub. It was the city.\n"
    at = document.index(word) + 1
    found = search(bert.engine, input=TextInput(document, sentence_at=at))
    sentence = next(s for s in ("The girl ran to a local pub.", "It was the city.") if word in s)
    assert found.query.encoding.text == sentence
    start, end = found.query.encoding.start[found.token], found.query.encoding.end[found.token]
    assert start <= sentence.index(word) + 1 < end
    by_text = search(bert.engine, input=TextInput(sentence), token=found.token)
    assert place(found.hits) == place(by_text.hits)


def test_a_position_in_markdown_is_cut_as_markdown(bert):
    document = "- The girl ran\n- to a local pub"
    found = search(bert.engine, input=TextInput(document, sentence_at=20, is_markdown=True))
    assert found.query.encoding.text == "- to a local pub"
    found = search(bert.engine, input=TextInput(document, sentence_at=20))
    assert found.query.encoding.text == document


@pytest.mark.parametrize(("document", "at"), [("One.\n\n\n\nTwo.", 6), ("", 0), ("   ", 1), ("Word.", 99)])
def test_a_position_without_text_is_told(bert, document, at):
    with pytest.raises(InvalidParams, match=r"position|text"):
        search(bert.engine, input=TextInput(document, sentence_at=at))


# --- what a corpus holds -------------------------------------------------------------------------


def test_a_corpus_of_some_layers_and_one_space_says_what_it_has(engine):
    report = engine.index_corpus(
        IndexRequest("part", tuple(SMALL.items()), layers=(2,), spaces=("headOutput",)), Task()
    )
    assert report.unchanged == 0
    info = engine.describe_corpus("part")
    assert (info.layers, info.spaces) == ((2,), ("headOutput",))
    assert search(engine, "part", input=TextInput(TEXT), token=1, layer=2).hits
    with pytest.raises(InvalidParams, match="layer 1, only 2"):
        search(engine, "part", input=TextInput(TEXT), token=1, layer=1)
    with pytest.raises(InvalidParams, match="hiddenState"):
        search(engine, "part", input=TextInput(TEXT), token=1, space="hiddenState", layer=2)


def test_a_layers_subset_answers_as_the_whole_does(engine):
    engine.index_corpus(IndexRequest("part", tuple(SMALL.items()), layers=(0, 2)), Task())
    for fields in (
        {"layer": 2},
        {"space": "hiddenState", "layer": 0},
        {"space": "hiddenState", "layer": 3},
    ):
        whole = search(engine, input=TextInput(TEXT), token=2, k=20, **fields)
        part = search(engine, "part", input=TextInput(TEXT), token=2, k=20, **fields)
        assert [(hit.document, hit.start) for hit in part.hits] == [(hit.document, hit.start) for hit in whole.hits]
        np.testing.assert_allclose([h.score for h in part.hits], [h.score for h in whole.hits], atol=1e-5)


def test_a_corpus_of_another_model_is_told_and_which(engine, tiny_model):
    other = str(tiny_model("gpt2"))
    with pytest.raises(CorpusMismatch, match=r"another model or tokenizer.*not") as caught:
        search(engine, input=TextInput(TEXT), token=1, model=other)
    assert caught.value.data["given"] == other
    capture = attend(engine, model=other).capture_id
    with pytest.raises(CorpusMismatch):
        search(engine, capture_id=capture, token=1)
    assert search(engine, input=TextInput(TEXT), token=1).hits


def test_a_model_whose_weights_changed_under_the_same_name_is_told(tmp_path, tiny_model):
    from tests.model import zoo

    folder = tmp_path / "model"
    shutil.copytree(tiny_model("bert"), folder)
    engine = Engine(tmp_path / "store", default_model=str(folder), pipeline="blank:en", device="cpu")
    engine.index_corpus(IndexRequest("tiny", tuple(SMALL.items())), Task())
    engine.close()
    shutil.rmtree(folder)
    zoo.make_model("bert", folder, seed=5)
    engine = Engine(tmp_path / "store", default_model=str(folder), pipeline="blank:en", device="cpu")
    with pytest.raises(CorpusMismatch, match="the same name, but other weights"):
        search(engine, input=TextInput(TEXT), token=1)
    engine.index_corpus(IndexRequest("tiny", tuple(SMALL.items())), Task())
    assert search(engine, input=TextInput(TEXT), token=1).hits
    engine.close()


def test_a_position_in_a_document_needs_the_pipeline_of_the_corpus(engine):
    manifest = engine._corpora._store.folder("tiny").manifest()
    assert manifest.config.pipeline == "blank:en"
    engine.index_corpus(IndexRequest("german", tuple(SMALL.items()), pipeline="blank:de"), Task())
    assert search(engine, "german", input=TextInput(TEXT, sentence_at=5)).hits


def test_indexing_again_without_settings_keeps_those_of_the_corpus(engine):
    engine.index_corpus(IndexRequest("part", tuple(SMALL.items()), layers=(1,), pipeline="blank:de"), Task())
    report = engine.index_corpus(IndexRequest("part", tuple(SMALL.items())), Task())
    info = engine.describe_corpus("part")
    assert report.unchanged == len(SMALL)
    assert (info.layers, info.pipeline) == ((1,), "blank:de")


def test_corpora_are_listed_described_and_removed(engine):
    engine.index_corpus(IndexRequest("another", tuple(SMALL.items()), layers=(0,)), Task())
    assert [info.name for info in engine.list_corpora()] == ["another", "tiny"]
    info = engine.describe_corpus("tiny")
    assert (info.documents, info.damaged) == (2, ())
    assert info.tokens == search(engine, input=TextInput(TEXT), token=1).stats.searched
    engine.remove_corpus("tiny")
    with pytest.raises(CorpusNotFound, match="another"):
        search(engine, input=TextInput(TEXT), token=1)
    assert [info.name for info in engine.list_corpora()] == ["another"]


# --- bad input -----------------------------------------------------------------------------------

BAD_TEXTS = {
    "empty": ("", InvalidParams),
    "blank": (" \n\t ", InvalidParams),
    "only zero-width": ("\u200b\u200d", ExbertError),
    "too long": ("word " * 400, TextTooLong),
    "more than a million characters": ("a" * 1_000_001, TextTooLong),
    "half a surrogate pair": ("word \ud83d word", InvalidParams),
}


@pytest.mark.parametrize(("text", "error"), BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
def test_a_text_that_cannot_be_read_is_told_and_the_next_one_is_read(bert, text, error):
    for call in (
        lambda: attend(bert.engine, text=text),
        lambda: search(bert.engine, input=TextInput(text), token=1),
        lambda: search(bert.engine, input=TextInput(text, sentence_at=0)),
    ):
        try:
            call()
        except error as caught:
            if isinstance(caught, TextTooLong):
                assert f"{caught.data['limit']:,}" in caught.message or str(caught.data["limit"]) in caught.message
                assert caught.data["length"] > caught.data["limit"]
        else:  # tokenizers differ in what they keep; of a long document only the sentence is read
            assert text in (BAD_TEXTS["only zero-width"][0], BAD_TEXTS["more than a million characters"][0])
    assert search(bert.engine, input=TextInput(TEXT), token=1).hits


def test_nul_is_a_character_like_another(bert):
    assert attend(bert.engine, text="a\0b girl").tokens.encoding.text == "a\0b girl"


BAD_FIELDS = {
    "layer too high": ({"layer": 3}, InvalidParams, "layer"),
    "layer negative": ({"layer": -1}, InvalidParams, "layer"),
    "hidden layer too high": ({"space": "hiddenState", "layer": 4}, InvalidParams, "hiddenLayer"),
    "head too high": ({"heads": (0, 4)}, InvalidParams, "heads"),
    "head negative": ({"heads": (-1,)}, InvalidParams, "heads"),
    "no heads": ({"heads": ()}, InvalidParams, "heads"),
    "token too high": ({"token": 999}, InvalidParams, "token"),
    "token negative": ({"token": -1}, InvalidParams, "token"),
    "token missing": ({"token": None}, InvalidParams, "token"),
    "no text": ({"input": None}, InvalidParams, "text"),
    "mask too high": ({"input": TextInput(TEXT, mask=(99,))}, InvalidParams, "mask"),
    "mask negative": ({"input": TextInput(TEXT, mask=(-1,))}, InvalidParams, "mask"),
    "mask on a special token": ({"input": TextInput(TEXT, mask=(0,))}, InvalidParams, "mask"),
    "no such corpus": ({"corpus": "nothing"}, CorpusNotFound, "tiny"),
    "no corpus' name": ({"corpus": "../tiny"}, InvalidParams, "corpus"),
    "no such model": ({"model": "no-such-model-anywhere"}, ModelNotFound, "no-such-model"),
}


@pytest.mark.parametrize(("fields", "error", "told"), BAD_FIELDS.values(), ids=BAD_FIELDS.keys())
def test_a_wrong_field_of_a_search_is_named_and_the_next_search_answers(bert, fields, error, told):
    with pytest.raises(error, match=told):
        search(bert.engine, **{"input": TextInput(TEXT), "token": 1, **fields})
    assert search(bert.engine, input=TextInput(TEXT), token=1).hits


@pytest.mark.parametrize(
    ("fields", "told"), [({"layers": (3,)}, "layers"), ({"layers": ()}, "layers"), ({"heads": (4,)}, "heads")]
)
def test_a_wrong_field_of_attend_is_named(bert, fields, told):
    with pytest.raises(InvalidParams, match=told):
        attend(bert.engine, **fields)


def test_masks_on_a_model_without_a_mask_token_are_refused(tiny_corpus):
    with pytest.raises(InvalidParams, match="mask"):
        tiny_corpus("llama").engine.attend(AttendRequest("a", TextInput(TEXT, mask=(1,))), Task())


def test_an_answer_that_is_refused_is_never_computed(bert):
    def refuse(plan):
        raise AnswerTooLarge("too large")

    with pytest.raises(AnswerTooLarge):
        bert.engine.attend(AttendRequest("a", TextInput(TEXT)), Task(), check=refuse)


# --- builds --------------------------------------------------------------------------------------


def test_sources_that_cannot_be_read_are_listed_and_the_rest_is_indexed(engine, tmp_path):
    (tmp_path / "good.txt").write_text("The girl ran to a pub.")
    (tmp_path / "binary.txt").write_bytes(b"\x00\x01\xff" * 100)
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "broken.ipynb").write_text("{")
    (tmp_path / "n.ipynb").write_text(
        json.dumps(
            {"cells": [{"cell_type": "markdown", "source": "A local pub."}, {"cell_type": "code", "source": "x"}]}
        )
    )
    sources = (str(tmp_path / "*.*"), str(tmp_path / "vanished.txt"), ("inline:\ud800", "text \ud800"))
    report = engine.index_corpus(IndexRequest("mixed", sources), Task())
    assert report.documents == 2
    reasons = {one.uri.rsplit("/", 1)[-1]: one.reason for one in report.skipped}
    assert "binary" in reasons["binary.txt"]
    assert "UTF-8" in reasons["latin.txt"]
    assert "empty" in reasons["empty.txt"]
    assert "notebook" in reasons["broken.ipynb"]
    assert "no file" in reasons["vanished.txt"]
    assert {hit.cell for hit in search(engine, "mixed", input=TextInput(TEXT), token=1, k=50).hits} == {None, 0}


@pytest.mark.parametrize(
    ("fields", "error", "told"),
    [
        ({"sources": ()}, InvalidParams, "sources"),
        ({"sources": ("/no/such/file.txt",)}, InvalidParams, "sources"),
        ({"corpus": "../x"}, InvalidParams, "corpus"),
        ({"model": "no-such-model-anywhere"}, ModelNotFound, "no-such-model"),
        slow({"pipeline": "no_such_pipeline"}, InvalidParams, "no_such_pipeline"),
        ({"layers": (7,)}, InvalidParams, "layers"),
        ({"layers": ()}, InvalidParams, "layers"),
        ({"spaces": ()}, InvalidParams, "spaces"),
    ],
)
def test_a_build_that_cannot_start_is_told_and_leaves_the_corpus_as_it_was(engine, fields, error, told):
    before = place(search(engine, input=TextInput(TEXT), token=1).hits)
    with pytest.raises(error, match=told):
        engine.index_corpus(IndexRequest(**{"corpus": "tiny", "sources": tuple(SMALL.items()), **fields}), Task())
    assert place(search(engine, input=TextInput(TEXT), token=1).hits) == before
    assert [info.name for info in engine.list_corpora()] == ["tiny"]


def test_a_second_build_of_the_same_corpus_is_busy_and_searches_go_on_meanwhile(engine):
    during: list[object] = []

    def on_progress(progress: Progress) -> None:
        if progress.total and not during:
            during.append(place(search(engine, input=TextInput(TEXT), token=1).hits))
            with pytest.raises(Busy):
                engine.index_corpus(IndexRequest("tiny", tuple(SMALL.items())), Task())
            with pytest.raises(Busy):
                engine.remove_corpus("tiny")
            engine.index_corpus(IndexRequest("other", tuple(SMALL.items()), layers=(0,)), Task())

    before = place(search(engine, input=TextInput(TEXT), token=1).hits)
    engine.index_corpus(IndexRequest("tiny", tuple(DOCUMENTS.items())), Task(on_progress))
    assert during == [before]
    assert search(engine, input=TextInput(TEXT), token=1).stats.searched > 1000


class CancelAtReport(Task):
    """Cancels itself at its n-th report."""

    def __init__(self, reports: int) -> None:
        super().__init__()
        self._left = reports

    def report(self, progress: Progress) -> None:
        self._left -= 1
        if self._left == 0:
            self.cancel()


def test_a_cancelled_build_keeps_the_old_corpus(engine):
    before = place(search(engine, input=TextInput(TEXT), token=1).hits)
    for stop_at in (1, 3, 5):
        task = CancelAtReport(stop_at)
        with pytest.raises(Cancelled):
            engine.index_corpus(IndexRequest("tiny", tuple(make_documents(stop_at).items())), task)
        assert place(search(engine, input=TextInput(TEXT), token=1).hits) == before


def test_progress_counts_up_to_the_whole_and_estimates_the_rest(engine):
    reports: list[Progress] = []
    engine.index_corpus(IndexRequest("more", tuple(make_documents(3).items())), Task(reports.append))
    counted = [report for report in reports if report.total]
    assert counted[-1].done == counted[-1].total > 0
    assert [report.done for report in counted] == sorted(report.done for report in counted)
    assert all(report.message for report in reports)


DAMAGE = {
    "flipped bit": lambda path: flip(path),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-50]),
    "emptied": lambda path: path.write_bytes(b""),
    "missing": lambda path: path.unlink(),
    "overwritten": lambda path: path.write_bytes(b"{}" * 400),
}


def flip(path):
    data = bytearray(path.read_bytes())
    for at in range(0, len(data), 509):
        data[at] ^= 16
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("pattern", "damage"), sampled(product(["segment-*.exb", "documents-*.json", "manifest.json"], DAMAGE.values()), 4)
)
def test_a_damaged_file_is_named_by_search_and_description_and_indexing_again_repairs_it(
    engine, tmp_path, damage, pattern
):
    before = place(search(engine, input=TextInput(TEXT), token=1).hits)
    (path,) = (tmp_path / "store" / "tiny").glob(pattern)
    damage(path)
    with pytest.raises(CorpusDamaged) as caught:
        search(engine, input=TextInput(TEXT), token=1)
    assert caught.value.data["file"] == path.name
    assert engine.describe_corpus("tiny").damaged == (path.name,)
    assert [info.name for info in engine.list_corpora()] == ["tiny"]
    engine.index_corpus(IndexRequest("tiny", tuple(SMALL.items())), Task())
    assert place(search(engine, input=TextInput(TEXT), token=1).hits) == before
    assert engine.describe_corpus("tiny").damaged == ()


def test_a_second_engine_on_the_same_store_sees_what_the_first_one_builds(engine, tmp_path, tiny_model):
    other = Engine(tmp_path / "store", default_model=str(tiny_model("bert")), pipeline="blank:en", device="cpu")
    first = search(other, input=TextInput(TEXT), token=1).stats.searched
    engine.index_corpus(IndexRequest("tiny", tuple(DOCUMENTS.items())), Task())
    assert search(other, input=TextInput(TEXT), token=1).stats.searched > first
    with Store(tmp_path / "store").folder("tiny").locked(), pytest.raises(Busy):
        other.index_corpus(IndexRequest("tiny", tuple(SMALL.items())), Task())
    other.close()
