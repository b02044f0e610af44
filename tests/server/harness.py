"""Real server processes over the fake engine, and a peer that speaks to them in bytes."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-the-tests"
TRANSPORTS = ("stdio", "tcp", "unix", "websocket")
COMMAND = [sys.executable, "-m", "tests.server.fake_server"]


def frame(body: bytes | object) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(data), data)


def request(number, method, params=None):
    message = {"jsonrpc": "2.0", "id": number, "method": method}
    return message if params is None else {**message, "params": params}


def notice(method, params=None):
    message = {"jsonrpc": "2.0", "method": method}
    return message if params is None else {**message, "params": params}


class Closed(Exception):
    """The server closed the connection."""


class Peer:
    """One client, in bytes. ``other`` collects notifications that `call` passes over."""

    def __init__(self) -> None:
        self.inbox: queue.Queue[object] = queue.Queue()
        self.other: list[dict] = []
        self.raw_seen = bytearray()

    def start(self):
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def send(self, message) -> None:
        self.send_body(message if isinstance(message, bytes) else json.dumps(message).encode())

    def receive(self, timeout: float = PATIENCE):
        item = self.inbox.get(timeout=timeout)
        if item is Closed:
            self.inbox.put(Closed)
            raise Closed
        return item

    def reply(self, timeout: float = PATIENCE):
        """The next message that answers something."""
        end = time.monotonic() + timeout
        while True:
            message = self.receive(max(0.001, end - time.monotonic()))
            if isinstance(message, dict) and "method" in message and "id" not in message:
                self.other.append(message)
            else:
                return message

    def call(self, method, params=None, number=1, timeout: float = PATIENCE):
        self.send(request(number, method, params))
        return self.reply(timeout)

    def result(self, method, params=None, number=1):
        answer = self.call(method, params, number)
        assert "result" in answer, answer
        return answer["result"]

    def error(self, method, params=None, number=1):
        answer = self.call(method, params, number)
        assert "error" in answer, answer
        return answer["error"]

    def initialize(self, options=None, **params):
        options = dict(options or {}) | {"token": TOKEN}
        fields = {"processId": None, "rootUri": None, "capabilities": {}, "initializationOptions": options} | params
        answer = self.call("initialize", fields, "init")
        assert "result" in answer, answer
        self.send(notice("initialized", {}))
        return answer["result"]

    def is_closed(self, timeout: float = PATIENCE) -> bool:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                self.receive(max(0.001, end - time.monotonic()))
            except Closed:
                return True
            except queue.Empty:
                return False
        return False

    def _deliver_stream(self, data: bytes, buffer: bytearray) -> None:
        self.raw_seen += data
        buffer += data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            length = int(bytes(buffer[:end]).partition(b"Content-Length:")[2].split()[0])
            if len(buffer) < end + 4 + length:
                return
            self.inbox.put(json.loads(bytes(buffer[end + 4 : end + 4 + length])))
            del buffer[: end + 4 + length]


class StreamPeer(Peer):
    """Over file descriptors or a socket."""

    def __init__(self, read, write, close) -> None:
        super().__init__()
        self._read_some, self._write, self.close = read, write, close

    def send_body(self, body: bytes) -> None:
        self.send_raw(frame(body))

    def send_raw(self, data: bytes) -> None:
        """Write; a server that has closed meanwhile is noticed by who waits for its reply."""
        with contextlib.suppress(ConnectionError):
            self._write(data)

    def _read(self) -> None:
        buffer = bytearray()
        with contextlib.suppress(OSError, ValueError):
            while data := self._read_some():
                self._deliver_stream(data, buffer)
        self.inbox.put(Closed)


class WebSocketPeer(Peer):
    def __init__(self, address, **options) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        options = {"max_size": None, "compression": None, "proxy": None, "ping_interval": None} | options
        options = {"open_timeout": PATIENCE} | options
        self.socket = self.stack.enter_context(connect(address, **options))

    def send_body(self, body: bytes) -> None:
        self.socket.send(body, text=True)

    def send_raw(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionClosed):
            self.socket.send(data)

    def close(self) -> None:
        self.stack.close()

    def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.inbox.put(json.loads(self.socket.recv()))
        self.inbox.put(Closed)


class Server:
    """A server process; a context manager that leaves none behind. ``installed``: the command line of a real one."""

    def __init__(
        self,
        transport: str = "stdio",
        *arguments: str,
        token: str | None = TOKEN,
        installed: list[str] | None = None,
    ) -> None:
        self.transport = transport
        self.folder = tempfile.TemporaryDirectory()
        self.errors = (Path(self.folder.name) / "stderr").open("w+b")
        self.peers: list[Peer] = []
        command = [*COMMAND, *(["--transport", transport] if "fake" in COMMAND[-1] else [])]
        command = command if installed is None else list(installed)
        if transport != "stdio":
            port_file = Path(self.folder.name) / "port.json"
            command += ["--port-file", str(port_file)]
            command += [] if token is None or installed is not None else ["--token", token]
            if transport == "unix":
                command += ["--path", str(Path(self.folder.name) / "socket")]
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE if transport == "stdio" else subprocess.DEVNULL,
            stdout=subprocess.PIPE if transport == "stdio" else subprocess.DEVNULL,
            stderr=self.errors,
            bufsize=0,
            env=os.environ if token is None else {**os.environ, "EXBERT_RPC_TOKEN": token},
        )
        if transport != "stdio":
            self.where = self._wait_for(port_file)

    def _wait_for(self, port_file: Path):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            if port_file.exists():
                return json.loads(port_file.read_text())
            time.sleep(0.01)
        raise AssertionError(f"the server did not start: {self.stderr()}")

    def peer(self, **options) -> Peer:
        """A client; on stdio the one there is."""
        if self.transport == "stdio":
            stdin, stdout = self.process.stdin, self.process.stdout

            def write(data: bytes) -> None:
                view = memoryview(data)
                while view:
                    view = view[stdin.write(view) :]

            peer = StreamPeer(lambda: os.read(stdout.fileno(), 65536), write, stdin.close)
        elif self.transport == "websocket":
            options = {"additional_headers": {"Authorization": f"Bearer {TOKEN}"}} | options
            peer = WebSocketPeer(self.where["address"], **options)
        else:
            if self.transport == "tcp":
                connected = socket.create_connection(("127.0.0.1", self.where["port"]))
            else:
                connected = socket.socket(socket.AF_UNIX)
                connected.connect(self.where["path"])

            def shut() -> None:
                with contextlib.suppress(OSError):
                    connected.shutdown(socket.SHUT_RDWR)
                connected.close()

            peer = StreamPeer(lambda: connected.recv(65536), connected.sendall, shut)
        self.peers.append(peer)
        return peer.start()

    def ready(self, **options) -> Peer:
        """A client that has been initialized."""
        peer = self.peer()
        peer.initialize(**options)
        return peer

    def stderr(self) -> str:
        self.errors.flush()
        return (Path(self.folder.name) / "stderr").read_text(errors="replace")

    def wait(self, timeout: float = PATIENCE) -> int:
        return self.process.wait(timeout)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.close()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self.folder.cleanup()
