"""Exactly one reply to every request, whatever it holds; each trap of stock pygls 2.1.1 has its test."""

from __future__ import annotations

import json
import queue

import pytest

from tests.server.harness import Closed, notice, request


def drained(peer, marker="marker"):
    """All replies up to that of a ping that is sent now."""
    peer.send(request(marker, "ping"))
    replies = []
    while True:
        reply = peer.reply()
        if isinstance(reply, dict) and reply.get("id") == marker:
            return replies
        replies.append(reply)


def test_a_request_before_initialize_is_refused_and_the_server_lives_on(any_server):
    peer = any_server.peer()
    if any_server.transport in ("tcp", "unix"):  # there the first message must carry the token
        assert peer.error("ping")["code"] == -32002
        assert peer.is_closed()
        return
    assert peer.error("ping")["code"] == -32002
    assert peer.error("attend", {"text": "a"})["code"] == -32002
    peer.initialize()
    assert peer.result("ping")["protocolVersion"]


def test_a_second_initialize_is_refused(stdio):
    assert stdio.error("initialize", {})["code"] == -32600


def test_requests_after_shutdown_are_refused(any_server):
    peer = any_server.ready()
    assert peer.result("shutdown") is None
    for method in ("ping", "attend", "shutdown", "initialize", "nonsense"):
        assert peer.error(method)["code"] == -32600


def test_wrong_params_are_answered_with_the_field_and_what_is_allowed(stdio):
    error = stdio.error("attend", {"text": "a", "tensors": "float64"})
    assert error["code"] == -32602
    assert error["data"]["field"] == "tensors"
    assert "float16" in error["data"]["hint"]
    error = stdio.error("attend", {"txet": "a"})
    assert error["code"] == -32602 and "txet" in error["message"] and "text" in error["data"]["hint"]
    assert stdio.error("searchContexts", {"text": "a", "token": 0, "layer": 0})["data"]["field"] == "corpus"
    assert stdio.error("attend", {"text": "a", "layers": [0, "x"]})["data"]["field"] == "layers[1]"


@pytest.mark.parametrize("params", [None, [], [1, 2], 5, "x", True, {}, {"text": None}])
def test_absent_or_senseless_params_are_answered(stdio, params):
    error = stdio.error("attend", params)
    assert error["code"] == -32602
    assert drained(stdio) == []


def test_params_with_a_key_named_type_name_are_not_lost(stdio):
    error = stdio.error("attend", {"text": "a", "type_name": 1})
    assert error["code"] == -32602 and "type_name" in error["message"]


def test_a_result_that_cannot_be_serialised_is_an_internal_error(stdio):
    # the engine gives back a capture id that no JSON can hold
    error = stdio.error("attend", {"text": "unserialisable"})
    assert error["code"] == -32603
    assert stdio.result("ping")


def test_a_failing_handler_gives_no_traceback_and_no_path(stdio):
    error = stdio.error("attend", {"text": "raise:RuntimeError"})
    assert error["code"] == -32603
    words = json.dumps(error)
    assert "Traceback" not in words and "secret" not in words and "/opt" not in words
    assert "RuntimeError: /opt/secret/file" in stdio.server.stderr()


@pytest.mark.parametrize(
    "name", ["RecursionError", "MemoryError", "SystemExit", "KeyboardInterrupt", "UnicodeDecodeError"]
)
def test_whatever_a_handler_raises_the_request_is_answered(stdio, name):
    assert stdio.error("attend", {"text": f"raise:{name}"})["code"] == -32603
    assert stdio.result("ping")


def test_malformed_json_is_answered_with_a_parse_error_and_a_null_id(any_server):
    peer = any_server.ready()
    for body in (b"{", b"", b"\xff\xfe", b"nul", b'{"jsonrpc":"2.0","id":1,"method":"ping",}', b"NaN", b"[" * 100_000):
        if any_server.transport == "websocket" and body in (b"\xff\xfe",):
            continue  # not a text message at all: the connection ends there
        peer.send_body(body)
        reply = peer.reply()
        assert (reply["id"], reply["error"]["code"]) == (None, -32700), body[:20]
    assert peer.result("ping")


def test_nan_never_reaches_the_wire(stdio):
    stdio.send(request(1, "attend", {"text": "nan here"}))
    reply = stdio.reply()
    assert "result" in reply
    assert b"NaN" not in stdio.raw_seen
    assert reply["result"]["attention"]["data"][0][0][0][0] is None


@pytest.mark.parametrize("bad", [None, True, False, 1.5, [], [1], {}, {"a": 1}])
def test_an_id_of_a_wrong_type_is_an_invalid_request(stdio, bad):
    stdio.send({"jsonrpc": "2.0", "id": bad, "method": "ping"})
    reply = stdio.reply()
    assert (reply["id"], reply["error"]["code"]) == (None, -32600)
    assert drained(stdio) == []


