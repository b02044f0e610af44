"""What must hold of the frame reader for any bytes, and readers with a planted bug that do not keep it."""

from __future__ import annotations

import random
from collections.abc import Callable

from exbert_rpc.protocol.framing import FrameReader, _BadHeader
from exbert_rpc.server.transports.stdio import message_of

MAX_HEADER, MAX_BODY = 200, 400
SEED = b"Content-Length: 2\r\n\r\n{}"
LONG = b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1) + b"x" * (MAX_BODY + 1)
Reader = Callable[[int, int], FrameReader]


def check(stream: bytes, size: int, reader: Reader = FrameReader) -> None:
    """Bytes in one piece and in pieces of ``size`` give the same bodies, raise nothing, and none is too long."""
    whole = bodies(reader(MAX_HEADER, MAX_BODY), [stream])
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert bodies(reader(MAX_HEADER, MAX_BODY), pieces) == whole, "pieces give other bodies"
    for body in whole:
        assert len(body) <= MAX_BODY, "a body is too long"
        message_of(body)


def bodies(reader: FrameReader, pieces: list[bytes]) -> list[bytes]:
    """The message bodies in a stream."""
    return [found for piece in pieces for found in reader.feed(piece) if isinstance(found, bytes)]


def hunt(reader: Reader, examples: int, seed: int) -> str | None:
    """The first violation among so many random streams; ``None`` if there is none."""
    rng = random.Random(seed)
    for number in range(examples):
        stream, size = _stream(rng), rng.randint(1, 40)
        try:
            check(stream, size, reader)
        except Exception as error:
            return f"example {number}: {type(error).__name__}: {error}"
    return None


def _stream(rng: random.Random) -> bytes:
    """Frames, pieces of frames, headers of all kinds, and noise."""
    parts = []
    for _ in range(rng.randint(1, 6)):
        length = rng.choice([0, 1, 2, 7, MAX_BODY, MAX_BODY + 1])
        frame = b"Content-Length: %d\r\n\r\n" % length + rng.choice([b"{}", b"[1]", b"x" * length])
        name = rng.choice([b"content-length", b"Content-Type", b"X"])
        value = rng.choice([b"2", b"-1", b"0x2", b"9" * 30, b"", b"utf-8; charset=latin-1"])
        header = name + b": " + value + b"\r\n\r\n{}"
        noise = rng.randbytes(rng.randint(1, 30))
        parts.append(rng.choice([SEED, frame, frame[: rng.randrange(len(frame))], header, noise, b"\r\n\r\n"]))
    return b"".join(parts)


class LosesHalfHeaders(FrameReader):
    """Looking for the next header, it drops the beginning of one that comes in two pieces."""

    def _find_start(self) -> bool:
        found = super()._find_start()
        if not found:
            self._buffer.clear()
        return found


class TakesAnyLength(FrameReader):
    """It takes bodies of any length."""

    def _check_body(self, lines: list[bytes], length: int) -> None:
        """Nothing is refused."""


class BelievesLengths(FrameReader):
    """It reads a length as a number without having looked whether it is one."""

    def _content_length(self, lines: list[bytes], size: int) -> int:
        for line in lines:
            if line.lower().startswith(b"content-length:"):
                return int(line.partition(b":")[2])
        raise _BadHeader("no length", size)


PLANTED: dict[str, type[FrameReader]] = {
    one.__name__: one for one in (LosesHalfHeaders, TakesAnyLength, BelievesLengths)
}
