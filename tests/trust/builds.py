"""Real builds: how quickly others are answered meanwhile, and how quickly a cancel stops them."""

from __future__ import annotations

import queue
import random
import time

from tests.patience import PATIENCE
from tests.server.harness import notice, request
from tests.trust.real import TEXTS, Real

SOURCES = [{"uri": f"mem:{number}", "text": text} for number, text in enumerate(TEXTS)]


def percentile(times: list[float], share: float) -> float:
    """The smallest of ``times`` that ``share`` of them do not exceed."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def pings_under_a_build(server: Real, seconds: float) -> tuple[list[float], bool]:
    """Seconds that each ping took, and whether the build ran until the last of them."""
    server.main.send(request("build", "indexCorpus", {"corpus": "pings", "sources": SOURCES, "workDoneToken": "b"}))
    _wait_for_passes(server, "b")
    times: list[float] = []
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        start = time.perf_counter()
        server.main.send(request(len(times), "ping"))
        reply = server.main.reply(PATIENCE)
        if reply["id"] == "build":
            return times, False
        times.append(time.perf_counter() - start)
        time.sleep(0.02)
    server.main.send(notice("$/cancelRequest", {"id": "build"}))
    return times, server.main.reply(PATIENCE)["error"]["code"] == -32800


def cancelled_builds(server: Real, runs: int, seed: int) -> list[float]:
    """Seconds from each cancel to the reply; the corpus can be described, or is not there, after each of them."""
    random.seed(seed)
    times = []
    for number in range(runs):
        sources = [{"uri": f"mem:{number}-{at}", "text": f"{number}. {text}"} for at, text in enumerate(TEXTS)]
        server.main.send(request(number, "indexCorpus", {"corpus": "cancelled", "sources": sources}))
        time.sleep(random.random() * 6)
        start = time.perf_counter()
        server.main.send(notice("$/cancelRequest", {"id": number}))
        reply = server.main.reply(PATIENCE)
        times.append(time.perf_counter() - start)
        assert reply["id"] == number and reply["error"]["code"] == -32800, reply
        state = server.ask("describeCorpus", {"corpus": "cancelled"}, "state")
        assert state.get("error", {}).get("code") == -33003 or state["result"]["damaged"] == [], state
    return times


def _wait_for_passes(server: Real, token: str) -> None:
    """Until the build reports counts of what it has run through the model."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            message = server.main.receive(1.0)
        except queue.Empty:
            continue
        assert "id" not in message, message
        if message["params"].get("token") == token and message["params"]["value"].get("percentage", 0) > 0:
            return
    raise AssertionError("the build did not begin")
