"""Requests and replies over a link, matched by id, for :mod:`exbert_rpc.client`."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from exbert_rpc.client.links import Link
from exbert_rpc.client.messages import (
    Notice,
    Reply,
    ServerFailed,
    decode_incoming,
    decode_plain,
    decode_result,
    encode_notice,
    encode_request,
    with_token,
)
from exbert_rpc.errors import ExbertError
from exbert_rpc.protocol.types.base import Params

logger = logging.getLogger(__name__)

T = TypeVar("T")

OnProgress = Callable[["ProgressReport"], None]


class ServerGone(ExbertError):
    """The server ended, or the connection to it did, before it answered."""

    kind = "serverGone"


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """A step of a long request; ``percentage`` is ``None`` while the total is unknown."""

    kind: str
    message: str
    percentage: int | None


class Pending(Generic[T]):
    """A request that is under way."""

    def __init__(self, future: Future[T], cancel: Callable[[], None]) -> None:
        self.future = future
        self._cancel = cancel

    def cancel(self) -> None:
        """Ask the server to stop; :meth:`result` then raises :class:`~exbert_rpc.errors.Cancelled`."""
        self._cancel()

    def result(self, timeout: float | None = None) -> T:
        """Wait for the answer. On ``TimeoutError`` or Ctrl-C the request is cancelled, too."""
        try:
            return self.future.result(timeout)
        except (TimeoutError, KeyboardInterrupt):
            self.cancel()
            raise


class Connection:
    """Requests and replies over a link, matched by id; a thread reads."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._waiting: dict[int | str | None, tuple[str, Future[object]]] = {}
        self._listeners: dict[object, OnProgress] = {}
        self._gone = False
        self._reader = threading.Thread(target=self._read, name="exbert-client", daemon=True)
        self._reader.start()

    def start(
        self, method: str, params: Params | dict[str, object] | None, on_progress: OnProgress | None = None
    ) -> Pending[object]:
        """Send a request; ``on_progress`` is called by the thread that reads."""
        number = next(self._ids)
        if on_progress is not None and isinstance(params, Params):
            token = f"progress-{number}"
            params = with_token(params, token)
            self._listeners[token] = on_progress
        future: Future[object] = Future()
        with self._lock:
            if self._gone:
                raise ServerGone("the server is gone", hint="Start it or connect to it again.")
            self._waiting[number] = (method, future)
        self._send(encode_request(number, method, params))
        return Pending(future, lambda: self.notify("$/cancelRequest", {"id": number}))

    def notify(self, method: str, params: dict[str, object] | None = None) -> None:
        """Send a notification."""
        self._send(encode_notice(method, params))

    def close(self, seconds: float) -> None:
        """Close the link and stop reading."""
        self._link.close(seconds)
        self._reader.join(seconds)

    def _send(self, body: bytes) -> None:
        try:
            self._link.send(body)
        except (OSError, ValueError) as error:
            raise ServerGone("the server is gone", hint="Start it or connect to it again.") from error

    def _read(self) -> None:
        while (body := self._link.receive()) is not None:
            try:
                self._take(decode_incoming(body))
            except Exception:
                logger.exception("a message of the server could not be handled")
        with self._lock:
            self._gone = True
            waiting, self._waiting = self._waiting, {}
        for method, future in waiting.values():
            future.set_exception(ServerGone(f"the server ended before it answered {method}", hint="See its log."))

    def _take(self, message: Reply | Notice) -> None:
        if isinstance(message, Notice):
            self._notice(message)
            return
        with self._lock:
            method, future = self._waiting.pop(message.id, ("", None))
        if future is None:
            logger.warning("an answer to nothing that was asked: %s", message.error or message.id)
        elif message.error is not None:
            future.set_exception(message.error)
        else:
            is_ours = method not in ("initialize", "shutdown", "workspace/executeCommand")
            try:
                future.set_result(decode_result(method, message.result) if is_ours else decode_plain(message.result))
            except (ValueError, KeyError) as error:
                future.set_exception(ServerFailed(f"the answer to {method} is not of this protocol: {error}"))

    def _notice(self, notice: Notice) -> None:
        if notice.method in ("window/logMessage", "window/showMessage"):
            logger.warning("%s", notice.params.get("message"))
        listener = self._listeners.get(notice.params.get("token"))
        value = notice.params.get("value")
        if notice.method != "$/progress" or listener is None or not isinstance(value, Mapping):
            return
        percentage = value.get("percentage")
        report = ProgressReport(
            str(value.get("kind")),
            str(value.get("message") or value.get("title") or ""),
            percentage if isinstance(percentage, int) else None,
        )
        if report.kind == "end":
            self._listeners.pop(notice.params.get("token"), None)
        listener(report)