@pytest.mark.parametrize("good", [0, -1, 2**31, 2**63, 10**30, "", "a", "😀", "\ud800", "x" * 10_000, '"}'])
def test_an_id_that_json_rpc_allows_comes_back_as_it_was(stdio, good):
    stdio.send({"jsonrpc": "2.0", "id": good, "method": "ping"})
    assert stdio.reply()["id"] == good


@pytest.mark.parametrize("token", ["\ud800", "a\udfffb", 2**70, -(2**64), "", 0, "x" * 10_000])
def test_a_progress_token_of_any_kind_comes_back_and_the_request_is_answered(stdio, token):
    assert stdio.result("listModels", {"workDoneToken": token})
    told = [note["params"] for note in stdio.other if note["method"] == "$/progress"]
    assert [one["token"] for one in told] == [token, token]
    assert [one["value"]["kind"] for one in told] == ["begin", "end"]


@pytest.mark.parametrize(
    "message",
    [
        {"id": 1, "method": "ping"},
        {"jsonrpc": "1.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "method": 5},
        {"jsonrpc": "2.0", "id": 1, "method": None},
    ],
)
def test_a_malformed_request_is_answered_under_its_id(stdio, message):
    stdio.send(message)
    reply = stdio.reply()
    assert (reply["id"], reply["error"]["code"]) == (1, -32600)


def test_the_id_of_a_running_request_cannot_be_used_again(stdio):
    stdio.send(request(7, "attend", {"text": "sleep:2"}))
    stdio.send(request(7, "ping"))
    first, second = stdio.reply(), stdio.reply()
    assert first["id"] == second["id"] == 7
    assert first["error"]["code"] == -32600 and "result" in second
    assert stdio.result("ping", number=7)


def test_an_unknown_method_is_answered_and_an_unknown_notification_is_not(stdio):
    assert stdio.error("nonsense")["code"] == -32601
    assert stdio.error("$/nonsense")["code"] == -32601
    stdio.send(notice("nonsense"))
    stdio.send(notice("$/nonsense", [1]))
    stdio.send(notice("attend", {"text": "a"}))
    assert drained(stdio) == []


def test_a_notification_sent_as_a_request_is_answered(stdio):
    for method in ("initialized", "textDocument/didOpen", "exit", "$/setTrace"):
        assert stdio.error(method, {})["code"] in (-32600, -32601)


def test_a_batch_is_answered_as_one_array(stdio):
    stdio.send([request(1, "ping"), notice("nonsense"), request("b", "nope"), 5, request(3, "attend", {"text": "a b"})])
    replies = stdio.reply()
    found = {json.dumps(reply["id"]): reply for reply in replies}
    assert "result" in found["1"] and "result" in found["3"]
    assert found['"b"']["error"]["code"] == -32601
    assert found["null"]["error"]["code"] == -32600
    stdio.send([])
    assert stdio.reply()["error"]["code"] == -32600
    stdio.send([notice("nonsense")])
    assert drained(stdio) == []


def test_bad_notifications_are_survived(stdio):
    for params in (None, [], {}, {"textDocument": 5}, {"textDocument": {"uri": 1}}, {"id": []}, {"settings": 5}):
        for method in (
            "textDocument/didOpen",
            "textDocument/didChange",
            "textDocument/didClose",
            "$/cancelRequest",
            "$/setTrace",
            "workspace/didChangeConfiguration",
            "workspace/didChangeWorkspaceFolders",
            "window/workDoneProgress/cancel",
            "notebookDocument/didChange",
        ):
            stdio.send(notice(method, params))
    assert drained(stdio) == []


def test_a_response_to_nothing_is_ignored(stdio):
    stdio.send({"jsonrpc": "2.0", "id": 5, "result": 1})
    stdio.send({"jsonrpc": "2.0", "id": None, "error": {"code": 1, "message": "x"}})
    assert drained(stdio) == []


def test_a_lone_surrogate_in_a_text_is_an_invalid_param_under_its_id(stdio):
    stdio.send(b'{"jsonrpc":"2.0","id":4,"method":"attend","params":{"text":"a \\ud800 b"}}')
    reply = stdio.reply()
    assert (reply["id"], reply["error"]["code"]) == (4, -32602)
    assert reply["error"]["data"]["offset"] == 2


def test_bodies_are_not_logged(stdio):
    stdio.result("attend", {"text": "confidential words"})
    stdio.error("attend", {"text": "confidential words", "bad": 1})
    assert "confidential" not in stdio.server.stderr()


def test_two_thousand_requests_at_once_are_each_answered_once(stdio):
    for number in range(2_000):
        stdio.send(request(number, "attend" if number % 2 else "ping", {"text": "a b"} if number % 2 else None))
    seen = [stdio.reply()["id"] for _ in range(2_000)]
    assert sorted(seen) == list(range(2_000))
    with pytest.raises((queue.Empty, Closed)):
        stdio.receive(0.05)
