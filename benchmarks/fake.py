"""A model and a pipeline that cost next to nothing, with the shapes of MiniLM.

What the store does with a million tokens does not depend on where vectors come from: building, opening, searching and
editing are measured on vectors that are made up (seeded, some nearer to each other than others), over real sentences.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.store.manifest import CorpusConfig
from exbert_rpc.corpus.types import Precision
from exbert_rpc.model.types import BatchCapture, Encoding, ModelDescription
from exbert_rpc.text.types import AnnotatedText

LAYERS = (0, 1)
"""Layers that are indexed: two, so that 100,000 tokens already fill a segment."""

_WORD = re.compile(r"\w+|[^\w\s]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"(])")
_VOCABULARY = 8192
_POS = ("NOUN", "VERB", "ADP", "DET", "ADJ", "PRON", "ADV", "PROPN")
_DEP = ("nsubj", "dobj", "prep", "det", "amod", "ROOT", "advmod", "pobj", "conj")
_ENTITY = ("", "", "", "", "", "", "PERSON", "ORG")


class FakeModel:
    """Vectors drawn per word and per context, added up; attention cut from one large matrix. Keeps nothing."""

    def __init__(self) -> None:
        self.info = ModelDescription(
            id="made-up",
            architecture="MadeUp",
            kind="bidirectional",
            n_layers=6,
            n_heads=12,
            n_kv_heads=12,
            hidden_size=384,
            head_size=32,
            max_tokens=512,
            has_lm_head=False,
            mask_token=None,
            fingerprint="made-up-1",
            device="cpu",
        )
        rng = np.random.default_rng(5)
        self._words = rng.standard_normal((_VOCABULARY, 384), dtype=np.float32)
        self._contexts = rng.standard_normal((_VOCABULARY, 384), dtype=np.float32)
        self._attention = rng.standard_exponential((12, 512, 512), dtype=np.float32) ** 3

    def tokenize(self, text: str) -> Encoding:
        """[CLS], the words, [SEP]."""
        found = list(_WORD.finditer(text))[:510]
        ids = [0, *(_number(match[0]) for match in found), 1]
        special = np.zeros(len(ids), dtype=bool)
        special[[0, -1]] = True
        return Encoding(
            text=text,
            pair=None,
            ids=np.array(ids, dtype=np.int64),
            tokens=("[CLS]", *(match[0] for match in found), "[SEP]"),
            start=np.array([0, *(match.start() for match in found), 0], dtype=np.int32),
            end=np.array([0, *(match.end() for match in found), 0], dtype=np.int32),
            segment=np.zeros(len(ids), dtype=np.int32),
            is_special=special,
            is_masked=np.zeros(len(ids), dtype=bool),
        )

    def lanes(self) -> ThreadPoolExecutor:
        """One after another."""
        return ThreadPoolExecutor(1)

    def tokenize_many(self, texts: Sequence[str]) -> list[Encoding]:
        """Encodings of texts, in order."""
        return [self.tokenize(text) for text in texts]

    def capture_batch(
        self,
        encodings: Sequence[Encoding],
        *,
        hidden_layers: Sequence[int],
        layers: Sequence[int],
        attention_layers: Sequence[int],
    ) -> list[BatchCapture]:
        """What was asked for, of each text."""
        return [
            BatchCapture(
                encoding,
                [self.hidden(encoding, layer) for layer in hidden_layers],
                [self.heads(encoding, layer) for layer in layers],
                [self.attention_of(encoding, layer) for layer in attention_layers],
            )
            for encoding in encodings
        ]

    def hidden(self, encoding: Encoding, layer: int) -> NDArray[np.float32]:
        """float32 ``[n, D]``."""
        return self._vectors(encoding, 3 + layer)

    def heads(self, encoding: Encoding, layer: int) -> NDArray[np.float32]:
        """float32 ``[H, n, d]``."""
        return self._vectors(encoding, 1009 + layer).reshape(-1, 12, 32).transpose(1, 0, 2)

    def attention_of(self, encoding: Encoding, layer: int) -> NDArray[np.float32]:
        """float32 ``[H, n, n]``, rows sum to 1."""
        n = len(encoding.ids)
        at = layer % (513 - n)
        raw = self._attention[:, at : at + n, at : at + n]
        weights: NDArray[np.float32] = raw / raw.sum(axis=-1, keepdims=True)
        return weights

    def capture(self, encoding: Encoding) -> FakeCapture:
        """One pass."""
        return FakeCapture(self, encoding)

    def _vectors(self, encoding: Encoding, salt: int) -> NDArray[np.float32]:
        ids = encoding.ids
        context = (np.roll(ids, 1) * 31 + np.roll(ids, -1) * 17 + np.arange(len(ids)) * 7 + salt) % _VOCABULARY
        vectors: NDArray[np.float32] = self._words[(ids * 13 + salt) % _VOCABULARY] + 0.7 * self._contexts[context]
        return vectors


class FakeCapture:
    """A pass of the made-up model, as :class:`exbert_rpc.model.types.Capture` is."""

    decoder_encoding = None
    nbytes = 1 << 16

    def __init__(self, model: FakeModel, encoding: Encoding) -> None:
        self.info = model.info
        self.encoding = encoding
        self.hidden_states = np.stack([model.hidden(encoding, layer) for layer in range(7)])
        self.head_outputs = np.stack([model.heads(encoding, layer) for layer in range(6)])
        self._model = model

    def hidden_state(self, hidden_layer: int) -> np.ndarray:
        """float32 ``[n, D]``."""
        found: np.ndarray = self.hidden_states[hidden_layer]
        return found

    def head_output(self, layer: int) -> np.ndarray:
        """float32 ``[H, n, d]``."""
        found: np.ndarray = self.head_outputs[layer]
        return found

    def attention(self, layers: Sequence[int], heads: Sequence[int] | None = None, stream: str = "self") -> np.ndarray:
        """float32 ``[len(layers), len(heads), n, n]``."""
        assert stream == "self"
        whole = np.stack([self._model.attention_of(self.encoding, layer) for layer in layers])
        return whole[:, slice(None) if heads is None else list(heads)]

    def predictions(self, k: int) -> None:
        """None: there is no head."""
        del k


def annotate(texts: Iterable[str]) -> Iterator[AnnotatedText]:
    """Words, sentences, and labels that follow from each word alone."""
    return map(annotate_one, texts)


def annotate_one(text: str) -> AnnotatedText:
    """One text."""
    words = list(_WORD.finditer(text))
    numbers = [_number(match[0]) for match in words]
    starts = np.array([0, *(match.end() for match in _SENTENCE.finditer(text))], dtype=np.int32)
    ends = np.array([*(match.start() for match in _SENTENCE.finditer(text)), len(text)], dtype=np.int32)
    at = np.array([match.start() for match in words], dtype=np.int32)
    return AnnotatedText(
        text=text,
        word_start=at,
        word_end=np.array([match.end() for match in words], dtype=np.int32),
        pos=tuple(_POS[number % len(_POS)] for number in numbers),
        tag=tuple(_POS[number % len(_POS)] for number in numbers),
        dep=tuple(_DEP[number % len(_DEP)] for number in numbers),
        lemma=tuple(match[0].lower() for match in words),
        entity=tuple(_ENTITY[number % len(_ENTITY)] for number in numbers),
        syntactic_head=np.zeros(len(words), dtype=np.int32),
        sentence=(np.searchsorted(starts, at, side="right") - 1).astype(np.int32),
        sentence_start=starts,
        sentence_end=ends,
    )


def config_of(info: ModelDescription, precision: Precision = "int8", layers: Sequence[int] = LAYERS) -> CorpusConfig:
    """Both spaces of some layers; the state behind them is indexed if it is the model's last."""
    hidden = (*layers, info.n_layers) if info.n_layers - 1 in layers else tuple(layers)
    return CorpusConfig(
        model=info.id,
        model_fingerprint=info.fingerprint,
        pipeline="en_core_web_sm",
        pipeline_fingerprint="made-up",
        precision=precision,
        layers=tuple(layers),
        hidden_layers=hidden,
        spaces=("hiddenState", "headOutput"),
        n_layers=info.n_layers,
        n_heads=info.n_heads,
        head_size=info.head_size,
        hidden_size=info.hidden_size,
    )


def _number(word: str) -> int:
    return 2 + zlib.crc32(word.lower().encode()) % (_VOCABULARY - 2)
