"""Texts that are put together from parts of a file, which stay known by their places."""

from __future__ import annotations

from exbert_rpc.text.types import Excerpt, Piece


class Derived:
    """A text in the making."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._pieces: list[Piece] = []
        self.length = 0

    def take(self, text: str, start: int, length: int | None = None) -> None:
        """Add characters that stand at ``start`` of the raw text, over ``length`` characters there (default: as many).

        Where the lengths differ, each character stands for as many raw ones as the others, or all stand for all.
        """
        if not text:
            return
        width = len(text) if length is None else length
        self._join(len(text), start, width)
        self._parts.append(text)
        self.length += len(text)

    def insert(self, text: str) -> None:
        """Add characters that the raw text does not have."""
        self._parts.append(text)
        self.length += len(text)

    def ends_with_space(self) -> bool:
        """Whether nothing, or white space, was added last."""
        return not self._parts or self._parts[-1][-1:].isspace()

    @property
    def text(self) -> str:
        """All that was added."""
        return "".join(self._parts)

    def excerpt(self, raw: str, line: int) -> Excerpt:
        """Where the text stands, in a raw text that begins with a line."""
        return Excerpt(raw, line, tuple(self._pieces))

    def _join(self, n: int, start: int, width: int) -> None:
        """Neighbors of the same ratio are one piece: an escaped alphabet is not a piece a letter."""
        if self._pieces:
            at, length, raw, raw_length = self._pieces[-1]
            follows = at + length == self.length and raw + raw_length == start
            if follows and width % n == 0 and raw_length == (width // n) * length:
                self._pieces[-1] = (at, length + n, raw, raw_length + width)
                return
        self._pieces.append((self.length, n, start, width))


def as_it_is(text: str, line: int) -> Excerpt:
    """The excerpt of a text that stands in its file character for character, from the beginning of a line."""
    return Excerpt(text, line, ((0, len(text), 0, len(text)),))
