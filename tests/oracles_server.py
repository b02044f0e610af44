"""Slow, obvious versions of what the server computes about text."""

from __future__ import annotations


def units(text: str, encoding: str) -> int:
    """Length of a text as Python's own encoder counts it."""
    size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    name = encoding if encoding == "utf-8" else f"{encoding}-le"
    return len(text.encode(name)) // size


def split_lines(text: str) -> list[str]:
    """Lines as LSP has them, ends included; the last one may be empty."""
    lines, current, index = [], "", 0
    while index < len(text):
        if text[index : index + 2] == "\r\n":
            lines.append(current + "\r\n")
            current, index = "", index + 2
        elif text[index] in "\r\n":
            lines.append(current + text[index])
            current, index = "", index + 1
        else:
            current, index = current + text[index], index + 1
    return [*lines, current]


def offset_at(text: str, line: int, character: int, encoding: str) -> int:
    """Code points before a position, found by trying every one of them."""
    lines = split_lines(text)
    if line >= len(lines):
        return len(text)
    start = sum(map(len, lines[:line]))
    content = lines[line].rstrip("\r\n")
    fitting = [size for size in range(len(content) + 1) if units(content[:size], encoding) <= character]
    return start + max(fitting)
