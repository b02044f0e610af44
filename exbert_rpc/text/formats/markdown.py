"""Markdown and its relatives: headings, list items, table rows and code lines are blocks of their own.

Embedded images (``data:`` URIs) are left out. Front matter, code and HTML are left out on request; what front matter
says is metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from exbert_rpc.text.formats.derived import Derived
from exbert_rpc.text.formats.format import Content, Format, Found, ReadingOptions, UnreadableSource
from exbert_rpc.text.formats.parts import Part, parts
from exbert_rpc.text.types import Document

SUFFIXES = (".md", ".markdown", ".mdown", ".mkd", ".qmd", ".rmd")

_DATA_URI = re.compile(r"\bdata:[a-z]{1,20}/[\w.+-]{1,60}(?:;[\w=.-]{1,40}){0,8},[^\s)\"'>]*", re.IGNORECASE)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_ENTRY = re.compile(r"^([\w-]{1,60}):[ \t]+(\S.*?)[ \t]*\r?$", re.MULTILINE)
_FENCED = re.compile(r"^[ \t>]*(`{3,}+|~{3,}+)[^\n]*+\n.*?(?:^[ \t>]*\1[`~]*[ \t]*\r?$|\Z)", re.DOTALL | re.MULTILINE)
_HTML = re.compile(r"<!--.*?(?:-->|\Z)|</?[A-Za-z][^<>]*+>", re.DOTALL)
_LONGEST_VALUE = 200

Span = tuple[int, int]
Metadata = tuple[tuple[str, str], ...]


def markdown_document(
    uri: str, text: str, options: ReadingOptions, *, cell: int | None = None, record: int | None = None
) -> Document:
    """A Markdown text without what is left out; the text itself if nothing is."""
    return replace(_of_part(uri, Part(text), options, _front_matter(text)), cell=cell, record=record)


def _of_part(uri: str, part: Part, options: ReadingOptions, metadata: Metadata) -> Document:
    text, excerpt = part.text, part.excerpt
    spans = _left_out(text, options, is_first=part.is_first)
    if spans:
        derived = Derived()
        for start, end in _kept(spans, len(text)):
            derived.take(text[start:end], start)
        text, excerpt = derived.text, replace(derived.excerpt(text, part.line), before=part.before)
    return Document(uri, text, is_markdown=True, excerpt=excerpt, metadata=metadata, is_lines=options.lines)


def _read(content: Content, options: ReadingOptions) -> Found:
    metadata: Metadata = ()
    is_empty = True
    for part in parts(content, is_lines=options.lines, is_markdown=True):
        metadata = _front_matter(part.text) if part.is_first else metadata
        document = _of_part(content.uri, part, options, metadata)
        if document.text.strip():
            is_empty = False
            yield document
    if is_empty:
        raise UnreadableSource("is empty but for what is left out")


def _left_out(text: str, options: ReadingOptions, *, is_first: bool) -> list[Span]:
    """Stretches that are not read, ascending, without overlap."""
    patterns = {"code": _FENCED, "frontMatter": _FRONT_MATTER, "html": _HTML}
    found = [match.span() for match in _DATA_URI.finditer(text)] if "data:" in text.lower() else []
    for name in options.leave_out if is_first else [one for one in options.leave_out if one != "frontMatter"]:
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


def _front_matter(text: str) -> Metadata:
    """Plain entries (``key: value``) of YAML front matter; nested ones are not metadata."""
    if not text.startswith("---"):
        return ()
    match = _FRONT_MATTER.match(text)
    entries = _ENTRY.findall(match[1]) if match else []
    return tuple((key, value.strip("\"'")) for key, value in entries if len(value) <= _LONGEST_VALUE)


FORMAT = Format("markdown", SUFFIXES, "Markdown: headings, items, rows and code lines apart", _read)
