"""The widget as its front end sees it: a small state, the view's script on demand, one session a view."""

from __future__ import annotations

import json
import queue
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("anywidget")

import exbert_rpc.notebook as exbert
from exbert_rpc import __version__
from exbert_rpc.client import Client
from exbert_rpc.errors import CorpusNotFound, InvalidParams
from exbert_rpc.notebook import widget as widget_module
from exbert_rpc.notebook.widget import ViewWidget
from tests.patience import PATIENCE

TEXT = "The girl <ran> home."


class Echo:
    """Answers each message with itself, and notes whether it was closed."""

    def __init__(self, send: Any, ended: Any) -> None:
        self.send, self.ended, self.closed = send, ended, False

    def receive(self, body: bytes) -> None:
        self.send(body.upper())

    def close(self) -> None:
        self.closed = True


class Page:
    """The front end: what the widget sends, and what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(widget_module, "read_bundle", lambda name: f"/* {name} */")
        self.got: queue.Queue[tuple[dict[str, str], list[bytes]]] = queue.Queue()
        self.channels: list[Echo] = []
        self.widget = ViewWidget(self._open, self._page, {"input": {"text": TEXT}}, "300px")
        self.widget.send = lambda message, buffers: self.got.put((message, buffers))  # type: ignore[method-assign]

    def _open(self, send: Any, ended: Any) -> Echo:
        self.channels.append(Echo(send, ended))
        return self.channels[-1]

    def _page(self, state: Any) -> str:
        return f"<p>{state['input']['text']}</p>"

    def tell(self, **message: object) -> None:
        self.widget._handle_custom_msg(message, [])

    def heard(self) -> tuple[dict[str, str], list[bytes]]:
        return self.got.get(timeout=PATIENCE)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    return Page(monkeypatch)


def test_the_views_script_comes_when_a_page_asks_and_is_no_part_of_the_cell(page: Page) -> None:
    state = json.dumps(page.widget.get_state(), default=str)
    assert "loader.js" in state and "cell.js" not in state
    assert page.widget.version == __version__
    page.tell(kind="script")
    message, buffers = page.heard()
    assert message == {"kind": "script"}
    assert buffers == [b"/* cell.js */", b"/* cell.css */"]


def test_each_view_has_a_session_and_answers_come_as_bytes(page: Page) -> None:
    for name in ("one", "two"):
        page.tell(kind="open", id=name)
        assert page.heard() == ({"kind": "opened", "id": name}, [])
    page.tell(kind="rpc", id="two", text="{é}")
    assert page.heard() == ({"kind": "rpc", "id": "two"}, ["{é}".encode().upper()])
    page.tell(kind="close", id="one")
    assert [one.closed for one in page.channels] == [True, False]
    page.tell(kind="rpc", id="one", text="after the end")
    page.widget.close()
    assert all(one.closed for one in page.channels)
    assert page.got.empty()


def test_a_server_that_ends_is_said_to_the_view_once(page: Page) -> None:
    page.tell(kind="open", id="one")
    page.heard()
    page.channels[0].ended()
    assert page.heard()[0] == {"kind": "closed", "id": "one", "reason": "the server has ended"}
    page.tell(kind="open", id="two")
    page.heard()
    page.tell(kind="close", id="two")  # the view went first: nobody is left to be told
    page.channels[1].ended()
    assert page.got.empty()


def test_a_page_is_made_of_what_is_on_show_or_the_view_is_told_why_not(page: Page) -> None:
    page.tell(kind="page", id="one", state={"input": {"text": "é"}})
    assert page.heard() == ({"kind": "page", "id": "one"}, ["<p>é</p>".encode()])
    page.tell(kind="page", id="two", state={})
    assert page.heard() == ({"kind": "page", "id": "two", "error": "'input'"}, [])


def test_a_server_that_is_not_there_is_said_to_the_view(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_send: Any, _ended: Any) -> Echo:
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr(page.widget, "_open_channel", refuse)
    page.tell(kind="open", id="one")
    assert page.heard()[0] == {"kind": "closed", "id": "one", "reason": "no server: nobody there"}


def test_where_no_kernel_runs_a_sentence_says_so(page: Page) -> None:
    bundle = page.widget._repr_mimebundle_()
    assert bundle is not None
    assert "The girl &lt;ran&gt; home." in bundle[0]["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle[0]


def test_arguments_become_the_state_of_the_view(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(widget_module, "read_bundle", lambda name: name)
    made = exbert.view("a", pair="b", model="m", layer=2, heads=(1, 3), token=4, store=tmp_path, height="9em")
    assert made.state == {
        "version": 1,
        "label": "notebook",
        "input": {"text": "a", "textPair": "b"},
        "model": "m",
        "layer": 2,
        "heads": [1, 3],
        "pinned": {"side": "left", "token": 4},
    }
    assert made.height == "9em"
    with pytest.raises(CorpusNotFound):
        exbert.view("a", corpus="none", store=tmp_path)


def test_arguments_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParams, match="tokenizer"):
        exbert.view("a", model=object(), store=tmp_path)
    with pytest.raises(InvalidParams, match="tokenizer"):
        exbert.view("a", model="m", tokenizer=object(), store=tmp_path)
    alone = Client.__new__(Client)
    with pytest.raises(InvalidParams, match="serves it alone"):
        exbert.view("a", client=alone)
    with pytest.raises(InvalidParams, match="a store of its own"):
        exbert.view("a", client=alone, store=tmp_path)
