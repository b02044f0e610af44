"""Prose of any size as documents of a few megabytes, cut between blocks, each of which knows where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exbert_rpc.text.blocks import last_break
from exbert_rpc.text.contents import MAX_BYTES
from exbert_rpc.text.formats.format import Content, UnreadableSource
from exbert_rpc.text.positions import Ruler
from exbert_rpc.text.types import Excerpt, Extent

PART = 4 << 20
"""Characters from which on a text is cut; one below is one document."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a text.

    Attributes:
        text: Its characters.
        line: Line of the file that it begins in, from 0.
        before: How long that line is before it.
    """

    text: str
    line: int = 0
    before: Extent = (0, 0, 0)

    @property
    def is_first(self) -> bool:
        """Whether the text begins with it."""
        return self.line == 0 and self.before == (0, 0, 0)

    @property
    def excerpt(self) -> Excerpt | None:
        """Where it stands; ``None`` for the beginning of the text."""
        if self.is_first:
            return None
        return Excerpt(self.text, self.line, ((0, len(self.text), 0, len(self.text)),), self.before)


def parts(content: Content, *, is_lines: bool = False, is_markdown: bool = False) -> Iterator[Part]:
    """The parts of a text, in order; blank ones are left out.

    Args:
        content: A file of text.
        is_lines: Whether each line is a block.
        is_markdown: Whether blocks follow Markdown's structure.

    Raises:
        UnreadableSource: It is blank, or no text; or fenced code or a comment in it is longer than ``MAX_BYTES``.
    """
    is_blank = True
    for part in _cut(content, is_lines, is_markdown):
        if part.text.strip():
            is_blank = False
            yield part
    if is_blank:
        raise UnreadableSource("is empty")


def _cut(content: Content, is_lines: bool, is_markdown: bool) -> Iterator[Part]:
    held, line, before = "", 0, (0, 0, 0)
    limit = PART
    for chunk in content.chunks():
        held += chunk
        while len(held) > limit:
            at = last_break(held, is_lines=is_lines, is_markdown=is_markdown)
            if not at:  # within code: cut there, all that follows would be read as its opposite
                if len(held) > MAX_BYTES:
                    raise UnreadableSource(
                        f"has code or a comment of more than {MAX_BYTES >> 20} MiB in line {line + 1} and below"
                    )
                limit = min(2 * len(held), MAX_BYTES)
                break
            yield Part(held[:at], line, before)
            line, before = Ruler(held, line, before).at(at)
            held, limit = held[at:], PART
    yield Part(held, line, before)
