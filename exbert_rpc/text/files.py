"""Bytes of files as documents: encodings, notebooks, and everything that cannot be read, with its reason."""

from __future__ import annotations

import codecs
import json
import stat
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import url2pathname

from exbert_rpc.text.types import Document, Skipped

MAX_BYTES = 64 * 1024 * 1024
"""Largest file (or inline text, in characters) that is read."""

_MARKDOWN = {".md", ".markdown", ".mdown", ".mkd", ".qmd", ".rmd"}
_MARKS = (  # UTF-32 first: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class UnreadableSource(Exception):
    """A source cannot be read; the message is the reason, for a person. Never leaves ``corpus/``."""


def path_of(uri: str) -> Path | None:
    """The local path of a ``file:`` uri; ``None`` for any other uri and for a malformed one."""
    parts = _split(uri)
    if parts is None or parts.scheme != "file":
        return None
    host = "" if parts.netloc in ("", "localhost") else f"//{parts.netloc}"
    return Path(host + url2pathname(parts.path))


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


def read_document(uri: str) -> list[Document] | Skipped:
    """What a ``file:`` uri holds now: one document, or one a Markdown cell for a notebook; else why not."""
    path = path_of(uri)
    if path is None:
        return Skipped(uri, "is not a file: uri")
    try:
        return documents_of(uri, read_text(path))
    except UnreadableSource as reason:
        return Skipped(uri, str(reason))


def read_text(path: Path) -> str:
    """The exact text of a file, line ends included, byte-order mark left out.

    Raises:
        UnreadableSource: It is gone, no file, too large, binary, or in no Unicode encoding.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableSource("is not a regular file")
        if status.st_size > MAX_BYTES:
            raise UnreadableSource(f"is too large: {status.st_size:,} bytes, at most {MAX_BYTES:,} are read")
        return _decode(path.read_bytes())
    except FileNotFoundError as exc:
        raise UnreadableSource("does not exist") from exc
    except PermissionError as exc:
        raise UnreadableSource("may not be read (permission denied)") from exc
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise UnreadableSource(f"cannot be read: {reason}") from exc


def _decode(data: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as exc:
        if b"\0" in data[:8192]:
            raise UnreadableSource("is a binary file") from exc
        raise UnreadableSource(f"is not {encoding.upper().removesuffix('-SIG')} text: {exc.reason}") from exc


def is_markdown(uri: str) -> bool:
    """Whether what an editor calls by this uri is cut as Markdown: by its ending, notebook cells included."""
    return _suffix(uri) in _MARKDOWN | {".ipynb"}


def documents_of(uri: str, text: str) -> list[Document]:
    """The documents in a text that was read from ``uri``; a notebook has one a Markdown cell.

    Raises:
        UnreadableSource: The text is empty, binary, too large, no Unicode, or a broken notebook.
    """
    if len(text) > MAX_BYTES:
        raise UnreadableSource(f"is too large: {len(text):,} characters, at most {MAX_BYTES:,} are read")
    if not text.strip():
        raise UnreadableSource("is empty")
    if "\0" in text:
        raise UnreadableSource("is a binary file: it contains NUL characters")
    _refuse_surrogates(text)
    suffix = _suffix(uri)
    if suffix == ".ipynb":
        return _notebook(uri, text)
    return [Document(uri, text, is_markdown=suffix in _MARKDOWN)]


def _suffix(uri: str) -> str:
    parts = _split(uri)
    return PurePosixPath(unquote(parts.path) if parts is not None and parts.path else uri).suffix.lower()


def _split(uri: str) -> SplitResult | None:
    try:
        return urlsplit(uri)
    except ValueError:  # brackets that hold no IPv6 address
        return None


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise UnreadableSource(f"has half a surrogate pair at character {exc.start}: it is no Unicode text") from exc


def _notebook(uri: str, text: str) -> list[Document]:
    try:
        notebook = json.loads(text)
        cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        sources = [(number, _source(cell)) for number, cell in enumerate(cells) if cell["cell_type"] == "markdown"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as exc:
        raise UnreadableSource(f"is not a Jupyter notebook: {type(exc).__name__} {exc}") from exc
    documents = [Document(uri, source, cell=number, is_markdown=True) for number, source in sources if source.strip()]
    if not documents:
        raise UnreadableSource("has no Markdown cells with text")
    for document in documents:
        _refuse_surrogates(document.text)
    return documents


def _source(cell: dict[str, object]) -> str:
    """A cell's text, which nbformat keeps as a string or as a list of lines."""
    source = cell["source"]
    if isinstance(source, str):
        return source
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    raise TypeError("a cell's source is neither text nor lines")
