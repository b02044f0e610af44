"""Files and texts by value as documents, and the names under which they are known."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import url2pathname

from exbert_rpc.text.archives import members
from exbert_rpc.text.contents import FileContent, InlineContent, check_text, file_content
from exbert_rpc.text.formats.format import ReadingOptions, UnreadableSource
from exbert_rpc.text.formats.registry import choose
from exbert_rpc.text.types import Document, Skipped

DEFAULT = ReadingOptions()


@lru_cache(4096)  # of fifty hits, half of the time that it takes to see whether their files have changed
def path_of(uri: str) -> Path | None:
    """The local path of a ``file:`` uri; ``None`` for any other uri and for a malformed one."""
    try:
        parts = urlsplit(uri)
    except ValueError:  # brackets that hold no IPv6 address
        return None
    if parts.scheme != "file":
        return None
    host = "" if parts.netloc in ("", "localhost") else f"//{parts.netloc}"
    if os.name == "nt":
        return Path(host + url2pathname(parts.path))
    # names need not be UTF-8: their bytes are what counts
    return Path(host + os.fsdecode(unquote_to_bytes(parts.path)))


def file_state(uri: str) -> tuple[int, int] | None:
    """``(size in bytes, modification time in ns)`` of a ``file:`` uri; ``None`` if it is no readable file."""
    try:
        path = path_of(uri)
        status = path.stat() if path is not None else None
    except (OSError, ValueError):
        return None
    if status is None or not stat.S_ISREG(status.st_mode):
        return None
    return status.st_size, status.st_mtime_ns


def read_document(uri: str, options: ReadingOptions = DEFAULT) -> list[Document] | Skipped:
    """What a ``file:`` uri holds now: one document, or one for each cell or record; else why not."""
    path = path_of(uri)
    if path is None:
        return Skipped(uri, "is not a file: uri")
    found: list[Document] = []
    reason = Skipped(uri, "has no text")
    for one in read_file(uri, path, options):
        if isinstance(one, Document):
            found.append(one)
        elif one.uri == uri:
            reason = one
    return found or reason


def read_file(uri: str, path: Path, options: ReadingOptions = DEFAULT) -> Iterator[Document | Skipped]:
    """The documents of a file, as they are read, and what is left out of it; never raises ``UnreadableSource``."""
    try:
        if path.suffix.lower() == ".zip" and options.format is None:
            for member in members(uri, path, options):
                yield from [member] if isinstance(member, Skipped) else _read_opened(member, options)
        else:
            yield from _read_opened(file_content(uri, path, options), options)
    except UnreadableSource as reason:
        yield Skipped(uri, str(reason))


def _read_opened(content: FileContent, options: ReadingOptions) -> Iterator[Document | Skipped]:
    """What :func:`read_content` gives; a file that cannot be opened is left out alone."""
    try:
        beginning = content.beginning()
    except UnreadableSource as reason:
        yield Skipped(content.uri, str(reason))
    else:
        yield from read_content(content, beginning, options)


def read_inline(uri: str, text: str, options: ReadingOptions = DEFAULT) -> Iterator[Document | Skipped]:
    """The documents of a text that is given by value; its name says of which format it is."""
    yield from read_content(InlineContent(uri, text), None, options)


def read_content(
    content: FileContent | InlineContent, beginning: bytes | None, options: ReadingOptions
) -> Iterator[Document | Skipped]:
    """The documents of an open file, and what is left out of it; never raises ``UnreadableSource``.

    Args:
        content: The file, or a text by value.
        beginning: Its first bytes; ``None`` for a text by value.
        options: How it is read.
    """
    try:
        for found in choose(content.uri, beginning, options).read(content, options):
            if isinstance(found, Document):
                check_text(found.text)
            yield found
        if content.note is not None:
            yield Skipped(content.uri, content.note)
    except UnreadableSource as reason:
        yield Skipped(content.uri, str(reason))
