"""Notices that the process that started us, or the client that we serve, has died."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

INTERVAL = 0.5  # seconds between two looks


class ParentWatch:
    """Calls ``on_death`` once, from a thread of its own, when the real parent or a watched process is gone."""

    def __init__(self, on_death: Callable[[], None]) -> None:
        self._on_death = on_death
        self._parent = os.getppid()
        self._watched: dict[int, str | None] = {}
        self._stop = threading.Event()

    def watch(self, process: int) -> None:
        """Watch another process, too (``processId`` of ``initialize``)."""
        self._watched[process] = _started_at(process)

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="parent-watch", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL):
            if os.getppid() != self._parent or not all(map(self._alive, list(self._watched))):
                self._on_death()
                return

    def _alive(self, process: int) -> bool:
        if not is_alive(process):
            return False
        return _started_at(process) == self._watched[process]


def is_alive(process: int) -> bool:
    """Whether a process runs; a zombie does not."""
    if _state(process) == "Z":
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _stat(process: int) -> list[str]:
    """Fields of ``/proc/<pid>/stat`` behind the command name; empty where there is no such file."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _state(process: int) -> str:
    fields = _stat(process)
    return fields[0] if fields else ""


def _started_at(process: int) -> str | None:
    """When a process started: tells it from another one that got its number."""
    fields = _stat(process)
    return fields[19] if len(fields) > 19 else None
