"""Sessions for a view: with the engine of this process, or with a server. Messages are JSON-RPC, as bytes."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable
from typing import Protocol

from exbert_rpc.client.links import Link, dial
from exbert_rpc.protocol.jsonrpc import decode
from exbert_rpc.server.host import Host
from exbert_rpc.server.session import Session

logger = logging.getLogger(__name__)

Send = Callable[[bytes], None]


class Channel(Protocol):
    """One session; answers go to the ``send`` that it was opened with, from any thread."""

    def receive(self, body: bytes) -> None:
        """Take a message of the view."""
        ...

    def close(self) -> None:
        """End the session; what it still computes is dropped."""
        ...


Ended = Callable[[], None]
OpenChannel = Callable[[Send, Ended], Channel]
"""Opens a session; ``ended`` is called when the other side has ended."""


def _ignore() -> None:
    return


class EngineChannel:
    """A session with the engine of this process. What computes runs in the engine's threads, not in the caller's."""

    def __init__(self, host: Host, send: Send, _ended: Ended = _ignore) -> None:
        self._lock = threading.RLock()  # kernels may handle messages in several threads
        self._session = Session(host, send, lambda _code: None, "socket")

    def receive(self, body: bytes) -> None:
        """Take a message of the view."""
        with self._lock:
            self._session.receive(decode(body))

    def close(self) -> None:
        """End the session."""
        with self._lock:
            self._session.close()


class ServerChannel:
    """A session with a server: messages pass as they are, but for the secret, which the view does not know."""

    def __init__(self, address: str, token: str | None, send: Send, ended: Ended = _ignore) -> None:
        self._token = token
        self._link = dial(address, token)
        threading.Thread(target=self._read, args=(send, ended), name="exbert-view", daemon=True).start()

    def receive(self, body: bytes) -> None:
        """Take a message of the view."""
        try:
            self._link.send(self._with_token(body))
        except OSError as error:  # who reads says that the server is gone
            logger.debug("a message was not sent: %s", error)

    def close(self) -> None:
        """End the session."""
        self._link.close()

    def _read(self, send: Send, ended: Ended) -> None:
        while (body := self._link.receive()) is not None:
            send(body)
        ended()

    def _with_token(self, body: bytes) -> bytes:
        if self._token is None or b'"initialize"' not in body:
            return body
        message = json.loads(body)
        if message.get("method") == "initialize":
            message["params"].setdefault("initializationOptions", {})["token"] = self._token
        return json.dumps(message).encode()


class EngineLink:
    """The engine of this process as a client's link to a server."""

    def __init__(self, host: Host) -> None:
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._channel = EngineChannel(host, self._answers.put)

    def send(self, body: bytes) -> None:
        """Send one message."""
        self._channel.receive(body)

    def receive(self) -> bytes | None:
        """Wait for a message; ``None`` after :meth:`close`."""
        return self._answers.get()

    def close(self, seconds: float = 2.0) -> None:  # noqa: ARG002
        """End the session."""
        self._channel.close()
        self._answers.put(None)


def link_of(host: Host) -> Link:
    """A link for a client of this process' engine."""
    return EngineLink(host)
