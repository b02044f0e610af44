"""What a corpus keeps of its heads: what it costs while a corpus is built, its bytes, and how fast profiles are."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.fake import config_of
from benchmarks.head_tables import build_once, without_tables
from benchmarks.models import minilm_folder
from benchmarks.rows import Row, at_most, reported
from benchmarks.scale import Scale
from benchmarks.store import built_corpus
from benchmarks.texts import paragraphs, source
from exbert_rpc.analysis.profile.corpus import CorpusWords
from exbert_rpc.analysis.profile.heads import profile_heads
from exbert_rpc.corpus.search.document_sums import document_sums
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.types import Precision
from exbert_rpc.model.loading import load_model
from exbert_rpc.tasks import Task
from exbert_rpc.text.annotation.pipeline import Annotator

SECTION = "Head tables"
_PAIRS = 5
_TIERS: tuple[Precision, ...] = ("int8", "int4", "binary")
_PASSES = 3  # over the heads of the made-up corpus: as many heads as MiniLM has


def run(scale: Scale) -> list[Row]:
    """Pairs of builds on a real model in each precision, then profiles of the large corpus."""
    return [*_builds(scale), *_profiles(scale)]


def _builds(scale: Scale) -> list[Row]:
    texts = paragraphs(int(4.4 * scale.built // 5))
    annotator = Annotator("en_core_web_sm")
    list(annotator.annotate_many(texts[:5]))
    started = time.process_time()
    annotated = list(annotator.annotate_many(texts))
    pipeline = time.process_time() - started
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        model = load_model(str(minilm_folder()), cache_dir=root / "models")
        for precision in _TIERS:
            config = config_of(model.info, precision, range(model.info.n_layers))
            build_once(root, config, model, annotated[:20])
            pairs = []
            for _ in range(_PAIRS):
                built = build_once(root, config, model, annotated)
                with without_tables():
                    pairs.append((built, build_once(root, config, model, annotated)))
            slower = sorted(100 * ((a.cpu + pipeline) / (b.cpu + pipeline) - 1) for a, b in pairs)
            first = pairs[0][0]
            detail = f"{slower[0]:.1f} to {slower[-1]:.1f} % over {_PAIRS} pairs, {first.tokens:,} tokens of {source()}"
            what = f"{precision}: processor time of a build with head tables"
            rows.append(at_most(SECTION, what, "without", 5, median(slower), "%", detail))
            share = 100 * first.table_bytes / first.other_bytes
            detail = f"{first.table_bytes:.0f} bytes a token, sums of {first.tokens:,} tokens included"
            rows.append(at_most(SECTION, f"{precision}: bytes of head tables", "all else", 4, share, "%", detail))
    return rows


def _profiles(scale: Scale) -> list[Row]:
    built = built_corpus(scale.large)
    reader = CorpusReader(built.folder)
    heads = [(layer, head) for layer in reader.config.layers for head in range(reader.config.n_heads)]
    started = time.perf_counter()
    profile_heads(document_sums(reader, _no_model, Task()), heads)
    roles = time.perf_counter() - started
    words = CorpusWords.of(reader)
    for _ in range(_PASSES):
        words.vocabularies(heads, Task())
        words._known.clear()
    seconds = time.perf_counter() - started
    what = f"profiles of {_PASSES * len(heads)} heads, the first answer"
    detail = (
        f"{built.tokens:,} tokens, made-up vectors; roles, relations and offsets of {len(heads)} heads {roles:.2f} s"
    )
    return [
        at_most(SECTION, what, "", 1, seconds, "s", detail),
        reported(SECTION, "the same, by head", 1000 * seconds / (_PASSES * len(heads)), "ms", ""),
    ]


def _no_model() -> object:
    raise AssertionError
