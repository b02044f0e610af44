"""Corpus sentences rerun through the model: true scores for candidates, attention where none is stored.

A sentence is rerun as it was run when it was indexed (same text, same model by fingerprint), so a rerun gives the
numbers that the codes were made from. To *rerank* is to score candidates by a rerun of their sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.batches import length_batches
from exbert_rpc.corpus.head_measures import measure_many
from exbert_rpc.corpus.head_sums import HeadSums
from exbert_rpc.corpus.search.finding import Candidates, Scope, Score
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.types import CorpusModel, Space
from exbert_rpc.corpus.vectors import unit_parts
from exbert_rpc.model.types import BatchCapture
from exbert_rpc.tasks import Progress, Task

SentenceKey = tuple[int, int]
"""Number of a segment, and of a sentence in it."""


class AttentionSource(Protocol):
    """Gives attention of corpus sentences."""

    def attention(self, sentences: Sequence[SentenceKey], layer: int, task: Task) -> Iterator[NDArray[np.float32]]:
        """For each sentence float32 ``[H, n, n]``, in order."""
        ...

    def kept(
        self, sentences: Sequence[SentenceKey], layer: int, task: Task
    ) -> Iterator[NDArray[np.float32] | NDArray[np.uint8]]:
        """The same as it is kept: float32, or uint8 for weights times 255."""
        ...


class StoredAttention:
    """Attention as it was stored, each weight within 1/510."""

    def __init__(self, reader: CorpusReader) -> None:
        self._reader = reader

    def attention(self, sentences: Sequence[SentenceKey], layer: int, task: Task) -> Iterator[NDArray[np.float32]]:
        """For each sentence float32 ``[H, n, n]``, in order."""
        for levels in self.kept(sentences, layer, task):
            yield np.divide(levels, 255, dtype=np.float32)

    def kept(self, sentences: Sequence[SentenceKey], layer: int, task: Task) -> Iterator[NDArray[np.uint8]]:
        """For each sentence uint8 ``[H, n, n]``: weights times 255, in order."""
        for segment, sentence in sentences:
            task.check()
            yield self._reader.segments[segment].attention_levels(layer, sentence, self._reader.config.n_heads)


class RerunAttention:
    """Attention of a rerun, for corpora that store none."""

    def __init__(self, reader: CorpusReader, model: CorpusModel) -> None:
        self._reader = reader
        self._model = model

    def attention(self, sentences: Sequence[SentenceKey], layer: int, task: Task) -> Iterator[NDArray[np.float32]]:
        """For each sentence float32 ``[H, n, n]``, in order."""
        for capture in _rerun(self._reader, self._model, sentences, None, (layer,), task):
            yield capture.attention[0]

    kept = attention


def rerun_sums(
    reader: CorpusReader, model: CorpusModel, sentences: Sequence[SentenceKey], task: Task
) -> list[HeadSums]:
    """What all heads of all layers of the corpus do in each sentence, in order."""
    causal = model.info.kind == "autoregressive"
    captures = _rerun(reader, model, sentences, None, reader.config.layers, task)
    words = [reader.segments[segment].words(sentence) for segment, sentence in sentences]
    return [sums for sums, _ in measure_many([one.attention for one in captures], words, causal=causal)]


def rerank(
    scope: Scope, model: CorpusModel, score: Score, candidates: Sequence[Candidates], task: Task
) -> list[Candidates]:
    """The same rows with the scores of their vectors as a rerun gives them, before they are quantized."""
    sentences = [np.unique(scope.segments[one.segment].row_sentence[one.rows]).tolist() for one in candidates]
    wanted = [(one.segment, number) for one, numbers in zip(candidates, sentences, strict=True) for number in numbers]
    captures = iter(_rerun(scope.reader, model, wanted, scope.space, (scope.layer,), task))
    scored = []
    for one, numbers in zip(candidates, sentences, strict=True):
        segment, rows = scope.segments[one.segment], np.sort(one.rows)
        scores = np.zeros(len(rows), dtype=np.float32)
        for number in numbers:
            vectors, first = _rows_of(next(captures), scope.space), int(segment.first_row[number])
            mine = segment.row_sentence[rows] == number
            scores[mine] = score(segment, rows[mine], _from(vectors, first))
        scored.append(Candidates(one.segment, rows, scores))
    return scored


def _from(vectors: NDArray[np.float32], first: int) -> Callable[[NDArray[np.int64]], NDArray[np.float32]]:
    """Gives rows of a segment out of the vectors of one sentence, whose first row is ``first``."""
    return lambda rows: vectors[rows - first]


def _rows_of(capture: BatchCapture, space: Space) -> NDArray[np.float32]:
    """Unit rows ``[R, D]`` of one sentence."""
    plain = ~capture.encoding.is_special
    if space == "hiddenState":
        return unit_parts(capture.hidden_states[0][plain])
    vectors = capture.head_outputs[0].transpose(1, 0, 2)[plain]
    return unit_parts(vectors).reshape(len(vectors), -1)


def _rerun(
    reader: CorpusReader,
    model: CorpusModel,
    sentences: Sequence[SentenceKey],
    space: Space | None,
    layers: Sequence[int],
    task: Task,
) -> list[BatchCapture]:
    """Captures of sentences, in order: layers of one space, or (``space`` is ``None``) their attention."""
    texts = [reader.segments[segment].sentence_text(sentence) for segment, sentence in sentences]
    encodings = model.tokenize_many(texts) if texts else []
    for (segment, sentence), encoding in zip(sentences, encodings, strict=True):
        reader.segments[segment].check_tokens(sentence, encoding)
    found: dict[int, BatchCapture] = {}
    for batch in length_batches([len(encoding.ids) for encoding in encodings]):
        task.check()
        captures = model.capture_batch(
            [encodings[index] for index in batch],
            hidden_layers=layers if space == "hiddenState" else (),
            layers=layers if space == "headOutput" else (),
            attention_layers=layers if space is None else (),
        )
        found.update(zip(batch, captures, strict=True))
        task.report(Progress(f"read {len(found):,} of {len(texts):,} sentences again", len(found), len(texts)))
    return [found[index] for index in range(len(texts))]
