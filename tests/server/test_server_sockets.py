"""Many clients on one engine, each its own session; and who is let in."""

from __future__ import annotations

import itertools
import json
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from exbert_rpc.errors import InvalidParams
from exbert_rpc.server.access import host_allowed, origin_allowed, token_matches
from exbert_rpc.server.transports.entry import TransportOptions
from tests.patience import PATIENCE, assert_soon
from tests.server.harness import COMMAND, ROOT, TOKEN, Closed, Server, frame, notice, request

SOCKETS = ("tcp", "unix", "websocket")


@pytest.fixture(params=SOCKETS)
def server(request, shared_servers):
    return shared_servers(request.param)


# --- many clients ----------------------------------------------------------------------------------


def test_two_clients_with_a_thousand_requests_each_get_only_their_own_replies(server):
    count, failures = 1_000, []

    def talk(name: str) -> None:
        peer = server.ready()
        for number in range(count):
            text = f"{name} {number}"
            peer.send(request(number, "attend", {"text": text, "layers": [0], "heads": [0]}))
        for _ in range(count):
            reply = peer.reply()
            if reply["result"]["text"] != f"{name} {reply['id']}":
                failures.append(reply)
        peer.close()

    threads = [threading.Thread(target=talk, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_handles_and_documents_belong_to_one_session(server):
    one, two = server.ready(), server.ready()
    capture = one.result("attend", {"text": "mine alone"})["captureId"]
    assert one.result("attend", {"captureId": capture})["text"] == "mine alone"
    assert two.error("attend", {"captureId": capture})["code"] == -33008
    one.send(notice("textDocument/didOpen", {"textDocument": {"uri": "mem:doc", "text": "private"}}))
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 7}}
    assert one.result("attend", {"textDocument": {"uri": "mem:doc"}, "range": span})["text"] == "private"
    assert two.error("attend", {"textDocument": {"uri": "mem:doc"}, "range": span})["code"] == -32602


def test_a_cancel_reaches_only_the_clients_own_request(server):
    one, two = server.ready(), server.ready()
    one.send(request(1, "attend", {"text": "sleep:1"}))
    two.send(notice("$/cancelRequest", {"id": 1}))
    assert "result" in one.reply()


def test_progress_goes_only_to_the_client_that_asked(server):
    one, two = server.ready(), server.ready()
    one.result("attend", {"text": "report", "workDoneToken": 1})
    two.result("ping")
    assert [note["method"] for note in one.other].count("$/progress") > 2
    assert two.other == []


def test_shutdown_and_exit_of_one_client_end_only_its_session(server):
    one, two = server.ready(), server.ready()
    one.result("shutdown")
    one.send(notice("exit"))
    assert one.is_closed()
    assert two.result("ping")
    assert server.process.poll() is None


def test_connects_probes_and_disconnects_never_stop_the_server(server):
    for number in range(20):
        peer = server.ready()
        peer.send(request(1, "attend", {"text": "block:0.2"}))
        if number % 2:
            peer.send_raw(b"Content-Length: 100\r\n\r\nhalf")
        peer.close()
    assert server.ready().result("ping")


def test_a_client_that_leaves_has_its_requests_cancelled():
    with Server("tcp", "--workers", "1") as server:

        def wait() -> float:
            gone = server.ready()
            for number in range(20):
                gone.send(request(number, "attend", {"text": "sleep:1"}))
            gone.result("ping", number="p")
            gone.close()
            start = time.monotonic()
            assert server.ready().result("attend", {"text": "a"})
            return time.monotonic() - start

        assert_soon(wait, 1.0, "cancel")


# --- who is let in: TCP and Unix sockets ------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tcp", "unix"])
@pytest.mark.parametrize("given", [None, "", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), 5, [TOKEN], {}, True])
def test_a_wrong_token_is_refused_and_the_connection_closed(shared_servers, kind, given):
    peer = shared_servers(kind).peer()
    options = {} if given is None else {"token": given}
    reply = peer.call("initialize", {"capabilities": {}, "initializationOptions": options})
    assert reply["error"]["code"] == -32600 and "not admitted" in reply["error"]["message"]
    assert peer.is_closed()


