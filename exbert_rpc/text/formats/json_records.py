"""JSON Lines, and JSON files that are a list: one field is the text, the others are metadata.

A hit stands where the text stands in the file, escapes and all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from exbert_rpc.text.contents import MAX_BYTES
from exbert_rpc.text.formats.derived import Derived
from exbert_rpc.text.formats.format import Content, Format, Found, ReadingOptions, UnreadableSource
from exbert_rpc.text.formats.records import Problems, metadata_of, text_path, value_at
from exbert_rpc.text.positions import Ruler
from exbert_rpc.text.types import Document, Excerpt, Extent, Skipped

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)
_PART = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]+", re.DOTALL
)
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\", "\\/": "/", "\\t": "\t", "\\r": "\r"}
_SPACE = re.compile(r"[ \t\r\n]*")


def read_lines(content: Content, options: ReadingOptions) -> Found:
    """One record a line."""
    reader = _Records(content.uri, options)
    for number, line in enumerate(content.lines()):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            reader.problems.add(number, "is not JSON")
            continue
        yield from reader.document(record, line, number)
    yield from reader.rest()


def read_list(content: Content, options: ReadingOptions) -> Found:
    """A JSON file that is a list of records, read a piece at a time; or one record a line, whatever its ending says."""
    window = _Window(content.chunks())
    opening = window.space(0)
    first = window.text[opening : opening + 1]
    if not first:
        raise UnreadableSource("is empty")
    if first != "[":
        if _looks_like_lines(window.text[:4096]):
            yield from read_lines(content, options)
            return
        raise UnreadableSource("is JSON, but no list of records: make it one a line (.jsonl), or choose --format text")
    reader = _Records(content.uri, options)
    try:
        for raw, record, line, before in _elements(window, opening + 1):
            yield from reader.document(record, raw, line, before)
    except _NoRecord as broken:
        reader.problems.add(broken.line, broken.reason)
    yield from reader.rest()


class _NoRecord(Exception):
    """What follows in a list is no record; ``line`` is counted from 0."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


class _Window:
    """A stretch of a text that moves on as it is read.

    Args:
        chunks: The text in stretches.
    """

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self.text = next(chunks, "")
        self._ruler = Ruler(self.text)

    def more(self, at: int) -> bool:
        """Drop what stands before ``at``, and read as much again as is left; ``False`` at the end of the text."""
        rest = [self.text[at:]]
        size = wanted = len(rest[0])
        while size <= 2 * wanted and (chunk := next(self._chunks, "")):
            rest.append(chunk)
            size += len(chunk)
        if size == wanted:
            return False
        self._ruler = Ruler("".join(rest), *self._ruler.at(at))
        self.text = "".join(rest)
        return True

    def space(self, at: int) -> int:
        """Where the next character stands that is not white space, as ``text`` is then."""
        while True:
            at = _space(self.text, at)
            kept = at - (self.text[at - 1 : at] == "\r")  # the line feed of this line end may come next
            if at < len(self.text) or not self.more(kept):
                return at
            at -= kept

    def place(self, at: int) -> tuple[int, Extent]:
        """Line of the file, and how long it is before a character; asked for in ascending order."""
        return self._ruler.at(at)


_DECODER = json.JSONDecoder()
_BROKEN = "is not JSON ({}), and nothing is read from there on"
_CLOSING = '}]"'
_LONGEST_END = 3  # of a number that was cut: "e+1"


def _elements(window: _Window, at: int) -> Iterator[tuple[str, object, int, Extent]]:
    """Raw text, value and place of each element of a list that is open at ``at``; raises ``_NoRecord``."""
    at = window.space(at)
    while window.text[at : at + 1] != "]":
        raw, value, line, before, at = _element(window, at)
        yield raw, value, line, before
        at = window.space(at)
        following = window.text[at : at + 1]
        if following == ",":
            at = window.space(at + 1)
        elif following != "]":
            raise _NoRecord(window.place(at)[0], _BROKEN.format("a comma is missing"))
    at = window.space(at + 1)
    if at < len(window.text):
        raise _NoRecord(window.place(at)[0], "does not belong to the list, which ends before it")


