"""A JSON-RPC batch: its replies go back together, as one array."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Batch:
    """Collects ``expected`` replies, from any threads, and then sends them."""

    def __init__(self, expected: int, send: Callable[[bytes], None]) -> None:
        self._expected = expected
        self._send = send
        self._replies: list[bytes] = []
        self._lock = threading.Lock()

    def add(self, reply: bytes) -> None:
        """Take one reply; the last one sends the batch."""
        with self._lock:
            self._replies.append(reply)
            complete = len(self._replies) == self._expected
        if complete:
            self._send(b"[%s]" % b",".join(self._replies))
