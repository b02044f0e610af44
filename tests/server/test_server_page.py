"""One page beside the WebSocket: it alone is served, only it may connect, and the server ends some time after it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from exbert_rpc.server.host import Host
from exbert_rpc.server.options import EngineSettings, ServerLimits
from exbert_rpc.server.transports.page import Page
from exbert_rpc.server.transports.websocket import Gate, serve_websocket
from tests.patience import PATIENCE
from tests.server.fake_engine import FakeEngine
from tests.server.harness import TOKEN

HTML = "<!doctype html><title>é</title>"
POLICY = "default-src 'none'"


@dataclass
class Served:
    port: int
    done: asyncio.Task[int]

    async def get(self, path: str = "/", **headers: str) -> http.client.HTTPResponse:
        def ask() -> http.client.HTTPResponse:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.body = answer.read()
            connection.close()
            return answer

        return await asyncio.to_thread(ask)

    def open(self, token: str = TOKEN, origin: str | None = None) -> connect:
        own = f"http://127.0.0.1:{self.port}"
        offered = [Subprotocol("exbert-rpc"), Subprotocol(f"token.{token}")]
        return connect(
            f"ws://127.0.0.1:{self.port}/",
            origin=own if origin is None else origin,
            subprotocols=offered,
            proxy=None,
            compression=None,
        )


@contextlib.asynccontextmanager
async def serving(idle: float = PATIENCE, page: bool = True) -> AsyncIterator[Served]:
    host = Host(FakeEngine, EngineSettings(model="fake", device="cpu"), ServerLimits())
    stopped, listening = asyncio.Event(), asyncio.get_running_loop().create_future()
    gate = Gate(TOKEN, (), (), Page(HTML, POLICY, idle) if page else None)
    done = asyncio.create_task(
        serve_websocket(
            host,
            stopped,
            address=("127.0.0.1", 0),
            gate=gate,
            port_file=None,
            publish_token=False,
            on_listening=listening.set_result,
        )
    )
    try:
        yield Served(await listening, done)
    finally:
        stopped.set()
        await done
        host.close()


async def ask(socket: ClientConnection, method: str, params: object) -> object:
    await socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    return json.loads(await socket.recv())["result"]


async def test_the_page_alone_is_served_under_a_policy_that_lets_it_talk_to_this_server_only() -> None:
    async with serving() as server:
        answer = await server.get("/?any=thing")
        assert (answer.status, answer.body.decode()) == (200, HTML)
        policy = answer.headers["Content-Security-Policy"]
        assert policy == f"{POLICY}; connect-src ws://127.0.0.1:{server.port}"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for path in ("/favicon.ico", "/index.html", "/../pyproject.toml", "//", "/%2e%2e/", "/exbert_rpc"):
            assert (await server.get(path)).status == 404, path


async def test_no_name_but_this_machines_own_gets_the_page() -> None:
    async with serving() as server:
        assert (await server.get(Host=f"localhost:{server.port}")).status == 200
        for name in ("evil.example", f"evil.example:{server.port}", "127.0.0.1.evil.example", "127.0.0.1:80; x"):
            assert (await server.get(Host=name)).status == 403, name


async def test_the_page_connects_with_the_token_and_nobody_else_does() -> None:
    async with serving() as server:
        async with server.open() as socket:
            answer = await ask(socket, "initialize", {"capabilities": {}})
            assert isinstance(answer, dict) and "capabilities" in answer
        for token, origin, status in (
            ("another-token-of-the-tests", None, 401),
            (TOKEN, "http://evil.example", 403),
            (TOKEN, f"http://127.0.0.1:{server.port + 1}", 403),
            (TOKEN, "null", 403),
        ):
            with pytest.raises(InvalidStatus) as refused:
                async with server.open(token, origin):
                    pass
            assert refused.value.response.status_code == status, (token, origin)


async def test_a_server_without_a_page_serves_none_and_takes_no_origin_for_its_own() -> None:
    async with serving(page=False) as server:
        assert (await server.get()).status == 401
        with pytest.raises(InvalidStatus) as refused:
            async with server.open():
                pass
        assert refused.value.response.status_code == 403


async def test_the_server_ends_some_time_after_its_last_page_and_not_when_one_is_loaded_again() -> None:
    async with serving(idle=0.4) as server:
        await asyncio.sleep(0.6)
        assert not server.done.done(), "it ended before the first page came"
        async with server.open():
            pass
        await asyncio.sleep(0.1)
        async with server.open():
            await asyncio.sleep(0.6)
            assert not server.done.done(), "it ended under an open page"
        assert await asyncio.wait_for(server.done, PATIENCE) == 0
