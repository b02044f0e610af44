"""Notices that the process that started us, or the client that we serve, has died."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

INTERVAL = 0.5  # seconds between two looks
_KEEPS_DEAD_PARENT = os.name == "nt"  # elsewhere an orphan gets another parent


class ParentWatch:
    """Calls ``on_death`` once, from a thread of its own, when the real parent or a watched process is gone."""

    def __init__(self, on_death: Callable[[], None]) -> None:
        self._on_death = on_death
        self._parent = os.getppid()
        self._watched: dict[int, psutil.Process | None] = {}
        self._stop = threading.Event()
        if _KEEPS_DEAD_PARENT:
            self.watch(self._parent)

    def watch(self, process: int) -> None:
        """Watch another process, too (``processId`` of ``initialize``)."""
        self._watched[process] = find_process(process)

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="parent-watch", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL):
            if os.getppid() != self._parent or not all(map(is_alive, list(self._watched.values()))):
                self._on_death()
                return


def find_process(process: int) -> psutil.Process | None:
    """The process that has this number now, told by its start from a later one; ``None`` without one."""
    import psutil  # 18 ms that a server without an editor need not spend

    try:
        return psutil.Process(process)
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return None


def is_alive(process: psutil.Process | None) -> bool:
    """Whether a process still runs: neither gone, nor a zombie, nor another process under its number."""
    import psutil

    if process is None:
        return False
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # another user's: it runs
        return True
