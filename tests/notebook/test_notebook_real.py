"""A notebook's session from the model in memory to the page that is sent, with a real engine in this process."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("anywidget")

import exbert_rpc.notebook as exbert
from exbert_rpc.errors import CorpusMismatch, InvalidParams
from exbert_rpc.notebook import widget as widget_module
from exbert_rpc.report import page as page_module
from tests.model import zoo

TEXT = "The girl ran to a local pub 👩 to escape the din."

pytestmark = pytest.mark.slow


def held_by(page: str) -> dict[str, Any]:
    (data,) = re.findall(r'id="recording">(.*?)</script>', page, re.DOTALL)
    value: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(data)))
    return value


def test_a_model_in_memory_is_indexed_searched_shown_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    for module in (widget_module, page_module):
        monkeypatch.setattr(module, "read_bundle", lambda name: f"/* {name} */")
    folder = zoo.make_model("bert", tmp_path / "tiny")
    store = tmp_path / "store"
    notes = tmp_path / "notes.txt"
    notes.write_text(f"{TEXT} It rained.\nThe quick brown fox jumps.\n", encoding="utf-8")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForMaskedLM.from_pretrained(folder)
    with exbert.local(model=model, tokenizer=tokenizer, store=store) as local:
        name = local.default_model
        assert re.fullmatch(r"BertForMaskedLM@[0-9a-f]{8}", name)
        local.index_corpus("mine", [notes], model=name)
        answer = local.attend(text=TEXT)
        assert answer.model.id == name
        assert name in [one.id for one in local.list_models().models]
        found = local.search_contexts("mine", capture_id=answer.capture_id, token=3, layer=1, k=5)
        assert found.hits[0].score == pytest.approx(1.0, abs=1e-3)
        assert "notes.txt:1" in found._repr_html_()
        # the files of the model have other digests than the numbers in memory: nothing is compared that may differ
        with pytest.raises(CorpusMismatch):
            local.search_contexts("mine", text=TEXT, model=str(folder), token=3, layer=1)
    assert exbert.view(TEXT, corpus="mine", store=store).state["model"] == name
    page = exbert.report(
        TEXT, tmp_path / "page.html", corpus="mine", model=model, tokenizer=tokenizer, layer=1, store=store
    )
    shown = exbert.view(TEXT, corpus="mine", layer=1, store=store)
    again = shown._make_page(shown.state)
    with pytest.raises(InvalidParams, match="without masks"):
        shown._make_page({**shown.state, "mask": [1]})
    held, held_again = held_by(page.read_text(encoding="utf-8")), held_by(again)
    assert held_again["view"] == held["view"] and len(held_again["searches"]) == len(held["searches"])
    last = [token for token in held["attend"]["tokens"] if not token["isSpecial"]][-1]
    assert last["end"] == len(TEXT.encode("utf-16-le")) // 2  # as a web page counts
    assert len(held["searches"]) == sum(not token["isSpecial"] for token in held["attend"]["tokens"])
