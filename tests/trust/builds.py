"""Real builds: how quickly others are answered meanwhile, and how quickly a cancel stops them."""

from __future__ import annotations

import queue
import random
import time

from tests.patience import PATIENCE
from tests.server.harness import notice, request
from tests.trust.real import TEXTS, Real


def percentile(times: list[float], share: float) -> float:
    """The smallest of ``times`` that ``share`` of them do not exceed."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def pings_under_builds(server: Real, seconds: float) -> list[float]:
    """Seconds that each ping took while a build ran; when one ends, the next begins."""
    times: list[float] = []
    left, number = seconds, 0
    while left > 0:
        params = {"corpus": "pings", "sources": _sources(f"Pings {number}"), "workDoneToken": f"b{number}"}
        server.main.send(request("build", "indexCorpus", params))
        _wait_for_passes(server, f"b{number}")
        left = _ping(server, times, left)
        number += 1
    server.main.send(notice("$/cancelRequest", {"id": "build"}))
    assert server.main.reply(PATIENCE)["id"] == "build"
    return times


def _ping(server: Real, times: list[float], seconds: float) -> float:
    """Ping until the time is over or the build has ended; the seconds that are left."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        start = time.perf_counter()
        server.main.send(request(len(times), "ping"))
        first = server.main.reply(PATIENCE)
        ended = first["id"] == "build"
        answered = server.main.reply(PATIENCE) if ended else first
        assert answered["id"] == len(times), answered
        times.append(time.perf_counter() - start)
        if ended:
            return max(0.1, stop - time.monotonic())
        time.sleep(0.02)
    return 0.0


def _sources(beginning: str) -> list[dict[str, str]]:
    """The texts as documents no paragraph of which an earlier build has seen."""
    texts = ["\n\n".join(f"{beginning}. {part}" for part in text.split("\n\n")) for text in TEXTS]
    return [{"uri": f"mem:{beginning}-{at}", "text": text} for at, text in enumerate(texts)]


def cancelled_builds(server: Real, runs: int, seed: int) -> list[float]:
    """Seconds from each cancel to the reply; the corpus can be described, or is not there, after each of them."""
    random.seed(seed)
    times = []
    for number in range(runs):
        server.main.send(request(number, "indexCorpus", {"corpus": "cancelled", "sources": _sources(str(number))}))
        # some late enough to meet a segment of 192 MiB being written, and a few of those too late
        late = number % 5 == 4
        time.sleep(random.random() * (16 if late else 6))
        start = time.perf_counter()
        server.main.send(notice("$/cancelRequest", {"id": number}))
        reply = server.main.reply(PATIENCE)
        times.append(time.perf_counter() - start)
        assert reply["id"] == number, reply
        assert (late and "result" in reply) or reply["error"]["code"] == -32800, reply
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
