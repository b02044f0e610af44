"""The life and death of a server process: a clean stream, exit codes, signals, the parent's death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest

from exbert_rpc.server.transports import parent_watch
from exbert_rpc.server.transports.parent_watch import find_process, is_alive
from tests.patience import PATIENCE, assert_soon, within
from tests.samples import slow
from tests.server.harness import COMMAND, ROOT, TRANSPORTS, Server, frame, notice, request

PARENT = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdin=sys.stdin)
print(child.pid, flush=True)
time.sleep(600)
"""


def ended(process: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if psutil.Process(process).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("flag", [[], slow(["-u"])])
def test_whatever_prints_standard_output_holds_nothing_but_frames(flag):
    with subprocess.Popen(
        [sys.executable, *flag, *COMMAND[1:]],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        messages = [
            request(1, "initialize", {}),
            request(2, "attend", {"text": "print"}),
            request(3, "shutdown"),
            notice("exit"),
        ]
        # `shutdown` would cancel what still runs: wait for the answer of `attend` first
        process.stdin.write(frame(messages[0]) + frame(messages[1]))
        process.stdin.flush()
        seen = b""
        while b'"id":2' not in seen:
            seen += os.read(process.stdout.fileno(), 65536)
        rest, errors = process.communicate(frame(messages[2]) + frame(messages[3]), timeout=PATIENCE)
        seen += rest
        assert process.returncode == 0
    count = 0
    while seen:
        head, _, seen = seen.partition(b"\r\n\r\n")
        assert head.startswith(b"Content-Length: ")
        seen = seen[int(head.split(b":")[1]) :]
        count += 1
    assert count == 3
    for words in (b"hello", b"raw bytes on descriptor one", b"from a subprocess"):
        assert words in errors


def test_a_subprocess_cannot_eat_the_input_of_the_protocol(stdio):
    stdio.send(request(1, "attend", {"text": "print"}))  # one of its subprocesses reads its standard input to the end
    stdio.send(request(2, "ping"))
    assert sorted(stdio.reply()["id"] for _ in range(2)) == [1, 2]


def test_exit_after_shutdown_ends_with_0(fresh_stdio):
    fresh_stdio.result("shutdown")
    fresh_stdio.send(notice("exit"))
    assert fresh_stdio.server.wait() == 0


def test_exit_without_shutdown_ends_with_1(fresh_stdio):
    fresh_stdio.send(notice("exit"))
    assert fresh_stdio.server.wait() == 1


@pytest.mark.slow
def test_exit_before_initialize_ends_with_1():
    with Server() as server:
        server.peer().send(notice("exit"))
        assert server.wait() == 1


@pytest.mark.parametrize("after_shutdown", [True, slow(False)])
def test_end_of_input_ends_the_server_within_a_second(after_shutdown):
    def end() -> float:
        with Server() as server:
            peer = server.ready()
            if after_shutdown:
                peer.result("shutdown")
            start = time.monotonic()
            peer.close()
            assert server.wait() == (0 if after_shutdown else 1)
            return time.monotonic() - start

    assert_soon(end, 1.0, "end")


@pytest.mark.parametrize(
    ("kind", "number", "work"),
    [
        ("stdio", signal.SIGTERM, "indexCorpus"),
        ("tcp", signal.SIGINT, None),
        *(slow("stdio", signal.SIGINT, work) for work in (None, "attend", "indexCorpus")),
        *(slow("stdio", signal.SIGTERM, work) for work in (None, "attend")),
        *(slow(kind, signal.SIGTERM, "attend") for kind in TRANSPORTS[1:]),
    ],
)
def test_a_signal_ends_the_server_within_a_second_whatever_it_does(kind, number, work):
    def end() -> float:
        with Server(kind) as server:
            peer = server.ready()
            if work == "attend":
                peer.send(request(1, work, {"text": "block:20"}))
            elif work == "indexCorpus":
                peer.send(request(1, work, {"corpus": "c", "sources": [{"uri": "mem:1", "text": "slow"}]}))
            peer.result("ping", number=2)
            start = time.monotonic()
            server.process.send_signal(number)
            assert server.wait() == (1 if kind == "stdio" else 0)
            return time.monotonic() - start

    assert_soon(end, 1.0, "end")


def test_end_of_input_under_a_running_model_ends_the_server_within_a_second():
    def end() -> float:
        with Server() as server:
            peer = server.ready()
            peer.send(request(1, "attend", {"text": "block:20"}))
            peer.result("ping", number=2)
            start = time.monotonic()
            peer.close()
            assert server.wait() == 1
            return time.monotonic() - start

    assert_soon(end, 1.0, "end")


@pytest.mark.parametrize("work", ["attend", slow(None), slow("indexCorpus")])
def test_the_death_of_the_real_parent_ends_the_server_within_three_seconds(work):
    read, write = os.pipe()  # the server's input stays open: only the parent dies
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *COMMAND], cwd=ROOT, stdin=read, stdout=subprocess.PIPE
    ) as parent:
        child = int(parent.stdout.readline())
        os.write(write, frame(request(1, "initialize", {})))
        assert parent.stdout.readline().startswith(b"Content-Length")
        if work == "attend":
            os.write(write, frame(request(2, "attend", {"text": "block:20"})))
        elif work == "indexCorpus":
            sources = [{"uri": "mem:1", "text": "slow"}]
            os.write(write, frame(request(2, "indexCorpus", {"corpus": "c", "sources": sources})))
        time.sleep(0.3)
        assert psutil.pid_exists(child)
        parent.kill()
        assert ended(child, within(3.0, "watch"))
    os.close(read)
    os.close(write)


