"""Text as a terminal shows it: how wide it is, cut, padded, and free of what would move the cursor."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

_SPACES = re.compile(r"\s+")
_BETWEEN_WORDS = re.compile(" (?!%)")
_STEERING = frozenset({"Cc", "Cs", "Co"})
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def tidy(text: str) -> str:
    """One line of the text: runs of white space become a space; nothing that steers a terminal remains."""
    text = _SPACES.sub(" ", text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(one for one in text if one not in _BIDI and unicodedata.category(one) not in _STEERING)


def shown_path(uri: str) -> str:
    """A file uri as a path that people can read; other uris as they are. Nothing that steers a terminal remains."""
    if not uri.startswith("file:///"):
        return tidy(uri)
    path, hash_, part = uri.removeprefix("file://").partition("#")
    return tidy(unquote(path, errors="replace") + (hash_ and f" {unquote(part, errors='replace')}"))


def width(text: str) -> int:
    """Columns that a terminal needs for the text."""
    if text.isascii():
        return len(text)
    return sum(_columns(one) for one in text)


def clip(text: str, columns: int) -> str:
    """The text's beginning, at most ``columns`` wide; an ellipsis says that there is more."""
    if width(text) <= columns:
        return text
    return _take(text, columns - 1) + "…" if columns > 0 else ""


def clip_left(text: str, columns: int) -> str:
    """The text's end, at most ``columns`` wide; an ellipsis says that there is more."""
    if width(text) <= columns:
        return text
    return "…" + _take(text[::-1], columns - 1)[::-1] if columns > 0 else ""


def pad(text: str, columns: int, align: str = "left") -> str:
    """The text with spaces up to ``columns``, left, right or on both sides (``center``)."""
    missing = max(0, columns - width(text))
    if align == "right":
        return " " * missing + text
    if align == "center":
        return " " * (missing // 2) + text + " " * (missing - missing // 2)
    return text + " " * missing


def wrap(text: str, columns: int, indent: str) -> list[str]:
    """The text in lines of at most ``columns``, broken between words; all but the first begin with ``indent``.

    A percent sign stays with its number.
    """
    lines: list[str] = []
    current = ""
    for word in _BETWEEN_WORDS.split(text):
        longer = f"{current} {word}" if current else word
        if current and width(longer) > columns:
            lines.append(current)
            current = indent + word
        else:
            current = longer
    return [*lines, current]


def _take(text: str, columns: int) -> str:
    taken = 0
    for index, one in enumerate(text):
        taken += _columns(one)
        if taken > columns:
            return text[:index]
    return text


def _columns(one: str) -> int:
    if unicodedata.category(one) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(one) in ("W", "F") else 1
