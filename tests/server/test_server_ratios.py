"""Beside each limit that stretches with the load: a ratio that load doesn't change, and a proof that it can fail."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import get_args

import psutil
import pytest

from exbert_rpc.server.transports import parent_watch
from tests.patience import PATIENCE, Bound
from tests.ratios import RECORDED, least, paired
from tests.server.harness import ROOT, Peer, Server, StreamPeer, notice, request

LIBRARIES = "import asyncio, concurrent.futures, lsprotocol.types, numpy, pygls.protocol, msgspec"
BARE = f"{LIBRARIES}, os, sys; print(flush=True); sys.stdin.read(); os._exit(0)"
ECHO = "import os\nwhile data := os.read(0, 65536): os.write(1, data)"
LOOK = 0.5  # seconds
Way = str | None
"""In which way the server is slower; ``None``: it is as it is."""
Sides = Callable[[Way], tuple[Peer, Callable[[], float]]]


def serving(way: Way) -> Server:
    """The fake server over stdio, as it is or slower in one way."""
    return Server(installed=None if way is None else [sys.executable, "-m", "tests.server.slowed_server", way])


def bare() -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def processor_time(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def until_end(process: subprocess.Popen[bytes]) -> float:
    """Seconds from the end of its input until a process has ended."""
    start = time.perf_counter()
    process.stdin.close()
    process.wait(PATIENCE)
    return time.perf_counter() - start


# --- the life of a process ------------------------------------------------------------------------


def start(way: Way, sides: Sides) -> float:
    def served() -> float:
        with serving(way) as server:
            server.peer().initialize()
            return processor_time(server.process.pid)

    def reference() -> float:
        with bare() as process:
            used = processor_time(process.pid)
            process.communicate()
            return used

    return paired(served, reference, 2 if way is None else 1)


def end(way: Way, sides: Sides) -> float:
    """Of a server that has imported all that it answers with; before that, an import ends first."""

    def served() -> float:
        with serving(way) as server:
            server.ready().result("attend", {"text": "a"})
            return until_end(server.process)

    def reference() -> float:
        with bare() as process:
            return until_end(process)

    return paired(served, reference, 4 if way is None else 1)


def watch(way: Way, sides: Sides) -> float:
    """A death right after a look, which the next look notices."""

    def noticed() -> float:
        with subprocess.Popen(["sleep", "600"]) as process:
            seen = threading.Event()
            watching = parent_watch.ParentWatch(seen.set)
            watching.watch(process.pid)
            begun = time.perf_counter()
            watching.start()
            process.kill()
            assert seen.wait(PATIENCE)
            return time.perf_counter() - begun

    def reference() -> float:
        with subprocess.Popen(["sleep", "600"]) as process:
            found = psutil.Process(process.pid)
            begun = time.perf_counter()
            process.kill()
            time.sleep(LOOK)
            while found.status() != psutil.STATUS_ZOMBIE:
                time.sleep(LOOK)
            return time.perf_counter() - begun

    with pytest.MonkeyPatch.context() as patch:
        if way is not None:
            patch.setattr(parent_watch, "INTERVAL", 8 * parent_watch.INTERVAL)
        return paired(noticed, reference, 3 if way is None else 1)


# --- messages -------------------------------------------------------------------------------------


def echoing(stack: ExitStack) -> Callable[[], float]:
    """Seconds of one message to a bare process and back."""
    process = stack.enter_context(
        subprocess.Popen([sys.executable, "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    )
    stack.callback(process.stdin.close)
    peer = StreamPeer(lambda: os.read(process.stdout.fileno(), 65536), process.stdin.write, process.stdin.close).start()
    return lambda: timed(lambda: peer.call("ping"))


def timed(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


@pytest.fixture(scope="module")
def sides():
    """A client of the server, as it is or slower, and an echo; each started once."""
    with ExitStack() as stack:
        echo = cache(lambda: echoing(stack))
        peer = cache(lambda way: stack.enter_context(serving(way)).ready())
        yield lambda way: (peer(way), echo())


def beside_echoes(way: Way, sides: Sides, measure: Callable[[Peer], float]) -> float:
    peer, echo = sides(way)
    return paired(lambda: measure(peer), echo, 30 if way is None else 8)


def ping(way: Way, sides: Sides) -> float:
    """While all workers compute, and more work waits."""

    def measure(peer: Peer) -> float:
        for number in range(4):
            peer.send(request(f"busy{number}", "attend", {"text": "block:0.02"}))
        begun = time.perf_counter()
        peer.send(request("ping", "ping"))
        first = peer.reply()
        passed = time.perf_counter() - begun
        others = [peer.reply()["id"] for _ in range(4)]
        assert first["id"] == "ping" or "ping" in others
        return passed if first["id"] == "ping" else 1.0

    return beside_echoes(way, sides, measure)


def cancel(way: Way, sides: Sides) -> float:
    """Of a request that a worker is at."""

    def measure(peer: Peer) -> float:
        peer.send(request(1, "attend", {"text": "block:0.05"}))
        time.sleep(0.005)
        begun = time.perf_counter()
        peer.send(notice("$/cancelRequest", {"id": 1}))
        assert peer.reply()["error"]["code"] == -32800
        return time.perf_counter() - begun

    return beside_echoes(way, sides, measure)


def reply(way: Way, sides: Sides) -> float:
    return beside_echoes(way, sides, lambda peer: timed(lambda: peer.result("attend", {"text": "a"})))


MEASURES: dict[Bound, tuple[Callable[[Way, Sides], float], str]] = {
    "start": (start, "start"),
    "end": (end, "end"),
    "watch": (watch, "interval"),
    "ping": (ping, "messages"),
    "cancel": (cancel, "messages"),
    "reply": (reply, "messages"),
}
"""How each ratio is measured, and in which way it is made worse."""


@pytest.mark.slow
@pytest.mark.parametrize("bound", MEASURES)
def test_what_a_stretched_limit_bounds_takes_no_more_of_its_reference_than_was_recorded(bound, sides, record_property):
    measure, _ = MEASURES[bound]
    found = least(lambda: measure(None, sides), RECORDED[bound].limit)
    record_property("ratio", f"{found:.2f}, recorded {RECORDED[bound].recorded:.2f}")
    print(f"{bound}: {found:.2f} times {RECORDED[bound].reference}; recorded {RECORDED[bound].recorded:.2f}")
    assert found < RECORDED[bound].limit


@pytest.mark.slow
@pytest.mark.parametrize("bound", MEASURES)
def test_a_slower_server_fails_the_ratio(bound, sides):
    measure, way = MEASURES[bound]
    assert measure(way, sides) > RECORDED[bound].limit


def test_each_limit_that_stretches_names_a_ratio():
    named = set()
    for path in sorted((ROOT / "tests").rglob("*.py")):
        named |= {(path.relative_to(ROOT), bound) for bound in bounds_named(path)}
    assert {bound for _, bound in named} == set(RECORDED) == set(MEASURES) == set(get_args(Bound)), named


PLACES = {"within": 1, "assert_soon": 2}
"""Which argument of these functions is the bound."""


def bounds_named(path: Path) -> list[object]:
    """What each limit in a file bounds, as far as it is written there."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = [(PLACES[call.func.id], call) for call in calls if getattr(call.func, "id", None) in PLACES]
    return [call.args[place].value for place, call in named if isinstance(call.args[place], ast.Constant)]
