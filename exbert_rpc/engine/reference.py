"""What a head gives on average: the mean of its outputs over a text that comes with the package, or over a corpus."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.batches import length_batches
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.errors import CorpusMismatch, InvalidParams
from exbert_rpc.model.types import Encoding, ModelDescription
from exbert_rpc.tasks import Progress, Task
from exbert_rpc.text.calibration import calibration_texts

if TYPE_CHECKING:
    from exbert_rpc.model.loaded import LoadedModel

SENTENCES = 256
"""Sentences of a corpus that a mean is taken over, evenly spaced."""
EVERY = 3
"""Of the package's calibration texts every third one is read: 1,000 tokens, of all its registers and scripts."""


class References:
    """Means of each model's head outputs, computed when first asked for."""

    def __init__(self) -> None:
        self._packaged: WeakKeyDictionary[LoadedModel, NDArray[np.float32]] = WeakKeyDictionary()
        self._computing = threading.Lock()

    def packaged(self, model: LoadedModel, task: Task) -> NDArray[np.float32]:
        """float32 ``[L, H, d]``: means over the tokens, not special, of calibration texts of the package."""
        with self._computing:
            found = self._packaged.get(model)
            if found is None:
                found = mean_head_outputs(model, model.tokenize_many(calibration_texts()[::EVERY]), task)
                self._packaged[model] = found
            return found

    def corpus(self, model: LoadedModel, reader: CorpusReader, task: Task) -> NDArray[np.float32]:
        """float32 ``[L, H, d]``: likewise over up to 256 sentences of a corpus, evenly spaced.

        Raises:
            CorpusMismatch: the corpus was built by another model.
        """
        if reader.config.model_fingerprint != model.info.fingerprint:
            raise CorpusMismatch(
                f"corpus {reader.name!r} was built by another model: {reader.config.model}, not {model.info.id}",
                hint=f"use {reader.config.model}, or leave `corpus` out",
                built=reader.config.model,
                given=model.info.id,
            )
        return reader.cached(
            ("mean head outputs", model.info.fingerprint),
            lambda: mean_head_outputs(model, model.tokenize_many(_some_sentences(reader)), task),
        )


def zero_outputs(info: ModelDescription) -> NDArray[np.float32]:
    """float32 ``[L, H, d]`` of zeros, where ``d`` is the width of the widest layer's heads."""
    return np.zeros((info.n_layers, info.n_heads, max(info.head_sizes)), dtype=np.float32)


def mean_head_outputs(model: LoadedModel, encodings: Sequence[Encoding], task: Task) -> NDArray[np.float32]:
    """float32 ``[L, H, d]``: mean of each head's output over the tokens that are not special.

    Layers without attention, and what a layer's heads are narrower than ``d``, are zeros.

    Texts that are longer than the model takes are left out.

    Raises:
        InvalidParams: no token is left.
    """
    info = model.info
    fitting = [one for one in encodings if 0 < len(one.ids) <= info.max_tokens and not one.is_special.all()]
    if not fitting:
        raise InvalidParams("corpus", "has no token to take means over", hint="leave `corpus` out")
    total = zero_outputs(info).astype(np.float64)
    tokens = done = 0
    for batch in length_batches([len(one.ids) for one in fitting]):
        task.check()
        task.report(Progress("taking means of the head outputs", done, len(fitting)))
        captures = model.capture_batch(
            [fitting[index] for index in batch], hidden_layers=(), layers=info.attention_layers, attention_layers=()
        )
        for capture in captures:
            plain = ~capture.encoding.is_special
            tokens += int(plain.sum())
            for layer, heads in zip(info.attention_layers, capture.head_outputs, strict=True):
                total[layer, :, : heads.shape[-1]] += heads[:, plain].sum(axis=1, dtype=np.float64)
        done += len(batch)
    return (total / tokens).astype(np.float32)


def _some_sentences(reader: CorpusReader) -> list[str]:
    """Texts of up to 256 sentences, evenly spaced over those that the corpus has now."""
    reader.check_unchanged()
    living = [
        (number, int(sentence))
        for number, segment in enumerate(reader.segments)
        for sentence in np.flatnonzero(segment.block_multiplicity[segment.sentence_block] > 0)
    ]
    if not living:
        return []
    places = np.unique(np.linspace(0, len(living) - 1, min(SENTENCES, len(living)), dtype=np.int64))
    chosen = [living[place] for place in places.tolist()]
    return [reader.segments[number].sentence_text(sentence) for number, sentence in chosen]