@pytest.mark.parametrize("kind", ["tcp", "unix"])
@pytest.mark.parametrize(
    "message",
    [
        request(1, "ping"),
        request(1, "attend", {"text": "a", "token": TOKEN}),
        request(1, "shutdown"),
        notice("initialized"),
        notice("exit"),
        [request(1, "initialize", {"initializationOptions": {"token": TOKEN}})],
        {"jsonrpc": "2.0", "method": "initialize", "params": {"initializationOptions": {"token": TOKEN}}},
        {"id": 1, "method": "initialize", "params": {"initializationOptions": {"token": TOKEN}}},
    ],
)
def test_a_first_message_that_is_not_initialize_with_the_token_ends_the_connection(shared_servers, kind, message):
    peer = shared_servers(kind).peer()
    peer.send(message)
    peer.send_raw(frame(request(2, "initialize", {"initializationOptions": {"token": TOKEN}})))
    replies = []
    try:
        while True:
            replies.append(peer.reply())
    except Closed:
        pass
    assert all("error" in reply for reply in replies) and len(replies) <= 1


def test_a_post_of_a_web_page_to_the_tcp_port_executes_nothing(shared_servers):
    server = shared_servers("tcp")
    body = frame(request(1, "initialize", {"initializationOptions": {"token": TOKEN}})) + frame(request(2, "ping"))
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body)
    peer = server.peer()
    peer.send_raw(head + body)
    assert peer.is_closed()
    assert peer.raw_seen == b""
    peer = server.ready()
    peer.send_raw(head + body)  # not even after the token
    assert peer.is_closed()
    assert b'"id":2' not in peer.raw_seen


def test_before_the_token_is_known_a_large_message_is_refused(shared_servers):
    peer = shared_servers("tcp").peer()
    peer.send_raw(b"Content-Length: %d\r\n\r\n" % (2 << 20))
    assert peer.is_closed()


def test_a_unix_socket_belongs_to_the_user_alone(shared_servers):
    mode = Path(shared_servers("unix").where["path"]).stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600


def test_a_unix_socket_of_a_dead_server_is_replaced_and_that_of_a_living_one_is_not(tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    command = [*COMMAND, "--transport", "unix", "--token", TOKEN, "--path", str(path)]
    with subprocess.Popen([*command, "--port-file", str(tmp_path / "p")], cwd=ROOT, stderr=subprocess.PIPE) as first:
        try:
            end = time.monotonic() + PATIENCE
            while not (tmp_path / "p").exists() and time.monotonic() < end:
                time.sleep(0.02)
            second = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=PATIENCE)
            assert second.returncode != 0 and b"another server listens there" in second.stderr
            assert stat.S_ISSOCK(path.stat().st_mode)
        finally:
            first.terminate()
        assert first.wait(PATIENCE) == 0
    assert not path.exists()


# --- who is let in: WebSocket -----------------------------------------------------------------------

HOSTS = {
    None: True,
    "localhost": True,
    "LOCALHOST:1": True,
    "[::1]:80": True,
    "127.0.0.1": True,
    "evil.example": False,
    "evil.example:80": False,
    "localhost.evil.example": False,
    "127.0.0.1.nip.io": False,
    "127.0.0.1@evil.example": False,
    "": False,
    "localhost:80:80": False,
    "localhost:x": False,
    "2130706433": False,
    "0.0.0.0": False,
}
ORIGINS = {
    None: True,
    "https://good.example": True,
    "https://good.example/": True,
    "http://good.example": False,
    "https://good.example:444": False,
    "https://evil.example": False,
    "https://good.example.evil.example": False,
    "null": False,
    "http://localhost": False,
    "file://": False,
    "": False,
}
TOKENS = {
    "none": False,
    "query": True,
    "bearer": True,
    "subprotocol": True,
    "wrong query": False,
    "wrong bearer": False,
    "basic": False,
    "empty query": False,
}


@pytest.fixture(scope="module")
def guarded():
    with Server("websocket", "--origin", "https://good.example") as server:
        yield server


