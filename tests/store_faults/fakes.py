"""A model and a pipeline that take no time: what the store keeps does not depend on where vectors come from.

Nothing here imports torch, transformers or spaCy. Both are functions of the text alone, in every process.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from exbert_rpc.corpus.store.manifest import CorpusConfig
from exbert_rpc.model.types import BatchCapture, Encoding, ModelDescription
from exbert_rpc.text.types import AnnotatedText, PipelineInfo

_WORD = re.compile(r"\w+|[^\w\s]")
_SENTENCE_END = re.compile(r"[.!?]\s+")
_TABLE = np.random.default_rng(7).standard_normal((1009, 64)).astype(np.float32)

CALIBRATION = tuple(f"word{a} word{b} stands before word{a + b}." for a in range(6) for b in range(6))


class FakeModel:
    """Vectors from hashes of the token, its position and its left neighbour.

    Args:
        max_tokens: Longest input, two special tokens included.
        weights: Models with other weights have other vectors and fingerprints.
    """

    def __init__(
        self,
        *,
        n_layers: int = 2,
        n_heads: int = 2,
        head_size: int = 4,
        hidden_size: int = 8,
        max_tokens: int = 64,
        weights: int = 0,
    ) -> None:
        self.calls = 0
        self.seen: list[str] = []
        self._weights = weights
        self.info = ModelDescription(
            id=f"fake-{weights}",
            architecture="FakeModel",
            kind="bidirectional",
            n_layers=n_layers,
            n_heads=n_heads,
            n_kv_heads=n_heads,
            hidden_size=hidden_size,
            head_size=head_size,
            max_tokens=max_tokens,
            has_lm_head=False,
            mask_token=None,
            fingerprint=f"fake-{weights}-{n_layers}-{n_heads}-{head_size}-{hidden_size}",
            device="cpu",
        )

    def tokenize(self, text: str, pair: str | None = None, mask: Sequence[int] = ()) -> Encoding:
        """[CLS], the words, [SEP]; words of the private use area are dropped, as tokenizers drop some characters."""
        found = [match for match in _WORD.finditer(text) if not match[0].startswith("\ue000")]
        ids = [1, *(10 + zlib.crc32(match[0].lower().encode()) % 50_000 for match in found), 2]
        return Encoding(
            text=text,
            pair=None,
            ids=np.array(ids, dtype=np.int64),
            tokens=("[CLS]", *(match[0] for match in found), "[SEP]"),
            start=np.array([0, *(match.start() for match in found), 0], dtype=np.int32),
            end=np.array([0, *(match.end() for match in found), 0], dtype=np.int32),
            segment=np.zeros(len(ids), dtype=np.int32),
            is_special=np.array([True, *[False] * len(found), True]),
            is_masked=np.zeros(len(ids), dtype=bool),
        )

    def lanes(self) -> ThreadPoolExecutor:
        """One after another."""
        return ThreadPoolExecutor(1)

    def tokenize_many(self, texts: Sequence[str]) -> list[Encoding]:
        return [self.tokenize(text) for text in texts]

    def capture_batch(
        self,
        encodings: Sequence[Encoding],
        *,
        hidden_layers: Sequence[int],
        layers: Sequence[int],
        attention_layers: Sequence[int],
    ) -> list[BatchCapture]:
        self.calls += 1
        self.seen += [encoding.text for encoding in encodings]
        return [
            BatchCapture(
                encoding,
                hidden_states=[self.hidden(encoding, layer) for layer in hidden_layers],
                head_outputs=[self.heads(encoding, layer) for layer in layers],
                attention=[self.attention(encoding, layer) for layer in attention_layers],
            )
            for encoding in encodings
        ]

    def hidden(self, encoding: Encoding, layer: int) -> np.ndarray:
        """float32 ``[n, D]``."""
        return self._vectors(encoding, 31 * layer + 5, self.info.hidden_size)

    def heads(self, encoding: Encoding, layer: int) -> np.ndarray:
        """float32 ``[H, n, d]``."""
        return np.stack(
            [
                self._vectors(encoding, 101 * layer + 11 * head + 500, self.info.head_size) * (1 + head)
                for head in range(self.info.n_heads)
            ]
        )

    def attention(self, encoding: Encoding, layer: int) -> np.ndarray:
        """float32 ``[H, n, n]``, rows sum to 1."""
        n = len(encoding.ids)
        ids = encoding.ids
        mixed = (ids[:, None] * 7 + ids[None, :] * 13 + np.arange(n)[:, None] * 3 + layer * 17) % 97
        raw = np.stack([1.0 + (mixed + 29 * head) % 97 for head in range(self.info.n_heads)]) ** 3
        return (raw / raw.sum(-1, keepdims=True)).astype(np.float32)

    def capture(self, encoding: Encoding) -> FakeCapture:
        """One pass."""
        return FakeCapture(self, encoding)

    def _vectors(self, encoding: Encoding, salt: int, width: int) -> np.ndarray:
        ids = encoding.ids
        before = np.concatenate([[0], ids[:-1]])
        at = np.arange(len(ids))
        salt += 7919 * self._weights
        own = _TABLE[(ids * 31 + salt) % len(_TABLE), :width]
        left = _TABLE[(before * 17 + salt * 3) % len(_TABLE), :width]
        place = _TABLE[(at * 5 + salt * 7) % len(_TABLE), :width]
        return own + 0.5 * left + 0.2 * place


class FakeCapture:
    """A pass of a fake model."""

    decoder_encoding = None
    nbytes = 1000

    def __init__(self, model: FakeModel, encoding: Encoding) -> None:
        self.info = model.info
        self.encoding = encoding
        self.hidden_states = np.stack([model.hidden(encoding, layer) for layer in range(model.info.n_layers + 1)])
        self.head_outputs = np.stack([model.heads(encoding, layer) for layer in range(model.info.n_layers)])
        self._attention = np.stack([model.attention(encoding, layer) for layer in range(model.info.n_layers)])

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
        return self._attention[list(layers)][:, slice(None) if heads is None else list(heads)]

    def predictions(self, k: int) -> None:
        """None: there is no head."""


class FakeAnnotators:
    """Stands for :class:`exbert_rpc.engine.annotations.Annotators`, and for each of its pools."""

    info = PipelineInfo("fake", "1", "fake-1", {"pos": (), "tag": (), "dep": (), "entity": ()})

    def get(self, pipeline: str) -> FakeAnnotators:
        return self

    def annotate(self, text: str) -> AnnotatedText:
        return annotate_one(text)


def annotate(texts: Iterable[str]) -> Iterator[AnnotatedText]:
    """Words, sentences at full stops, and labels that follow from each word's letters."""
    for text in texts:
        yield annotate_one(text)


