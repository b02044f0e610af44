"""Everything that the command line writes goes through here: to any terminal, pipe or encoding, in colour or not."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
from dataclasses import dataclass, field
from typing import TextIO

MIN_WIDTH = 40
PIPE_WIDTH = 120  # no terminal tells: wide enough for a sentence, narrow enough to read

_PLAIN = str.maketrans(
    {
        "×": "x",
        "\N{NO-BREAK SPACE}": " ",
        "·": "-",
        "…": "~",
        "–": "-",
        "—": "-",
        "−": "-",
        "→": ">",
        "≈": "~",
        "≤": "<=",
        "≥": ">=",
        "•": "*",
        "█": "#",
        "▌": "=",
        "░": ".",
        "┃": "|",
        "─": "-",
        "▶": ">",
        "✓": "+",
        "✗": "x",
        "“": '"',
        "”": '"',
        "’": "'",
    }
)
# Stands for ESC in what is styled here, until it is written: names and texts cannot have it, so that whatever ESC they
# have is known as theirs, and left out. Noncharacters, and nobody can guess which.
_ESC = "\ufdd0" + "".join(chr(0xFDD1 + secrets.randbelow(31)) for _ in range(12))
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# light to dark, each with the text colour that is readable on it, independent of the terminal's own colors
_HEAT = ((189, 16), (147, 16), (105, 16), (62, 231), (54, 231))
_LEAST_HEAT = 0.05


@dataclass(frozen=True, slots=True)
class Screen:
    """Where text goes, and what it can show.

    Attributes:
        stream: Where lines are written.
        width: Columns.
        colour: Whether escape sequences are understood and wanted.
        unicode: Whether the stream's encoding has the characters that tables are drawn with.
    """

    stream: TextIO = field(default_factory=lambda: sys.stdout)
    width: int = PIPE_WIDTH
    colour: bool = False
    unicode: bool = True

    @classmethod
    def of(cls, stream: TextIO) -> Screen:
        """The screen behind a stream, as the environment describes it."""
        columns = shutil.get_terminal_size((PIPE_WIDTH, 24)).columns
        is_terminal = stream.isatty()
        return cls(stream, max(MIN_WIDTH, columns), _wants_colour(is_terminal), _has_blocks(stream))

    @property
    def is_terminal(self) -> bool:
        """Whether a person watches, so that a line may be drawn over."""
        return self.stream.isatty()

    def line(self, text: str = "") -> None:
        """Write one line; what the encoding lacks is replaced, never an error."""
        self.write(text + "\n")

    def write(self, text: str) -> None:
        """Write text without characters that steer a terminal, and let it be seen at once."""
        text = _STEERING.sub("", text).replace(_ESC, "\x1b")
        self._put(text.translate(_PLAIN) if not self.unicode else text)

    def write_over(self, text: str) -> None:
        """Write text from the beginning of the line that the cursor is in."""
        self._put("\r")
        self.write(text)

    def erase_line(self) -> None:
        """Go back to the beginning of the line that the cursor is in, and clear it."""
        self._put("\r\x1b[K" if self.colour else "\r" + " " * (self.width - 1) + "\r")

    def _put(self, text: str) -> None:
        try:
            self.stream.write(text)
        except UnicodeEncodeError:
            encoding = self.stream.encoding or "ascii"
            self.stream.write(text.encode(encoding, "replace").decode(encoding))
        self.stream.flush()

    def bold(self, text: str) -> str:
        """For what should be read first."""
        return self._styled(text, "1")

    def dim(self, text: str) -> str:
        """For what may be skipped."""
        return self._styled(text, "2")

    def good(self, text: str) -> str:
        """For what is well."""
        return self._styled(text, "32")

    def bad(self, text: str) -> str:
        """For what is wrong."""
        return self._styled(text, "1;31")

    def boxed(self, text: str) -> str:
        """The match of a context: two columns wider than the text."""
        return self._styled(f" {text} ", "1;38;5;231;48;5;54") if self.colour else f"[{text}]"

    def heat(self, text: str, weight: float) -> str:
        """Text on a ground as dark as ``weight`` in [0, 1] says."""
        if not self.colour or weight < _LEAST_HEAT:
            return text
        ground, ink = _HEAT[min(len(_HEAT) - 1, int(weight * len(_HEAT)))]
        return self._styled(text, f"38;5;{ink};48;5;{ground}")

    def bar(self, text: str) -> str:
        """A bar drawn with blocks: what is seen, and the mark of what was expected."""
        if not self.colour:
            return text
        return re.sub("█+", lambda run: self._styled(run[0], "38;5;99"), text).replace(
            "┃", self._styled("┃", "38;5;214")
        )

    def link(self, text: str, uri: str) -> str:
        """Text that a terminal opens the file of, where it knows how to."""
        if not self.colour or not self.is_terminal:
            return text
        return f"{_ESC}]8;;{uri}{_ESC}\\{text}{_ESC}]8;;{_ESC}\\"

    def _styled(self, text: str, code: str) -> str:
        return f"{_ESC}[{code}m{text}{_ESC}[0m" if self.colour and text else text


def write_json(stream: TextIO, body: bytes) -> None:
    """Write a JSON document; in an encoding other than UTF-8 with escapes, so that it stays valid."""
    text = body.decode("utf-8")
    if (stream.encoding or "utf-8").lower().replace("-", "") != "utf8":
        import json

        text = json.dumps(json.loads(body))
    stream.write(text + "\n")
    stream.flush()


def _wants_colour(is_terminal: bool) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal and os.environ.get("TERM") != "dumb"


def _has_blocks(stream: TextIO) -> bool:
    try:
        "█▌░┃─·×…✓✗".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