def test_the_death_of_process_id_ends_the_server_within_three_seconds():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as editor, Server() as server:
        server.ready(processId=editor.pid)
        editor.kill()  # it stays a zombie until it is waited for: dead all the same
        assert ended(server.process.pid, within(3.0, "watch"))
        assert server.process.wait() == 1


@pytest.mark.slow
def test_initialize_is_answered_within_a_second_of_a_bare_python():
    def bare() -> float:
        start = time.monotonic()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        return time.monotonic() - start

    def served() -> float:
        start = time.monotonic()
        with Server() as server:
            server.peer().initialize()
            return time.monotonic() - start

    assert min(served() for _ in range(3)) - min(bare() for _ in range(3)) < within(1.0, "start")


def test_heavy_libraries_are_not_imported_to_start_the_server():
    code = (
        "import sys; from exbert_rpc.server.transports import entry, stdio, websocket;"
        "heavy = {'torch', 'transformers', 'spacy', 'usearch'} & set(sys.modules); sys.exit(', '.join(heavy) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_no_socket_listens_by_default(fresh_stdio):
    fresh_stdio.result("ping")
    process = psutil.Process(fresh_stdio.server.process.pid)
    assert [one for one in process.net_connections() if one.status == psutil.CONN_LISTEN] == []


def test_a_server_without_standard_error_still_serves():
    with subprocess.Popen(
        ["sh", "-c", f"exec {' '.join(COMMAND)} 2>&-"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        messages = frame(request(1, "initialize", {})) + frame(request(2, "shutdown")) + frame(notice("exit"))
        out, _ = process.communicate(messages, timeout=PATIENCE)
    assert process.returncode == 0
    assert out.count(b"Content-Length") == 2


# --- the watch itself -----------------------------------------------------------------------------


@contextmanager
def sleeper():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_process_is_alive_until_it_has_ended_waited_for_or_not():
    with sleeper() as process:
        found = find_process(process.pid)
        assert is_alive(found)
        process.kill()
        assert ended(process.pid, PATIENCE)
        assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
        assert not is_alive(found)
        process.wait()
        assert not is_alive(found)
        assert find_process(process.pid) is None


def test_another_process_under_the_same_number_is_not_the_one_that_was_watched(monkeypatch):
    with sleeper() as process:
        found = find_process(process.pid)
        later = time.time() + 5
        monkeypatch.setattr(psutil.Process, "_get_ident", lambda self: (self.pid, later))
        assert is_alive(find_process(process.pid))
        assert not is_alive(found)


@pytest.mark.parametrize("number", [-1, 2**22 + 1, 2**40, 2**80])
def test_a_number_that_no_process_has_is_a_dead_process(number):
    assert not is_alive(find_process(number))


def test_a_watched_process_that_ends_is_noticed_once(monkeypatch):
    monkeypatch.setattr(parent_watch, "INTERVAL", 0.01)
    deaths = []
    with sleeper() as process:
        watch = parent_watch.ParentWatch(lambda: deaths.append(time.monotonic()))
        watch.watch(os.getpid())
        watch.watch(process.pid)
        watch.start()
        time.sleep(0.1)
        assert deaths == []
        process.kill()
        end = time.monotonic() + PATIENCE
        while not deaths and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.05)
    assert len(deaths) == 1


def test_where_a_dead_parent_stays_the_parent_it_is_watched_as_a_process(monkeypatch):
    monkeypatch.setattr(parent_watch, "_KEEPS_DEAD_PARENT", True)
    with sleeper() as process:
        monkeypatch.setattr(parent_watch.os, "getppid", lambda: process.pid)
        watch = parent_watch.ParentWatch(lambda: None)
        monkeypatch.undo()
        assert [is_alive(one) for one in watch._watched.values()] == [True]
        process.kill()
        process.wait()
        assert [is_alive(one) for one in watch._watched.values()] == [False]
