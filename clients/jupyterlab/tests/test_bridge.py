"""The bridge in a real Jupyter Server, with a stand-in for exbert-rpc that echoes and crashes on demand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from jupyter_process import TOKEN, Jupyter, running_jupyter
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

BIG = 60_000_000
ENDED, UNAVAILABLE = 4001, 4002


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    with running_jupyter(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@contextlib.asynccontextmanager
async def tab(jupyter: Jupyter) -> AsyncIterator[ClientConnection]:
    async with connect(jupyter.socket_url(), max_size=None, compression=None) as socket:
        assert json.loads(await asyncio.wait_for(socket.recv(), 60))["method"] == "bridge/connected"
        yield socket


async def call(socket: ClientConnection, method: str, number: int = 1, **params: object) -> object:
    await socket.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
    answer = json.loads(await asyncio.wait_for(socket.recv(), 60))
    assert answer["id"] == number
    return answer["result"]


async def refusal(url: str, **headers: str) -> int:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url, additional_headers=headers):
            pass
    return caught.value.response.status_code


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_running(pid)


async def test_a_socket_without_token_or_cookie_is_refused(jupyter: Jupyter) -> None:
    assert await refusal(jupyter.socket_url(token=None)) == 403


async def test_a_wrong_token_is_refused(jupyter: Jupyter) -> None:
    assert await refusal(jupyter.socket_url(token="a-token-of-somebody")) == 403


async def test_jupyters_cookie_lets_its_own_page_in(jupyter: Jupyter) -> None:
    headers = {"Cookie": jupyter.cookie(), "Origin": jupyter.origin}
    async with connect(jupyter.socket_url(token=None), additional_headers=headers) as socket:
        assert "bridge/connected" in str(await socket.recv())


async def test_jupyters_cookie_lets_no_page_of_another_origin_in(jupyter: Jupyter) -> None:
    url = jupyter.socket_url(token=None)
    assert await refusal(url, Cookie=jupyter.cookie(), Origin="http://evil.example") == 403


@pytest.mark.parametrize("path", ["exbert/status", "exbert/log"])
def test_status_and_log_need_a_token(jupyter: Jupyter, path: str) -> None:
    assert jupyter.fetch(path, token=None)[0] == 403
    assert jupyter.fetch(path)[0] == 200


def test_a_restart_needs_a_token(jupyter: Jupyter) -> None:
    assert jupyter.fetch("exbert/restart", method="POST", token=None)[0] == 403


def test_a_restart_with_a_cookie_needs_the_xsrf_token_too(jupyter: Jupyter) -> None:
    cookie = jupyter.cookie()
    assert jupyter.fetch("exbert/restart", method="POST", token=None, headers={"Cookie": cookie})[0] == 403


async def test_each_tab_gets_its_own_answers(jupyter: Jupyter) -> None:
    async with tab(jupyter) as one, tab(jupyter) as two:
        slow = asyncio.create_task(call(one, "sleep", number=7, seconds=0.3))
        answers = [await call(two, "echo", number=7, tab="two", turn=turn) for turn in range(200)]
        assert answers == [{"tab": "two", "turn": turn} for turn in range(200)]
        assert await slow == {"seconds": 0.3}
        both = [asyncio.gather(call(one, "echo", tab="one"), call(two, "echo", tab="two")) for _ in range(1)]
        assert await both[0] == [{"tab": "one"}, {"tab": "two"}]


async def test_tabs_share_one_process_that_outlives_them(jupyter: Jupyter) -> None:
    async with tab(jupyter) as one, tab(jupyter) as two:
        pid = await call(one, "pid")
        assert await call(two, "pid") == pid
    await asyncio.sleep(0.3)
    async with tab(jupyter) as reloaded:
        assert await call(reloaded, "pid") == pid


async def test_sixty_megabytes_pass_both_ways(jupyter: Jupyter) -> None:
    async with tab(jupyter) as socket:
        given = await call(socket, "give", bytes=BIG)
        assert isinstance(given, str) and len(given) == BIG
        assert await call(socket, "length", text="x" * BIG) == BIG


async def test_a_crash_is_told_with_its_reason_and_the_next_socket_starts_the_server_anew(jupyter: Jupyter) -> None:
    async with tab(jupyter) as socket, tab(jupyter) as other:
        pid = await call(socket, "pid")
        with pytest.raises(ConnectionClosed) as caught:
            await call(socket, "crash")
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (ENDED, "the server ended with code 3")
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(other.recv(), 5)
    assert jupyter.status()["state"] == "stopped"
    assert "told to crash" in jupyter.fetch("exbert/log")[1]
    async with tab(jupyter) as socket:
        assert await call(socket, "pid") != pid


async def test_a_killed_server_is_told_by_its_signal(jupyter: Jupyter) -> None:
    async with tab(jupyter) as socket:
        os.kill(int(str(await call(socket, "pid"))), signal.SIGKILL)
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(socket.recv(), 60)
        assert caught.value.rcvd is not None and caught.value.rcvd.reason == "the server was ended by signal 9"


async def test_two_tabs_that_come_back_at_once_start_one_process(jupyter: Jupyter) -> None:
    async with tab(jupyter) as socket:
        with pytest.raises(ConnectionClosed):
            await call(socket, "crash")
    before = jupyter.status()["starts"]
    async with tab(jupyter) as one, tab(jupyter) as two:
        assert await call(one, "pid") == await call(two, "pid")
    assert jupyter.status()["starts"] == before + 1


async def test_a_restart_gives_a_new_process(jupyter: Jupyter) -> None:
    async with tab(jupyter) as socket:
        pid = await call(socket, "pid")
        code, body = await asyncio.to_thread(jupyter.fetch, "exbert/restart", method="POST")
        assert code == 200 and json.loads(body)["pid"] not in (None, pid)
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(socket.recv(), 60)
        assert caught.value.rcvd is not None and caught.value.rcvd.reason == "the server was stopped"
    assert gone_within(int(str(pid)), 60)


def test_the_status_tells_no_token(jupyter: Jupyter) -> None:
    assert set(jupyter.status()) == {"state", "reason", "pid", "starts", "python", "root", "rootUri", "version"}
    assert TOKEN not in jupyter.fetch("exbert/log")[1]


async def test_a_missing_package_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    options = (f"--ExbertApp.environment=PYTHONPATH={empty}", "--ExbertApp.arguments=--none")
    python = bare_interpreter(tmp_path)
    with running_jupyter(tmp_path, options=(*options, f"--ExbertApp.python={python}")) as jupyter:
        async with connect(jupyter.socket_url()) as socket:
            with pytest.raises(ConnectionClosed) as caught:
                await asyncio.wait_for(socket.recv(), 60)
        assert caught.value.rcvd is not None and caught.value.rcvd.code == UNAVAILABLE
        status = jupyter.status()
        assert (status["state"], status["pid"]) == ("missing", None)
        assert status["reason"] == f"the Python package exbert-rpc is not installed in {python}"


async def test_an_interpreter_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with running_jupyter(tmp_path, options=("--ExbertApp.python=/nowhere/python",)) as jupyter:
        async with connect(jupyter.socket_url()) as socket:
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(socket.recv(), 60)
        assert "/nowhere/python could not be started" in jupyter.status()["reason"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_the_server_ends_with_jupyter(tmp_path: Path, how: signal.Signals) -> None:
    with running_jupyter(tmp_path) as jupyter:
        async with tab(jupyter) as socket:
            pid = int(str(await call(socket, "pid")))
        jupyter.process.send_signal(how)
        assert gone_within(pid, 60)


def bare_interpreter(folder: Path) -> Path:
    """An interpreter without site packages: a script, so that no virtual environment must be made."""
    script = folder / "bare-python"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    script.chmod(0o755)
    return script
