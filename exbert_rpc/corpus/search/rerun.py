"""Corpus sentences run through the model again: true scores for candidates, attention where none is stored.

A sentence of the corpus is read as it was when it was indexed (same text, same model by fingerprint), so a fresh pass
gives the numbers that the codes were made from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.batches import length_batches
from exbert_rpc.corpus.search.exact import Candidates
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.types import CorpusModel, Space
from exbert_rpc.corpus.vectors import Query, score, unit_parts
from exbert_rpc.model.types import BatchCapture
from exbert_rpc.tasks import Progress, Task

Sentence = tuple[int, int]
"""Number of a segment, and of a sentence in it."""


class AttentionSource(Protocol):
    """Gives attention of corpus sentences."""

    def attention(self, sentences: Sequence[Sentence], layer: int, task: Task) -> Iterator[NDArray[np.float32]]:
        """For each sentence float32 ``[H, n, n]``, in order."""
        ...


class StoredAttention:
    """Attention as it was stored, each weight within 1/510."""

    def __init__(self, reader: CorpusReader) -> None:
        self._reader = reader

    def attention(self, sentences: Sequence[Sentence], layer: int, task: Task) -> Iterator[NDArray[np.float32]]:
        """For each sentence float32 ``[H, n, n]``, in order."""
        for segment, sentence in sentences:
            task.check()
            yield self._reader.segments[segment].attention(layer, sentence, self._reader.config.n_heads)


class FreshAttention:
    """Attention of a fresh pass, for corpora that store none."""

    def __init__(self, reader: CorpusReader, model: CorpusModel) -> None:
        self._reader = reader
        self._model = model

    def attention(self, sentences: Sequence[Sentence], layer: int, task: Task) -> Iterator[NDArray[np.float32]]:
        """For each sentence float32 ``[H, n, n]``, in order."""
        for capture in _captures(self._reader, self._model, sentences, None, layer, task):
            yield capture.attention[0]


def rescore_by_pass(
    reader: CorpusReader,
    model: CorpusModel,
    space: Space,
    layer: int,
    query: Query,
    candidates: Sequence[Candidates],
    task: Task,
) -> list[Candidates]:
    """The same rows with the scores of their unquantized vectors."""
    again = []
    sentences = [np.unique(reader.segments[one.segment].row_sentence[one.rows]).tolist() for one in candidates]
    wanted = [(one.segment, number) for one, numbers in zip(candidates, sentences, strict=True) for number in numbers]
    captures = iter(_captures(reader, model, wanted, space, layer, task))
    for one, numbers in zip(candidates, sentences, strict=True):
        rows = np.sort(one.rows)
        owner = reader.segments[one.segment].row_sentence[rows]
        scores = np.zeros(len(rows), dtype=np.float32)
        for number in numbers:
            vectors = _rows_of(next(captures), space)
            mine = owner == number
            first = reader.segments[one.segment].first_row[number]
            scores[mine] = score(query, vectors[rows[mine] - first])
        again.append(Candidates(one.segment, rows, scores))
    return again


def _rows_of(capture: BatchCapture, space: Space) -> NDArray[np.float32]:
    """Unit rows ``[R, D]`` of one sentence."""
    plain = ~capture.encoding.is_special
    if space == "hiddenState":
        return unit_parts(capture.hidden_states[0][plain])
    vectors = capture.head_outputs[0].transpose(1, 0, 2)[plain]
    return unit_parts(vectors).reshape(len(vectors), -1)


def _captures(
    reader: CorpusReader,
    model: CorpusModel,
    sentences: Sequence[Sentence],
    space: Space | None,
    layer: int,
    task: Task,
) -> list[BatchCapture]:
    """Captures of sentences, in order: one layer of one space, or (``space`` is ``None``) its attention."""
    texts = [reader.segments[segment].sentence_text(sentence) for segment, sentence in sentences]
    encodings = model.tokenize_many(texts) if texts else []
    for (segment, sentence), encoding in zip(sentences, encodings, strict=True):
        reader.segments[segment].check_tokens(sentence, encoding)
    found: dict[int, BatchCapture] = {}
    for batch in length_batches([len(encoding.ids) for encoding in encodings]):
        task.check()
        captures = model.capture_batch(
            [encodings[index] for index in batch],
            hidden_layers=(layer,) if space == "hiddenState" else (),
            layers=(layer,) if space == "headOutput" else (),
            attention_layers=(layer,) if space is None else (),
        )
        found.update(zip(batch, captures, strict=True))
        task.report(Progress(f"read {len(found):,} of {len(texts):,} sentences again", len(found), len(texts)))
    return [found[index] for index in range(len(texts))]
