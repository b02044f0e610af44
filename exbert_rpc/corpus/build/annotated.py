"""Blocks with annotations: their own, if they came with some, else those of a pipeline."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from exbert_rpc.text.types import LINE_VARIANT, AnnotatedText, Block

Annotate = Callable[[Iterable[str]], Iterator[AnnotatedText]]


def annotate_blocks(blocks: Iterable[Block], annotate: Annotate) -> Iterator[AnnotatedText]:
    """Each block annotated; blocks are taken as they are needed, and gold ones may overtake others.

    Args:
        blocks: The blocks.
        annotate: A pipeline, which annotates texts in order.
    """
    waiting: deque[Block] = deque()
    gold: deque[AnnotatedText] = deque()

    def texts() -> Iterator[str]:
        for block in blocks:
            if block.gold is not None:
                gold.append(block.gold)
            else:
                waiting.append(block)
                yield block.text

    for annotated in annotate(texts()):
        yield as_one_sentence(annotated) if waiting.popleft().is_sentence else annotated
        while gold:
            yield gold.popleft()
    yield from gold


def as_one_sentence(annotated: AnnotatedText) -> AnnotatedText:
    """The annotations of a text, all of which is one sentence."""
    text = annotated.text
    return replace(
        annotated,
        sentence=np.zeros_like(annotated.sentence),
        sentence_start=np.array([len(text) - len(text.lstrip())], dtype=np.int32),
        sentence_end=np.array([len(text.rstrip())], dtype=np.int32),
        variant=LINE_VARIANT,
    )
