"""The bounded cache against a slow list that does the same."""

from __future__ import annotations

import threading

import hypothesis.strategies as st
from hypothesis import given

from exbert_rpc.recent import Recent

KEYS = st.integers(0, 4)
STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "get", "get_or_put", "get_or_compute", "discard", "discard_value"]), KEYS)
    | st.tuples(st.just("clear"), st.just(0)),
    max_size=40,
)


class SlowList:
    """Pairs in the order of their last use, cut from the front by hand."""

    def __init__(self, max_count: int, max_bytes: int | None) -> None:
        self.pairs: list[tuple[int, str]] = []
        self.dropped: list[str] = []
        self._max_count, self._max_bytes = max_count, max_bytes

    def find(self, key: int) -> str | None:
        return next((value for known, value in self.pairs if known == key), None)

    def touch(self, key: int, value: str) -> None:
        self.pairs = [pair for pair in self.pairs if pair[0] != key] + [(key, value)]

    def put(self, key: int, value: str) -> None:
        self.touch(key, value)
        while len(self.pairs) > 1 and (
            len(self.pairs) > self._max_count
            or (self._max_bytes is not None and sum(len(kept) for _, kept in self.pairs) > self._max_bytes)
        ):
            self.dropped.append(self.pairs.pop(0)[1])


@given(STEPS, st.integers(1, 4), st.none() | st.integers(0, 12))
def test_what_is_kept_and_what_is_dropped_is_as_a_slow_list_says(steps, max_count, max_bytes):
    slow, dropped = SlowList(max_count, max_bytes), []
    recent: Recent[int, str] = Recent(max_count, max_bytes, len, dropped.append)
    for number, (step, key) in enumerate(steps):
        value, known = "x" * (number % 7), slow.find(key)
        if step == "put":
            recent.put(key, value)
            slow.put(key, value)
        elif step == "get":
            assert recent.get(key) == known
            if known is not None:
                slow.touch(key, known)
        elif step in ("get_or_put", "get_or_compute"):
            found = recent.get_or_put(key, value) if step == "get_or_put" else recent.get_or_compute(key, value.strip)
            assert found == (value if known is None else known)
            slow.put(key, value) if known is None else slow.touch(key, known)
        elif step == "discard":
            recent.discard(key)
            slow.pairs = [pair for pair in slow.pairs if pair[0] != key]
        elif step == "discard_value":
            recent.discard_value(key, value)  # an equal text of another length of life is another value
            slow.pairs = [pair for pair in slow.pairs if pair[0] != key or pair[1] is not value]
        else:
            assert recent.clear() == [kept for _, kept in slow.pairs]
            slow.pairs = []
        assert recent.current_keys() == [kept for kept, _ in slow.pairs]
        assert recent.nbytes == sum(len(kept) for _, kept in slow.pairs)
        assert dropped == slow.dropped
        assert len(recent) <= max_count


def test_the_newest_value_is_kept_whatever_its_size():
    recent: Recent[str, bytes] = Recent(4, 10, len)
    recent.put("small", b"1")
    recent.put("large", b"1" * 1000)
    assert recent.current_keys() == ["large"]
    recent.put("small", b"1")
    assert recent.current_keys() == ["small"]


def test_a_value_that_is_dropped_may_use_the_cache():
    recent: Recent[int, int] = Recent(1, on_drop=lambda value: seen.append((value, recent.get(2))))
    seen: list[tuple[int, int | None]] = []
    recent.put(1, 1)
    recent.put(2, 2)
    assert seen == [(1, 2)]


def test_of_many_threads_one_puts_its_value_in():
    recent: Recent[str, object] = Recent(4)
    start, found = threading.Barrier(16), []

    def ask() -> None:
        mine = object()
        start.wait()
        found.append((mine, recent.get_or_put("key", mine)))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(value) for _, value in found}) == 1
    assert sum(mine is value for mine, value in found) == 1


def test_sizes_add_up_after_many_threads_have_used_it():
    recent: Recent[int, bytes] = Recent(20, 500, len)

    def work(seed: int) -> None:
        for number in range(2_000):
            key = (number * 7 + seed) % 40
            (recent.put if number % 3 else recent.get_or_put)(key, b"x" * (key + 1))
            if number % 11 == 0:
                recent.discard(key)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recent.nbytes == sum(key + 1 for key in recent.current_keys()) <= 500
