"""A parent that is killed while its server is idle, computes, or builds."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.patience import PATIENCE
from tests.server.harness import ROOT, StreamPeer, notice, request
from tests.trust.real import TEXTS

WORK = ("idle", "attend", "build")
_PARENT = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdin=sys.stdin)
print(child.pid, file=sys.stderr, flush=True)
time.sleep(1200)
"""


def seconds_to_follow(
    model: Path, work: str, seed: int, *, program: Sequence[str] = ("exbert_rpc",), limit: float | None = None
) -> float:
    """Kill the parent of a working server; seconds until the server and its helpers are gone.

    Args:
        model: What it runs.
        work: One of ``WORK``.
        seed: Of the moment.
        program: The module that is run as the server, with what comes before ``serve``.
        limit: Seconds that are waited at most; two minutes, if not given.

    Raises:
        AssertionError: one of them outlived the parent by more than the limit.
    """
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, "-m", *program, "serve", "--store", store, "--model", str(model)]
        command += ["--pipeline", "blank:en", "--device", "cpu"]
        read, write = os.pipe()  # the server's input stays open: only the parent dies
        with subprocess.Popen(
            [sys.executable, "-c", _PARENT, *command],
            cwd=ROOT,
            stdin=read,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        ) as parent:
            family: list[psutil.Process] = []
            try:
                server = psutil.Process(int(parent.stderr.readline()))
                family = [server]
                _work(parent, write, work)
                time.sleep(random.Random(seed).random() * 2)
                family += server.children(recursive=True)
                assert _lives(server) and parent.poll() is None, "it had ended before its parent was killed"
                parent.kill()
                return _until_gone(family, PATIENCE if limit is None else limit)
            finally:
                parent.kill()
                for process in family:
                    if _lives(process):
                        process.kill()
                os.close(read)
                os.close(write)


def _work(parent: subprocess.Popen[bytes], write: int, work: str) -> None:
    """Initialize, and start what the parent will die under."""
    peer = StreamPeer(lambda: parent.stdout.read(65536), lambda data: _write_all(write, data), lambda: None).start()
    peer.initialize()
    peer.call("attend", {"text": "A first text.", "layers": [0]}, 1, 300.0)
    if work == "attend":
        for number in range(200):
            peer.send(request(number + 2, "attend", {"text": TEXTS[number % len(TEXTS)][:300]}))
    elif work == "build":
        sources = [{"uri": f"mem:{number}", "text": text} for number, text in enumerate(TEXTS)]
        peer.send(request(2, "indexCorpus", {"corpus": "c", "sources": sources}))
    peer.send(notice("$/cancelRequest", {"id": "nothing"}))


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _until_gone(family: list[psutil.Process], limit: float) -> float:
    start = time.monotonic()
    while living := [process.pid for process in family if _lives(process)]:
        assert time.monotonic() - start < limit, f"{living} outlived the parent"
        time.sleep(0.01)
    return time.monotonic() - start


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
