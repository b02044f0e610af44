"""A view's session: with the engine of this process, which never waits in the caller's thread, or with a server."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from exbert_rpc.client import Client, ServerGone
from exbert_rpc.errors import InvalidParams
from exbert_rpc.notebook.channels import Channel, EngineChannel, ServerChannel, link_of
from exbert_rpc.server.host import Host
from exbert_rpc.server.options import EngineSettings, ServerLimits
from tests.patience import PATIENCE
from tests.server.fake_engine import FakeEngine
from tests.server.harness import TOKEN, Server


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host(FakeEngine, EngineSettings(model="fake", device="cpu"), ServerLimits())
    yield made
    made.close()


def ask(channel: Channel, answers: queue.Queue[bytes], number: int, method: str, params: object) -> dict[str, Any]:
    channel.receive(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode())
    while True:
        message: dict[str, Any] = json.loads(answers.get(timeout=PATIENCE))
        if message.get("id") == number:
            return message


def greet(channel: Channel, answers: queue.Queue[bytes]) -> None:
    assert "result" in ask(channel, answers, 1, "initialize", {"capabilities": {}, "initializationOptions": {}})


def test_two_views_share_an_engine_and_keep_their_handles_apart(host: Host) -> None:
    answers: list[queue.Queue[bytes]] = [queue.Queue(), queue.Queue()]
    channels = [EngineChannel(host, one.put) for one in answers]
    for channel, one in zip(channels, answers, strict=True):
        greet(channel, one)
    capture = ask(channels[0], answers[0], 2, "attend", {"text": "mine"})["result"]["captureId"]
    assert ask(channels[0], answers[0], 3, "attend", {"captureId": capture})["result"]["text"] == "mine"
    assert ask(channels[1], answers[1], 4, "attend", {"captureId": capture})["error"]["code"] == -33008
    channels[0].close()
    assert "result" in ask(channels[1], answers[1], 5, "attend", {"text": "still here"})


def test_a_request_is_computed_in_another_thread(host: Host) -> None:
    seen: queue.Queue[str] = queue.Queue()
    engine = host.engine()
    attend = engine.attend

    def watched(*args: Any, **kwargs: Any) -> Any:
        seen.put(threading.current_thread().name)
        time.sleep(0.2)
        return attend(*args, **kwargs)

    engine.attend = watched  # type: ignore[method-assign]
    answers: queue.Queue[bytes] = queue.Queue()
    channel = EngineChannel(host, answers.put)
    greet(channel, answers)
    started = time.monotonic()
    channel.receive(b'{"jsonrpc":"2.0","id":2,"method":"attend","params":{"text":"a text"}}')
    assert time.monotonic() - started < 0.15, "the caller waited for the model"
    assert seen.get(timeout=PATIENCE) != threading.current_thread().name


def test_a_client_of_this_process_engine_answers_as_one_of_a_server(host: Host) -> None:
    with Client(link_of(host)) as client:
        assert client.attend(text="a 👩 text").text == "a 👩 text"
        with pytest.raises(InvalidParams):
            client.attend(text="")
    with pytest.raises(ServerGone):
        client.attend(text="after the end")


def test_a_view_of_a_server_has_a_session_of_its_own_and_never_learns_the_secret() -> None:
    with Server("websocket") as server:
        answers: queue.Queue[bytes] = queue.Queue()
        ended = threading.Event()
        channel = ServerChannel(server.where["address"], TOKEN, answers.put, ended.set)
        greet(channel, answers)
        assert ask(channel, answers, 2, "attend", {"text": "over there"})["result"]["text"] == "over there"
        channel.close()
        assert ended.wait(PATIENCE)
    with Server("tcp") as server:
        channel = ServerChannel(server.where["address"], TOKEN, answers.put)
        greet(channel, answers)
        channel.close()
