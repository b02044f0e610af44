"""The typed client, sync and async, over every transport."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time

import pytest

from exbert_rpc import errors
from exbert_rpc.client import AsyncClient, Client, ServerFailed, ServerGone, to_array
from exbert_rpc.protocol.error_codes import CODES
from exbert_rpc.protocol.types.attend import AttendParams
from exbert_rpc.protocol.types.base import Position, Range
from tests.patience import PATIENCE, assert_soon, within
from tests.server.harness import COMMAND, TOKEN, TRANSPORTS


def client_of(kind, shared_servers, **options):
    if kind == "stdio":
        return Client.spawn(command=COMMAND, stderr=subprocess.DEVNULL, **options)
    return Client.connect(shared_servers(kind).where["address"], token=TOKEN, **options)


@pytest.fixture(params=TRANSPORTS)
def client(request, shared_servers):
    with client_of(request.param, shared_servers) as found:
        yield found


@pytest.fixture(scope="module")
def spawned():
    with Client.spawn(command=COMMAND, stderr=subprocess.DEVNULL) as found:
        yield found


def test_every_method_is_answered_with_its_type(client):
    answer = client.attend(text="a 😀 b")
    assert to_array(answer.attention).shape == (2, 3, 5, 5)
    assert [answer.text[token.start : token.end] for token in answer.tokens[1:-1]] == ["a", "😀", "b"]
    found = client.search_contexts("demo", capture_id=answer.capture_id, token=1, layer=0)
    assert found.hits[0].sentence.text[found.hits[0].tokens[2].start :] == "cat"
    assert client.summarize(found.search_id).histograms
    assert client.index_corpus("c", [("mem:1", "text")]).documents == 1
    assert client.describe_corpus("demo").corpus == client.list_corpora().corpora[0].corpus == "demo"
    assert client.remove_corpus("demo").removed
    assert client.list_models().models[0].id == client.describe_model("fake").id == client.default_model == "fake"
    assert client.ping().protocol_version


def test_documents_are_read_with_python_offsets(client):
    client.open_document("mem:d", "one 😀 two\nthree")
    span = Range(start=Position(line=0, character=4), end=Position(line=0, character=9))
    assert client.attend(uri="mem:d", range=span).text == "😀 two"
    client.close_document("mem:d")
    with pytest.raises(errors.InvalidParams):
        client.attend(uri="mem:d", range=span)


RAISED = [found.__name__ for found in CODES if found not in (errors.InvalidParams, errors.Cancelled)]


@pytest.mark.parametrize("name", RAISED)
def test_each_error_of_the_engine_is_raised_as_its_own_class(spawned, name):
    with pytest.raises(getattr(errors, name)):
        spawned.attend(text=f"raise:{name}")


def test_a_search_by_hidden_layer_needs_no_space_beside_it(spawned):
    assert spawned.search_contexts("demo", text="a b", token=1, hidden_layer=1).hits
    assert spawned.search_contexts("demo", text="a b", token=1, layer=1).hits
    with pytest.raises(errors.InvalidParams, match="hiddenState"):
        spawned.search_contexts("demo", text="a b", token=1, layer=1, hidden_layer=1)


def test_an_error_carries_field_hint_and_data(spawned):
    with pytest.raises(errors.InvalidParams) as refusal:
        spawned.attend(text="a", layers=["x"])
    assert refusal.value.data["field"] == "layers[0]" and str(refusal.value).startswith("layers[0]: ")
    with pytest.raises(errors.CorpusNotFound) as missing:
        spawned.describe_corpus("none")
    assert missing.value.data["corpora"] == ["demo"] and missing.value.hint
    with pytest.raises(ServerFailed) as failed:
        spawned.attend(text="raise:RuntimeError")
    assert failed.value.data["code"] == -32603


def test_progress_is_reported_and_a_timeout_cancels(spawned):
    reports = []
    spawned.attend(text="report", on_progress=reports.append)
    assert [reports[0].kind, reports[-1].kind] == ["begin", "end"] and len(reports) > 3
    spawned.timeout = 0.2
    try:
        with pytest.raises(TimeoutError):
            spawned.attend(text="sleep:3")
    finally:
        spawned.timeout = None
    assert spawned.ping()


def test_a_started_request_can_be_cancelled(spawned):
    pending = spawned.start("attend", AttendParams(text="sleep:5"))
    pending.cancel()
    with pytest.raises(errors.Cancelled):
        pending.result(PATIENCE)


def test_many_threads_share_one_client(spawned):
    failures = []

    def talk(name):
        for number in range(50):
            text = f"{name} {number}"
            if spawned.attend(text=text, layers=[0], heads=[0]).text != text:
                failures.append(text)

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_server_that_dies_in_mid_request_is_told_apart_and_at_once():
    def wait() -> float:
        client = Client.spawn(command=COMMAND, stderr=subprocess.DEVNULL)
        pending = client.start("attend", AttendParams(text="sleep:30"))
        start = time.monotonic()
        client._connection._link.process.kill()
        with pytest.raises(ServerGone):
            pending.result(PATIENCE)
        seconds = time.monotonic() - start
        with pytest.raises(ServerGone):
            client.ping()
        client.close()
        return seconds

    assert_soon(wait, 1.0, "reply")


def test_a_command_that_is_no_server_is_told():
    with pytest.raises(ServerGone):
        Client.spawn(command=[sys.executable, "-c", "print('hello')"])


@pytest.mark.parametrize("kind", ["tcp", "unix", "websocket"])
def test_a_wrong_token_or_address_is_told(shared_servers, kind):
    address = shared_servers(kind).where["address"]
    with pytest.raises(errors.ExbertError):
        Client.connect(address, token="wrong-wrong-wrong-wrong")
    with pytest.raises(ServerGone):
        Client.connect({"tcp": "tcp://127.0.0.1:1", "unix": "unix:/nowhere", "websocket": "ws://127.0.0.1:1"}[kind])
    with pytest.raises(ValueError, match="is not ws"):
        Client.connect("http://x")


OLD = """
import json, sys
while line := sys.stdin.buffer.readline():
    size = int(line.split(b":")[1]); sys.stdin.buffer.readline()
    message = json.loads(sys.stdin.buffer.read(size))
    body = json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "result": {"capabilities": %s}}).encode()
    sys.stdout.buffer.write(b"Content-Length: %%d\\r\\n\\r\\n%%s" %% (len(body), body)); sys.stdout.flush()
