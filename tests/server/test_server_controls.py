"""Negative controls: the checks of this folder fail against stock pygls, as they must."""

from __future__ import annotations

import contextlib
import queue
import signal
import sys
import time

import pytest

from tests.patience import PATIENCE
from tests.server import harness
from tests.server.harness import Closed, Server, notice, request

pytestmark = pytest.mark.slow


@pytest.fixture
def stock(monkeypatch):
    monkeypatch.setattr(harness, "COMMAND", [sys.executable, "-m", "tests.server.stock_server"])
    with Server() as server:
        peer = server.peer()
        peer.server = server
        yield peer


def start(peer):
    peer.call("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
    peer.send(notice("initialized", {}))


def unanswered(peer) -> bool:
    try:
        while True:
            message = peer.receive(1.0)
            if "id" in message and message.get("id") is not None:
                return False
    except (queue.Empty, Closed):
        return True


def test_stock_pygls_leaves_absent_params_unanswered(stock):
    start(stock)
    stock.send(request(2, "attend"))
    assert unanswered(stock)


def test_stock_pygls_answers_malformed_json_without_a_parse_error(stock):
    start(stock)
    stock.send_body(b"{")
    try:
        message = stock.receive(1.0)
    except (queue.Empty, Closed):
        return
    assert message.get("error", {}).get("code") != -32700


def test_stock_pygls_runs_requests_before_initialize(stock):
    stock.send(request(1, "unserialisable", {}))
    with contextlib.suppress(queue.Empty, Closed):
        assert stock.receive(1.0).get("error", {}).get("code") != -32002


def test_stock_pygls_lets_prints_into_the_stream(stock):
    start(stock)
    stock.send(request(2, "attend", {"text": "a"}))
    end = time.monotonic() + PATIENCE
    while b"careless" not in bytes(stock.raw_seen) and time.monotonic() < end:
        time.sleep(0.02)
    assert b"careless" in bytes(stock.raw_seen)


def test_stock_pygls_ends_with_0_without_shutdown(stock):
    start(stock)
    stock.send(notice("exit"))
    try:
        assert stock.server.wait() == 0
    finally:
        if stock.server.process.poll() is None:
            stock.server.process.send_signal(signal.SIGKILL)
