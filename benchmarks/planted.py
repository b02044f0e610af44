"""A made-up model with a head that knows something, to see whether controls tell it from the word.

Dependencies follow from a word and the one before it, so that no word has one by itself. Head ``PLANTED`` of each layer
holds the dependency and nothing else. All other heads and hidden layer 0 hold the word and little else; parts of speech
and tags follow from the word, so whatever these heads find is the word's.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.fake import FakeModel, annotate_one, config_of
from benchmarks.store import NoAnnotators, OneModel
from exbert_rpc.analysis.types import Attribute, Finding
from exbert_rpc.corpus.build.builder import Builder
from exbert_rpc.corpus.search.graphs import Graphs
from exbert_rpc.corpus.store.folders import Store
from exbert_rpc.engine.captures import Pass
from exbert_rpc.engine.corpora import Corpora
from exbert_rpc.engine.corpus_requests import SearchRequest, SummarizeRequest
from exbert_rpc.engine.handles import Handles
from exbert_rpc.engine.search import Searcher, summarize_kept
from exbert_rpc.model.types import Encoding
from exbert_rpc.tasks import Task
from exbert_rpc.text.calibration import calibration_texts
from exbert_rpc.text.types import AnnotatedText, Document

PLANTED = 3
_LAYER = 1
_DEP = ("nsubj", "dobj", "prep", "det", "amod", "ROOT", "advmod", "pobj", "conj")
_NOISE = 0.3


class PlantedModel(FakeModel):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self._codes = np.random.default_rng(11).standard_normal((len(_DEP), 32), dtype=np.float32)

    def heads(self, encoding: Encoding, layer: int) -> NDArray[np.float32]:
        """float32 ``[H, n, d]``."""
        found = super().heads(encoding, layer).copy()
        words = [encoding.text[start:end] for start, end in zip(encoding.start, encoding.end, strict=True)]
        numbers = [_dependency(before, word) for before, word in zip(["", *words], words, strict=False)]
        noise = np.random.default_rng(zlib.crc32(encoding.text.encode())).standard_normal(found[PLANTED].shape)
        found[PLANTED] = self._codes[numbers] + _NOISE * noise
        return found


def annotate(texts: Iterable[str]) -> Iterator[AnnotatedText]:
    """Labels that follow from each word alone, but for dependencies."""
    for text in texts:
        one = annotate_one(text)
        words = [text[start:end] for start, end in zip(one.word_start, one.word_end, strict=True)]
        numbers = [_dependency(before, word) for before, word in zip(["", *words], words, strict=False)]
        yield replace(one, dep=tuple(_DEP[number] for number in numbers))


@dataclass(frozen=True, slots=True)
class Specificity:
    """Findings that got verdict ``head``, and findings: of the planted label, and of labels of the query's own word."""

    planted_head: int
    planted: int
    word_head: int
    word: int


def specificity(root: Path, documents: Sequence[Document], queries: Sequence[str]) -> Specificity:
    """Index documents by the planted model; search for a token of each query, through the planted and another head."""
    model = PlantedModel()
    folder = Store(root).create("planted")
    with folder.locked():
        Builder(folder, config_of(model.info), model, annotate, calibration_texts(), Task()).build(list(documents), 1)
    captures: Handles[Pass] = Handles("captureId", 1 << 28, 64, lambda kept: kept.nbytes)
    corpora = Corpora(root, OneModel(model), "en_core_web_sm", None, _Annotators())
    searcher = Searcher(corpora, OneModel(model), _Annotators(), captures, Graphs())
    planted: list[Finding] = []
    by_word: list[Finding] = []
    rng = np.random.default_rng(3)
    for text in queries:
        capture = model.capture(model.tokenize(text))
        handle = captures.put("bench", Pass(model, capture))
        token = int(rng.integers(1, len(capture.encoding.ids) - 1))
        other = int(rng.choice([head for head in range(12) if head != PLANTED]))
        for head in (PLANTED, other):
            request = SearchRequest(
                "bench", "planted", _LAYER, heads=(head,), capture_id=handle, token=token, distinct=True
            )
            found = summarize_kept(searcher.search(request, Task()), SummarizeRequest("bench"), Task())
            of_subject = [one for one in found.findings_detailed if one.of == "subject"]
            if head == PLANTED:
                planted += [one for one in of_subject if one.attribute == "dep"]
            else:
                by_word += [one for one in of_subject if one.label == _own_label(text, token, one.attribute)]
    return Specificity(_of_head(planted), len(planted), _of_head(by_word), len(by_word))


def _of_head(findings: Sequence[Finding]) -> int:
    return sum(one.verdict == "head" for one in findings)


def _own_label(text: str, token: int, attribute: Attribute) -> str | None:
    """Part of speech, tag or entity of a word, if it has one: they follow from the word; [CLS] is token 0."""
    return getattr(annotate_one(text), attribute)[token - 1] if attribute in ("pos", "tag", "entity") else None


def _dependency(before: str, word: str) -> int:
    left = before if before.isalnum() else ""
    return zlib.crc32(f"{left} {word}".encode()) % len(_DEP)


class _Annotators(NoAnnotators):
    """With the labels of this module."""

    def annotate(self, text: str) -> AnnotatedText:
        return next(iter(annotate([text])))
