"""Plain text: a paragraph a block, or a sentence a line."""

from __future__ import annotations

from exbert_rpc.text.formats.format import Content, Format, Found, ReadingOptions
from exbert_rpc.text.formats.parts import parts
from exbert_rpc.text.types import Document


def _read(content: Content, options: ReadingOptions) -> Found:
    for part in parts(content, is_lines=options.lines):
        yield Document(content.uri, part.text, excerpt=part.excerpt, is_lines=options.lines)


FORMAT = Format("text", (".txt", ".rst"), "plain text: paragraphs, or with --lines a sentence a line", _read)
