"""Things that a session may ask for again: bounded, least recently used goes first."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from exbert_rpc.errors import UnknownHandle

T = TypeVar("T")


class Handles(Generic[T]):
    """Values under random names, each belonging to one session. Safe from any thread.

    Args:
        field: What a name is called in requests, for the error.
        max_bytes: Bound on the sum of all sizes; the newest value is kept whatever its size.
        max_count: Bound on their number.
        size_of: Bytes of a value.
    """

    def __init__(self, field: str, max_bytes: int, max_count: int, size_of: Callable[[T], int]) -> None:
        self._field = field
        self._max_bytes = max_bytes
        self._max_count = max_count
        self._size_of = size_of
        self._lock = threading.Lock()
        self._values: OrderedDict[tuple[str, str], T] = OrderedDict()
        self._bytes = 0

    def put(self, session: str, value: T) -> str:
        """Keep a value; returns its name."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._values[session, name] = value
            self._bytes += self._size_of(value)
            while len(self._values) > 1 and (self._bytes > self._max_bytes or len(self._values) > self._max_count):
                _, dropped = self._values.popitem(last=False)
                self._bytes -= self._size_of(dropped)
        return name

    def get(self, session: str, name: str) -> T:
        """The value of a name; raises ``UnknownHandle`` if it never was this session's, or has expired."""
        with self._lock:
            try:
                value = self._values[session, name]
            except KeyError:
                raise UnknownHandle(
                    f"{self._field} {name[:40]!r} is unknown or has expired",
                    hint="send the text (or the search) again",
                    field=self._field,
                ) from None
            self._values.move_to_end((session, name))
            return value

    def drop_session(self, session: str) -> None:
        """Forget all values of a session."""
        with self._lock:
            for key in [key for key in self._values if key[0] == session]:
                self._bytes -= self._size_of(self._values.pop(key))
