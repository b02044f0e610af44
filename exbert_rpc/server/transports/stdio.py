"""stdio: the stream is ours alone. Whatever prints, in Python, C or a subprocess, prints to standard error.

The reader has a thread of its own, so that a cancellation is read while every worker computes; the writer has one, so
that a client that reads slowly never stops the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from exbert_rpc.protocol.error_codes import reserved
from exbert_rpc.protocol.framing import FrameError, FrameReader, encode_frame, encode_header
from exbert_rpc.protocol.jsonrpc import Invalid, Message, decode
from exbert_rpc.server.host import Host
from exbert_rpc.server.session import Session
from exbert_rpc.server.transports.parent_watch import ParentWatch

logger = logging.getLogger(__name__)

_CHUNK = 1 << 16
_PIPE = (
    1 << 18
)  # bytes of an answer between us and the client: each fill wakes the other, twice 50 µs (64 KiB by default)
_AHEAD = 4_096  # messages that are read ahead of the event loop
_OUTBOX = 64 * 1024 * 1024  # bytes that wait for the client to read them; beyond, readers and workers wait


def claim_streams() -> tuple[int, int]:
    """Take standard input and output away from everybody else; returns descriptors for the protocol.

    Afterwards descriptor 0 reads nothing and descriptor 1 is standard error.
    """
    reading, writing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # started without standard error
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
    os.close(nothing)
    sys.stdout = sys.stderr
    _widen(writing)
    return reading, writing


def _widen(descriptor: int) -> None:
    """Let a pipe hold more, where it is one and the system can."""
    if sys.platform == "linux":
        with suppress(ImportError, OSError):
            import fcntl

            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)


class PipeWriter:
    """Writes frames from a thread of its own, in the order that they were given."""

    def __init__(self, descriptor: int, on_broken: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._on_broken = on_broken
        self._frames: queue.SimpleQueue[tuple[bytes, ...] | None] = queue.SimpleQueue()
        self._size = 0
        self._room = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="stdout", daemon=True)
        self._thread.start()

    def send(self, body: bytes) -> None:
        """Queue one message; never blocks."""
        # a large body is not copied for the sake of a second system call
        frame = (encode_header(body), body) if len(body) > _PIPE else (encode_frame(body),)
        with self._room:
            self._size += sum(map(len, frame))
        self._frames.put(frame)

    def wait_for_room(self) -> None:
        """Block while the client leaves too much unread."""
        with self._room:
            while self._size > _OUTBOX:
                self._room.wait(1.0)

    def close(self, seconds: float) -> None:
        """Write what is queued, for at most so long."""
        self._frames.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (frame := self._frames.get()) is not None:
            try:
                for part in frame:
                    view = memoryview(part)
                    while view:
                        view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                logger.warning("the client reads no more: %s", error)
                self._on_broken()
                return
            with self._room:
                self._size -= sum(map(len, frame))
                self._room.notify_all()


async def serve_stdio(host: Host, reading: int, writing: int, stopped: asyncio.Event) -> int:
    """Serve the one client of standard input until it leaves; returns the exit code."""
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[int] = loop.create_future()

    def finish(code: int | None = None) -> None:
        if not finished.done():
            finished.set_result(session.exit_code if code is None else code)

    def finish_from_thread() -> None:
        loop.call_soon_threadsafe(finish)

    writer = PipeWriter(writing, finish_from_thread)
    watch = ParentWatch(finish_from_thread)
    session = Session(host, writer.send, finish, "stdio", watch.watch, writer.wait_for_room)
    watch.start()
    arguments = (reading, loop, session.receive, finish, writer.wait_for_room)
    threading.Thread(target=_read, args=arguments, name="stdin", daemon=True).start()
    stopping = asyncio.create_task(stopped.wait())
    stopping.add_done_callback(lambda _: finish())
    await finished
    stopping.cancel()
    watch.stop()
    session.close()
    await asyncio.to_thread(writer.close, 0.3)
    return finished.result()


def _read(
    descriptor: int,
    loop: asyncio.AbstractEventLoop,
    receive: Callable[[Message | list[Message]], None],
    finish: Callable[[], None],
    wait_for_room: Callable[[], None],
) -> None:
    """Read, cut and decode in this thread; hand messages to the loop, not too many ahead of it."""
    reader = FrameReader()
    room = threading.BoundedSemaphore(_AHEAD)

    def deliver(message: Message | list[Message]) -> None:
        try:
            receive(message)
        finally:
            room.release()

    try:
        while data := os.read(descriptor, _CHUNK):
            for body in reader.feed(data):
                room.acquire()
                loop.call_soon_threadsafe(deliver, message_of(body))
            wait_for_room()
        loop.call_soon_threadsafe(finish)
    except (OSError, RuntimeError) as error:  # the descriptor or the loop is gone: so is the client
        logger.debug("reading ended: %s", error)
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish)


def message_of(body: bytes | FrameError) -> Message | list[Message]:
    """The message in a frame; a bad frame is a message that cannot be read."""
    if isinstance(body, FrameError):
        return Invalid(None, reserved("parseError", body.reason))
    return decode(body)
