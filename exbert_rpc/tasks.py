"""How a long call reports and is stopped, without knowing who asked for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TypeVar

from exbert_rpc.errors import Cancelled

T = TypeVar("T")

_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Progress:
    """One report of a long call.

    Attributes:
        message: What is being done, for a person.
        done: Units finished so far.
        total: Units altogether; 0 while unknown.
        seconds_left: Estimate of the remaining time in seconds; ``None`` while unknown.
    """

    message: str
    done: int = 0
    total: int = 0
    seconds_left: float | None = None


class Task:
    """A running call: where it reports to, and whether it should stop.

    Long loops call :meth:`check` once a batch and :meth:`report` as often as they like.
    """

    def __init__(self, on_progress: Callable[[Progress], None] | None = None) -> None:
        self._on_progress = on_progress
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Ask the call to stop at its next check. Safe from any thread, any number of times."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Return at once, or raise :class:`~exbert_rpc.errors.Cancelled` if cancelled."""
        if self._cancelled.is_set():
            raise Cancelled

    def run(self, work: Callable[[], T]) -> T:
        """What ``work`` gives or raises, run in a thread of its own, so that a cancel need not wait for its end.

        Raises:
            Cancelled: the task was cancelled; ``work`` goes on in the background and its outcome is dropped.
        """
        outcome: Future[T] = Future()

        def go() -> None:
            try:
                outcome.set_result(work())
            except BaseException as exc:
                outcome.set_exception(exc)

        self.check()
        threading.Thread(target=go, name="task", daemon=True).start()
        return self.wait(outcome)

    def wait(self, outcome: Future[T]) -> T:
        """What work in another thread gives or raises.

        Raises:
            Cancelled: the task was cancelled first.
        """
        while not wait([outcome], timeout=_POLL_SECONDS).done:
            self.check()
        return outcome.result()

    def report(self, progress: Progress) -> None:
        """Pass a report on, if there is a listener."""
        if self._on_progress is not None:
            self._on_progress(progress)
