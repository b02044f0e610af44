"""Corpora of made-up vectors, built once and kept until the code that builds them changes."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from benchmarks.fake import FakeModel, annotate, config_of
from benchmarks.scale import CACHE, ROOT
from benchmarks.texts import paragraphs
from exbert_rpc.corpus.build.builder import Builder, BuildOutcome
from exbert_rpc.corpus.search.graphs import Graphs
from exbert_rpc.corpus.store.folders import CorpusFolder, Store
from exbert_rpc.engine.captures import Pass
from exbert_rpc.engine.corpora import Corpora
from exbert_rpc.engine.handles import Handles
from exbert_rpc.engine.search import Searcher
from exbert_rpc.errors import CorpusDamaged
from exbert_rpc.tasks import Task
from exbert_rpc.text.calibration import calibration_texts
from exbert_rpc.text.types import Document, PipelineInfo

_CHARACTERS_A_TOKEN = 5.0  # of the Brown corpus, words and marks
_PARAGRAPHS_A_DOCUMENT = 25


@dataclass(frozen=True, slots=True)
class Built:
    """A corpus in the cache, and what building it took.

    Attributes:
        root: The store that it is in.
        name: Its name there.
        tokens: Vectors in each layer.
        nbytes: Bytes of its files.
        seconds: Time of the build.
        peak_bytes: Largest resident memory of the process that built it.
    """

    root: str
    name: str
    tokens: int
    nbytes: int
    seconds: float
    peak_bytes: int

    @property
    def folder(self) -> CorpusFolder:
        """The corpus."""
        return Store(Path(self.root)).folder(self.name)


def built_corpus(n_tokens: int) -> Built:
    """The corpus of about ``n_tokens`` tokens; built in a process of its own unless it is there."""
    root = CACHE / f"corpora-{_version()}"
    _forget_others(root)
    record = root / f"made-up-{n_tokens}.json"
    if not record.is_file():
        shutil.rmtree(root / f"made-up-{n_tokens}", ignore_errors=True)
        command = [sys.executable, "-m", "benchmarks.store", str(n_tokens), str(root)]
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_bytes(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    return Built(**json.loads(record.read_text(encoding="utf-8")))


def documents_of(n_tokens: int) -> list[Document]:
    """Documents of real sentences; where they run out they come again with a word in front."""
    wanted = int(n_tokens * _CHARACTERS_A_TOKEN)
    found = paragraphs(wanted)
    rounds = 1
    while sum(map(len, found)) < wanted:
        rounds += 1
        found += [f"Again{rounds} {one}" for one in paragraphs(wanted - sum(map(len, found)))]
    each = _PARAGRAPHS_A_DOCUMENT
    return [
        Document(f"bench:/{number:05d}.txt", "\n\n".join(found[start : start + each]))
        for number, start in enumerate(range(0, len(found), each))
    ]


def build(folder: CorpusFolder, documents: Iterable[Document], model: FakeModel) -> BuildOutcome:
    """One build, as ``Corpora`` does it."""
    with folder.locked():
        try:
            generation = folder.manifest().generation + 1
        except CorpusDamaged:
            generation = 1
        builder = Builder(folder, config_of(model.info), model, annotate, calibration_texts(), Task())
        return builder.build(documents, generation)


class OneModel:
    """Stands for :class:`exbert_rpc.engine.models.Models`: one model, loaded."""

    def __init__(self, model: FakeModel) -> None:
        self._model = model

    def get(self, model_id: str | None, task: Task) -> FakeModel:
        """The model, whatever is asked for."""
        del model_id, task
        return self._model


class NoAnnotators:
    """Stands for :class:`exbert_rpc.engine.annotations.Annotators`, and for each of its pools."""

    info = PipelineInfo("made-up", "1", "made-up", {})

    def get(self, pipeline: str) -> NoAnnotators:
        """Itself."""
        del pipeline
        return self

    def annotate(self, text: str) -> object:
        """Annotations that cost nothing."""
        return next(iter(annotate([text])))


@dataclass(frozen=True, slots=True)
class Bench:
    """A searcher over the corpora of one store, as the engine makes it, with a kept pass to search from."""

    searcher: Searcher
    captures: Handles[Pass]
    model: FakeModel

    def keep(self, text: str) -> str:
        """Id of a kept pass over a text."""
        return self.captures.put("bench", Pass(self.model, self.model.capture(self.model.tokenize(text))))


def make_bench(root: Path, annotators: object) -> Bench:
    """A searcher with a fake model; ``annotators`` as the engine has them."""
    model = FakeModel()
    corpora = Corpora(root, OneModel(model), "en_core_web_sm", None, annotators)
    captures: Handles[Pass] = Handles("captureId", 1 << 28, 64, lambda kept: kept.nbytes)
    return Bench(Searcher(corpora, OneModel(model), annotators, captures, Graphs()), captures, model)


@cache
def _version() -> str:
    """Changes with any code that decides what a corpus is."""
    digest = hashlib.blake2b(digest_size=6)
    for folder in (ROOT / "exbert_rpc" / "index", ROOT / "exbert_rpc" / "corpus"):
        for file in sorted(folder.glob("*.py")):
            digest.update(file.read_bytes())
    digest.update(Path(__file__).with_name("fake.py").read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()


def _forget_others(root: Path) -> None:
    for folder in CACHE.glob("corpora-*"):
        if folder != root:
            shutil.rmtree(folder, ignore_errors=True)


def _main() -> None:
    import resource
    import time

    n_tokens, root = int(sys.argv[1]), Path(sys.argv[2])
    name = f"made-up-{n_tokens}"
    folder = Store(root).create(name)
    model = FakeModel()
    documents = documents_of(n_tokens)
    started = time.monotonic()
    manifest = build(folder, documents, model).manifest
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds = time.monotonic() - started
    done = Built(str(root), name, manifest.n_tokens, folder.nbytes(manifest), seconds, peak)
    sys.stdout.write(json.dumps(asdict(done)))


if __name__ == "__main__":
    _main()
