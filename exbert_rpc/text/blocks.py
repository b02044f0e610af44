"""Documents cut into blocks: paragraphs that no sentence runs across.

Every character that is not white space is in exactly one block, in order, and blocks are slices of the
document: nothing is dropped and nothing rewritten. Blank lines separate blocks everywhere; in Markdown
headings, list items, table rows, block quotes and the lines of fenced code begin their own. Where each line is a
sentence, it is a block; a sentence that comes with annotations is one, too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from exbert_rpc.text.positions import LINE_END
from exbert_rpc.text.types import Block, Document

MAX_BLOCK = 20_000
"""Longest block in characters; longer ones are cut at a line, else at a space, else anywhere."""

_TAIL = 1 << 16
_SPACE = re.compile(" ")

_FENCE = re.compile(r"\s*(?:>\s*)*(?:[-*+]\s+|\d{1,9}[.)]\s+)?(`{3,}|~{3,})")
_ALONE = re.compile(
    r" {0,3}#{1,6}(?:\s|$)"  # heading
    r"|\s*\|"  # table row
    r"|\s*(?:=+|-+|(?:-\s+){2,}-?|(?:\*\s*){3,}|(?:_\s*){3,})\s*$"  # heading underline, thematic break
)
_STARTS = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s+\S")
_QUOTE = re.compile(r"\s{0,3}>")
_EMPTY_QUOTE = re.compile(r"[\s>]*$")
_TABLE_RULE = re.compile(r"\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?\s*$")

_BLANK_LINE = re.compile(r"((?>\r\n|\n|\r))[^\S\r\n]*(?=\r\n|\n|\r)")

_Span = tuple[int, int]


def split_blocks(document: Document) -> list[Block]:
    """The blocks of a document, in order, each without outer white space and at most ``MAX_BLOCK`` characters."""
    text = document.text
    if document.gold is not None:
        return [Block(one.start, one.annotated.text, gold=one.annotated) for one in document.gold]
    spans = _lines(text) if document.is_lines else _markdown_spans(text) if document.is_markdown else _plain_spans(text)
    return [
        Block(start, text[start:end], is_sentence=document.is_lines)
        for whole in spans
        for part in _cut(text, *whole)
        for start, end in (_trim(text, *part),)
        if start < end
    ]


def last_break(text: str, *, is_lines: bool = False, is_markdown: bool = False) -> int:
    """The last place in the beginning of a longer text at which it can be cut, between two of its blocks.

    Texts other than Markdown can always be cut: without a blank line at a line, else at a space, else anywhere.

    Returns:
        An offset in 1 .. ``len(text) - 1``; 0 where Markdown has none, because code or a comment is open.
    """
    if is_markdown and not is_lines:
        return _markdown_break(text)
    patterns = (LINE_END, _SPACE) if is_lines else (_BLANK_LINE, LINE_END, _SPACE)
    found = (_last_end(pattern, text) for pattern in patterns)
    return next((at for at in found if at), len(text) - 1)


def _last_end(pattern: re.Pattern[str], text: str) -> int:
    """Where the first group of the last match ends, if that is within the text; else 0."""
    for start in (max(0, len(text) - _TAIL), 0):
        ends = [match.end(pattern.groups) for match in pattern.finditer(text, start)]
        last = next((end for end in reversed(ends) if end < len(text)), 0)
        if last:
            return last
    return 0


def _markdown_break(text: str) -> int:
    reader, found = _MarkdownReader(), [0]
    for start, end in _lines(text):
        reader.read(text[start:end], "")
        if end < len(text) and not reader.is_in_code and not text[start:end].strip():
            found.append(start)
    while (opened := text.rfind("<!--", 0, found[-1])) > text.rfind("-->", 0, found[-1]):
        del found[bisect_right(found, opened) :]
    return found[-1]


def _lines(text: str) -> Iterator[_Span]:
    """Start and end of each line, line ends left out."""
    start = 0
    for match in LINE_END.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _plain_spans(text: str) -> Iterator[_Span]:
    """Runs of lines that are not blank."""
    start, last = -1, -1
    for line_start, line_end in _lines(text):
        if text[line_start:line_end].strip():
            start, last = (line_start if start < 0 else start), line_end
        elif start >= 0:
            yield start, last
            start = -1
    if start >= 0:
        yield start, last


def _markdown_spans(text: str) -> Iterator[_Span]:
    """Runs of lines that belong together in Markdown."""
    reader = _MarkdownReader()
    lines = list(_lines(text))
    start, last = -1, -1
    for number, (line_start, line_end) in enumerate(lines):
        following = text[slice(*lines[number + 1])] if number + 1 < len(lines) else ""
        line = text[line_start:line_end]
        begins, closes = reader.read(line, following)
        if begins and start >= 0:
            yield start, last
            start = -1
        if line.strip():
            start, last = (line_start if start < 0 else start), line_end
        if closes and start >= 0:
            yield start, last
            start = -1
    if start >= 0:
        yield start, last


class _MarkdownReader:
    """Tells of each line whether a block begins with it and whether one ends with it."""

    def __init__(self) -> None:
        self._fence = ""
        self._in_table = False
        self._in_quote = False

    @property
    def is_in_code(self) -> bool:
        """Whether the next line belongs to fenced code."""
        return bool(self._fence)

    def read(self, line: str, following: str) -> tuple[bool, bool]:
        """``(a block begins here, the block ends behind this line)``."""
        if self._read_fence(line):
            return True, True
        if not line.strip():
            self._in_table = self._in_quote = False
            return True, True
        self._in_table = self._in_table or bool("|" in line and _TABLE_RULE.match(following))
        if self._in_table or _ALONE.match(line):
            self._in_quote = False
            return True, True
        was_quote, self._in_quote = self._in_quote, bool(_QUOTE.match(line))
        if self._in_quote and _EMPTY_QUOTE.match(line):
            return not was_quote, True
        return self._in_quote != was_quote or bool(_STARTS.match(line.lstrip("> "))), False

    def _read_fence(self, line: str) -> bool:
        """Whether the line belongs to fenced code, its fences included."""
        match = _FENCE.match(line)
        if self._fence:
            if match and match[1].startswith(self._fence) and not line[match.end() :].strip(" \t`~"):
                self._fence = ""
            return True
        if match is None or (match[1][0] == "`" and "`" in line[match.end() :]):
            return False
        self._fence = match[1]
        return True


def _cut(text: str, start: int, end: int) -> Iterator[_Span]:
    """A span in pieces of at most ``MAX_BLOCK`` characters."""
    while end - start > MAX_BLOCK:
        limit = start + MAX_BLOCK
        cut = max(text.rfind("\n", start, limit), text.rfind("\r", start, limit))
        if cut <= start:
            cut = text.rfind(" ", start, limit)
        if cut <= start:
            cut = limit - 1
        yield start, cut + 1
        start = cut + 1
    yield start, end


def _trim(text: str, start: int, end: int) -> _Span:
    """The span without outer white space; an empty one if it is blank."""
    piece = text[start:end]
    lead = len(piece) - len(piece.lstrip())
    return start + lead, start + max(len(piece.rstrip()), lead)
