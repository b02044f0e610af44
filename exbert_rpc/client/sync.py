"""The client for plain scripts."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar

from exbert_rpc.client.connection import Connection, OnProgress, Pending, ServerGone
from exbert_rpc.client.links import Link, ProcessLink, dial
from exbert_rpc.client.messages import ServerFailed
from exbert_rpc.client.methods import Methods
from exbert_rpc.errors import ExbertError
from exbert_rpc.protocol.positions import PositionEncoding
from exbert_rpc.protocol.types import PROTOCOL_VERSION, signatures
from exbert_rpc.protocol.types.attend import AttendParams, AttendResult, is_plain_text
from exbert_rpc.protocol.types.base import Params, Result

logger = logging.getLogger(__name__)

R = TypeVar("R", bound=Result)


class Client(Methods):
    """One session with a server. Safe to use from many threads; a context manager that ends the session.

    Every method takes ``timeout`` in seconds (then ``TimeoutError``, and the request is cancelled) through
    :attr:`timeout`, and long ones take ``on_progress``.
    """

    address: tuple[str, str | None] | None = None
    """Of the server that it is connected to, and the token; ``None`` for a server that it started."""

    def __init__(
        self,
        link: Link,
        *,
        options: Mapping[str, object] | None = None,
        timeout: float | None = None,
        position_encoding: PositionEncoding = "utf-32",
    ) -> None:
        self.timeout = timeout
        self._position_encoding = position_encoding
        self._connection = Connection(link)
        try:
            self._server = self._initialize(dict(options or {}))
        except BaseException:
            self._connection.close(1.0)
            raise

    @classmethod
    def spawn(
        cls,
        arguments: Sequence[str] = (),
        *,
        command: Sequence[str] | None = None,
        store: str | Path | None = None,
        model: str | None = None,
        options: Mapping[str, object] | None = None,
        env: dict[str, str] | None = None,
        stderr: int | IO[bytes] | None = None,
        timeout: float | None = None,
    ) -> Self:
        """Start a server of our own on stdio; ``arguments`` go to ``exbert-rpc serve``."""
        start = list(command or (sys.executable, "-m", "exbert_rpc", "serve"))
        start += [] if store is None else ["--store", str(store)]
        start += [] if model is None else ["--model", model]
        return cls(ProcessLink([*start, *arguments], env, stderr), options=options, timeout=timeout)

    @classmethod
    def connect(
        cls,
        address: str,
        *,
        token: str | None = None,
        options: Mapping[str, object] | None = None,
        timeout: float | None = None,
        position_encoding: PositionEncoding = "utf-32",
    ) -> Self:
        """Connect to ``ws://host:port``, ``tcp://host:port`` or ``unix:/path``; raises :class:`ServerGone`."""
        try:
            link = dial(address, token)
        except ValueError:
            raise
        except Exception as error:
            raise ServerGone(f"no server lets us in at {address}", hint="Check the address and the token.") from error
        secret = {} if token is None else {"token": token}
        client = cls(link, options={**(options or {}), **secret}, timeout=timeout, position_encoding=position_encoding)
        client.address = (address, token)
        return client

    def __enter__(self) -> Self:
        """Nothing more to do: the session stands."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the session."""
        self.close()

    @property
    def default_model(self) -> str:
        """Model of requests that name none, as the server reports it."""
        return str(self._server.get("defaultModel", ""))

    def close(self) -> None:
        """Shut the session down; a server that we started ends."""
        try:
            self._connection.start("shutdown", None).future.result(5.0)
            self._connection.notify("exit")
        except (ExbertError, TimeoutError) as error:
            logger.debug("the server did not shut down: %s", error)
        self._connection.close(5.0)

    # --- documents -----------------------------------------------------------------------------------

    def open_document(self, uri: str, text: str) -> None:
        """Open a document, or exchange the text of an open one."""
        document: dict[str, object] = {"uri": uri, "languageId": "plaintext", "version": 0, "text": text}
        self._connection.notify("textDocument/didOpen", {"textDocument": document})

    def close_document(self, uri: str) -> None:
        """Close a document."""
        self._connection.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    # --- within --------------------------------------------------------------------------------------

    def start(self, method: str, params: Params, on_progress: OnProgress | None = None) -> Pending[object]:
        """Send a request without waiting for its answer; :meth:`Pending.result` gives it."""
        return self._connection.start(method, params, on_progress)

    def ask(self, params: Params, result: type[R]) -> R:
        """The answer of the method that takes these params and gives this result."""
        (name,) = [name for name, one in signatures().items() if one.params is type(params) and one.result is result]
        return self._call(name, params, result)

    def _call(self, method: str, params: Params, result: type[R], on_progress: OnProgress | None = None) -> R:
        answer = self.start(method, params, on_progress).result(self.timeout)
        assert isinstance(answer, result)
        read: Result = answer
        if isinstance(params, AttendParams) and isinstance(read, AttendResult) and is_plain_text(params):
            read.reported_by(self._page)
        return answer

    def _page(self, state: dict[str, object]) -> str:
        command: dict[str, object] = {"command": "exbert.page", "arguments": [state]}
        answer = self._connection.start("workspace/executeCommand", command).result(self.timeout)
        return str(answer["page"]) if isinstance(answer, Mapping) else ""

    def _initialize(self, options: dict[str, object]) -> Mapping[str, object]:
        params: dict[str, object] = {
            "processId": os.getpid(),
            "clientInfo": {"name": "exbert-rpc python"},
            "rootUri": None,
            "capabilities": {
                "general": {"positionEncodings": [self._position_encoding]},
                "window": {"workDoneProgress": True},
            },
            "initializationOptions": options,
        }
        answer = self._connection.start("initialize", params).result(30.0)
        server = _dig(answer, "capabilities", "experimental", "exbert")
        version = str(server.get("protocolVersion", "unknown"))
        if version.partition(".")[0] != PROTOCOL_VERSION.partition(".")[0]:
            raise ServerFailed(
                f"the server speaks version {version} of the protocol, this client {PROTOCOL_VERSION}",
                hint="Update the older of the two (pip install -U exbert-rpc).",
            )
        self._connection.notify("initialized")
        return server


def _dig(value: object, *path: str) -> Mapping[str, object]:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
