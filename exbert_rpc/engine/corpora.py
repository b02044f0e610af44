"""The corpora of a store: opened for reading, built, described, removed."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

from exbert_rpc.corpus.build.builder import Builder, Compute
from exbert_rpc.corpus.build.distributed import Job, RayCompute
from exbert_rpc.corpus.search.finding import Gather
from exbert_rpc.corpus.search.graphs import graph_folder, keeps_graphs
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.document_rows import DocumentRows
from exbert_rpc.corpus.store.folders import CorpusFolder, Store
from exbert_rpc.corpus.store.manifest import CorpusConfig, Manifest, widths_by_layer
from exbert_rpc.corpus.store.remote import RemoteFolder, RemoteStore
from exbert_rpc.corpus.store.validation import check_thoroughly
from exbert_rpc.corpus.types import SPACES, CorpusDescription
from exbert_rpc.engine.annotations import Annotators, annotate_for_build, processes_for_build
from exbert_rpc.engine.corpus_requests import IndexRequest, IndexResult
from exbert_rpc.engine.graphs import check_sections, describe_graphs
from exbert_rpc.engine.models import Models
from exbert_rpc.errors import CorpusDamaged, CorpusMismatch, CorpusNotFound, InvalidParams
from exbert_rpc.model.sources import CARRIERS
from exbert_rpc.model.types import ModelDescription
from exbert_rpc.recent import Recent
from exbert_rpc.tasks import Progress, Task
from exbert_rpc.text.annotation.pool import AnnotatorPool
from exbert_rpc.text.calibration import calibration_texts
from exbert_rpc.text.confinement import is_allowed
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.preview import Preview, preview
from exbert_rpc.text.sources import MOST_NAMED, Source, Sources
from exbert_rpc.text.types import Document, Skipped

_MOST_OPEN = 4
_COPIES = ".copies"
_MOST_COUNTED = 256
_Counts = tuple[dict[str, int], dict[str, int]]
"""How many rows have which annotations, and which keys of metadata."""


class Corpora:
    """All corpora of one store.

    Args:
        store: Where they lie.
        models: What they are built with.
        default_pipeline: spaCy pipeline that is meant when none is named.
        allowed_roots: Folders that sources must lie in; ``None``: anywhere.
        annotators: Pipelines that run already.
        gather: Has the segments of a corpus searched; ``None``: this process does it.
        origin: URL below which all corpora lie, if not in ``store``, which then has copies of what is read.
    """

    def __init__(
        self,
        store: Path,
        models: Models,
        default_pipeline: str,
        allowed_roots: tuple[Path, ...] | None,
        annotators: Annotators,
        gather: Gather | None = None,
        origin: str | None = None,
    ) -> None:
        self._store = Store(store) if origin is None else RemoteStore(origin, store / _COPIES)
        self._gather = gather
        self._models = models
        self._default_pipeline = default_pipeline
        self._allowed_roots = allowed_roots
        self._annotators = annotators
        self._open: Recent[str, CorpusReader] = Recent(_MOST_OPEN)
        self._counted: Recent[Hashable, _Counts] = Recent(_MOST_COUNTED)

    def reader(self, name: str) -> CorpusReader:
        """A corpus as it is now, opened.

        Raises:
            CorpusNotFound: there is none of that name.
            CorpusDamaged: a file of it is not what was written.
        """
        folder = self._store.folder(name)
        kept = self._open.get(name)
        if kept is not None and kept.is_current:
            return kept
        reader = CorpusReader(folder, self._gather)
        self._open.put(name, reader)
        return reader

    def has_graphs(self, name: str) -> bool:
        """Whether search graphs lie beside a corpus."""
        folder = self._store.folder(name)
        return keeps_graphs(folder) and folder.has_graphs()

    def preview(self, sources: Sequence[Source], reading: ReadingOptions | None, task: Task) -> Preview:
        """What sources hold, looked at as a build would."""
        return preview(sources, reading if reading is not None else ReadingOptions(), self._allowed_roots, task)

    def build(self, request: IndexRequest, task: Task) -> IndexResult:
        """Make a corpus hold exactly what the sources name.

        Raises:
            InvalidParams: a name, source, layer or pipeline is wrong.
            Busy: another build of this corpus runs.
            Cancelled, StorageFailed: the corpus is what it was.
        """
        started = time.monotonic()
        if request.graphs and not request.sources:
            return self._as_it_is(request)
        folder = self._store.create(request.corpus)
        with folder.locked():
            try:
                report = self._build(folder, request, task)
            finally:
                folder.discard_if_empty()
        return replace(report, seconds=time.monotonic() - started)

    def _as_it_is(self, request: IndexRequest) -> IndexResult:
        """The result for a corpus that only gets search graphs."""
        folder = graph_folder(self._store.folder(request.corpus))
        manifest = folder.manifest()
        check_sections(manifest.config, request.graphs)
        return _result(folder, manifest, manifest.n_documents, ())

    def _build(self, folder: CorpusFolder, request: IndexRequest, task: Task) -> IndexResult:
        current = _current(folder)
        full = self._with_paths(_inherit(request, current))
        task.report(Progress("reading sources"))
        reading = full.reading if full.reading is not None else ReadingOptions()
        sources = task.run(lambda: Sources(full.sources, reading, allowed_roots=self._allowed_roots, check=task.check))
        documents = task.run(lambda: _readable(sources))
        if documents is None:
            return _kept(folder, current, sources.skipped)
        model = task.run(lambda: self._models.get(full.model, task))
        _check_same_model(request, current, model.info)
        name = full.pipeline or self._default_pipeline
        running = self._annotators.get(name)
        task.report(Progress(f"loading pipeline {name}"))
        pipeline = task.run(lambda: running.info)
        with AnnotatorPool(name, processes_for_build()) as own:
            annotate = partial(annotate_for_build, running, own, task)
            config = make_config(full, model.info, pipeline.name, pipeline.fingerprint)
            check_sections(config, request.graphs)
            compute = self._elsewhere(request, Job(folder, config, self._models.loader(model.info.id)), task)
            builder = Builder(folder, config, model, annotate, calibration_texts(), task, compute, reading)
            outcome = builder.build(documents, 1 if current is None else current.generation + 1)
        return _result(folder, outcome.manifest, outcome.unchanged, (*sources.skipped, *outcome.skipped))

    def _with_paths(self, request: IndexRequest) -> IndexRequest:
        roots = self._allowed_roots
        return replace(request, model=_absolute(request.model, roots), pipeline=_absolute(request.pipeline, roots))

    def _elsewhere(self, request: IndexRequest, job: Job, task: Task) -> Compute | None:
        """Who computes, if not this process."""
        if request.engine == "local":
            return None
        wants_gpu = self._models.device == "auto" or self._models.device.startswith("cuda")
        return RayCompute(job, task, workers=request.workers, address=request.address, wants_gpu=wants_gpu)

    def describe(self, name: str, *, thorough: bool = True) -> CorpusDescription:
        """What a corpus holds, and which of its files are damaged (``thorough``: every byte is checked)."""
        while True:
            folder = self._store.folder(name)
            stamp = folder.stamp()
            info = self._describe(folder, thorough)
            # what a build has replaced while we looked is not damage
            if not info.damaged or folder.stamp() == stamp:
                return info

    def _describe(self, folder: CorpusFolder | RemoteFolder, thorough: bool) -> CorpusDescription:
        try:
            manifest = folder.manifest()
        except CorpusDamaged as exc:
            return _unreadable(folder.name, exc)
        damaged, rows = [], {}
        annotations: dict[str, int] = {}
        metadata: dict[str, int] = {}
        try:
            annotations, metadata = self._counts(folder, manifest, thorough)
        except CorpusDamaged as exc:
            damaged.append(str(exc.data["file"]))
        for entry in manifest.segments:
            try:
                segment = folder.segment(entry)
                rows[entry.name, entry.checksum] = int(segment.meta["rows"])
                if thorough:
                    check_thoroughly(segment, manifest.config)
            except CorpusDamaged as exc:
                damaged.append(str(exc.data["file"]))
        config = manifest.config
        return CorpusDescription(
            name=folder.name,
            model=config.model,
            pipeline=config.pipeline,
            precision=config.precision,
            documents=manifest.n_documents,
            sentences=manifest.n_sentences,
            tokens=manifest.n_tokens,
            nbytes=folder.nbytes(manifest),
            layers=config.layers,
            spaces=config.spaces,
            fingerprint=config.key(),
            dtype=config.dtype,
            damaged=tuple(damaged),
            annotations=annotations,
            metadata=metadata,
            graphs=tuple(describe_graphs(folder, config, rows, thorough=thorough)) if keeps_graphs(folder) else (),
        )

    def _counts(self, folder: CorpusFolder | RemoteFolder, manifest: Manifest, thorough: bool) -> _Counts:
        """Counts of the document table, which look at every row; kept as long as its file is what it was."""
        state = folder.states(manifest)[0]
        key = (folder.name, manifest.documents.checksum, state)
        known = None if thorough or state is None else self._counted.get(key)
        if known is None:
            known = _count_labels(folder.documents(manifest.documents), thorough)
            self._counted.put(key, known)
        return known

    def list(self) -> list[CorpusDescription]:
        """All corpora by name; sizes of files are checked, their bytes are not."""
        found = []
        for name in self._store.names():
            try:
                found.append(self.describe(name, thorough=False))
            except CorpusNotFound:
                continue  # removed while we looked
        return found

    def remove(self, name: str) -> None:
        """Remove a corpus for good."""
        self._open.discard(name)  # Windows deletes no file that is mapped
        self._store.remove(name)


def _count_labels(rows: DocumentRows, thorough: bool) -> _Counts:
    """How many rows have which annotations, and which keys of metadata; ``thorough``: every row is checked."""
    if thorough:
        rows.check()
    annotations: Counter[str] = Counter()
    metadata: Counter[str] = Counter()
    for _, pairs in rows.labels():
        metadata.update(key for key, _ in pairs)
        annotations.update(value for key, value in pairs if key == "annotation")
    return annotations, metadata


def make_config(
    request: IndexRequest, model: ModelDescription, pipeline: str, pipeline_fingerprint: str
) -> CorpusConfig:
    """What a request asks to be stored.

    Raises:
        InvalidParams: a layer that the model does not have, or nothing to store.
    """
    layers = tuple(range(model.n_layers)) if request.layers is None else tuple(sorted(set(request.layers)))
    wrong = [layer for layer in layers if not 0 <= layer < model.n_layers]
    if wrong:
        raise InvalidParams(
            "layers", f"{wrong[0]} is not a layer of {model.id}", hint=f"layers are 0 to {model.n_layers - 1}"
        )
    if not layers:
        raise InvalidParams("layers", "names no layer", hint="leave it out to index all of them")
    spaces = SPACES if request.spaces is None else tuple(space for space in SPACES if space in request.spaces)
    if not spaces:
        raise InvalidParams("spaces", "names no space", hint="leave it out to index both")
    # the state that each layer reads, and behind the last layer the one that it writes
    hidden = (*layers, model.n_layers) if model.n_layers - 1 in layers else layers
    attending = tuple(layer for layer in layers if layer in model.attention_layers)
    if not attending:
        raise InvalidParams(
            "layers",
            f"none of them has attention in {model.id}",
            hint=f"Name one of {', '.join(map(str, model.attention_layers))}, too: it is shown beside the others.",
        )
    return CorpusConfig(
        model=model.id,
        model_fingerprint=model.fingerprint,
        pipeline=pipeline,
        pipeline_fingerprint=pipeline_fingerprint,
        precision=request.precision or "int8",
        layers=attending,
        hidden_layers=hidden,
        spaces=spaces,
        n_layers=model.n_layers,
        n_heads=model.n_heads,
        head_size=model.head_size,
        hidden_size=model.hidden_size,
        dtype=model.dtype,
        **widths_by_layer(model),
    )


def _result(folder: CorpusFolder, now: Manifest, unchanged: int, skipped: Sequence[Skipped]) -> IndexResult:
    return IndexResult(
        corpus=folder.name,
        documents=now.n_documents,
        sentences=now.n_sentences,
        tokens=now.n_tokens,
        nbytes=folder.nbytes(now),
        seconds=0.0,
        unchanged=unchanged,
        skipped=tuple(skipped),
    )


def _readable(sources: Sources) -> Iterator[Document] | None:
    """The documents of sources; ``None`` if nothing could be read."""
    documents = sources.documents()
    first = next(documents, None)
    return None if first is None else chain([first], documents)


def _kept(folder: CorpusFolder, current: Manifest | None, skipped: Sequence[Skipped]) -> IndexResult:
    """The result of a build that could read nothing: the corpus that is there.

    Raises:
        InvalidParams: there is none.
    """
    if current is not None:
        return replace(_result(folder, current, current.n_documents, skipped), kept=True)
    named = "; ".join(f"{one.uri}: {one.reason}" for one in skipped[:MOST_NAMED])
    more = f"; and {len(skipped) - MOST_NAMED} more" if len(skipped) > MOST_NAMED else ""
    raise InvalidParams("sources", f"nothing could be read: {named}{more}", hint="Name files that hold text.")


def _check_same_model(request: IndexRequest, current: Manifest | None, model: ModelDescription) -> None:
    """Raise ``CorpusMismatch`` if a corpus of another model would be replaced, and nobody has said that it should."""
    if current is None or request.replace or request.model is None:
        return
    if current.config.model == model.id or current.config.model_fingerprint == model.fingerprint:
        return
    raise CorpusMismatch(
        f"corpus {request.corpus!r} was built by {current.config.model}, not by {model.id}",
        hint="choose another name, leave the model out, or say that it is to be replaced (`replace`, in a terminal "
        "--replace)",
        built=current.config.model,
        given=model.id,
    )


def _current(folder: CorpusFolder) -> Manifest | None:
    """What is there; ``None`` if nothing is, or if it cannot be read."""
    try:
        return folder.manifest()
    except CorpusDamaged:
        return None


def _inherit(request: IndexRequest, manifest: Manifest | None) -> IndexRequest:
    """What is not asked for stays as it is in the corpus that is there."""
    if manifest is None:
        usual = request.defaults
        return replace(
            request,
            model=usual.model if request.model is None else request.model,
            pipeline=usual.pipeline if request.pipeline is None else request.pipeline,
            precision=usual.precision if request.precision is None else request.precision,
        )
    current = manifest.config
    same_model = request.model is None or request.model == current.model
    return replace(
        request,
        model=current.model if request.model is None else request.model,
        pipeline=current.pipeline if request.pipeline is None else request.pipeline,
        layers=_indexed(current) if request.layers is None and same_model else request.layers,
        spaces=current.spaces if request.spaces is None else request.spaces,
        precision=current.precision if request.precision is None else request.precision,
        reading=manifest.reading if request.reading is None else request.reading,
    )


def _indexed(config: CorpusConfig) -> tuple[int, ...]:
    """The layers that were asked for: those with attention, and those of which only the hidden state is stored."""
    return tuple(sorted({*config.layers, *(layer for layer in config.hidden_layers if layer < config.n_layers)}))


def _absolute(name: str | None, roots: Sequence[Path] | None) -> str | None:
    """The full path of a model's or pipeline's file or folder, so that it is found from anywhere; other names as is."""
    if name is None or name in CARRIERS:
        return name
    try:
        path = Path(os.path.abspath(Path(name).expanduser()))  # noqa: PTH100
        return str(path) if is_allowed(path, roots) and path.exists() else name
    except (OSError, RuntimeError, ValueError):
        return name


def _unreadable(name: str, error: CorpusDamaged) -> CorpusDescription:
    return CorpusDescription(name, "", "", "int8", 0, 0, 0, 0, (), (), "", (str(error.data["file"]),))
