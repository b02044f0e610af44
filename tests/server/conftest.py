from __future__ import annotations

import contextlib
import queue
import uuid

import pytest

from tests.patience import PATIENCE
from tests.server.harness import TRANSPORTS, Closed, Server, request


@pytest.fixture
def fresh_stdio():
    """A client of a stdio server of its own, initialized; ``.server`` is its process."""
    with Server() as server:
        yield _client(server)


@pytest.fixture(scope="session")
def _kept():
    with contextlib.ExitStack() as stack:
        yield stack, {}


@pytest.fixture
def stdio(_kept):
    """A client of a stdio server that all tests share, as long as they leave it as they found it."""
    stack, kept = _kept
    if kept.get("peer") is None:
        kept["peer"] = _client(stack.enter_context(Server()))
    peer = kept["peer"]
    peer.other.clear()
    yield peer
    marker = uuid.uuid4().hex
    try:
        peer.send(request(marker, "ping"))
        clean = peer.reply(PATIENCE)["id"] == marker
    except (OSError, Closed, queue.Empty, LookupError, TypeError):
        clean = False
    if not clean:
        kept["peer"] = None


def _client(server):
    peer = server.ready()
    peer.server = server
    return peer


@pytest.fixture(scope="session")
def shared_servers():
    """One listening server of each kind for all tests."""
    servers: dict[str, Server] = {}

    def of(kind: str) -> Server:
        if kind not in servers:
            servers[kind] = Server(kind).__enter__()
        return servers[kind]

    yield of
    for server in servers.values():
        server.__exit__()


@pytest.fixture(params=TRANSPORTS)
def any_server(request, shared_servers):
    """A server of each transport; sockets are shared, stdio is fresh."""
    if request.param == "stdio":
        with Server() as server:
            yield server
    else:
        yield shared_servers(request.param)
