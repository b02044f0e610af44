"""Builds with and without what a corpus keeps of its heads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from exbert_rpc.corpus.build import builder, pack
from exbert_rpc.corpus.build.segment_builder import SegmentBuilder
from exbert_rpc.corpus.store.folders import Store
from exbert_rpc.corpus.store.manifest import CorpusConfig
from exbert_rpc.corpus.store.segment import Segment
from exbert_rpc.corpus.types import CorpusModel
from exbert_rpc.tasks import Task
from exbert_rpc.text.calibration import calibration_texts
from exbert_rpc.text.types import AnnotatedText, Block

_TABLES = ("peak/", "sums/", "token/word", "token/head", "token/form")


@dataclass(frozen=True, slots=True)
class Build:
    """Processor time of a build without its pipeline, tokens, and bytes a row: of head tables, and of all else."""

    cpu: float
    tokens: int
    table_bytes: float
    other_bytes: float


def build_once(root: Path, config: CorpusConfig, model: CorpusModel, texts: Sequence[AnnotatedText]) -> Build:
    """Compute the segments of annotated texts."""
    folder = Store(root).create(f"corpus-{time.monotonic_ns()}")
    scales = builder.choose_scales(model, config, calibration_texts(), Task())
    by_text = {one.text: one for one in texts}
    with folder.locked():
        started = time.process_time()
        annotate = lambda some: (by_text[text] for text in some)  # noqa: E731
        blocks = [Block(0, text) for text in by_text]
        steps = list(builder.compute_segments(folder, config, model, annotate, Task(), blocks, scales))
        cpu = time.process_time() - started
        sizes = [_bytes_of(folder.segment(step.segment)) for step in steps if step.segment is not None]
    rows = max(1, sum(n for n, _, _ in sizes))
    tables, others = sum(size for _, size, _ in sizes), sum(size for _, _, size in sizes)
    return Build(cpu, sum(step.tokens for step in steps), tables / rows, others / rows)


def _bytes_of(segment: Segment) -> tuple[int, int, int]:
    """Rows, bytes of head tables, bytes of all else."""
    tables = sum(entry.nbytes for name, entry in segment._contents.items() if name.startswith(_TABLES))
    return int(segment.meta["rows"]), tables, segment.nbytes - tables


@contextmanager
def without_tables() -> Iterator[None]:
    """Builds keep no peaks and no sums, and compute no attention for them; words and their heads stay."""

    def unmeasured(attention: Sequence[object], *_: object, **__: object) -> list[tuple[None, None]]:
        return [(None, None)] * len(attention)

    packed = builder._packed

    def stored_attention_only(windows, config, scales, model, *rest):
        yield from packed(windows, config, scales, _Narrow(model, config.attention_layers), *rest)

    nothing: Callable[..., None] = lambda *_: None  # noqa: E731
    with ExitStack() as stack:
        stack.enter_context(patch.object(pack, "measure_many", unmeasured))
        stack.enter_context(patch.object(builder, "_packed", stored_attention_only))
        for name in ("_add_sums", "_add_peaks", "_write_peaks"):
            stack.enter_context(patch.object(SegmentBuilder, name, nothing))
        stack.enter_context(patch.object(SegmentBuilder, "_write_sums", lambda *_: []))
        yield


class _Narrow:
    """A model that gives the attention of some layers only, whatever is asked for."""

    def __init__(self, model: CorpusModel, layers: Sequence[int]) -> None:
        self._model = model
        self._layers = layers
        self.info = model.info

    def capture_batch(self, encodings, *, hidden_layers, layers, attention_layers):
        del attention_layers
        return self._model.capture_batch(
            encodings, hidden_layers=hidden_layers, layers=layers, attention_layers=self._layers
        )

    def tokenize_many(self, texts):
        return self._model.tokenize_many(texts)