"""


@pytest.mark.parametrize("version", ["0.3", "2.0", None])
def test_a_server_of_another_protocol_version_is_refused_in_words(version):
    capabilities = {} if version is None else {"experimental": {"exbert": {"protocolVersion": version}}}
    with pytest.raises(ServerFailed, match="version") as refusal:
        Client.spawn(command=[sys.executable, "-c", OLD % json.dumps(capabilities)])
    assert "pip install" in refusal.value.hint


def test_closing_ends_the_server_with_0():
    client = Client.spawn(command=COMMAND, stderr=subprocess.DEVNULL)
    process = client._connection._link.process
    client.close()
    assert process.returncode == 0


async def test_the_async_client_runs_requests_side_by_side():
    async with await AsyncClient.spawn(command=COMMAND, stderr=subprocess.DEVNULL) as client:
        answers = await asyncio.gather(*[client.attend(text=f"text {number}") for number in range(20)])
        assert [answer.text for answer in answers] == [f"text {number}" for number in range(20)]
        with pytest.raises(errors.CorpusNotFound):
            await client.describe_corpus("none")


async def test_cancelling_a_coroutine_cancels_its_request():
    async with await AsyncClient.spawn(["--workers", "1"], command=COMMAND, stderr=subprocess.DEVNULL) as client:
        task = asyncio.create_task(client.attend(text="sleep:30"))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.wait_for(client.attend(text="a"), within(3.0, "cancel"))  # the one worker is free again


def test_the_async_client_has_every_method_of_the_sync_one():
    methods = {name for name in vars(Client) if not name.startswith("_")} - {
        "spawn",
        "connect",
        "start",
        "default_model",
    }
    assert methods <= set(vars(AsyncClient))