def annotate_one(text: str) -> AnnotatedText:
    words = list(_WORD.finditer(text))
    starts = [0] if text.strip() else []
    starts += [match.end() for match in _SENTENCE_END.finditer(text) if text[match.end() :].strip()]
    bounds = [*starts, len(text)]
    spans = []
    for start, end in zip(starts, bounds[1:], strict=True):
        piece = text[start:end]
        spans.append((start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())))
    forms = [match[0] for match in words]
    sentence = np.array(
        [max(sum(start <= match.start() for start, _ in spans) - 1, 0) for match in words], dtype=np.int32
    )
    return AnnotatedText(
        text=text,
        word_start=np.array([match.start() for match in words], dtype=np.int32),
        word_end=np.array([match.end() for match in words], dtype=np.int32),
        pos=tuple("PUNCT" if not form[0].isalnum() else "NOUN" if len(form) > 4 else "VERB" for form in forms),
        tag=tuple(f"T{len(form) % 5}" for form in forms),
        dep=tuple(("nsubj", "obj", "ROOT")[len(form) % 3] for form in forms),
        lemma=tuple(form.lower() for form in forms),
        entity=tuple("PERSON" if form[0].isupper() and len(form) > 6 else "" for form in forms),
        syntactic_head=_syntactic_heads(forms, sentence),
        sentence=sentence,
        sentence_start=np.array([start for start, _ in spans], dtype=np.int32),
        sentence_end=np.array([end for _, end in spans], dtype=np.int32),
    )


def _syntactic_heads(forms: Sequence[str], sentence: np.ndarray) -> np.ndarray:
    """A word one to three places back, at most the first one of the sentence, which is its own head."""
    first = [int(np.argmax(sentence == one)) for one in sentence]
    heads = [max(first[at], at - 1 - len(form) % 3) for at, form in enumerate(forms)]
    return np.array(heads, dtype=np.int32)


def config_of(model: FakeModel, /, **changes: object) -> CorpusConfig:
    """Everything of a fake model, stored at int8."""
    info = model.info
    settings: dict[str, object] = {
        "model": info.id,
        "model_fingerprint": info.fingerprint,
        "pipeline": "fake",
        "pipeline_fingerprint": "fake-1",
        "precision": "int8",
        "layers": tuple(range(info.n_layers)),
        "hidden_layers": tuple(range(info.n_layers + 1)),
        "spaces": ("hiddenState", "headOutput"),
        "n_layers": info.n_layers,
        "n_heads": info.n_heads,
        "head_size": info.head_size,
        "hidden_size": info.hidden_size,
    }
    return CorpusConfig(**{**settings, **changes})


_WORDS = [f"{'Qu' if n % 9 == 0 else 'w'}{'aeiou'[n % 5] * (n % 4 + 1)}{n}" for n in range(400)]


def make_text(seed: int, paragraphs: int = 6, sentences: int = 4) -> str:
    """Random prose of a small vocabulary."""
    rng = np.random.default_rng(seed)

    def sentence() -> str:
        return " ".join(_WORDS[n] for n in rng.integers(0, len(_WORDS), rng.integers(3, 14))) + "."

    return "\n\n".join(" ".join(sentence() for _ in range(sentences)) for _ in range(paragraphs))
