"""The server as it is installed, with real engines, under the peers of the server's own tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from pydoc_data.topics import topics

from tests.server.harness import Peer, Server

TEXTS = [text[:4000] for _, text in sorted(topics.items())]


class Real(Server):
    """``exbert-rpc serve`` in a process of its own; ``main`` is its first client, initialized.

    ``program`` is the module that is run for it, with what comes before ``serve``.
    """

    def __init__(
        self,
        store: Path,
        *arguments: str,
        model: Path | None = None,
        pipeline: str = "blank:en",
        transport: str = "stdio",
        program: Sequence[str] = ("exbert_rpc",),
    ) -> None:
        options = ["--store", str(store), "--pipeline", pipeline, "--device", "cpu", *arguments]
        options += [] if model is None else ["--model", str(model)]
        listening = ["--tcp", "127.0.0.1:0"] if transport == "tcp" else []
        super().__init__(transport, installed=[sys.executable, "-m", *program, "serve", *options, *listening])
        self.main: Peer = self.ready(processId=os.getpid())

    def ask(self, method: str, params: object = None, number: object = 1, timeout: float = 300.0) -> dict:
        """The whole reply to a request."""
        return self.main.call(method, params, number, timeout)

    def index(self, name: str, texts: list[str]) -> dict:
        """Build a corpus of inline texts."""
        sources = [{"uri": f"mem:{number}.txt", "text": text} for number, text in enumerate(texts)]
        reply = self.ask("indexCorpus", {"corpus": name, "sources": sources}, timeout=600.0)
        assert "result" in reply, reply
        return reply["result"]
