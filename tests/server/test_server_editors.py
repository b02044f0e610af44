"""What an editor without an extension of ours can ask for: code actions, commands and hovers."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import stat
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname, urlopen

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from exbert_rpc.protocol.types.attend import AttendResult
from exbert_rpc.protocol.types.base import Tensor
from exbert_rpc.protocol.types.describe_model import ModelDescription
from exbert_rpc.protocol.types.tokens import Token
from exbert_rpc.server.hover import sentence_at, tell, token_at
from tests.patience import PATIENCE
from tests.server.harness import Server, WebSocketPeer, notice, request

EDITOR = {
    "textDocument": {"codeAction": {}, "hover": {}},
    "window": {"workDoneProgress": True, "showDocument": {"support": True}},
}
URI = "file:///notes.txt"
REPORT = "exbert.report"
EXPLORE = "exbert.explore"
TEXT = "One two three. Four five six.\n\nThe girl ran.\n"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def editor(store):
    with Server("stdio", "--pages") as server:
        peer = server.peer()
        options = {"hover": {"layer": 1, "head": 2}, "store": str(store)}
        peer.capabilities = peer.initialize(options, capabilities=EDITOR)["capabilities"]
        item = {"uri": URI, "languageId": "plaintext", "version": 1, "text": TEXT}
        peer.send(notice("textDocument/didOpen", {"textDocument": item}))
        yield peer


def span(first, last):
    return {"start": {"line": first[0], "character": first[1]}, "end": {"line": last[0], "character": last[1]}}


def actions(editor, chosen, **context):
    params = {"textDocument": {"uri": URI}, "range": chosen, "context": {"diagnostics": []} | context}
    return editor.result("textDocument/codeAction", params, 5)


def test_what_a_client_cannot_do_is_not_offered_to_it():
    with Server() as server:
        offered = server.peer().initialize({"hover": {"layer": 1, "head": 2}})["capabilities"]
    assert "codeActionProvider" not in offered and "hoverProvider" not in offered
    assert offered["executeCommandProvider"]["commands"] == ["exbert.report", "exbert.explore", "exbert.page"]


def test_a_client_of_a_socket_whose_browser_may_be_elsewhere_is_offered_no_live_page():
    with Server("tcp") as server:
        peer = server.peer()
        offered = peer.initialize(capabilities=EDITOR)["capabilities"]
        assert offered["executeCommandProvider"]["commands"] == ["exbert.report", "exbert.page"]
        params = {"command": "exbert.explore", "arguments": [{"text": "a b"}]}
        assert "unknown" in peer.error("workspace/executeCommand", params)["message"]


def test_an_editor_is_offered_an_action_and_a_hover_only_if_it_asks_for_one(editor):
    assert editor.capabilities["codeActionProvider"] == {"codeActionKinds": ["exbert"]}
    assert editor.capabilities["hoverProvider"] is True
    with Server() as server:
        assert "hoverProvider" not in server.peer().initialize(capabilities=EDITOR)["capabilities"]


def test_a_client_with_a_view_of_its_own_is_offered_nothing():
    with Server() as server:
        offered = server.peer().initialize({"actions": False}, capabilities=EDITOR)["capabilities"]
    assert not {"codeActionProvider", "hoverProvider", "executeCommandProvider"} & offered.keys()


def test_a_selection_has_an_action_whose_command_opens_a_page(editor, store):
    [action, _] = actions(editor, span((2, 4), (2, 8)))
    command = action["command"]
    assert (action["kind"], command["command"]) == ("exbert", "exbert.report")
    editor.send(request(6, "workspace/executeCommand", {k: command[k] for k in ("command", "arguments")}))
    asked, answer = {}, None
    while answer is None:
        message = editor.receive()
        if message.get("id") == 6:
            answer = message
        elif "id" in message:
            asked[message["method"]] = message["params"]
            editor.send({"jsonrpc": "2.0", "id": message["id"], "result": None})
    page = Path(url2pathname(urlsplit(answer["result"]["uri"]).path))
    assert asked["window/showDocument"] == {"uri": answer["result"]["uri"], "external": True}
    assert asked["window/workDoneProgress/create"]["token"].startswith("exbert-")
    assert page.parent == store / ".pages"
    assert "<title>girl</title>" in page.read_text(encoding="utf-8")


def test_progress_of_a_command_is_reported_under_the_token_that_was_announced(editor):
    editor.send(request(6, "workspace/executeCommand", {"command": "exbert.report", "arguments": [{"text": "a b"}]}))
    seen = []
    while not seen or seen[-1].get("id") != 6:
        seen.append(editor.receive())
    [created] = [one for one in seen if one.get("method") == "window/workDoneProgress/create"]
    reports = [one["params"] for one in seen if one.get("method") == "$/progress"]
    assert {one["token"] for one in reports} == {created["params"]["token"]}
    assert [reports[0]["value"]["kind"], reports[-1]["value"]["kind"]] == ["begin", "end"]
    assert seen.index(created) < min(i for i, one in enumerate(seen) if one.get("method") == "$/progress")


def test_without_a_selection_the_page_is_about_the_line(editor):
    [action, _] = actions(editor, span((2, 3), (2, 3)))
    editor.send(
        request(6, "workspace/executeCommand", {"command": REPORT, "arguments": action["command"]["arguments"]})
    )
    while (message := editor.receive()).get("id") != 6:
        pass
    page = Path(url2pathname(urlsplit(message["result"]["uri"]).path))
    assert "<title>The girl ran.</title>" in page.read_text(encoding="utf-8")


def explored(editor, text):
    """Page and view state that an editor is asked to open for a text."""
    editor.send(request(7, "workspace/executeCommand", {"command": EXPLORE, "arguments": [{"text": text}]}))
    shown = []
    while (message := editor.receive()).get("id") != 7:
        shown += [message["params"]["uri"]] if message.get("method") == "window/showDocument" else []
    assert shown == [message["result"]["uri"]]
    file = Path(url2pathname(urlsplit(shown[0]).path))
    assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 or os.name == "nt"
    [url] = re.findall('url=([^"]+)', html.unescape(file.read_text(encoding="utf-8")))
    page, _, fragment = url.partition("#")
    secrets = dict(part.split("=", 1) for part in fragment.split("&"))
    packed = secrets["exbert"]
    return page, secrets["token"], json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))


def test_exploring_opens_the_live_page_with_the_text_and_the_engine_of_this_process(editor):
    page, token, view = explored(editor, "The girl ran.")
    assert view["input"] == {"text": "The girl ran."}
    with urlopen(page, timeout=PATIENCE) as answer:
        assert b"window.js" in answer.read()
    address = page.replace("http", "ws")
    with pytest.raises(InvalidStatus, match="401"):
        connect(address, origin=page.rstrip("/"))
    browser = WebSocketPeer(f"{address}?token={token}", origin=page.rstrip("/")).start()
    try:
        browser.initialize({})
        assert [one["text"] for one in browser.result("attend", {"text": "a b"})["tokens"]]
    finally:
        browser.close()


def test_a_view_is_answered_as_a_page_that_its_client_saves(editor):
    view = {"version": 1, "input": {"text": "The girl ran."}, "layer": 1, "heads": [0], "pinned": None, "mask": []}
    editor.send(request(8, "workspace/executeCommand", {"command": "exbert.page", "arguments": [view]}))
    while (message := editor.receive()).get("id") != 8:
        pass
    assert "<title>The girl ran.</title>" in message["result"]["page"]


def test_a_page_of_what_it_cannot_hold_is_refused(editor):
    masked = {"input": {"text": "The girl ran."}, "mask": [1]}
    for given, said in [([masked], "masks"), ([{}], "single text"), ([], "one object"), ([{"input": 3}], "")]:
        error = editor.error("workspace/executeCommand", {"command": "exbert.page", "arguments": given})
        assert error["code"] == -32602 and said in error["message"]


def test_exploring_again_opens_the_same_page_with_another_text(editor):
    first, second = explored(editor, "One."), explored(editor, "Two.")
    assert first[:2] == second[:2]
    assert second[2]["input"] == {"text": "Two."}


@pytest.mark.parametrize(
    ("chosen", "context"),
    [
        (span((1, 0), (1, 0)), {}),
        (span((0, 0), (0, 3)), {"only": ["quickfix"]}),
        (span((9, 0), (9, 5)), {}),
    ],
)
def test_nothing_is_offered_where_there_is_no_text_or_other_actions_are_wanted(editor, chosen, context):
    assert actions(editor, chosen, **context) == []


def test_actions_of_this_kind_can_be_asked_for(editor):
    assert len(actions(editor, span((0, 0), (0, 3)), only=["exbert"])) == 2


def test_a_document_that_is_not_open_has_no_actions(editor):
    params = {"textDocument": {"uri": "file:///x"}, "range": span((0, 0), (0, 1)), "context": {"diagnostics": []}}
    assert editor.result("textDocument/codeAction", params) == []


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"command": "rm -rf"}, "exbert.report"),
        ({"command": "exbert.report"}, "{text}"),
        ({"command": "exbert.report", "arguments": [7]}, "{text}"),
        ({"command": "exbert.report", "arguments": [{"uri": URI}]}, "{uri, range}"),
        ({"command": "exbert.report", "arguments": [{"uri": "file:///x", "range": span((0, 0), (0, 1))}]}, "didOpen"),
        ({"command": "exbert.report", "arguments": [{"text": "  "}]}, "visible"),
        ({}, ""),
    ],
)
def test_a_wrong_command_is_refused_with_what_is_allowed(editor, params, said):
    error = editor.error("workspace/executeCommand", params)
    assert error["code"] == -32602
    assert said in error["data"]["hint"]


def test_a_client_that_cannot_show_documents_is_told_where_the_page_is(tmp_path):
    with Server("stdio", "--pages") as server:
        peer = server.ready(options={"store": str(tmp_path)})
        uri = peer.result("workspace/executeCommand", {"command": REPORT, "arguments": [{"text": "a b"}]})["uri"]
        assert any(uri in json.dumps(one) for one in peer.other if one["method"] == "window/showMessage")


def test_a_hover_tells_in_two_lines_where_a_head_looks(editor):
    params = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 16}}
    told = editor.result("textDocument/hover", params)["contents"]
    first, second = told["value"].split("  \n")
    assert told["kind"] == "markdown"
    assert first == "**Four** looks at *Four* 20%, *five* 20%, *six.* 20%; special tokens 40% (head 1.2 of fake)"
    assert second == "looked at by *five* 20%, *six.* 20%"


@pytest.mark.parametrize("position", [(1, 0), (0, 14), (0, 999)])
def test_a_hover_beside_words_tells_nothing(editor, position):
    params = {"textDocument": {"uri": URI}, "position": {"line": position[0], "character": position[1]}}
    assert editor.result("textDocument/hover", params) is None


def test_a_hover_has_the_numbers_of_the_row_and_the_column():
    words = ["[CLS]", "a", "b*", "c", "[SEP]"]
    tokens = [
        Token(
            index=i, id=i, token=word, text=word, start=2 * i, end=2 * i + 1, segment=0,
            is_special=i in (0, 4), is_masked=False,
        )
        for i, word in enumerate(words)
    ]  # fmt: skip
    weights = [[0.2] * 5, [0.1, 0.2, 0.3, 0.15, 0.25], [0.0, 0.9, 0.1, 0.0, 0.0], [0.0, 0.4, 0.6, 0.0, 0.0], [0.2] * 5]
    answer = AttendResult(
        capture_id="c", model=MODEL, tokens=tokens, text="", layers=[3], heads=[7], notes=[],
        attention=Tensor(dtype="float32", shape=[1, 1, 5, 5], encoding="list", data=[[weights]]),
    )  # fmt: skip
    first, second = tell(answer, tokens[1]).split("  \n")
    assert first == "**a** looks at *b\\** 30%, *a* 20%, *c* 15%; special tokens 35% (head 3.7 of m)"
    assert second == "looked at by *b\\** 90%, *c* 40%"
    assert token_at(answer, 4) is tokens[2]
    assert token_at(answer, 0) is None


MODEL = ModelDescription(
    id="x/m",
    architecture="M",
    kind="bidirectional",
    n_layers=4,
    n_heads=8,
    n_kv_heads=8,
    hidden_size=8,
    head_size=1,
    max_tokens=8,
    has_lm_head=False,
    mask_token=None,
    fingerprint="",
    device="cpu",
)


@pytest.mark.parametrize(
    ("line", "at", "sentence"),
    [
        ("One two. Three four!", 0, "One two."),
        ("One two. Three four!", 8, "One two."),
        ("One two. Three four!", 9, "Three four!"),
        ("One two. Three four!", 99, "Three four!"),
        ('"So?" Then', 7, "Then"),
        ("", 0, ""),
    ],
)
def test_a_hover_reads_the_sentence_of_the_line(line, at, sentence):
    found = sentence_at(line, at)
    assert found.text == sentence
    assert line[found.start :].startswith(sentence) and found.at == at - found.start
