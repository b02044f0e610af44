"""Markdown and its relatives: headings, list items, table rows and code lines are blocks of their own.

Embedded images (``data:`` URIs) are left out. Front matter, code and HTML are left out on request; what front matter
says is metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from exbert_rpc.text.formats.derived import Derived
from exbert_rpc.text.formats.format import Content, Format, Found, ReadingOptions
from exbert_rpc.text.types import Document

SUFFIXES = (".md", ".markdown", ".mdown", ".mkd", ".qmd", ".rmd")

_DATA_URI = re.compile(r"\bdata:[a-z]{1,20}/[\w.+-]{1,60}(?:;[\w=.-]{1,40}){0,8},[^\s)\"'>]*", re.IGNORECASE)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_ENTRY = re.compile(r"^([\w-]{1,60}):[ \t]+(\S.*?)[ \t]*\r?$", re.MULTILINE)
_FENCED = re.compile(r"^[ \t>]*(`{3,}+|~{3,}+)[^\n]*+\n.*?(?:^[ \t>]*\1[`~]*[ \t]*\r?$|\Z)", re.DOTALL | re.MULTILINE)
_HTML = re.compile(r"<!--.*?(?:-->|\Z)|</?[A-Za-z][^<>]*+>", re.DOTALL)
_LONGEST_VALUE = 200

Span = tuple[int, int]


def markdown_document(
    uri: str, text: str, options: ReadingOptions, *, cell: int | None = None, record: int | None = None
) -> Document:
    """A Markdown text without what is left out; the text itself if nothing is."""
    metadata = _front_matter(text)
    spans = _left_out(text, options)
    if not spans:
        return Document(uri, text, cell, True, record, metadata=metadata, is_lines=options.lines)
    derived = Derived()
    for start, end in _kept(spans, len(text)):
        derived.take(text[start:end], start)
    return Document(
        uri,
        derived.text,
        cell,
        True,
        record,
        excerpt=derived.excerpt(text, 0),
        metadata=metadata,
        is_lines=options.lines,
    )


def _read(content: Content, options: ReadingOptions) -> Found:
    yield markdown_document(content.uri, content.text(), options)


def _left_out(text: str, options: ReadingOptions) -> list[Span]:
    """Stretches that are not read, ascending, without overlap."""
    patterns = {"code": _FENCED, "frontMatter": _FRONT_MATTER, "html": _HTML}
    found = [match.span() for match in _DATA_URI.finditer(text)] if "data:" in text.lower() else []
    for name in options.leave_out:
        found += [match.span() for match in patterns[name].finditer(text)]
    return list(_joined(sorted(found)))


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    last: Span | None = None
    for start, end in spans:
        if last is None:
            last = (start, end)
        elif start <= last[1]:
            last = (last[0], max(end, last[1]))
        else:
            yield last
            last = (start, end)
    if last is not None:
        yield last


def _kept(spans: Iterable[Span], length: int) -> Iterator[Span]:
    at = 0
    for start, end in spans:
        yield at, start
        at = end
    yield at, length


def _front_matter(text: str) -> tuple[tuple[str, str], ...]:
    """Plain entries (``key: value``) of YAML front matter; nested ones are not metadata."""
    if not text.startswith("---"):
        return ()
    match = _FRONT_MATTER.match(text)
    entries = _ENTRY.findall(match[1]) if match else []
    return tuple((key, value.strip("\"'")) for key, value in entries if len(value) <= _LONGEST_VALUE)


FORMAT = Format("markdown", SUFFIXES, "Markdown: headings, items, rows and code lines apart", _read)
