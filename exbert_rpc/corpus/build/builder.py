"""Building a corpus, incrementally.

1. Documents are cut into blocks; a block that some segment already holds costs nothing.
2. The others are annotated (in another process, ahead of the passes), cut into sentences, sorted by length within a
   window, run through the model in batches, quantized and collected into segments, all at the same time. A finished
   segment stays on the disk: a build that is stopped and started again takes its blocks from there.
3. The document table and then the manifest are replaced. Until that moment the corpus is the old one.

Step 2 is :func:`compute_segments`. It reads nothing but texts, a model and a pipeline, and writes nothing but finished
segments, so it runs here or, a shard of blocks at a time, on other machines (``corpus/build/distributed.py``).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np

from exbert_rpc.corpus.batches import Passes, left_on_error
from exbert_rpc.corpus.build.annotated import Annotate, annotate_blocks
from exbert_rpc.corpus.build.memory import give_back
from exbert_rpc.corpus.build.merge import PORTION_BYTES, in_portions, merge_parts, take_blocks, worth_merging
from exbert_rpc.corpus.build.pack import PackedSentence, Scales, pack_captures, rows_of
from exbert_rpc.corpus.build.places import block_places
from exbert_rpc.corpus.build.reuse import BlockTable, reusable_blocks
from exbert_rpc.corpus.build.segment_builder import SegmentBuilder
from exbert_rpc.corpus.build.sentences import TokenizedBlock, TokenizedSentence, tokenize_block
from exbert_rpc.corpus.build.spool import Spool
from exbert_rpc.corpus.build.table import DocumentTable
from exbert_rpc.corpus.head_plan import relations_of
from exbert_rpc.corpus.store.blocks import block_digest
from exbert_rpc.corpus.store.documents import IndexedDocument
from exbert_rpc.corpus.store.folders import CorpusFolder
from exbert_rpc.corpus.store.manifest import CorpusConfig, FileEntry, Manifest
from exbert_rpc.corpus.store.quantize import choose_scale
from exbert_rpc.corpus.store.validation import read_scale
from exbert_rpc.corpus.types import CorpusModel
from exbert_rpc.corpus.vectors import unit_parts
from exbert_rpc.errors import CorpusDamaged
from exbert_rpc.model.types import BatchCapture, Encoding
from exbert_rpc.recent import Recent
from exbert_rpc.tasks import Progress, Task
from exbert_rpc.text.blocks import split_blocks
from exbert_rpc.text.files import file_state
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.types import AnnotatedText, Block, Document, Skipped

WINDOW_TOKENS = 4096
_WINDOWS_AHEAD = 1
_MOST_CHOSEN = 16  # sets of scales that are kept for a model

_chosen: WeakKeyDictionary[CorpusModel, Recent[Hashable, Scales]] = WeakKeyDictionary()
SEGMENT_BYTES = 192 << 20


@dataclass(frozen=True, slots=True)
class Computed:
    """One step of computing blocks.

    Attributes:
        characters: Characters of the blocks that it is about; negative: that many have to be computed again.
        tokens: Their tokens; likewise.
        segment: A segment that is finished now, on the disk for good.
    """

    characters: int = 0
    tokens: int = 0
    segment: FileEntry | None = None


Compute = Callable[[Iterable[Block], Scales], Iterator[Computed]]
"""Makes segments of blocks, with these quantization scales."""


@dataclass(frozen=True, slots=True)
class BuildOutcome:
    """What a build did.

    Attributes:
        manifest: What the corpus is now.
        unchanged: Documents (a notebook is one) all of whose blocks were there already.
        skipped: What could not be indexed.
        computed_tokens: Tokens that were run through the model.
    """

    manifest: Manifest
    unchanged: int
    skipped: tuple[Skipped, ...]
    computed_tokens: int


class Builder:
    """One build of one corpus.

    Args:
        folder: Where; the caller holds its lock.
        config: What to store.
        model: What runs.
        annotate: Annotates texts in order.
        calibration: Texts that the quantization scales are chosen from.
        task: What is reported to and obeyed.
        compute: Who computes; by default this process.
        reading: How the documents are read.
    """

    def __init__(
        self,
        folder: CorpusFolder,
        config: CorpusConfig,
        model: CorpusModel,
        annotate: Annotate,
        calibration: Sequence[str],
        task: Task,
        compute: Compute | None = None,
        reading: ReadingOptions | None = None,
    ) -> None:
        self._folder = folder
        self._config = config
        self._model = model
        self._calibration = calibration
        self._task = task
        self._run = compute or partial(compute_segments, folder, config, model, annotate, task)
        self._reading = reading if reading is not None else ReadingOptions()
        self._computed = 0

    def build(self, documents: Iterable[Document], generation: int) -> BuildOutcome:
        """Make the corpus hold exactly these documents.

        Raises:
            Cancelled: the task was cancelled; the corpus is what it was.
            StorageFailed: the disk refused; the corpus is what it was.
        """
        self._task.report(Progress("reading what is indexed already"))
        table, _ = reusable_blocks(self._folder, self._config, self._task)
        with DocumentTable() as entries:
            with Spool() as missing:
                for document, state in _with_states(documents):
                    self._task.check()
                    blocks = split_blocks(document)
                    entry = _entry(document, blocks, state)
                    new = [(p.digest, b) for p, b in zip(entry.blocks, blocks, strict=True) if p.digest not in table]
                    for digest, block in dict(new).items():
                        if digest not in entries:
                            missing.add(block)
                    entries.add(entry, is_new=bool(new))
                if len(missing):
                    self._compute(missing, table)
            self._tidy(table, entries)
            manifest = self._commit(table, entries, generation)
            return BuildOutcome(manifest, entries.n_unchanged, tuple(_skipped(entries, table)), self._computed)

    def _compute(self, missing: Spool, table: BlockTable) -> None:
        self._task.report(Progress("choosing quantization scales"))
        scales = self._stored_scales(table) or choose_scales(self._model, self._config, self._calibration, self._task)
        meter = _Meter(self._task, missing.characters)
        for step in self._run(missing, scales):
            if step.segment is not None:
                table.add(step.segment, self._folder.segment(step.segment))
            meter.add(step)
        self._computed = meter.tokens

    def _stored_scales(self, table: BlockTable) -> Scales:
        """Scales that the corpus was built with, which are those that would be chosen again; empty for a new corpus."""
        for entry in table.entries:
            with suppress(CorpusDamaged):
                segment = self._folder.segment(entry)
                return {
                    (space, layer): read_scale(segment, space, layer)
                    for space, layer, _ in self._config.stored_vectors()
                }
        return {}

    def _tidy(self, table: BlockTable, entries: DocumentTable) -> None:
        """Copy what is alive out of small and half-dead segments into one."""
        alive = table.alive(digest for digest, _ in entries.occurrences())
        numbers = list(alive)
        there = [table.entries[number] for number in numbers]
        chosen = worth_merging(there, [rows / max(1, table.n_rows[number]) for number, rows in alive.items()])
        blocks = table.blocks_of([numbers[at] for at in chosen], (digest for digest, _ in entries.occurrences()))
        for portion in in_portions(chosen, there, PORTION_BYTES):
            self._copy({numbers[at]: blocks[numbers[at]] for at in portion}, table)

    def _copy(self, blocks: Mapping[int, Sequence[int]], table: BlockTable) -> None:
        """Copy blocks of segments into a new one."""
        self._task.check()
        self._task.report(Progress(f"copying {len(blocks)} small or outdated segments into one"))
        parts = [take_blocks(self._folder.segment(table.entries[number]), some) for number, some in blocks.items()]
        name, writer, meta = merge_parts(self._config, parts)
        entry = self._folder.write_segment(name, lambda stream: writer.write(stream, meta, self._task.check))
        table.add(entry, self._folder.segment(entry), instead=True)

    def _commit(self, table: BlockTable, entries: DocumentTable, generation: int) -> Manifest:
        self._task.check()
        self._task.report(Progress("making the new corpus the current one"))
        used = table.alive(digest for digest, _ in entries.occurrences())
        n_sentences = n_tokens = 0
        for digest, n in entries.occurrences():
            block = table[digest]
            n_sentences += n * block.n_sentences
            n_tokens += n * block.n_rows
        documents = self._folder.write_documents(generation, entries.rows())
        manifest = Manifest(
            generation=generation,
            config=self._config,
            segments=tuple(table.entries[number] for number in used),
            documents=documents,
            n_documents=entries.n_documents,
            n_sentences=n_sentences,
            n_tokens=n_tokens,
            reading=self._reading,
        )
        self._folder.commit(manifest)
        return manifest


def compute_segments(
    folder: CorpusFolder,
    config: CorpusConfig,
    model: CorpusModel,
    annotate: Annotate,
    task: Task,
    blocks: Iterable[Block],
    scales: Scales,
) -> Iterator[Computed]:
    """Run blocks through the model into segments of a folder; one step a window, and one a segment.

    Raises:
        Cancelled: the task was cancelled; segments that are finished stay.
        StorageFailed: the disk refused; likewise.
    """
    builder = SegmentBuilder(config, scales, task.check)
    writing: deque[Future[FileEntry]] = deque()
    with (
        left_on_error(model.lanes()) as lanes,
        ThreadPoolExecutor(1, thread_name_prefix="write") as writer,
    ):
        windows = _windows(annotate_blocks(blocks, annotate), model, task)
        for window, sentences in _packed(windows, config, scales, model, lanes, task):
            # a segment that is being written and a large one in the making would be two in memory
            while writing and (writing[0].done() or builder.nbytes > SEGMENT_BYTES // 16):
                yield Computed(segment=writing.popleft().result())
            if builder.nbytes >= SEGMENT_BYTES:
                writing.append(writer.submit(_write, folder, builder))
                builder = SegmentBuilder(config, scales, task.check)
            builder.add(window, sentences)
            yield Computed(
                sum(len(block.annotated.text) for block in window),
                sum(len(sentence.encoding.ids) for block in window for sentence in block.sentences),
            )
        writing.append(writer.submit(_write, folder, builder))
        while writing:
            yield Computed(segment=writing.popleft().result())


def _write(folder: CorpusFolder, builder: SegmentBuilder) -> FileEntry:
    entry = folder.write_segment(builder.name(), builder.write)
    give_back()
    return entry


def _windows(blocks: Iterable[AnnotatedText], model: CorpusModel, task: Task) -> Iterator[list[TokenizedBlock]]:
    """Annotated blocks with their sentences, ``WINDOW_TOKENS`` tokens at a time.

    The first windows are smaller, each twice the one before: passes begin soon, and while one window runs the next is
    annotated.
    """
    window: list[TokenizedBlock] = []
    tokens, limit = 0, WINDOW_TOKENS // 8
    for block in blocks:
        task.check()
        window.append(tokenize_block(block, model))
        tokens += sum(len(sentence.encoding.ids) for sentence in window[-1].sentences)
        if tokens >= limit:
            yield window
            window, tokens, limit = [], 0, min(2 * limit, WINDOW_TOKENS)
    if window:
        yield window


def _packed(
    windows: Iterable[list[TokenizedBlock]],
    config: CorpusConfig,
    scales: Scales,
    model: CorpusModel,
    lanes: Executor,
    task: Task,
) -> Iterator[tuple[list[TokenizedBlock], list[PackedSentence]]]:
    """Windows with all their sentences, packed, in order; the next window runs while one is taken."""
    hidden, layers = config.vector_layers("hiddenState"), config.vector_layers("headOutput")

    causal = model.info.kind == "autoregressive"

    def run(sentences: list[TokenizedSentence], relations: tuple[str, ...]) -> list[PackedSentence]:
        captures = model.capture_batch(
            [one.encoding for one in sentences],
            hidden_layers=hidden,
            layers=layers,
            attention_layers=config.layers,
        )
        words = [one.words for one in sentences]
        return pack_captures(captures, words, config, scales, task.check, causal=causal, relations=relations)

    running: deque[tuple[list[TokenizedBlock], Passes[TokenizedSentence, PackedSentence]]] = deque()
    try:
        for window in windows:
            sentences = [sentence for block in window for sentence in block.sentences]
            lengths = [len(sentence.encoding.ids) for sentence in sentences]
            relations = relations_of(sentence.words for sentence in sentences)
            running.append((window, Passes(sentences, lengths, partial(run, relations=relations), model, lanes, task)))
            if len(running) > _WINDOWS_AHEAD:
                done, passes = running.popleft()
                yield done, passes.result()
        while running:
            done, passes = running.popleft()
            yield done, passes.result()
    finally:
        for _, passes in running:
            passes.cancel()


class _Meter:
    """Counts, rate and remaining time of a build."""

    def __init__(self, task: Task, characters: int) -> None:
        self._task = task
        self._total = characters
        self._done = 0
        self._start = time.monotonic()
        self.tokens = 0
        task.report(Progress("annotating", 0, characters))

    def add(self, step: Computed) -> None:
        self._done += step.characters
        self.tokens += step.tokens
        elapsed = time.monotonic() - self._start
        left = elapsed * (self._total - self._done) / self._done if self._done else None
        rate = self.tokens / elapsed if elapsed else 0.0
        self._task.report(Progress(f"{self.tokens:,} tokens, {rate:,.0f} tokens/s", self._done, self._total, left))


def choose_scales(model: CorpusModel, config: CorpusConfig, calibration: Sequence[str], task: Task) -> Scales:
    """Quantization scales of every space and layer of a configuration.

    They depend on the model alone, so they are chosen once for as long as it is loaded.
    """
    chosen = _chosen.setdefault(model, Recent(_MOST_CHOSEN))
    key = (config.precision, config.spaces, config.hidden_layers, config.layers, tuple(calibration))
    return chosen.get_or_compute(key, lambda: _choose_scales(model, config, calibration, task))


def _choose_scales(model: CorpusModel, config: CorpusConfig, calibration: Sequence[str], task: Task) -> Scales:
    encodings = [
        encoding for encoding in model.tokenize_many(calibration) if len(encoding.ids) <= model.info.max_tokens
    ]
    hidden, layers = config.vector_layers("hiddenState"), config.vector_layers("headOutput")

    def run(some: list[Encoding]) -> list[BatchCapture]:
        return model.capture_batch(some, hidden_layers=hidden, layers=layers, attention_layers=())

    with left_on_error(model.lanes()) as lanes:
        lengths = [len(encoding.ids) for encoding in encodings]
        captures = Passes(encodings, lengths, run, model, lanes, task).result()
    scales: Scales = {}
    for space, layer, _ in config.stored_vectors():
        unit = unit_parts(np.concatenate([rows_of(capture, space, layer, config) for capture in captures]))
        scales[space, layer] = choose_scale(unit.reshape(len(unit), -1), config.precision)
    return scales


def _with_states(documents: Iterable[Document]) -> Iterator[tuple[Document, tuple[int, int] | None]]:
    """Documents with the states of their files, each of which is looked up once."""
    uri, state = None, None
    for document in documents:
        if document.uri != uri:
            uri, state = document.uri, file_state(document.uri)
        yield document, state


def _entry(document: Document, blocks: Sequence[Block], state: tuple[int, int] | None) -> IndexedDocument:
    size, mtime_ns = state or (-1, -1)
    return IndexedDocument(
        uri=document.uri,
        cell=document.cell,
        digest=block_digest(document.text),
        size=size,
        mtime_ns=mtime_ns,
        blocks=block_places(document, blocks),
        record=document.record,
        group=document.group,
        metadata=document.metadata,
    )


def _skipped(entries: DocumentTable, table: BlockTable) -> Iterator[Skipped]:
    """What the blocks of these documents had to leave out, now or when they were first indexed."""
    for entry in entries.documents() if any(digest in entries for digest in table.losses) else ():
        for place in entry.blocks:
            for text, reason in table.losses.get(place.digest, ()):
                yield Skipped(entry.uri, f"line {place.line + 1}: {text!r}: {reason}")
