"""Pipelines that are running, and what they say of the tokens of one pass."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.engine.requests import TokenAnnotations
from exbert_rpc.errors import InvalidParams
from exbert_rpc.model.types import Encoding
from exbert_rpc.recent import Recent
from exbert_rpc.tasks import Task
from exbert_rpc.text.align import join_words
from exbert_rpc.text.annotation.pipeline import check_pipeline
from exbert_rpc.text.annotation.pool import AnnotatorPool
from exbert_rpc.text.blocks import split_blocks
from exbert_rpc.text.types import AnnotatedText, Document

_MOST_POOLS = 6
_FEW_CHARACTERS = 20_000  # under a second of en_core_web_sm; starting a process takes two
_UNNOTICED_SECONDS = 0.05
_CORES_A_PROCESS = 4  # en_core_web_sm keeps up with MiniLM on about as many


class Annotators:
    """One annotating process for each pipeline that was asked for.

    spaCy never runs in the server's own process, where it would hold the interpreter while others wait.

    Args:
        allowed_roots: Folders that a pipeline's folder must lie in; ``None``: anywhere.
    """

    def __init__(self, allowed_roots: Sequence[Path] | None = None) -> None:
        self._allowed_roots = allowed_roots
        self._pools: Recent[str, AnnotatorPool] = Recent(_MOST_POOLS, on_drop=lambda pool: pool.close())

    def get(self, pipeline: str) -> AnnotatorPool:
        """The process of a pipeline; it starts when it is first used, and the least recently used ones end.

        Raises:
            InvalidParams: the pipeline lies where we may not look.
        """
        check_pipeline(pipeline, self._allowed_roots)
        found = self._pools.get(pipeline)
        # a pool costs nothing until it is first asked: one that another thread was quicker with may be let go of
        return self._pools.get_or_put(pipeline, AnnotatorPool(pipeline)) if found is None else found

    def close(self) -> None:
        """End all processes."""
        for pool in self._pools.clear():
            pool.close()


def annotate_for_build(
    running: AnnotatorPool, own: AnnotatorPool, task: Task, texts: Iterable[str]
) -> Iterator[AnnotatedText]:
    """Annotate texts for a build, in order; much text on many cores in processes of its own, else in the running one.

    Args:
        running: The process that people wait for; a build makes them wait for one batch.
        own: The build's processes, which start when they are first used.
        task: Obeyed while they start and while a batch is waited for.
        texts: What to annotate.
    """
    if processes_for_build() == 0:
        return running.annotate_many(texts, task)
    rest = iter(texts)
    first, size = [], 0
    while size <= _FEW_CHARACTERS and (text := next(rest, None)) is not None:
        first.append(text)
        size += len(text)
    everything = chain(first, rest)
    if size <= _FEW_CHARACTERS:
        return running.annotate_many(everything, task)
    # a pipeline that was updated under a running server: the corpus is of the one that its fingerprint names
    same = task.run(lambda: own.info).fingerprint == running.info.fingerprint
    return (own if same else running).annotate_many(everything, task)


def processes_for_build() -> int:
    """How many annotating processes of its own a build may have: none where the model needs all cores itself."""
    return (os.cpu_count() or 1) // _CORES_A_PROCESS


def annotate_tokens(encoding: Encoding, pool: AnnotatorPool) -> TokenAnnotations:
    """What a pipeline says of each token.

    Sentences of a second segment count on from those of the first, and those of a chat message from the one before it.
    """
    columns = _Columns(len(encoding.ids))
    words = sentences = 0
    for tokens, text, shift in _parts(encoding):
        annotated = pool.annotate(text)
        start, end = encoding.start[tokens] - shift, encoding.end[tokens] - shift
        columns.fill(
            tokens, join_words(annotated.word_start, annotated.word_end, start, end), annotated, words, sentences
        )
        words += len(annotated.pos)
        sentences += len(annotated.sentence_start)
    return columns.finish(pool.info.meanings)


def are_ready(encoding: Encoding, pool: AnnotatorPool) -> bool:
    """Whether :func:`annotate_tokens` takes no longer than people notice; what takes longer is begun."""
    texts = [text for _, text, _ in _parts(encoding)]
    for text in texts:
        pool.begin(text)
    return all(pool.is_ready(text, _UNNOTICED_SECONDS) for text in texts)


def _parts(encoding: Encoding) -> Iterator[tuple[NDArray[np.int64], str, int]]:
    """Texts that are annotated, with their tokens, and the offset that is 0 in them; messages have one text each.

    What a chat template or the model itself wrote is not annotated as a part of a message.
    """
    plain = ~encoding.is_special
    if encoding.messages is None:
        for segment, text in enumerate((encoding.text, encoding.pair)):
            if text is not None:
                yield np.flatnonzero((encoding.segment == segment) & plain), text, 0
        return
    for place in encoding.messages:
        inside = (encoding.start < place.end) & (encoding.end > place.start)
        if place.content.strip():
            yield np.flatnonzero(inside & plain), place.content, place.start - place.skipped


class _Columns:
    def __init__(self, n: int) -> None:
        self._labels: dict[str, list[str | None]] = {
            name: [None] * n for name in ("pos", "tag", "dep", "lemma", "entity")
        }
        self._numbers: dict[str, list[int | None]] = {name: [None] * n for name in ("head", "word", "sentence")}

    def fill(
        self, tokens: NDArray[np.int64], word: NDArray[np.int32], annotated: AnnotatedText, words: int, sentences: int
    ) -> None:
        """Put in what ``annotated`` says of these tokens; ``words`` and ``sentences`` came before it."""
        first_token: dict[int, int] = {}
        for token, at in zip(tokens.tolist(), word.tolist(), strict=True):
            first_token.setdefault(at, token)
        for token, at in zip(tokens.tolist(), word.tolist(), strict=True):
            if at < 0:
                continue
            for name, column in self._labels.items():
                column[token] = getattr(annotated, name)[at] or None
            head = int(annotated.syntactic_head[at])
            self._numbers["head"][token] = first_token.get(head) if head >= 0 else None
            self._numbers["word"][token] = words + at
            self._numbers["sentence"][token] = sentences + int(annotated.sentence[at])

    def finish(self, meanings: Mapping[str, str]) -> TokenAnnotations:
        """The columns, unchangeable."""
        labels, numbers = self._labels, self._numbers
        return TokenAnnotations(
            pos=tuple(labels["pos"]),
            tag=tuple(labels["tag"]),
            dep=tuple(labels["dep"]),
            lemma=tuple(labels["lemma"]),
            entity=tuple(labels["entity"]),
            syntactic_head=tuple(numbers["head"]),
            word=tuple(numbers["word"]),
            sentence=tuple(numbers["sentence"]),
            meanings=meanings,
        )


def sentence_around(text: str, offset: int, is_markdown: bool, pool: AnnotatorPool) -> tuple[str, int]:
    """The sentence of a document at an offset, cut as it is when indexed, and the offset within it.

    An offset between sentences means the one before it, if there is one in the same block.

    Raises:
        InvalidParams: there is no text at that place.
    """
    for block in split_blocks(Document("", text, is_markdown=is_markdown)):
        if block.start <= offset <= block.start + len(block.text):
            annotated = pool.annotate(block.text)
            within = offset - block.start
            number = _sentence_at(annotated.sentence_start, within)
            start, end = int(annotated.sentence_start[number]), int(annotated.sentence_end[number])
            return block.text[start:end], min(max(within - start, 0), end - start)
    raise InvalidParams("position", "there is no text at that place", hint="point at a word")


def _sentence_at(starts: Sequence[int] | NDArray[np.int32], offset: int) -> int:
    return max(int(np.searchsorted(starts, offset, side="right")) - 1, 0)


def token_at(encoding: Encoding, offset: int) -> int:
    """The token that covers an offset of the text, else the last one that starts before it, else the first one."""
    tokens = np.flatnonzero(~encoding.is_special & (encoding.segment == 0) & (encoding.start < encoding.end))
    covering = tokens[(encoding.start[tokens] <= offset) & (offset < encoding.end[tokens])]
    if len(covering):
        return int(covering[0])
    before = tokens[encoding.start[tokens] <= offset]
    return int(before[-1] if len(before) else tokens[0])
