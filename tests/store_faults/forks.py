"""Children that may die: what they said before, and how they ended.

The parent must have no threads (a child would wait for them for ever): it opens corpora but never searches.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Say = Callable[..., None]


@dataclass(frozen=True)
class Ended:
    """What a child said, line by line, and how it ended: its exit code, or minus the signal."""

    said: list[list[Any]]
    code: int


def run_child(
    work: Callable[[Say], None], *, kill_after: tuple[int, float] | None = None, timeout: float = 600.0
) -> Ended:
    """Run ``work`` in a fork; kill it so many seconds after it has said so many words, if it still runs then."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _be_child(work, writing)
    os.close(writing)
    words, delay = (1 << 30, timeout) if kill_after is None else kill_after
    deadline = time.monotonic() + (delay if words == 0 else timeout)
    data = bytearray()
    while True:
        ready, _, _ = select.select([reading], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            os.kill(pid, signal.SIGKILL)
            deadline += 3600
            continue
        piece = os.read(reading, 1 << 16)
        if not piece:
            break
        data += piece
        if words > 0 and data.count(b"\n") >= words:
            words, deadline = 0, time.monotonic() + delay
    os.close(reading)
    _, status = os.waitpid(pid, 0)
    lines = data.decode().splitlines()
    if lines and not data.endswith(b"\n"):
        lines.pop()  # a word that was cut off was not said
    return Ended([json.loads(line) for line in lines], os.waitstatus_to_exitcode(status))


def _be_child(work: Callable[[Say], None], writing: int) -> None:
    def say(*words: Any) -> None:
        os.write(writing, json.dumps(words).encode() + b"\n")

    code = 1
    try:
        work(say)
        code = 0
    except BaseException as error:
        with suppress(BaseException):
            say("raised", type(error).__name__, str(error), traceback.format_exc())
    finally:
        os._exit(code)
