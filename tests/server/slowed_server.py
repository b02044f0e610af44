"""The fake server, slower in one way: ``python -m tests.server.slowed_server messages``. Negative controls."""

from __future__ import annotations

import os
import sys
import time

from tests.server import fake_server

SECONDS = {"start": 3.0, "end": 6.0, "messages": 0.03}
"""How much slower: processor time for the start, time that nothing happens for the others."""


def spin(seconds: float) -> None:
    """Use the processor."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def slow_messages() -> None:
    """Each message waits before it is looked at."""
    from exbert_rpc.server.session import Session

    honest = Session.receive

    def receive(self, message):
        time.sleep(SECONDS["messages"])
        honest(self, message)

    Session.receive = receive


def slow_end() -> None:
    """The server takes its time to end."""
    honest = os._exit

    def end(code):
        time.sleep(SECONDS["end"])
        honest(code)

    os._exit = end


def main() -> int:
    way = sys.argv.pop(1)
    if way == "start":
        spin(SECONDS["start"])
    elif way == "messages":
        slow_messages()
    elif way == "end":
        slow_end()
    return fake_server.main()


if __name__ == "__main__":
    sys.exit(main())
