"""Things that a session may ask for again: bounded, least recently used goes first."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Generic, TypeVar

from exbert_rpc.errors import UnknownHandle
from exbert_rpc.recent import Recent

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
        self._values: Recent[tuple[str, str], T] = Recent(max_count, max_bytes, size_of)

    def put(self, session: str, value: T) -> str:
        """Keep a value; returns its name."""
        name = secrets.token_urlsafe(12)
        self._values.put((session, name), value)
        return name

    def get(self, session: str, name: str) -> T:
        """The value of a name; raises ``UnknownHandle`` if it never was this session's, or has expired."""
        value = self._values.get((session, name))
        if value is None:
            raise UnknownHandle(
                f"{self._field} {name[:40]!r} is unknown or has expired",
                hint="send the text (or the search) again",
                field=self._field,
            )
        return value

    def drop_session(self, session: str) -> None:
        """Forget all values of a session."""
        for key in self._values.current_keys():
            if key[0] == session:
                self._values.discard(key)
