"""Malformed frames against real servers of each transport: an error or a close, within a second; never a crash."""

from __future__ import annotations

import queue
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage

from tests.patience import PATIENCE, within
from tests.server.harness import Closed, Server, frame, request
from tests.server.test_server_framing import MALFORMED


def outcome(peer, seconds: float) -> str:
    try:
        reply = peer.reply(seconds)
    except Closed:
        return "closed"
    except queue.Empty:
        return "silence"
    return "error" if "error" in reply else "answer"


def test_each_malformed_frame_on_stdio_is_answered_with_an_error_and_the_server_lives_on(stdio):
    for number, noise in enumerate(MALFORMED):
        if noise.startswith((b"Content-Length: 9223", b"Content-Length: 671")):
            continue  # its body is dropped as it comes: for as long as it says
        stdio.send_raw(noise)
        start = time.monotonic()
        reply = stdio.reply()
        assert (reply["id"], reply["error"]["code"]) == (None, -32700), noise[:60]
        assert time.monotonic() - start < within(1.0, "reply")
        stdio.send(request(number, "ping"))
        while (reply := stdio.reply()).get("id") != number:
            # what looks like a frame behind the noise is read as one
            assert reply["error"]["code"] in (-32700, -32600)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_each_malformed_frame_on_a_socket_closes_that_connection_only(shared_servers, kind):
    server = shared_servers(kind)
    bystander = server.ready()
    for noise in MALFORMED:
        stranger, client = server.peer(), server.ready()
        for peer in (stranger, client):
            peer.send_raw(noise)
            assert outcome(peer, within(1.0, "reply")) in ("closed", "error"), noise[:60]
            assert peer.is_closed(within(1.0, "reply")), noise[:60]
            peer.close()
    assert bystander.result("ping")


def test_each_malformed_frame_in_a_websocket_message_is_answered_with_an_error(shared_servers):
    server = shared_servers("websocket")
    peer = server.ready()
    for noise in MALFORMED:
        peer.send_raw(noise)  # a binary message: JSON in UTF-8 would do, this does not
        reply = peer.reply()
        expected = -32700 if noise[:1] not in (b"{", b"[") else (-32700, -32600)
        code = reply.get("error", {}).get("code") if isinstance(reply, dict) else -32600
        assert code == expected or code in (-32600, -32700) or "result" in reply, noise[:60]
    assert peer.result("ping", number="end")


def test_bytes_that_are_no_websocket_handshake_are_refused(shared_servers):
    import socket

    server = shared_servers("websocket")
    for noise in MALFORMED:
        with socket.create_connection(("127.0.0.1", server.where["port"])) as stranger:
            stranger.sendall(noise)
            stranger.shutdown(socket.SHUT_WR)
            stranger.settimeout(PATIENCE)
            data = b""
            try:
                while more := stranger.recv(4096):
                    data += more
            except ConnectionResetError:
                pass
            assert b"101" not in data.split(b"\r\n")[0]
    assert server.ready().result("ping")


def test_a_websocket_message_beyond_64_mib_closes_that_connection_only(shared_servers):
    server = shared_servers("websocket")
    bystander, peer = server.ready(), server.ready()
    try:
        peer.send_body(b" " * (64 * 2**20 + 1))
        assert peer.is_closed()
    except (ConnectionClosed, InvalidMessage):
        pass
    assert bystander.result("ping")


def test_valid_frames_split_at_random_points_are_answered(any_server):
    import random

    if any_server.transport == "websocket":
        return  # the WebSocket library cuts its own frames
    random.seed(3)
    peer = any_server.ready()
    stream = b"".join(frame(request(number, "ping")) for number in range(40))
    while stream:
        size = random.randint(1, 60)
        peer.send_raw(stream[:size])
        stream = stream[size:]
        time.sleep(random.random() * 0.002)
    assert sorted(peer.reply()["id"] for _ in range(40)) == list(range(40))


def test_a_large_message_is_taken_and_a_larger_one_is_refused():
    with Server() as server:
        peer = server.ready()
        text = "a" * (8 * 2**20)
        assert peer.error("attend", {"text": "raise:TextTooLong " + text})["code"] == -33006
        peer.send_raw(b"Content-Length: %d\r\n\r\n" % (64 * 2**20 + 1))
        assert peer.reply()["error"]["code"] == -32700
        for _ in range(64):
            peer.send_raw(b" " * 2**20)
        peer.send_raw(b" ")
        assert peer.result("ping")
