"""Compares the ways from the browser to the server: direct, through our handler, through jupyter-server-proxy.

Run with an interpreter that has jupyter_server, jupyter-server-proxy and websockets:
``python benchmarks/measure_bridge.py``. The server is the echo of ``tests/stub``, so only the way is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from websockets.asyncio.client import connect

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from jupyter_process import STUB, Jupyter, free_port, running_jupyter

SECRET = "a-secret-that-the-browser-never-sees"
PINGS = 1000
BIG = 60 * 1000 * 1000


async def call(socket, method: str, **params: object) -> object:
    await socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    return json.loads(await asyncio.wait_for(socket.recv(), 60))["result"]


async def pings(url: str, headers: dict[str, str]) -> str:
    async with connect(url, additional_headers=headers, max_size=None, compression=None) as socket:
        times = []
        await call(socket, "pid")
        for _ in range(PINGS):
            start = time.perf_counter()
            await call(socket, "pid")
            times.append(1000 * (time.perf_counter() - start))
    times.sort()
    return f"median {statistics.median(times):.2f} ms, p99 {times[int(0.99 * PINGS)]:.2f} ms"


async def big(url: str, headers: dict[str, str], direction: str) -> str:
    try:
        async with connect(url, additional_headers=headers, max_size=None, compression=None) as socket:
            await call(socket, "pid")
            start = time.perf_counter()
            if direction == "down":
                assert len(await call(socket, "give", bytes=BIG)) == BIG
            else:
                assert await call(socket, "length", text="x" * BIG) == BIG
            return f"{time.perf_counter() - start:.2f} s"
    except Exception as error:  # the failure is the measurement
        return f"fails ({type(error).__name__}: {str(error)[:90]})"


async def admitted(url: str, headers: dict[str, str]) -> str:
    try:
        async with connect(url, additional_headers=headers) as socket:
            await call(socket, "pid")
            return "admitted"
    except Exception as error:  # the refusal is the measurement
        return f"refused ({str(error)[:60]})"


async def crash_and_return(url: str, headers: dict[str, str]) -> str:
    async with connect(url, additional_headers=headers) as socket:
        start = time.perf_counter()
        try:
            await call(socket, "crash")
        except Exception as error:
            told = f"told after {time.perf_counter() - start:.2f} s: {str(error)[:100]}"
        else:
            told = "answered?"
    for attempt in range(60):
        try:
            async with connect(url, additional_headers=headers) as socket:
                await call(socket, "pid")
                return f"{told}; back at attempt {attempt + 1} after {time.perf_counter() - start:.2f} s"
        except Exception:
            await asyncio.sleep(0.25)
    return f"{told}; not back after {time.perf_counter() - start:.0f} s"


async def reload(url: str, headers: dict[str, str]) -> str:
    pids = []
    for _ in range(2):
        async with connect(url, additional_headers=headers) as socket:
            pids.append(await call(socket, "pid"))
        await asyncio.sleep(0.5)
    return "same process" if pids[0] == pids[1] else "another process"


async def report(name: str, url: str, headers: dict[str, str], jupyter: Jupyter | None = None) -> None:
    print(f"\n{name}")
    print("  first connect ", await admitted(url, headers))
    print("  ping          ", await pings(url, headers))
    print("  60 MB down    ", await big(url, headers, "down"))
    print("  60 MB up      ", await big(url, headers, "up"))
    print("  reload        ", await reload(url, headers))
    if jupyter is not None:
        bare, cookie = url.partition("?")[0], {"Cookie": jupyter.cookie()}
        print("  nothing shown ", await admitted(bare, {}))
        print("  cookie        ", await admitted(bare, {**cookie, "Origin": jupyter.origin}))
        print("  other origin  ", await admitted(bare, {**cookie, "Origin": "http://evil.example"}))
        print("  crash         ", await crash_and_return(url, headers))


def direct() -> None:
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(STUB), "EXBERT_RPC_TOKEN": SECRET}
    command = [sys.executable, "-P", "-m", "exbert_rpc", "serve", "--websocket", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, env=environment)
    try:
        time.sleep(1)
        headers = {"Authorization": f"Bearer {SECRET}"}
        asyncio.run(report("direct", f"ws://127.0.0.1:{port}/", headers))
    finally:
        process.kill()
        process.wait()


def ours(folder: Path) -> None:
    with running_jupyter(folder) as jupyter:
        asyncio.run(report("our handler", jupyter.socket_url(), {}, jupyter))


def proxy(folder: Path) -> None:
    folder.mkdir()
    config = folder / "proxy.json"
    server = {
        "command": [sys.executable, "-P", "-m", "exbert_rpc", "serve", "--websocket", "127.0.0.1:{port}"],
        "environment": {"EXBERT_RPC_TOKEN": SECRET},
        "request_headers_override": {"Authorization": f"Bearer {SECRET}"},
        "absolute_url": False,
        "timeout": 30,
    }
    config.write_text(json.dumps({"ServerProxy": {"servers": {"exbert": server}}}))
    options = (f"--config={config}",)
    with running_jupyter(folder, options=options, extension="jupyter_server_proxy") as jupyter:
        url = jupyter.socket_url(path="exbert/")
        asyncio.run(report("jupyter-server-proxy", url, {}, jupyter))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        direct()
        ours(Path(name) / "ours")
        proxy(Path(name) / "proxy")