def _element(window: _Window, at: int) -> tuple[str, object, int, Extent, int]:
    """The element that begins at ``at``, and where it ends.

    One that seems broken may only be cut: it is tried again with twice as much text, so that the time stays linear.
    """
    while True:
        try:
            value, end = _DECODER.raw_decode(window.text, at)
        except RecursionError as exc:
            raise _NoRecord(window.place(at)[0], "is nested too deeply") from exc
        except json.JSONDecodeError as exc:
            if len(window.text) - at >= MAX_BYTES:
                reason = f"has no record that ends within {MAX_BYTES >> 20} MiB"
                raise _NoRecord(window.place(at)[0], reason) from exc
            if not window.more(at):
                raise _NoRecord(window.place(exc.pos)[0], _BROKEN.format(exc.msg)) from exc
        else:
            # of a number, more digits may follow
            if end < len(window.text) - _LONGEST_END or window.text[end - 1] in _CLOSING or not window.more(at):
                return window.text[at:end], value, *window.place(at), end
        at = 0


class _Records:
    """Records of one file as documents."""

    def __init__(self, uri: str, options: ReadingOptions) -> None:
        self._uri = uri
        self._options = options
        self._path: tuple[str, ...] | None = None
        self._number = 0
        self._found = 0
        self.problems = Problems(uri)

    def document(self, record: object, raw: str, line: int, before: Extent = (0, 0, 0)) -> Iterator[Document]:
        """The document of one record, if it has a text."""
        number, self._number = self._number, self._number + 1
        if self._path is None:
            self._path = text_path(record, self._options) if isinstance(record, dict) else ()
        try:
            text = value_at(record, self._path)
        except KeyError:
            self.problems.add(line, f"has no field {'.'.join(self._path)!r}")
            return
        if not isinstance(text, str):
            self.problems.add(line, f"{'.'.join(self._path) or 'the record'!r} is no text")
        elif not text.strip():
            self.problems.add(line, "its text is empty")
        elif "\0" in text or _has_surrogates(text):
            self.problems.add(line, "its text is no Unicode text")
        else:
            self._found += 1
            derived = _decoded(raw, _span(raw, self._path))
            excerpt = derived.excerpt(raw, line) if derived.text == text else Excerpt(raw, line, ())
            yield Document(
                self._uri,
                text,
                record=number,
                group=str(number),
                excerpt=Excerpt(raw, line, excerpt.pieces, before),
                metadata=metadata_of(record, self._path),
                is_lines=self._options.lines,
            )

    def rest(self) -> Iterator[Skipped]:
        """What was left out; raises ``UnreadableSource`` if that was everything."""
        if not self._found:
            raise UnreadableSource(
                f"has no record with a text: {self.problems.first()}" if self.problems else "has no records"
            )
        yield from self.problems.told()


def _span(raw: str, path: Sequence[str]) -> tuple[int, int]:
    """Where the value at a path stands in a valid JSON text; the last one, as of keys given twice the last one counts.

    Each open list or object has an entry: whether it is a list, and the number or key of the value that comes next.
    """
    found = (0, 0)
    is_list: list[bool] = []
    at: list[str | None] = []
    for match in _TOKEN.finditer(raw):
        token = match[0]
        if token in ("{", "["):
            is_list.append(token == "[")
            at.append("0" if token == "[" else None)
        elif token in ("}", "]"):
            is_list.pop()
            at.pop()
        elif token == ",":
            at[-1] = str(int(at[-1] or 0) + 1) if is_list[-1] else None
        elif token != ":":
            if at and at[-1] is None:
                at[-1] = json.loads(token)
            elif at == list(path):
                found = match.span()
    return found


def _decoded(raw: str, span: tuple[int, int]) -> Derived:
    """The characters of a JSON string, which stands at ``span`` with its quotes."""
    derived = Derived()
    for match in _PART.finditer(raw, span[0] + 1, max(span[1] - 1, span[0] + 1)):
        part = match[0]
        if part[0] == "\\":
            derived.take(_ESCAPES.get(part) or json.loads(f'"{part}"'), match.start(), len(part))
        else:
            derived.take(part, match.start())
    return derived


def _has_surrogates(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _looks_like_lines(beginning: str) -> bool:
    """Whether the first lines are JSON objects, each on its own."""
    lines = [line for line in beginning.splitlines() if line.strip()]
    try:
        return len(lines) > 1 and all(isinstance(json.loads(line), dict) for line in lines[:-1][:5])
    except (ValueError, RecursionError):
        return False


def _asked(options: ReadingOptions) -> bool:
    return options.text_field is not None


JSON_LINES = Format(
    "jsonl",
    (".jsonl", ".ndjson", ".jsonlines"),
    "JSON Lines: the field of --text-field is the text, the others are metadata",
    read_lines,
    _asked,
    has_records=True,
    looks_like=_looks_like_lines,
)
JSON_LIST = Format(
    "json", (".json",), "a JSON list of records, read as JSON Lines are", read_list, _asked, has_records=True
)
