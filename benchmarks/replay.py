"""Real passes that are run once and then replayed, so that several corpora are built of the very same vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor

import numpy as np

from exbert_rpc.corpus.batches import length_batches
from exbert_rpc.corpus.types import CorpusModel
from exbert_rpc.model.types import BatchCapture, Encoding, ModelDescription
from exbert_rpc.text.types import AnnotatedText


class Replay:
    """A model that remembers what it said of some sentences.

    Args:
        model: The real one; asked for everything that is not remembered.
        hidden_layers: Hidden states that are remembered.
        layers: Layers whose head outputs are remembered.
        with_attention: Whether their attention is remembered too; it is zero otherwise.
    """

    def __init__(
        self,
        model: CorpusModel,
        hidden_layers: Sequence[int],
        layers: Sequence[int],
        *,
        with_attention: bool = False,
    ) -> None:
        self._model = model
        self._hidden_layers = tuple(hidden_layers)
        self._layers = tuple(layers)
        self._attention_layers = self._layers if with_attention else ()
        self._known: dict[str, BatchCapture] = {}

    @property
    def info(self) -> ModelDescription:
        """The real model's."""
        return self._model.info

    def learn(self, texts: Sequence[str]) -> None:
        """Run the real model over texts, in batches as a build makes them."""
        encodings = [one for one in self._model.tokenize_many(texts) if len(one.ids) <= self.info.max_tokens]
        for batch in length_batches([len(one.ids) for one in encodings]):
            some = [encodings[index] for index in batch]
            found = self._model.capture_batch(
                some,
                hidden_layers=self._hidden_layers,
                layers=self._layers,
                attention_layers=self._attention_layers,
            )
            self._known.update((one.encoding.text, one) for one in found)

    def known(self, text: str) -> BatchCapture:
        """What was remembered of a sentence; raises ``KeyError``."""
        return self._known[text]

    def lanes(self) -> Executor:
        """The real model's."""
        return self._model.lanes()

    def tokenize_many(self, texts: Sequence[str]) -> list[Encoding]:
        """Encodings, remembered or not."""
        known = [self._known.get(text) for text in texts]
        fresh = iter(self._model.tokenize_many([text for text, one in zip(texts, known, strict=True) if one is None]))
        return [next(fresh) if one is None else one.encoding for one in known]

    def capture_batch(
        self,
        encodings: Sequence[Encoding],
        *,
        hidden_layers: Sequence[int],
        layers: Sequence[int],
        attention_layers: Sequence[int],
    ) -> list[BatchCapture]:
        """What is remembered, cut to the layers asked for."""
        if any(encoding.text not in self._known for encoding in encodings):
            return self._model.capture_batch(
                encodings, hidden_layers=hidden_layers, layers=layers, attention_layers=attention_layers
            )
        return [self._cut(self._known[one.text], hidden_layers, layers, attention_layers) for one in encodings]

    def _cut(
        self, known: BatchCapture, hidden_layers: Sequence[int], layers: Sequence[int], attention_layers: Sequence[int]
    ) -> BatchCapture:
        n = len(known.encoding.ids)
        return BatchCapture(
            known.encoding,
            [known.hidden_states[self._hidden_layers.index(layer)] for layer in hidden_layers],
            [known.head_outputs[self._layers.index(layer)] for layer in layers],
            [known.attention[self._attention_layers.index(layer)] for layer in attention_layers]
            if self._attention_layers
            else [np.zeros((self.info.n_heads, n, n), dtype=np.float32) for _ in attention_layers],
        )


def annotate_sentences(texts: Iterable[str]) -> Iterator[AnnotatedText]:
    """Each text as one sentence of words without labels."""
    empty = np.zeros(0, dtype=np.int32)
    for text in texts:
        yield AnnotatedText(
            text=text,
            word_start=np.array([0], dtype=np.int32),
            word_end=np.array([len(text)], dtype=np.int32),
            pos=("",),
            tag=("",),
            dep=("",),
            lemma=("",),
            entity=("",),
            syntactic_head=np.array([0], dtype=np.int32),
            sentence=np.array([0], dtype=np.int32),
            sentence_start=np.array([0], dtype=np.int32) if text else empty,
            sentence_end=np.array([len(text)], dtype=np.int32) if text else empty,
        )
