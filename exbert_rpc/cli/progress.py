"""Progress on standard error: a bar where a person watches, a line now and then where a log is kept."""

from __future__ import annotations

import time

from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.text import clip, pad, width

_BAR = (8, 30)  # columns, fewest and most
_REDRAW_SECONDS = 0.1
_LOG_SECONDS = 10.0


class ProgressBar:
    """Draws how far a long call is; used as a context manager it leaves no half-drawn line behind.

    Args:
        screen: Where to draw.
        title: What runs.
    """

    def __init__(self, screen: Screen, title: str) -> None:
        self._screen = screen
        self._title = title
        self._last = 0.0 if screen.is_terminal else time.monotonic()  # a log wants to hear of long work only
        self._message = ""
        self._drawn = False

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def update(self, message: str, share: float | None) -> None:
        """Show a step: what is done now, and how much of all in [0, 1] (``None``: unknown)."""
        now = time.monotonic()
        wait = _REDRAW_SECONDS if self._screen.is_terminal else _LOG_SECONDS
        is_new = self._screen.is_terminal and share is None and message != self._message
        if now - self._last < wait and not is_new:
            return
        self._last = now
        self._message = message
        if self._screen.is_terminal:
            self._draw(message, share)
        else:
            percent = "" if share is None else f"{share:.0%} "
            self._screen.line(f"{self._title}: {percent}{message}")

    def clear(self) -> None:
        """Take the bar away."""
        if self._drawn:
            self._screen.erase_line()
            self._drawn = False

    def _draw(self, message: str, share: float | None) -> None:
        room = self._screen.width - 1
        head = f"{self._title}  "
        if share is None:
            text = pad(clip(head + message, room), room)
        else:
            fewest, most = _BAR
            size = max(fewest, min(most, room - width(head) - width(message) - 7))
            full = round(max(0.0, min(1.0, share)) * size)
            bar = "█" * full + self._screen.dim("░" * (size - full))
            left = room - width(head) - size
            text = head + bar + pad(clip(f" {share:4.0%}  {message}", left), left)
        self._screen.write_over(text)
        self._drawn = True


def duration(seconds: float) -> str:
    """Seconds for a person."""
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60:02d} s" if whole < 5400 else f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    )
