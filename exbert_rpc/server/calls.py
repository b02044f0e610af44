"""One request in flight: it gets exactly one reply, and its progress ends before that reply."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from exbert_rpc.protocol.error_codes import Failure, reserved
from exbert_rpc.protocol.jsonrpc import MessageId, error_reply, notification, result_reply
from exbert_rpc.tasks import Progress, Task

REPORT_INTERVAL = 0.1  # seconds between two reports

Send = Callable[[bytes], None]


class Call:
    """A request, its way back to the client, and the task that works on it.

    Args:
        message_id: The client's id.
        method: What it asks for.
        params: Its parameters, as they came.
        reply: Where the one reply goes (to the client, or into a batch).
        notify: Where progress goes.
        done: Called once, before the reply is sent, with the call.
    """

    def __init__(
        self,
        message_id: MessageId,
        method: str,
        params: object,
        *,
        reply: Send,
        notify: Send,
        done: Callable[[Call], None],
    ) -> None:
        self.id = message_id
        self.method = method
        self.params = params
        self.task = Task(self._report)
        self.token: int | str | None = None
        self.withdraw: Callable[[], bool] = lambda: False  # takes it out of the queue, if it still waits
        self.abandonable = True  # may be answered while its worker still finishes a step
        self._reply = reply
        self._notify = notify
        self._done = done
        self._lock = threading.Lock()
        self._answered = False
        self._begun = False
        self._last_report = 0.0

    @property
    def answered(self) -> bool:
        """Whether the reply has been sent."""
        return self._answered

    def begin(self, title: str, token: int | str | None) -> None:
        """Tell the client that work has begun, if it gave a token to tell it to."""
        with self._lock:
            if token is None or self._answered:
                return
            self.token = token
            self._begun = True
            value = {"kind": "begin", "title": title, "cancellable": True, "message": "waiting", "percentage": 0}
            self._progress(value)

    def succeed(self, *result: bytes) -> None:
        """Reply with a result (JSON, perhaps in pieces), unless the call has been answered."""
        self._finish(result_reply(self.id, *result), "done")

    def fail(self, failure: Failure) -> None:
        """Reply with an error, unless the call has been answered."""
        self._finish(error_reply(self.id, failure), failure.kind)

    def cancel(self) -> None:
        """Stop: at once if it waits or may be left behind, else as soon as the task looks."""
        self.task.cancel()
        if self.withdraw() or self.abandonable:
            self.fail(Failure(-32800, "cancelled", "the request was cancelled"))

    def refuse(self, kind: str, message: str, hint: str = "") -> None:
        """Reply with one of the errors that JSON-RPC or LSP define."""
        self.fail(reserved(kind, message, hint))

    def _finish(self, reply: bytes, ending: str) -> None:
        with self._lock:
            if self._answered:
                return
            self._answered = True
            try:
                if self._begun:
                    self._progress({"kind": "end", "message": ending})
            finally:
                self._done(self)
                self._reply(reply)

    def _report(self, progress: Progress) -> None:
        now = time.monotonic()
        with self._lock:
            if not self._begun or self._answered:
                return
            if now - self._last_report < REPORT_INTERVAL:
                return
            self._last_report = now
            self._progress(_report_value(progress))

    def _progress(self, value: dict[str, object]) -> None:
        self._notify(notification("$/progress", {"token": self.token, "value": value}))


def _report_value(progress: Progress) -> dict[str, object]:
    """The LSP value of a report: a percentage, the message with its counts and rate, and the time that is left."""
    parts = [progress.message] if progress.message else []
    value: dict[str, object] = {"kind": "report", "cancellable": True}
    if progress.total > 0:
        value["percentage"] = max(0, min(100, int(100 * progress.done / progress.total)))
    if progress.seconds_left is not None:
        parts.append(f"{_duration(progress.seconds_left)} left")
    value["message"] = " · ".join(parts)
    return value


def _duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 90 else f"{whole // 60} min {whole % 60:02d} s"
