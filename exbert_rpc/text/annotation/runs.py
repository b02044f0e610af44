"""Long runs without white space, which pipelines take time with the square of: annotated in parts, and joined."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from exbert_rpc.text.types import AnnotatedText

LONGEST_RUN = 1000
"""Characters without white space that a pipeline is given at once; 1,000 take it about 0.2 s, 10,000 take 17 s."""

_LONG = re.compile(rf"\S{{{LONGEST_RUN + 1},}}")
_ENDS = re.compile(r"[。．！？!?｡…\n]")


def has_long_run(text: str) -> bool:
    """Whether a text has to be annotated in parts."""
    return len(text) > LONGEST_RUN and _LONG.search(text) is not None


def cut_runs(text: str) -> list[str]:
    """Parts of a text that join to it, none with a longer run; runs end behind a sentence where they have one."""
    bounds = [0]
    for run in _LONG.finditer(text):
        bounds += _cuts(text, *run.span())
    return [text[start:end] for start, end in zip(bounds, [*bounds[1:], len(text)], strict=True)]


def _cuts(text: str, start: int, end: int) -> Iterator[int]:
    while end - start > LONGEST_RUN:
        ends = [match.end() for match in _ENDS.finditer(text, start + 1, start + LONGEST_RUN)]
        start = ends[-1] if ends else start + LONGEST_RUN
        yield start


def joined(parts: Sequence[AnnotatedText]) -> AnnotatedText:
    """The annotations of a text from those of its parts, in order."""
    first = parts[0]
    if len(parts) == 1:
        return first
    characters = np.cumsum([0, *(len(part.text) for part in parts)])
    words = np.cumsum([0, *(len(part.pos) for part in parts)])
    sentences = np.cumsum([0, *(len(part.sentence_start) for part in parts)])

    def moved(name: str, by: np.ndarray) -> np.ndarray:
        arrays = [getattr(part, name) + int(shift) for part, shift in zip(parts, by, strict=False)]
        return np.concatenate(arrays).astype(np.int32)

    heads = [
        np.where(part.syntactic_head < 0, -1, part.syntactic_head + int(shift))
        for part, shift in zip(parts, words, strict=False)
    ]

    def labels(name: str) -> tuple[str, ...]:
        return tuple(label for part in parts for label in getattr(part, name))

    return replace(
        first,
        text="".join(part.text for part in parts),
        word_start=moved("word_start", characters),
        word_end=moved("word_end", characters),
        syntactic_head=np.concatenate(heads).astype(np.int32),
        sentence=moved("sentence", sentences),
        sentence_start=moved("sentence_start", characters),
        sentence_end=moved("sentence_end", characters),
        pos=labels("pos"),
        tag=labels("tag"),
        dep=labels("dep"),
        lemma=labels("lemma"),
        entity=labels("entity"),
    )
