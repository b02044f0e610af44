"""Files as formats read them: opened, unpacked and decoded, in one piece or a line at a time."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from exbert_rpc.text.encodings import FoundEncoding, find_encoding
from exbert_rpc.text.formats.format import ReadingOptions, UnreadableSource

MAX_BYTES = 64 * 1024 * 1024
"""Largest file of a format that must be whole, and longest line of one that is read by lines. Prose has no limit."""

_BEGINNING = 4096
_CHUNK = 1 << 20
_NUL = "is a binary file: it contains NUL characters"


class FileContent:
    """A file, or a part of an archive.

    Args:
        uri: Its name.
        open_file: Opens its bytes, again and again.
        options: How it is read.
        path: Where it lies, unless it must be unpacked.
        most: Bytes that its encoding is found out by; ``None``: all, so that a wrong byte is met before any text is.
    """

    def __init__(
        self,
        uri: str,
        open_file: Callable[[], BinaryIO],
        options: ReadingOptions,
        path: Path | None = None,
        most: int | None = None,
    ) -> None:
        self._most = most
        self._uri = uri
        self._open = open_file
        self._options = options
        self._path = path
        self._encoding: FoundEncoding | None = None

    @property
    def uri(self) -> str:
        """Its name."""
        return self._uri

    @property
    def path(self) -> Path | None:
        """Where it lies, if it is a file of the disk as it is."""
        return self._path

    @property
    def note(self) -> str | None:
        """What people should know about how it was decoded."""
        return None if self._encoding is None else self._encoding.note

    def beginning(self) -> bytes:
        """Its first bytes."""
        with reading(), self._open() as stream:
            return stream.read(_BEGINNING)

    def data(self) -> bytes:
        """All of its bytes; raises ``UnreadableSource`` if there are more than ``MAX_BYTES``."""
        with reading(), self._open() as stream:
            found = stream.read(MAX_BYTES + 1)
        if len(found) > MAX_BYTES:
            raise UnreadableSource(
                f"is too large: files of its format are read in one piece, of at most {MAX_BYTES >> 20} MiB; split it"
            )
        return found

    def text(self) -> str:
        """Its exact text; raises ``UnreadableSource`` if it is empty, binary, too large or in no known encoding."""
        data = self.data()
        encoding = self._found()
        with reading():
            text = data.decode(encoding.name, encoding.errors)
        check_text(text)
        return text

    def chunks(self) -> Iterator[str]:
        """Its exact text in stretches; raises ``UnreadableSource`` if it is binary or in no known encoding."""
        encoding = self._found()
        if encoding.has_nul:
            raise UnreadableSource(_NUL)
        with reading(), self._open() as stream:
            wrapped = io.TextIOWrapper(stream, encoding.name, encoding.errors, newline="")
            while chunk := wrapped.read(_CHUNK):
                yield chunk

    def lines(self) -> Iterator[str]:
        """Its lines with their ends, as they come from the disk."""
        encoding = self._found()
        with reading(), self._open() as stream:
            wrapped = io.TextIOWrapper(stream, encoding.name, encoding.errors, newline="")
            while line := wrapped.readline(MAX_BYTES):
                if len(line) >= MAX_BYTES:
                    raise UnreadableSource(f"has a line of more than {MAX_BYTES:,} characters")
                if "\0" in line:
                    raise UnreadableSource(_NUL)
                yield line

    def _found(self) -> FoundEncoding:
        if self._encoding is None:
            with reading():
                self._encoding = find_encoding(self._open, self._options, self._most)
        return self._encoding


class InlineContent:
    """A text that is given by value."""

    note = None
    path = None

    def __init__(self, uri: str, text: str) -> None:
        self._uri = uri
        self._text = text

    @property
    def uri(self) -> str:
        """Its name."""
        return self._uri

    def data(self) -> bytes:
        """Nobody can give bytes as a text."""
        raise UnreadableSource("is a format of bytes, and was given as a text")

    def text(self) -> str:
        """The text; raises ``UnreadableSource`` as that of a file does."""
        if len(self._text) > MAX_BYTES:
            raise UnreadableSource(f"is too large: {len(self._text):,} characters, at most {MAX_BYTES:,} are read")
        check_text(self._text)
        return self._text

    def chunks(self) -> Iterator[str]:
        """The text at once."""
        yield self.text()

    def lines(self) -> Iterator[str]:
        """The lines of the text."""
        yield from io.StringIO(self.text(), newline="")


def file_content(uri: str, path: Path, options: ReadingOptions, most: int | None = None) -> FileContent:
    """A file of the disk, unpacked if it is gzipped; ``most`` as :class:`FileContent` has it.

    Raises:
        UnreadableSource: It is gone, or no file.
    """
    with reading():
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableSource("is not a regular file")
    if path.suffix.lower() == ".gz":
        return FileContent(uri, lambda: cast(BinaryIO, gzip.open(path)), options, most=most)
    return FileContent(uri, lambda: path.open("rb"), options, path, most)


@contextmanager
def reading() -> Iterator[None]:
    """Turn what files and unpackers raise into ``UnreadableSource``."""
    try:
        yield
    except FileNotFoundError as exc:
        raise UnreadableSource("does not exist") from exc
    except PermissionError as exc:
        raise UnreadableSource("may not be read (permission denied)") from exc
    except (gzip.BadGzipFile, zipfile.BadZipFile, EOFError, zlib.error) as exc:
        raise UnreadableSource(f"is damaged: {exc}") from exc
    except (OSError, ValueError, RuntimeError, NotImplementedError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise UnreadableSource(f"cannot be read: {reason}") from exc


def check_text(text: str) -> None:
    """Raise ``UnreadableSource`` for what is no text: nothing, NUL, half a surrogate pair."""
    if not text.strip():
        raise UnreadableSource("is empty")
    if "\0" in text:
        raise UnreadableSource(_NUL)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise UnreadableSource(f"has half a surrogate pair at character {exc.start}: it is no Unicode text") from exc
