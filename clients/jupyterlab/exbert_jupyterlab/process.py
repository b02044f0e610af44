"""The one ``exbert-rpc serve`` process that all browser tabs share, and what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

# The protocol's own cap on a body (64 MiB), so that 60 MB pass both ways.
MAX_MESSAGE = 64 * 1024 * 1024
LOG_LINES = 400
STOP_SECONDS = 5.0

State = Literal["idle", "starting", "running", "stopped", "missing", "failed"]


@dataclass(frozen=True, slots=True)
class Launch:
    """How the server is started: everything comes from Jupyter's configuration, nothing from a browser."""

    python: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    root: Path
    start_timeout: float


class ServerUnavailable(Exception):
    """The server could not be started; the message is for a person."""


@dataclass(slots=True)
class _Running:
    process: asyncio.subprocess.Process
    port: int
    token: str = field(repr=False)
    started: float = field(default_factory=time.monotonic)


class ServerProcess:
    """Starts the server when the first socket asks, keeps it while Jupyter lives, starts it anew after a crash."""

    def __init__(self, launch: Launch, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
        self._launch = launch
        self._log = log
        self._lock = asyncio.Lock()
        self._running: _Running | None = None
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self._tasks: set[asyncio.Task[None]] = set()
        self.state: State = "idle"
        self.reason = ""
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        return None if self._running is None else self._running.process.pid

    @property
    def root(self) -> Path:
        """The folder that Jupyter serves; the server reads documents in it only."""
        return self._launch.root

    @property
    def python(self) -> str:
        """The interpreter that runs the server."""
        return self._launch.python

    async def why_ended(self) -> str:
        """Say why the process ended; empty while it lives. Waits briefly, since sockets close before a process is reaped."""
        for _ in range(20):
            if self._running is None:
                return self.reason
            await asyncio.sleep(0.01)
        return ""

    def log_text(self) -> str:
        """Give the last lines that the server wrote to its error stream."""
        return "\n".join(self._lines)

    async def connect(self) -> WebSocketClientConnection:
        """Open a session of its own on the server, starting the process where needed.

        Raises:
            ServerUnavailable: It cannot be started, with the reason in words.
        """
        async with self._lock:
            if self._running is None or self._running.process.returncode is not None:
                await self._start()
            running = self._running
        if running is None:
            raise ServerUnavailable(self.reason)
        try:
            return await _open(running)
        except OSError as exc:
            raise ServerUnavailable(f"the exBERT server does not accept connections: {exc}") from exc

    async def restart(self) -> None:
        """End the server and start it anew; the sockets of the old one close.

        Raises:
            ServerUnavailable: The new one does not start.
        """
        async with self._lock:
            await self._end()
            await self._start()

    async def stop(self) -> None:
        """End the server, gently first."""
        async with self._lock:
            await self._end()
            self.state = "idle"

    async def _start(self) -> None:
        self.state, self.reason = "starting", ""
        self.starts += 1
        self._lines.clear()
        token = secrets.token_urlsafe(32)
        port = _free_port()
        launch = self._launch
        command = [launch.python, "-P", "-m", "exbert_rpc", "serve", "--ws", f"127.0.0.1:{port}"]
        command += ["--root", str(launch.root), *launch.arguments]
        environment = {**os.environ, **launch.environment, "EXBERT_RPC_TOKEN": token}
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
            )
        except OSError as exc:
            self._fail("missing", f"the interpreter {launch.python} could not be started: {exc.strerror}")
        self._running = _Running(process, port, token)
        self._keep(self._collect(process))
        self._keep(self._watch(process))
        await self._wait_until_ready(self._running)
        self.state = "running"
        self._log.info("exbert-rpc runs as process %s", process.pid)

    async def _wait_until_ready(self, running: _Running) -> None:
        deadline = time.monotonic() + self._launch.start_timeout
        while time.monotonic() < deadline:
            if running.process.returncode is not None:
                await asyncio.sleep(0.05)  # its last words are still in the pipe
                self._explain_early_end(running.process.returncode)
            with contextlib.suppress(OSError):
                (await _open(running)).close()
                return
            await asyncio.sleep(0.05)
        await self._end()
        self._fail("failed", f"the server did not answer within {self._launch.start_timeout:g} seconds of its start")

    def _explain_early_end(self, code: int) -> None:
        if "No module named" in self.log_text() and "exbert_rpc" in self.log_text():
            self._fail("missing", f"the Python package exbert-rpc is not installed in {self._launch.python}")
        last = self._lines[-1] if self._lines else "it wrote no message"
        self._fail("failed", f"the server ended with code {code} while it started: {last}")

    def _fail(self, state: State, reason: str) -> None:
        self.state, self.reason, self._running = state, reason, None
        self._log.warning("exbert-rpc: %s", reason)
        raise ServerUnavailable(reason)

    async def _end(self) -> None:
        running, self._running = self._running, None
        if running is None or running.process.returncode is not None:
            return
        self.state, self.reason = "stopped", "the server was stopped"
        with contextlib.suppress(ProcessLookupError):
            running.process.terminate()
            try:
                await asyncio.wait_for(running.process.wait(), STOP_SECONDS)
            except TimeoutError:
                running.process.kill()
                await running.process.wait()

    async def _collect(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            return
        while line := await _line(process.stderr):
            self._lines.append(line.decode(errors="replace").rstrip())

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        if self._running is not None and self._running.process is process and self.state == "running":
            self._running = None
            self.state, self.reason = "stopped", _ended(code)
            self._log.warning("exbert-rpc: %s", self.reason)

    def _keep(self, coroutine) -> None:  # noqa: ANN001
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _line(stream: asyncio.StreamReader) -> bytes:
    """Read a line; one that is longer than the reader's buffer is cut, not fatal."""
    try:
        return await stream.readline()
    except ValueError:
        return await stream.read(1024) or b""


async def _open(running: _Running) -> WebSocketClientConnection:
    request = HTTPRequest(
        f"ws://127.0.0.1:{running.port}/",
        headers={"Authorization": f"Bearer {running.token}"},
        connect_timeout=5,
    )
    return await websocket_connect(request, max_message_size=MAX_MESSAGE, compression_options=None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ended(code: int) -> str:
    if code < 0:
        return f"the server was ended by signal {-code}"
    return f"the server ended with code {code}"
