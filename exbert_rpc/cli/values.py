"""What is typed behind an option, as values; what cannot be read is an error of argparse."""

from __future__ import annotations

import argparse

CONTROLS = ("word", "echo", "peers")
"""As the wire type has them, which takes time to import."""


def numbers(value: str) -> tuple[int, ...]:
    """``0,3,5-7`` as numbers."""
    found: list[int] = []
    try:
        for part in value.split(","):
            first, dash, last = part.strip().partition("-")
            found += range(int(first), int(last) + 1) if dash else [int(first)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is no list of numbers such as 0,3,5-7") from None
    return tuple(found)


def heads(value: str) -> tuple[tuple[int, int], ...]:
    """``5.9,4.1`` as pairs of layer and head."""
    found: list[tuple[int, int]] = []
    for part in value.split(","):
        layer, _dot, head = part.strip().partition(".")
        if not (layer.isdecimal() and head.isdecimal()):
            raise argparse.ArgumentTypeError(f"{value!r} is no list of heads such as 5.9,4.1 (layer.head)")
        found.append((int(layer), int(head)))
    return tuple(found)


def section(value: str) -> tuple[str, int]:
    """``4:headOutput`` as a space and a layer."""
    layer, _colon, space = value.strip().partition(":")
    if not (layer.isascii() and layer.isdigit()) or space not in ("hiddenState", "headOutput"):
        raise argparse.ArgumentTypeError(f"{value!r} is no part of a corpus such as 4:headOutput or 5:hiddenState")
    return space, int(layer)


def count(value: str) -> int:
    """A number of things, 1 or more."""
    if not value.isascii() or not value.isdigit() or int(value) == 0:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number from 1")
    return int(value)


def controls(value: str) -> tuple[str, ...]:
    """``word,echo`` as names of controls; ``none`` as no control."""
    found = () if value.strip() == "none" else words(value)
    unknown = [name for name in found if name not in CONTROLS]
    if unknown or (not found and value.strip() != "none"):
        raise argparse.ArgumentTypeError(
            f"{value!r} is not `none`, or some of {', '.join(CONTROLS)} with commas between"
        )
    return found


def key_and_value(text: str) -> tuple[str, str]:
    """``genre=news`` as a key and a value."""
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is no KEY=VALUE")
    return key, value


def words(value: str) -> tuple[str, ...]:
    """``VERB,AUX`` as words."""
    return tuple(word.strip() for word in value.split(",") if word.strip())


def spaces(value: str) -> tuple[str, ...]:
    """Names of spaces."""
    found = words(value)
    wrong = [name for name in found if name not in ("hiddenState", "headOutput")]
    if wrong or not found:
        raise argparse.ArgumentTypeError(f"{value!r}: use hiddenState, headOutput or both")
    return found
