"""Builds of the real store with the fake model: what the harness kills, cuts and damages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from exbert_rpc.corpus.build import builder as build_module
from exbert_rpc.corpus.build.builder import Builder, BuildOutcome
from exbert_rpc.corpus.search.graphs import Graphs
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.folders import CorpusFolder, Store
from exbert_rpc.corpus.types import Hit
from exbert_rpc.engine.corpus_requests import SearchRequest
from exbert_rpc.engine.handles import Handles
from exbert_rpc.engine.requests import TextInput
from exbert_rpc.engine.search import KeptSearch, Searcher
from exbert_rpc.errors import CorpusDamaged
from exbert_rpc.tasks import Task
from exbert_rpc.text.types import Document
from tests.store_faults.fakes import CALIBRATION, FakeAnnotators, FakeModel, annotate, config_of, make_text


def build(
    root: Path,
    texts: Mapping[str, str],
    *,
    name: str = "corpus",
    model: FakeModel | None = None,
    task: Task | None = None,
    config: Mapping[str, object] | None = None,
) -> BuildOutcome:
    """One build, as ``Corpora`` does it."""
    model = model or FakeModel()
    folder = Store(root).create(name)
    documents = [Document(uri, text, is_markdown=uri.endswith(".md")) for uri, text in sorted(texts.items())]
    with folder.locked():
        try:
            generation = folder.manifest().generation + 1
        except CorpusDamaged:
            generation = 1
        builder = Builder(folder, config_of(model, **(config or {})), model, annotate, CALIBRATION, task or Task())
        return builder.build(documents, generation)


def small_segments(tokens: int = 120, nbytes: int = 4000) -> None:
    """Make this process cut windows and segments so small that a little text makes many of them."""
    build_module.WINDOW_TOKENS = tokens
    build_module.SEGMENT_BYTES = nbytes


class Inline(Executor):
    """Does at once what it is given: for harnesses that count steps, which threads would take in any order."""

    def __init__(self, *_: object, **__: object) -> None:
        """As a pool is made."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def open_folder(root: Path, name: str = "corpus") -> CorpusFolder:
    return Store(root).folder(name)


def answers(root: Path, name: str = "corpus") -> list[tuple[Any, ...]]:
    """What a corpus says of some sentences in all its layers, attention included."""
    reader = CorpusReader(open_folder(root, name))
    model = FakeModel()
    out: list[tuple[Any, ...]] = []
    for seed in range(3):
        sentence = make_text(seed).split(". ")[0] + "."
        searches = [{"space": "hiddenState", "layer": layer} for layer in reader.config.hidden_layers]
        searches += [{"space": "headOutput", "layer": layer} for layer in reader.config.layers]
        for fields in searches:
            out += [
                (
                    round(hit.score, 4),
                    *(hit.document, hit.start.line, hit.start.column, hit.sentence_text, hit.match),
                    *(hit.tokens.pos, hit.tokens.lemma, hit.outgoing.round(3).tolist()),
                )
                for hit in search(reader, model, sentence, token=2, k=8, **fields)
            ]
    return out


class _Opened:
    """Stands for :class:`exbert_rpc.engine.corpora.Corpora`: one corpus, open."""

    def __init__(self, reader: CorpusReader) -> None:
        self._reader = reader

    def reader(self, name: str) -> CorpusReader:
        return self._reader


class _Loaded:
    """Stands for :class:`exbert_rpc.engine.models.Models`: one model, loaded."""

    def __init__(self, model: FakeModel) -> None:
        self._model = model

    def get(self, model_id: str | None, task: Task) -> FakeModel:
        return self._model


def search_kept(reader: CorpusReader, model: FakeModel, sentence: str, **fields: Any) -> KeptSearch:
    """A search as the engine does it; fields are those of ``SearchRequest``."""
    captures = Handles("captureId", 1 << 20, 4, lambda kept: kept.nbytes)
    searcher = Searcher(_Opened(reader), _Loaded(model), FakeAnnotators(), captures, Graphs())
    request = SearchRequest("session", reader.name, input=TextInput(sentence), **{"layer": 1, "k": 10, **fields})
    return searcher.search(request, Task())


def search(reader: CorpusReader, model: FakeModel, sentence: str, **fields: Any) -> tuple[Hit, ...]:
    """Its hits."""
    return search_kept(reader, model, sentence, **fields).hits
