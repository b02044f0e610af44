"""A page holds its whole recording, nothing of the machine that made it, and stays within its size."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from importlib.resources import files
from typing import Any

import pytest

from exbert_rpc.report import MAX_BYTES, PageMissing, Recording, bundles, make_page
from exbert_rpc.report import page as page_module
from exbert_rpc.report.names import without_folders

SCRIPT = 'console.log("</script>")'


def recording(n_hits: int = 3, pad: str = "", **fields: Any) -> Recording:
    hits = [{"document": "notes/a.md", "sentence": {"text": f"{pad}{rank}"}} for rank in range(n_hits)]
    search = {"token": 1, "layer": 2, "heads": None, "answer": {"hits": hits, "searchId": "s"}, "summary": {}}
    view = {"layer": 2, "heads": None, "pinned": None}
    known = {"attend": {"text": "é 👩 <b>"}, "models": {}, "corpora": {}, "view": view, "searches": [search]}
    return Recording(title="<Title>", **{**known, **fields})


def held(page: str) -> dict[str, Any]:
    (data,) = re.findall(r'id="recording">(.*?)</script>', page, re.DOTALL)
    value: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(data)))
    return value


@pytest.fixture(autouse=True)
def _built(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"report.js": SCRIPT.replace("</script", "<\\/script"), "report.css": "main { color: red }"}
    monkeypatch.setattr(page_module, "read_bundle", files.__getitem__)


def test_a_page_holds_what_was_recorded() -> None:
    page = make_page(recording(), "1.2.3")
    assert held(page) == recording().with_hits(3)
    assert "&lt;Title&gt;" in page and "<Title>" not in page
    assert "exBERT RPC 1.2.3" in page


def test_only_the_scripts_and_styles_of_the_page_may_run() -> None:
    page = make_page(recording(), "1")
    (policy,) = re.findall(r'Content-Security-Policy" content="(.*?)"', page)
    assert policy.startswith("default-src 'none';")
    for kind, element in (("script", "script"), ("style", "style")):
        (content,) = re.findall(rf"<{element}>(.*?)</{element}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "src=" not in page and "href=" not in page


def test_a_page_that_would_be_too_large_holds_fewer_contexts_and_says_so() -> None:
    noise = base64.b85encode(hashlib.shake_256(b"seed").digest(9000)).decode()
    whole = recording(60, noise)
    for number, hit in enumerate(whole.searches[0]["answer"]["hits"]):
        hit["sentence"]["text"] = base64.b85encode(hashlib.shake_256(bytes([number])).digest(9000)).decode()
    assert len(make_page(whole, "1", max_bytes=10**9).encode()) > 400_000
    page = make_page(whole, "1", max_bytes=400_000)
    kept = len(held(page)["searches"][0]["answer"]["hits"])
    assert len(page.encode()) <= 400_000
    assert 5 <= kept < 60
    assert held(page)["view"]["k"] == kept
    assert f"{kept} contexts of each token in layer 2, all heads, and summaries of 60 contexts" in page
    assert MAX_BYTES == 2_000_000


def test_a_page_without_a_corpus_says_that_it_has_no_contexts() -> None:
    assert "no contexts of a corpus" in make_page(recording(searches=[]), "1")


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("document", "file:///home/ann/my%20notes/ch%C3%A4pter.md", "my notes/chäpter.md"),
        ("document", "file:///C:/Users/ann/notes/a.md", "notes/a.md"),
        ("document", "C:\\Users\\ann\\notes\\a.md", "notes/a.md"),
        ("document", "inline-7", "inline-7"),
        ("document", "notes/a.md", "notes/a.md"),
        ("id", "/home/ann/models/tiny", "tiny"),
        ("model", "~/models/tiny", "tiny"),
        ("id", "sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
        ("text", "/etc/passwd is a file", "/etc/passwd is a file"),
    ],
)
def test_paths_of_documents_and_models_lose_their_folders_and_texts_stay(field: str, value: str, kept: str) -> None:
    assert without_folders({"hits": [{field: value}]}) == {"hits": [{field: kept}]}


def test_an_installation_without_the_view_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    found = files("exbert_rpc.cli")
    monkeypatch.setattr(bundles, "files", lambda _: found)
    with pytest.raises(PageMissing, match=r"lacks report\.js") as raised:
        make_page(recording(), "1")
    assert "make page" in raised.value.hint
