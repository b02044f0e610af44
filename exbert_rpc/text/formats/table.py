"""Tables as text (CSV, TSV): one column is the text, the others are metadata.

Fields are cut as RFC 4180 says, with their places kept. A quote that is not closed is a character like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from exbert_rpc.text.formats.derived import Derived
from exbert_rpc.text.formats.format import Content, Format, Found, ReadingOptions, UnreadableSource
from exbert_rpc.text.formats.records import Problems, metadata_of, names_of, text_path
from exbert_rpc.text.types import Document

MOST_CHARACTERS = 1 << 20
"""Longest record; a quote that is still open after that many characters is no quote."""

_MOST_TRIES = 1000
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a table: the line that it begins in, how it stands there, and its fields."""

    line: int
    raw: str
    fields: tuple[Derived, ...]


def rows(lines: Iterator[str], delimiter: str) -> Iterator[Row]:
    """Records of a table; blank lines are none."""
    waiting: list[str] = []  # lines that were read ahead, the next one last
    number = 0
    while line := _next(waiting, lines):
        raw, n_lines, fields = line, 1, _cut(line, delimiter)
        if fields is None:
            raw, more, fields = _continued(line, waiting, lines, delimiter)
            n_lines += more
        if raw.strip():
            yield Row(number, raw, fields)
        number += n_lines


def _next(waiting: list[str], lines: Iterator[str]) -> str:
    return waiting.pop() if waiting else next(lines, "")


def _continued(
    line: str, waiting: list[str], lines: Iterator[str], delimiter: str
) -> tuple[str, int, tuple[Derived, ...]]:
    """A record with a quote that is open at the end of its first line: all of it, lines after the first, fields."""
    raw, more, tries = line, [], 0
    open_quotes = line.count('"')
    while len(raw) < MOST_CHARACTERS and tries < _MOST_TRIES and delimiter != "\t":
        following = _next(waiting, lines)
        if not following:
            break
        more.append(following)
        raw += following
        open_quotes += following.count('"')
        if open_quotes % 2 == 0:
            tries += 1
            fields = _cut(raw, delimiter)
            if fields is not None:
                return raw, len(more), fields
    waiting += reversed(more)
    return line, 0, _cut(line, delimiter, quotes=False) or ()


def _cut(raw: str, delimiter: str, *, quotes: bool = True) -> tuple[Derived, ...] | None:
    """The fields of a record; ``None`` if a quoted one is still open."""
    fields = []
    end = len(raw.rstrip("\r\n"))
    at = 0
    while True:
        field = Derived()
        if quotes and raw[at : at + 1] == '"' and at < end:
            closing = _quoted(field, raw, at + 1)
            if closing < 0:
                return None
            at = closing
            end = max(len(raw.rstrip("\r\n")), at)
        stop = raw.find(delimiter, at, end)
        stop = end if stop < 0 else stop
        field.take(raw[at:stop], at)
        fields.append(field)
        if stop >= end:
            return tuple(fields)
        at = stop + 1


def _quoted(field: Derived, raw: str, at: int) -> int:
    """Take a quoted field up to its closing quote; the place behind it, or -1 without one."""
    while True:
        quote = raw.find('"', at)
        if quote < 0:
            return -1
        field.take(raw[at:quote], at)
        if raw[quote + 1 : quote + 2] != '"':
            return quote + 1
        field.take('"', quote, 2)
        at = quote + 2


def _read(content: Content, options: ReadingOptions, delimiter: str | None) -> Found:
    lines = iter(content.lines())
    first = next(lines, "")
    separator = delimiter if delimiter is not None else max(_DELIMITERS, key=first.count)
    table = rows(_chain(first, lines), separator)
    number = _column_number(options.text_field)
    header = None if number is not None else next(table, None)
    if number is None and header is None:
        raise UnreadableSource("has no rows")
    names = [] if header is None else [field.text.strip().removeprefix("\ufeff") for field in header.fields]
    column = number if number is not None else _column(names, options)
    yield from _documents(content.uri, table, names, column, options)


def _documents(uri: str, table: Iterator[Row], names: list[str], column: int, options: ReadingOptions) -> Found:
    problems, found = Problems(uri), 0
    for number, row in enumerate(table):
        if column >= len(row.fields):
            problems.add(row.line, f"has {len(row.fields)} fields, and the text should be in number {column + 1}")
            continue
        field = row.fields[column]
        text = field.text
        if not text.strip():
            problems.add(row.line, "its text is empty")
            continue
        found += 1
        labels = [*names, *(str(at + 1) for at in range(len(names), len(row.fields)))]
        others = {
            name: one.text for at, (name, one) in enumerate(zip(labels, row.fields, strict=False)) if at != column
        }
        yield Document(
            uri,
            text,
            record=number,
            group=str(number),
            excerpt=field.excerpt(row.raw, row.line),
            metadata=metadata_of(others, ()),
            is_lines=options.lines,
        )
    if not found:
        raise UnreadableSource(f"has no row with a text: {problems.first()}" if problems else "has no rows")
    yield from problems.told()


def _column_number(asked: str | None) -> int | None:
    """A column given by its number, from 1: the table has no header."""
    return int(asked) - 1 if asked is not None and re.fullmatch(r"[1-9][0-9]{0,3}", asked) else None


def _column(names: list[str], options: ReadingOptions) -> int:
    record = dict.fromkeys(names, "")
    path = ".".join(text_path(record, options))
    if path not in names:
        raise UnreadableSource(
            f"has no column {path!r}, only {names_of(names)}; a number chooses a column of a table without a header"
        )
    return names.index(path)


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def _asked(options: ReadingOptions) -> bool:
    return options.text_field is not None


CSV = Format(
    "csv",
    (".csv",),
    "tables with commas, semicolons or tabs: the column of --text-field is the text, the others are metadata",
    lambda content, options: _read(content, options, None),
    _asked,
    has_records=True,
)
TSV = Format(
    "tsv",
    (".tsv", ".tab"),
    "tables with tabs, read as CSV is",
    lambda content, options: _read(content, options, "\t"),
    _asked,
    has_records=True,
)
