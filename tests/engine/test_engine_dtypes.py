"""A model in 16 bits: said with every answer, and its corpora are searched in the same dtype."""

from __future__ import annotations

import pytest

from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest, SearchRequest
from exbert_rpc.engine.requests import AttendRequest, TextInput
from exbert_rpc.errors import CorpusMismatch
from exbert_rpc.tasks import Task
from tests.model import zoo

TEXT = "The girl ran to a local pub. It was the best of times."


@pytest.fixture
def engine_in(tmp_path):
    folder = zoo.make_model("bert", tmp_path / "bert")
    engines = []

    def make(dtype: str) -> Engine:
        engines.append(
            Engine(tmp_path / "store", default_model=str(folder), device="cpu", dtype=dtype, pipeline="blank:en")
        )
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def search() -> SearchRequest:
    return SearchRequest("s", "c", 2, "hiddenState", input=TextInput("It was the best of times."), token=3, k=5)


def test_a_corpus_is_searched_in_the_dtype_that_it_was_built_in(engine_in):
    half = engine_in("bfloat16")
    half.index_corpus(IndexRequest("c", (("a.txt", TEXT),)), Task())
    assert half.describe_corpus("c").dtype == "bfloat16"
    found = half.search_contexts(search(), Task())
    assert found.hits[0].score > 0.99
    assert "bfloat16" in found.stats.note
    with pytest.raises(CorpusMismatch, match="was built in bfloat16") as caught:
        engine_in("float32").search_contexts(search(), Task())
    assert "--dtype bfloat16" in caught.value.hint


def test_answers_in_16_bits_say_so(engine_in):
    request = AttendRequest("s", TextInput(TEXT))
    coarse, fine = (engine_in(dtype).attend(request, Task()) for dtype in ("bfloat16", "auto"))
    assert any("computed in bfloat16" in note for note in coarse.notes)
    assert not any("computed in" in note for note in fine.notes)
    assert (coarse.model.dtype, fine.model.dtype) == ("bfloat16", "float32")
