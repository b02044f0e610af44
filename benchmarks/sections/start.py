"""How soon a new server answers ``initialize``."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from benchmarks.rows import Row, at_most
from benchmarks.scale import Scale
from benchmarks.timing import interleaved
from exbert_rpc.client import Client

SECTION = "Cold start"


def run(scale: Scale) -> list[Row]:
    """A server process from nothing to its first answer, and an interpreter that does nothing."""
    del scale
    clients: list[Client] = []
    with tempfile.TemporaryDirectory() as store:

        def serve() -> None:
            clients.append(Client.spawn(store=store, stderr=subprocess.DEVNULL))

        def close() -> None:
            clients.pop().close()

        calls = {"server": serve, "close": close, "pass": lambda: subprocess.run([sys.executable, "-c", "pass"])}
        times = interleaved(calls, 7, warm_up=1)
    more = times.s("server") - times.s("pass")
    detail = f"{times.s('server'):.2f} s against {times.s('pass'):.2f} s"
    return [at_most(SECTION, "`initialize` answered: seconds more", "`python -c pass`", 1, more, "s", detail)]
