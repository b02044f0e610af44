"""Edits with a real (tiny) model: a corpus that was edited answers as one that was built anew."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from exbert_rpc.corpus.build import builder as build_module
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest, SearchRequest
from exbert_rpc.engine.requests import TextInput
from exbert_rpc.model.loaded import LoadedModel
from exbert_rpc.tasks import Task
from tests.engine.helpers import make_documents
from tests.samples import sizes

pytestmark = pytest.mark.usefixtures("all_cores")  # passes run side by side
PARAGRAPHS = [paragraph for text in make_documents(31, 4, 4, 2).values() for paragraph in text.split("\n\n")]
SEARCHES = [
    {"space": "hiddenState", "layer": 1},
    {"space": "hiddenState", "layer": 3},
    {"space": "headOutput", "layer": 0, "heads": (2,)},
    {"space": "headOutput", "layer": 2, "weighting": "norm"},
]


def document(*numbers: int) -> str:
    return "\n\n".join(PARAGRAPHS[number] for number in numbers)


# what is added, edited, removed, copied, renamed and put back, one state after another
STATES = [
    {"a.txt": document(0, 1, 2), "b.txt": document(3, 4)},
    {"a.txt": document(0, 5, 2), "b.txt": document(3, 4), "c.txt": document(6, 0, 7)},
    {"a.txt": document(2, 0, 5), "c.txt": document(6, 8, 7), "d.txt": document(9, 10, 9)},
    {"a.txt": document(0, 1, 2), "renamed.txt": document(6, 8, 7), "d.txt": document(9)},
    {"a.txt": document(0, 1, 2, 11), "b.txt": document(3, 4), "d.txt": document(10, 12)},
]


@pytest.fixture
def engine(tmp_path, tiny_model, monkeypatch) -> Iterator[Engine]:
    monkeypatch.setattr(build_module, "WINDOW_TOKENS", 200)
    monkeypatch.setattr(build_module, "SEGMENT_BYTES", 40_000)
    made = Engine(tmp_path, default_model=str(tiny_model("bert")), pipeline="blank:en", device="cpu")
    yield made
    made.close()


def notebook(*cells: str) -> str:
    return json.dumps({"cells": [{"cell_type": "markdown", "source": cell} for cell in cells]})


def test_a_notebook_counts_as_one_document_whatever_its_cells(engine):
    texts = {"n.ipynb": notebook(PARAGRAPHS[0], PARAGRAPHS[1], ""), "a.txt": PARAGRAPHS[2], "empty.txt": ""}
    first = engine.index_corpus(IndexRequest("one", tuple(texts.items())), Task())
    again = engine.index_corpus(IndexRequest("one", tuple(texts.items())), Task())
    assert (first.documents, first.unchanged) == (2, 0)
    assert (again.documents, again.unchanged) == (2, 2)
    texts["n.ipynb"] = notebook(PARAGRAPHS[0], PARAGRAPHS[3])
    edited = engine.index_corpus(IndexRequest("one", tuple(texts.items())), Task())
    assert (edited.documents, edited.unchanged) == (2, 1)


@pytest.fixture
def ran(monkeypatch) -> list[str]:
    """Texts that were run through the model."""
    texts: list[str] = []
    capture_batch = LoadedModel.capture_batch

    def counting(self, encodings, **layers):
        texts.extend(encoding.text for encoding in encodings)
        return capture_batch(self, encodings, **layers)

    monkeypatch.setattr(LoadedModel, "capture_batch", counting)
    return texts


def index(engine: Engine, name: str, texts: dict[str, str]):
    return engine.index_corpus(IndexRequest(name, tuple(texts.items())), Task())


def hits_of(engine: Engine, name: str, fields: dict):
    found = []
    for number in (0, 3, 9):
        sentence = PARAGRAPHS[number].split(". ")[0] + "."
        request = SearchRequest("s", name, input=TextInput(sentence), token=2, k=1000, **fields)
        found.append(engine.search_contexts(request, Task()).hits)
    return found


@pytest.mark.parametrize("states", sizes(2, len(STATES)))
def test_after_every_edit_the_corpus_answers_as_one_that_was_built_anew(engine, ran, states):
    known: set[str] = set()
    for number, texts in enumerate(STATES[:states]):
        ran.clear()
        report = index(engine, "edited", texts)
        assert not [text for text in ran if any(text in old for old in known)]
        # what left the corpus may still lie in a segment that is alive: then it need not run either
        assert report.unchanged == sum(not any(one in text for one in ran) for text in texts.values())
        assert report.unchanged >= sum(set(text.split("\n\n")) <= known for text in texts.values())
        known = known | {paragraph for text in texts.values() for paragraph in text.split("\n\n")}
        known = {paragraph for paragraph in known if any(paragraph in text for text in texts.values())}
        index(engine, f"fresh{number}", texts)
        for fields in SEARCHES:
            for edited, fresh in zip(
                hits_of(engine, "edited", fields), hits_of(engine, f"fresh{number}", fields), strict=True
            ):
                assert_same(edited, fresh)


def assert_same(edited, fresh) -> None:
    """The same places with the same scores; places whose scores cannot be told apart may change their order."""
    scores = {(hit.document, hit.start, hit.match): hit.score for hit in fresh}
    assert {(hit.document, hit.start, hit.match) for hit in edited} == set(scores)
    errors = np.abs([hit.score - scores[hit.document, hit.start, hit.match] for hit in edited])
    assert np.mean(errors < 1e-4) > 0.99
    assert errors.max() < 5e-3  # a code that was rounded the other way
    by_place = {(hit.document, hit.start, hit.match): hit for hit in fresh}
    for hit in edited[:20]:
        other = by_place[hit.document, hit.start, hit.match]
        assert (hit.sentence_text, hit.sentence_index, hit.next) == (
            other.sentence_text,
            other.sentence_index,
            other.next,
        )
        np.testing.assert_allclose(hit.outgoing, other.outgoing, atol=1 / 255 + 1e-6)


def test_an_unchanged_corpus_costs_no_forward_pass(engine, ran):
    index(engine, "edited", STATES[0])
    ran.clear()
    report = index(engine, "edited", STATES[0])
    assert ran == []
    assert report.unchanged == len(STATES[0])
