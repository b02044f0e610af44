"""Requests of every kind in one stream, and what they leave behind in the server."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import psutil

from tests.patience import PATIENCE
from tests.server.harness import request
from tests.trust.real import TEXTS, Real


@dataclass(frozen=True)
class Footprint:
    """What a server holds: bytes of memory (its own and its helpers'), threads, descriptors, helper processes."""

    rss: int
    threads: int
    descriptors: int
    helpers: int


def growth(warm: Footprint, end: Footprint) -> list[str]:
    """What grew that must not: memory by more than 5 %, and anything else at all."""
    grown = end.rss / warm.rss - 1
    found = [f"memory grew by {grown:.1%}"] if grown > 0.05 else []
    counted = [(name, getattr(warm, name), getattr(end, name)) for name in ("threads", "descriptors", "helpers")]
    return found + [f"{name}: {before} became {after}" for name, before, after in counted if before != after]


class Mix:
    """One client that asks for everything, rightly and wrongly; corpora ``one`` and ``two`` are its own."""

    def __init__(self, server: Real, seed: int = 0) -> None:
        self.server = server
        self.random = random.Random(seed)
        self.captures: list[str] = []
        self.searches: list[str] = []
        self.sent = 0
        self.failed: dict[int, int] = {}
        server.index("one", TEXTS[:3])
        self._start_all_workers()

    def some(self, count: int) -> Footprint:
        """Send so many requests, each answered before the next; what the server holds at the end."""
        for _ in range(count):
            self.sent += 1
            method, params = self._next()
            reply = self.server.ask(method, params, self.sent)
            assert reply["id"] == self.sent, (method, params, reply)
            if "error" in reply:
                code = reply["error"]["code"]
                assert code in (-32601, -32602, -33001, -33003, -33006, -33008), (method, params, reply)
                self.failed[code] = self.failed.get(code, 0) + 1
            elif method == "attend":
                self.captures = [*self.captures[-20:], reply["result"]["captureId"]]
            elif method == "searchContexts":
                self.searches = [*self.searches[-20:], reply["result"]["searchId"]]
        return self.footprint()

    def footprint(self) -> Footprint:
        """What the server holds once what it does aside has ended."""
        time.sleep(0.5)
        process = psutil.Process(self.server.process.pid)
        helpers = process.children(recursive=True)
        rss = sum(one.memory_info().rss for one in [process, *helpers])
        return Footprint(rss, process.num_threads(), process.num_fds(), len(helpers))

    def _start_all_workers(self) -> None:
        """Ask for much at once: workers, and the threads of their kernels, start only when they are needed."""
        for _ in range(3):
            numbers = [f"worker {number}" for number in range(16)]
            for number in numbers:
                self.server.main.send(request(number, "attend", {"text": self._text() * 2}))
            answered = [self.server.main.reply(PATIENCE)["id"] for _ in numbers]
            assert sorted(answered) == sorted(numbers)

    def _next(self) -> tuple[str, dict]:
        text = self._text()
        layer = self.random.randrange(3)
        search = {"corpus": "one", "text": text, "token": 1, "k": self.random.randint(1, 50)}
        search |= self.random.choice(
            [{"space": "hiddenState", "hiddenLayer": layer}, {"space": "headOutput", "layer": layer}]
        )
        kinds = [("attend", {"text": text, "tensors": self.random.choice(["list", "float16", "uint8"])})] * 8
        kinds += [("attend", {"text": text, "textPair": "A pair.", "mask": [2], "annotate": False})] * 2
        kinds += [("searchContexts", search)] * 4 + [("summarize", search)] + [("ping", {})] * 2
        kinds += [(name, {}) for name in ("listModels", "listCorpora")]
        kinds += [("describeCorpus", {"corpus": "one"}), ("describeCorpus", {"corpus": "../none"}), ("nonsense", {})]
        kinds += [
            ("attend", {"text": ""}),
            ("attend", {"text": "\ud800"}),
            ("attend", {"text": text * 40}),
            ("attend", {}),
        ]
        kinds += [
            ("attend", {"text": text, "model": "no/such"}),
            ("searchContexts", {"corpus": "none", **search | {"corpus": "none"}}),
        ]
        kinds += [("attend", {"captureId": self._handle(self.captures), "layers": [layer]})] * 2
        kinds += [("summarize", {"searchId": self._handle(self.searches)})]
        return self.random.choice(kinds)

    def _text(self) -> str:
        source = self.random.choice(TEXTS)
        start = self.random.randrange(max(1, len(source) - 80))
        return source[start : start + self.random.randint(20, 70)].strip() or "A text."

    def _handle(self, kept: list[str]) -> str:
        return self.random.choice(kept) if kept and self.random.random() < 0.9 else "unknown"
