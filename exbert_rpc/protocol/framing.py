"""The LSP base protocol (a ``Content-Length`` header and a body), read in any pieces, under caps.

Nothing is allocated before it has arrived. What cannot be a header is refused at its first wrong byte, so that a
peer that speaks another language (HTTP, bare JSON, noise) is not waited for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_HEADER = 8 * 1024
MAX_BODY = 64 * 1024 * 1024

_FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e]*")
_PARTIAL_FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]*(?:(?<=.):[\t\x20-\x7e]*\r?)?|\r")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_CHARSET = re.compile(rb"charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)
_START = re.compile(rb"Content-(?:Length|Type):", re.IGNORECASE)
_START_LENGTH = len(b"Content-Length:")


@dataclass(frozen=True, slots=True)
class FrameError:
    """Bytes that are not a frame, and why."""

    reason: str


class _BadHeader(Exception):
    """The header is wrong and where its body ends is unknown; ``drop`` bytes certainly belong to it."""

    def __init__(self, reason: str, drop: int = 1) -> None:
        super().__init__(reason)
        self.drop = drop


class _BadBody(Exception):
    """The header says how long a body is that will not be taken."""

    def __init__(self, reason: str, length: int) -> None:
        super().__init__(reason)
        self.length = length


def encode_header(body: bytes) -> bytes:
    """What goes over a byte stream before a message."""
    return b"Content-Length: %d\r\n\r\n" % len(body)


def encode_frame(body: bytes) -> bytes:
    """One message as it goes over a byte stream."""
    return encode_header(body) + body


class FrameReader:
    """Turns a byte stream into message bodies.

    After a bad header the reader drops bytes up to the next thing that looks like one; after a header whose body is
    too long or has a charset that is not UTF-8 it drops that body. Each stretch that was dropped yields one
    :class:`FrameError`.
    """

    def __init__(self, max_header: int = MAX_HEADER, max_body: int = MAX_BODY) -> None:
        self.max_header = max_header
        self.max_body = max_body
        self._buffer = bytearray()
        self._length: int | None = None  # of the body being read; None: a header is being read
        self._skip = 0  # bytes of a refused body still to come
        self._lost = False  # looking for the next header

    @property
    def pending(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._buffer) or self._length is not None or self._skip > 0

    def feed(self, data: bytes) -> Iterator[bytes | FrameError]:
        """Yield every message body that ``data`` completes, and every error that it reveals."""
        self._buffer += data
        while True:
            try:
                body = self._next()
            except _BadBody as error:
                self._skip = error.length
                yield FrameError(str(error))
                continue
            except _BadHeader as error:
                self._lost = True
                del self._buffer[: error.drop]
                yield FrameError(str(error))
                continue
            if body is None:
                return
            yield body

    def _next(self) -> bytes | None:
        if self._skip:
            dropped = min(self._skip, len(self._buffer))
            del self._buffer[:dropped]
            self._skip -= dropped
            if self._skip:
                return None
        if self._lost and not self._find_start():
            return None
        if self._length is None:
            self._length = self._read_header()
        if self._length is None or len(self._buffer) < self._length:
            return None
        body = bytes(memoryview(self._buffer)[: self._length])
        del self._buffer[: self._length]
        self._length = None
        return body

    def _find_start(self) -> bool:
        found = _START.search(self._buffer)
        if found is None:
            del self._buffer[: max(0, len(self._buffer) - _START_LENGTH)]
            return False
        del self._buffer[: found.start()]
        self._lost = False
        return True

    def _read_header(self) -> int | None:
        end = self._buffer.find(b"\r\n\r\n", 0, self.max_header + 4)
        if end < 0:
            self._check_partial()
            return None
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        length = self._content_length(lines, end + 4)
        del self._buffer[: end + 4]
        self._check_body(lines, length)
        return length

    def _check_partial(self) -> None:
        if len(self._buffer) > self.max_header:
            raise _BadHeader(f"a header is longer than {self.max_header} bytes")
        *lines, last = bytes(self._buffer).split(b"\r\n")
        if not all(_FIELD.fullmatch(line) for line in lines) or not _PARTIAL_FIELD.fullmatch(last):
            raise _BadHeader("a header is not made of `Name: value` lines that end in CR LF")

    def _content_length(self, lines: list[bytes], size: int) -> int:
        if not all(_FIELD.fullmatch(line) for line in lines):
            raise _BadHeader("a header is not made of `Name: value` lines that end in CR LF")
        values = [line.partition(b":")[2].strip() for line in lines if line.lower().startswith(b"content-length:")]
        if len(values) != 1:
            raise _BadHeader(f"a header has {len(values)} Content-Length fields; it must have one", size)
        if not _LENGTH.fullmatch(values[0]):
            raise _BadHeader("Content-Length is not a decimal number", size)
        return int(values[0])

    def _check_body(self, lines: list[bytes], length: int) -> None:
        if length > self.max_body:
            raise _BadBody(f"a message has {length} bytes; at most {self.max_body} are taken", length)
        for line in lines:
            charset = _CHARSET.search(line) if line.lower().startswith(b"content-type:") else None
            if charset is not None and charset.group(1).lower() not in (b"utf-8", b"utf8"):
                raise _BadBody("the charset of a message is not UTF-8", length)
