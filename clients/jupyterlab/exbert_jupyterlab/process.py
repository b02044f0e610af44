"""The one ``exbert-rpc serve`` process that all browser tabs share, and what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import secrets
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

# The protocol's own cap on a body (64 MiB), so that 60 MB pass both ways.
MAX_MESSAGE = 64 * 1024 * 1024
LOG_LINES = 400
STOP_SECONDS = 5.0
REAP_SECONDS = 5.0
STOPPED = "the server was stopped"
GUARD = Path(__file__).with_name("guard.py")

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
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Upstream:
    """One session on the server."""

    socket: WebSocketClientConnection
    _running: _Running

    async def why_closed(self) -> str:
        """Say in words why the session ended; a socket can close some time before its process is reaped."""
        if self.socket.close_code not in (None, 1006):
            return self.socket.close_reason or "the server closed the session"
        try:
            code = await asyncio.wait_for(self._running.process.wait(), REAP_SECONDS)
        except TimeoutError:
            return "the server closed the session"
        return STOPPED if self._running.stopped else _ended(code)


class ServerProcess:
    """Starts the server when the first socket asks, keeps it while Jupyter runs, starts it again after a crash."""

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

    def log_text(self) -> str:
        """Give the last lines that the server wrote to its error stream."""
        return "\n".join(self._lines)

    async def connect(self) -> Upstream:
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
            return Upstream(await _open(running), running)
        except OSError as exc:
            raise ServerUnavailable(f"the exBERT server does not accept connections: {exc}") from exc

    async def restart(self) -> None:
        """End the server and start it again; the sockets of the old one close.

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
        try:
            process = await self._spawn(token)
        except OSError as exc:
            self._fail("missing", f"the interpreter {self.python} could not be started: {exc.strerror}")
        listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        collected = self._keep(self._collect(process, listening))
        try:
            port = await asyncio.wait_for(listening, self._launch.start_timeout)
        except TimeoutError:
            await _terminate(process)
            self._fail("failed", f"the server was not ready {self._launch.start_timeout:g} seconds after its start")
        except EOFError:
            await collected
            self._explain_early_end(await process.wait())
        self._running = _Running(process, port, token)
        self.state = "running"
        self._keep(self._watch(process))
        self._log.info("exbert-rpc runs as process %s", process.pid)

    async def _spawn(self, token: str) -> asyncio.subprocess.Process:
        launch = self._launch
        # -P: a folder named exbert_rpc beside a notebook is not what is meant
        command = [launch.python, "-P", str(GUARD), "serve", "--websocket", "127.0.0.1:0"]
        command += ["--root", str(launch.root), *launch.arguments]
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,  # never written to: its end is our end, see guard.py
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **launch.environment, "EXBERT_RPC_TOKEN": token},
            cwd=launch.root,
        )

    def _explain_early_end(self, code: int) -> NoReturn:
        if re.search(r"No module named '?exbert_rpc'?$", self.log_text(), re.MULTILINE):
            self._fail("missing", f"the Python package exbert-rpc is not installed in {self.python}")
        last = self._lines[-1] if self._lines else "it wrote no message"
        self._fail("failed", f"the server ended with code {code} while it started: {last}")

    def _fail(self, state: State, reason: str) -> NoReturn:
        self.state, self.reason, self._running = state, reason, None
        self._log.warning("exbert-rpc: %s", reason)
        raise ServerUnavailable(reason)

    async def _end(self) -> None:
        running, self._running = self._running, None
        if running is not None and running.process.returncode is None:
            running.stopped = True
            self.state, self.reason = "stopped", STOPPED
            await _terminate(running.process)

    async def _collect(self, process: asyncio.subprocess.Process, listening: asyncio.Future[int]) -> None:
        """Keep what the server writes, and look in it for the port; the end of the stream is the end of the process."""
        if process.stderr is not None:
            while raw := await _line(process.stderr):
                line = raw.decode(errors="replace").rstrip()
                self._lines.append(line)
                port = None if listening.done() else _announced_port(line)
                if port is not None:
                    listening.set_result(port)
        if not listening.done():
            listening.set_exception(EOFError())

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        if self._running is not None and self._running.process is process:
            self._running = None
            self.state, self.reason = "stopped", _ended(code)
            self._log.warning("exbert-rpc: %s", self.reason)

    def _keep(self, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _terminate(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def _announced_port(line: str) -> int | None:
    """The port of ``{"listening": {"port": …}}``, which the server writes once it accepts connections."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return int(json.loads(line)["listening"]["port"])
    return None


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


def _ended(code: int) -> str:
    if code < 0:
        return f"the server was ended by signal {-code}"
    return f"the server ended with code {code}"
