"""Ways to reach a server, for :mod:`exbert_rpc.client`: a process of our own, a socket, a WebSocket."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Sequence
from typing import IO, Protocol, cast
from urllib.parse import urlsplit

from exbert_rpc.protocol.framing import FrameError, FrameReader, encode_frame

_CHUNK = 1 << 18
_NO_LIMIT = 1 << 62


class Link(Protocol):
    """A connection that carries whole messages."""

    def send(self, body: bytes) -> None:
        """Send one message; raises ``OSError`` if the server is gone."""
        ...

    def receive(self) -> bytes | None:
        """Wait for a message; ``None`` when there will be no more."""
        ...

    def close(self, seconds: float = 2.0) -> None:
        """Let go of the server; raises nothing."""
        ...


class StreamLink:
    """Frames over a pair of byte streams."""

    def __init__(self, reading: IO[bytes], writing: IO[bytes]) -> None:
        self._reading = reading
        self._writing = writing
        self._frames = FrameReader(max_body=_NO_LIMIT)
        self._ready: list[bytes] = []
        self._lock = threading.Lock()

    def send(self, body: bytes) -> None:
        """Send one message."""
        with self._lock:
            self._writing.write(encode_frame(body))
            self._writing.flush()

    def receive(self) -> bytes | None:
        """Wait for a message."""
        while not self._ready:
            data = self._read()
            if not data:
                return None
            for body in self._frames.feed(data):
                if isinstance(body, FrameError):
                    return None
                self._ready.append(body)
        return self._ready.pop(0)

    def _read(self) -> bytes:
        try:
            return os.read(self._reading.fileno(), _CHUNK)
        except (OSError, ValueError):
            return b""

    def close(self, seconds: float = 2.0) -> None:  # noqa: ARG002
        """Close both streams."""
        for stream in (self._writing, self._reading):
            with contextlib.suppress(OSError, ValueError):
                stream.close()


class ProcessLink(StreamLink):
    """A server that we start, over its standard streams."""

    def __init__(self, command: Sequence[str], env: dict[str, str] | None, stderr: int | IO[bytes] | None) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=env, bufsize=0
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        super().__init__(self.process.stdout, self.process.stdin)

    def send(self, body: bytes) -> None:
        """Send one message, however many writes it takes."""
        assert self.process.stdin is not None
        view = memoryview(encode_frame(body))
        with self._lock:
            while view:
                view = view[self.process.stdin.write(view) or 0 :]

    def close(self, seconds: float = 2.0) -> None:
        """Close the streams, and wait for the process; one that stays is killed."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        super().close()


class SocketLink(StreamLink):
    """A TCP or Unix socket."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        super().__init__(cast(IO[bytes], connected.makefile("rb", buffering=0)), connected.makefile("wb"))

    def close(self, seconds: float = 2.0) -> None:  # noqa: ARG002
        """Close the socket; a thread that reads from it wakes up."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        super().close()
        self._socket.close()


class WebSocketLink:
    """A WebSocket; a message needs no header."""

    def __init__(self, address: str, token: str | None) -> None:
        from websockets.sync.client import connect

        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._stack = contextlib.ExitStack()
        self._socket = self._stack.enter_context(
            connect(
                address, additional_headers=headers, max_size=None, compression=None, ping_interval=None, proxy=None
            )
        )

    def send(self, body: bytes) -> None:
        """Send one message."""
        from websockets.exceptions import ConnectionClosed

        try:
            self._socket.send(body, text=True)
        except ConnectionClosed as error:
            raise ConnectionError("the connection is closed") from error

    def receive(self) -> bytes | None:
        """Wait for a message."""
        from websockets.exceptions import ConnectionClosed

        try:
            return cast(bytes, self._socket.recv(decode=False))
        except (ConnectionClosed, OSError):
            return None

    def close(self, seconds: float = 2.0) -> None:  # noqa: ARG002
        """Close the connection."""
        with contextlib.suppress(Exception):
            self._stack.close()


def _unix(path: str) -> socket.socket:
    if not hasattr(socket, "AF_UNIX"):
        raise OSError("this system has no Unix sockets; connect to tcp://host:port or ws://host:port")
    connected = socket.socket(socket.AF_UNIX)
    try:
        connected.connect(path)
    except OSError:
        connected.close()
        raise
    return connected


def dial(address: str, token: str | None, seconds: float = 10.0) -> Link:
    """Connect to ``ws://host:port``, ``wss://…``, ``tcp://host:port`` or ``unix:/path``; raises ``OSError``."""
    scheme, _, rest = address.partition(":")
    if scheme in ("ws", "wss"):
        return WebSocketLink(address, token)
    if scheme == "unix":
        return SocketLink(_unix(rest))
    parts = urlsplit(address)
    if scheme != "tcp" or parts.hostname is None or parts.port is None:
        raise ValueError(f"{address!r} is not ws://host:port, tcp://host:port or unix:/path")
    connected = socket.create_connection((parts.hostname, parts.port), timeout=seconds)
    connected.settimeout(None)
    return SocketLink(connected)