def attempt(server, host, origin, token) -> bool:
    headers, path, options = {}, "/", {}
    match token:
        case "query" | "wrong query" | "empty query":
            word = {"query": TOKEN, "wrong query": TOKEN + "x", "empty query": ""}[token]
            path = f"/?token={word}"
        case "bearer" | "wrong bearer":
            headers["Authorization"] = f"Bearer {TOKEN if token == 'bearer' else TOKEN[1:]}"
        case "basic":
            headers["Authorization"] = f"Basic {TOKEN}"
        case "subprotocol":
            options["subprotocols"] = ["exbert-rpc", f"token.{TOKEN}"]
    if host is not None:
        headers["Host"] = host
    if origin is not None:
        headers["Origin"] = origin
    port = server.where["port"]
    lines = [f"GET {path} HTTP/1.1"]
    fields = {"Host": f"127.0.0.1:{port}", "Upgrade": "websocket", "Connection": "Upgrade"} | headers
    fields |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    if "subprotocols" in options:
        fields["Sec-WebSocket-Protocol"] = ", ".join(options["subprotocols"])
    lines += [f"{name}: {value}" for name, value in fields.items()]
    with socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.settimeout(PATIENCE)
        stranger.sendall("\r\n".join([*lines, "", ""]).encode())
        return stranger.recv(100).startswith(b"HTTP/1.1 101")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("origin", ORIGINS)
def test_only_the_right_host_origin_and_token_together_are_let_in(guarded, host, origin):
    for token, allowed in TOKENS.items():
        assert attempt(guarded, host, origin, token) == (HOSTS[host] and ORIGINS[origin] and allowed), token


def test_two_host_headers_are_refused(guarded):
    port = guarded.where["port"]
    with socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(
            b"GET /?token=" + TOKEN.encode() + b" HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert not stranger.recv(100).startswith(b"HTTP/1.1 101")


def test_the_subprotocol_is_confirmed_so_that_browsers_accept(guarded):
    with connect(guarded.where["address"], subprotocols=["exbert-rpc", f"token.{TOKEN}"], proxy=None) as client:
        assert client.subprotocol == "exbert-rpc"


def test_a_refusal_says_nothing_but_why(guarded):
    with pytest.raises(InvalidStatus) as refusal, connect(guarded.where["address"], proxy=None):
        pass
    assert refusal.value.response.status_code == 401
    assert refusal.value.response.body == b"a valid token is needed\n"
    assert "Server" not in refusal.value.response.headers


def test_a_token_never_reaches_the_log(guarded):
    for token in TOKENS:
        attempt(guarded, None, None, token)
    assert TOKEN not in guarded.stderr()


def test_a_new_token_is_written_only_to_a_file_of_the_user(tmp_path):
    with Server("websocket", token=None) as server:
        found = server.where["token"]
        mode = (Path(server.folder.name) / "port.json").stat().st_mode
        assert len(found) >= 32 and stat.S_IMODE(mode) == 0o600
        assert found not in server.stderr()
        assert json.loads(server.stderr().splitlines()[0])["listening"]["port"] == server.where["port"]
        with connect(f"{server.where['address']}/?token={found}", proxy=None):
            pass


def test_tokens_are_compared_by_value_whatever_their_type_and_length():
    words = ["", "a", "b" * 40, "é", "\ud800", "a" * 10_000]
    for expected, given in itertools.product(words, words):
        assert token_matches(expected, given) == (expected == given)
    assert not any(token_matches("a", given) for given in (None, 1, b"a", ["a"], True))


def test_the_lists_are_exact():
    assert host_allowed("Name:1", ["name"]) and not host_allowed("name.", ["name"])
    assert origin_allowed("HTTPS://A", ["https://a/"]) and not origin_allowed("https://a.b", ["https://a"])


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "tcp"},
        {"kind": "websocket"},
        {"kind": "tcp", "token": "short"},
        {"kind": "tcp", "token": TOKEN, "host": "0.0.0.0"},
        {"kind": "websocket", "token": TOKEN, "host": "192.168.0.1"},
        {"kind": "tcp", "token": TOKEN, "host": "::"},
        {"kind": "tcp", "token": TOKEN, "host": ""},
        {"kind": "unix"},
    ],
)
def test_a_server_that_would_let_anybody_in_does_not_start(options):
    with pytest.raises(InvalidParams):
        TransportOptions(**options).check()


def test_other_machines_are_let_in_only_when_told_so():
    TransportOptions(kind="tcp", token=TOKEN, host="0.0.0.0", allow_remote=True).check()


def test_socket_clients_cannot_choose_what_is_the_owners_to_choose(server):
    peer = server.peer()
    peer.initialize({"store": "/tmp/elsewhere", "device": "cuda", "allowNetwork": True, "model": "fake"})
    peer.result("ping")  # what is told of the options comes before
    words = [message["params"].get("message", "") for message in peer.other]
    for name in ("store", "device", "allowNetwork"):
        assert any(name in word for word in words)
