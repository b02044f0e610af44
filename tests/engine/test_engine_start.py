"""The first picture: what starts beside what, and what an answer does not wait for."""

from __future__ import annotations

import threading
import time

import pytest

from exbert_rpc.engine import Engine
from exbert_rpc.engine import annotations as annotating
from exbert_rpc.engine import models as loading
from exbert_rpc.engine.requests import AttendRequest, TextInput
from exbert_rpc.errors import InvalidParams
from exbert_rpc.tasks import Task
from exbert_rpc.text.annotation.pipeline import Annotator
from exbert_rpc.text.annotation.pool import AnnotatorPool

TEXT = "She ran to a park. He hid."


class HeldPool(AnnotatorPool):
    """A pipeline that answers when it is let go, as one does that is being loaded."""

    began, may_answer = threading.Event(), threading.Event()

    def _run(self, texts):
        self.began.set()
        assert self.may_answer.wait(30)
        annotator = Annotator(self._name)
        self._info = annotator.info
        return [annotator.annotate(text) for text in texts]


@pytest.fixture
def held(monkeypatch):
    HeldPool.began.clear()
    HeldPool.may_answer.clear()
    monkeypatch.setattr(annotating, "AnnotatorPool", HeldPool)
    yield HeldPool
    HeldPool.may_answer.set()


@pytest.fixture
def engine(tmp_path, tiny_model):
    engine = Engine(tmp_path / "store", default_model=str(tiny_model("bert")), pipeline="blank:en")
    yield engine
    HeldPool.may_answer.set()
    engine.close()


@pytest.mark.parametrize("start", ["attend", "warm_up"])
def test_the_pipeline_starts_while_the_model_is_loaded(held, engine, monkeypatch, start):
    load = loading.Models._load

    def watched(self, name, task):
        assert held.began.wait(30), "the pipeline waits for the model"
        held.may_answer.set()
        return load(self, name, task)

    monkeypatch.setattr(loading.Models, "_load", watched)
    if start == "warm_up":
        engine.warm_up(Task())
    else:
        engine.attend(AttendRequest("s", TextInput(TEXT)), Task())
    assert held.began.is_set()


def test_an_answer_that_does_not_wait_has_no_annotations_until_they_are_there(held, engine):
    quick = engine.attend(AttendRequest("s", TextInput(TEXT), wait_for_annotations=False), Task())
    assert quick.annotations_pending
    assert quick.tokens.annotations is None
    held.may_answer.set()
    later = engine.attend(AttendRequest("s", capture_id=quick.capture_id, layers=(0,), heads=(0,)), Task())
    whole = engine.attend(AttendRequest("s", TextInput(TEXT)), Task())
    assert not later.annotations_pending
    assert (later.attention[0, 0] == quick.attention[0, 0]).all()
    assert later.tokens.annotations == whole.tokens.annotations
    assert whole.tokens.annotations.sentence.count(1) > 0
    again = engine.attend(AttendRequest("s", TextInput(TEXT), wait_for_annotations=False), Task())
    assert again.tokens.annotations == whole.tokens.annotations
    assert (again.attention == whole.attention).all()


def test_nothing_is_pending_where_nothing_was_asked_for(engine):
    answer = engine.attend(AttendRequest("s", TextInput(TEXT), annotate=False, wait_for_annotations=False), Task())
    assert not answer.annotations_pending


def test_a_decoder_is_annotated_later_too(held, tmp_path, tiny_model):
    engine = Engine(tmp_path / "other", default_model=str(tiny_model("t5")), pipeline="blank:en")
    quick = engine.attend(AttendRequest("s", TextInput(TEXT, "He ran."), wait_for_annotations=False), Task())
    assert quick.annotations_pending
    assert quick.decoder_tokens.annotations is None
    held.may_answer.set()
    later = engine.attend(AttendRequest("s", capture_id=quick.capture_id, layers=(0,), heads=(0,)), Task())
    assert not later.annotations_pending
    assert later.decoder_tokens.annotations is not None
    engine.close()


def test_a_pipeline_that_there_is_not_is_named_although_nothing_waited_for_it(held, engine):
    quick = engine.attend(AttendRequest("s", TextInput(TEXT), pipeline="blank:zz", wait_for_annotations=False), Task())
    held.may_answer.set()
    for wait in (True, False):
        later = AttendRequest(
            "s", capture_id=quick.capture_id, layers=(0,), pipeline="blank:zz", wait_for_annotations=wait
        )
        with pytest.raises(InvalidParams, match="zz"):
            _answered(engine, later)


def _answered(engine, request):
    """Whose annotations are there, or what keeps them from being there."""
    deadline = time.monotonic() + 30
    while (answer := engine.attend(request, Task())).annotations_pending and time.monotonic() < deadline:
        time.sleep(0.01)
    return answer
