"""What a reader of attention weights must know is said beside them."""

import pytest

from exbert_rpc.engine import Engine
from exbert_rpc.engine.requests import AttendRequest, TextInput
from exbert_rpc.tasks import Task
from tests.model import zoo


@pytest.mark.parametrize(("family", "has_sinks"), [("gpt_oss", True), ("gpt2", False)])
def test_a_model_with_attention_sinks_says_that_its_rows_are_not_whole(tmp_path, family, has_sinks):
    engine = Engine(tmp_path / "store", default_model=str(zoo.make_model(family, tmp_path / family)))
    answer = engine.attend(AttendRequest("s", TextInput(zoo.TEXT), annotate=False), Task())
    engine.close()
    assert (answer.attention.sum(axis=-1).min() < 0.999) == has_sinks
    assert any("sinks" in note for note in answer.notes) == has_sinks
