"""What all static pictures are made of. Every text is escaped; colors are chosen for light and dark pages."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence

MAX_BYTES = 50_000
"""Bytes that a result takes at most."""

_CELL = "padding:1px 6px;text-align:left;border:none"
_INK = (47, 95, 196)
_DARK_INK = 0.55


def text(value: object, most: int = 120) -> str:
    """A value, escaped, of so many characters at most."""
    said = str(value)
    return html.escape(said if len(said) <= most else said[: most - 1] + "…")


def model_name(model: str) -> str:
    """A model's id, escaped; of a path its end, since a notebook that is sent need not tell where files lie."""
    is_path = re.match(r"[/~.\\]|[A-Za-z]:[/\\]", model) is not None
    return text(re.split(r"[/\\]", model.rstrip("/\\"))[-1] if is_path else model)


def percent(share: float) -> str:
    """A share in [0, 1] as a whole percentage."""
    return f"{100 * share:.0f} %"


def cell(content: str, style: str = "") -> str:
    """A cell of a table; ``content`` is HTML."""
    return f'<td style="{_CELL}{";" + style if style else ""}">{content}</td>'


def shade(share: float) -> str:
    """Style of a cell whose background is the darker, the larger a share in [0, 1] is."""
    share = min(1.0, max(0.0, share))
    red, green, blue = (round(255 - share * (255 - full)) for full in _INK)
    return f"background-color:#{red:02x}{green:02x}{blue:02x};color:#{'fff' if share > _DARK_INK else '111'}"


def table(head: Sequence[str], rows: Iterable[str]) -> str:
    """A table; ``head`` is plain text, each row is cells."""
    titles = "".join(f'<th style="{_CELL}">{html.escape(title)}</th>' for title in head)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<table style="border-collapse:collapse"><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>'


def paragraph(content: str) -> str:
    """A line of text; ``content`` is HTML."""
    return f'<p style="margin:4px 0">{content}</p>'


def bar(share: float, width: int = 80) -> str:
    """A horizontal bar for a share in [0, 1]."""
    filled = round(width * min(1.0, max(0.0, share)))
    return f'<span style="display:inline-block;height:9px;width:{filled}px;background-color:#2f5fc4"></span>'


def fitted(draw: Callable[[int], str], rows: int) -> str:
    """What ``draw`` gives for as many rows as fit into :data:`MAX_BYTES`, ``rows`` at most."""
    while True:
        # a notebook must not take a text's dollar signs for mathematics
        drawn = f'<div class="exbert-result tex2jax_ignore mathjax_ignore">{draw(rows)}</div>'
        if len(drawn.encode()) <= MAX_BYTES or rows <= 1:
            return drawn
        rows = max(1, rows * 3 // 4)


def left_out(shown: int, of: int, what: str) -> str:
    """Says that not everything is shown, if so."""
    return "" if shown >= of else paragraph(f"The first {shown} of {of} {what}.")
