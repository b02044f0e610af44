"""Plain text: a paragraph a block, or a sentence a line."""

from __future__ import annotations

import re

from exbert_rpc.text.formats.format import Content, Format, Found, ReadingOptions
from exbert_rpc.text.formats.parts import parts
from exbert_rpc.text.types import Document, Skipped

_MARK = re.compile(r"[.!?…。！？।؟]")  # of the end of a sentence
_FEW = 3  # lines that a paragraph without a mark may have
_UNSAID = "was read, but has lines and no full stops: if each line is a sentence, index it with --lines"


def _read(content: Content, options: ReadingOptions) -> Found:
    is_prose, has_lines = options.lines, False
    for part in parts(content, is_lines=options.lines):
        is_prose = is_prose or _MARK.search(part.text) is not None
        has_lines = has_lines or (not is_prose and _has_lines(part.text))
        yield Document(content.uri, part.text, excerpt=part.excerpt, is_lines=options.lines)
    if has_lines and not is_prose:
        yield Skipped(content.uri, _UNSAID)


def _has_lines(text: str) -> bool:
    """Whether some paragraph of a text has several lines."""
    n_lines = 0
    for line in text.splitlines():
        n_lines = n_lines + 1 if line.strip() else 0
        if n_lines > _FEW:
            return True
    return False


FORMAT = Format("text", (".txt", ".rst"), "plain text: paragraphs, or with --lines a sentence a line", _read)
