"""Texts to choose quantisation scales on: the same for every corpus, so that a scale depends on the model alone."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def calibration_texts() -> tuple[str, ...]:
    """About 160 short texts of many registers, scripts and languages, always the same in the same order."""
    text = resources.files(__package__).joinpath("calibration.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.split("\n") if line)
