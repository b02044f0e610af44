"""Values that were used lately, bounded by their number and their bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A cache whose least recently used values go first. Safe from any thread.

    The newest value is kept whatever its size. cachetools, which this replaces, refuses such a value, bounds either
    number or bytes, and leaves locks and what becomes of a value that goes to its callers.

    Args:
        max_count: Most values at once.
        max_bytes: Bound on the sum of their sizes; ``None``: no bound.
        size_of: Bytes of a value; asked once, when it is put in.
        on_drop: Called with each value that goes because of a bound, outside of the lock.
    """

    def __init__(
        self,
        max_count: int,
        max_bytes: int | None = None,
        size_of: Callable[[V], int] = lambda value: 0,  # noqa: ARG005
        on_drop: Callable[[V], object] = lambda value: None,  # noqa: ARG005
    ) -> None:
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._size_of = size_of
        self._on_drop = on_drop
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        """The sum of all sizes."""
        return self._bytes

    def get(self, key: K) -> V | None:
        """The value of a key, which is now the most recently used; ``None`` without one."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: K, value: V) -> None:
        """Keep a value, in place of one that has the same key."""
        size = self._size_of(value)
        with self._lock:
            self._remove(key)
            dropped = self._add(key, value, size)
        for one in dropped:
            self._on_drop(one)

    def get_or_put(self, key: K, value: V) -> V:
        """The value of a key; without one, ``value``, which is then kept. Of several threads one puts its value in."""
        size = self._size_of(value)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
            dropped = self._add(key, value, size)
        for one in dropped:
            self._on_drop(one)
        return value

    def get_or_compute(self, key: K, compute: Callable[[], V]) -> V:
        """The value of a key; without one, what ``compute`` gives. Threads that ask at once may each compute it."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        value = compute()
        self.put(key, value)
        return value

    def discard(self, key: K) -> None:
        """Take a value out, if it is there."""
        with self._lock:
            self._remove(key)

    def discard_value(self, key: K, value: V) -> None:
        """Take a value out, unless another one has its key by now."""
        with self._lock:
            if key in self._kept and self._kept[key][0] is value:
                self._remove(key)

    def current_keys(self) -> list[K]:
        """The keys, least recently used first."""
        with self._lock:
            return list(self._kept)

    def clear(self) -> list[V]:
        """Take all values out, least recently used first."""
        with self._lock:
            values = [value for value, _ in self._kept.values()]
            self._kept.clear()
            self._bytes = 0
        return values

    def _add(self, key: K, value: V, size: int) -> list[V]:
        self._kept[key] = (value, size)
        self._bytes += size
        dropped = []
        while len(self._kept) > 1 and self._is_too_full():
            _, (old, nbytes) = self._kept.popitem(last=False)
            self._bytes -= nbytes
            dropped.append(old)
        return dropped

    def _is_too_full(self) -> bool:
        return len(self._kept) > self._max_count or (self._max_bytes is not None and self._bytes > self._max_bytes)

    def _remove(self, key: K) -> None:
        if key in self._kept:
            self._bytes -= self._kept.pop(key)[1]
