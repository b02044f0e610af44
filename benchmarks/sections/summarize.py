"""Summarising a thousand hits."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from benchmarks.rows import Row, at_most, reported
from benchmarks.scale import Scale
from benchmarks.store import NoAnnotators, built_corpus, make_bench
from benchmarks.texts import sentences
from exbert_rpc.engine.corpus_requests import SearchRequest, SummarizeRequest
from exbert_rpc.engine.search import KeptSearch, summarize_kept
from exbert_rpc.tasks import Task

SECTION = "Summarize"
_K = 1000


def run(scale: Scale) -> list[Row]:
    """The first summary, which counts the corpus' base rates, and those after it."""
    built = built_corpus(scale.large)
    bench = make_bench(Path(built.root), NoAnnotators())
    request = SearchRequest("bench", built.name, 1, capture_id=bench.keep(sentences()[100]), token=3)
    kept = bench.searcher.search(SearchRequest(**{**_fields(request), "k": _K}), Task())
    first = _timed(kept)
    warm = [_timed(kept) for _ in range(scale.rounds)]
    return [
        at_most(SECTION, f"summarize, k = {_K}, warm", "", 30, 1000 * median(warm), "ms", f"{len(kept.hits)} hits"),
        reported(
            SECTION,
            "the first of a corpus: base rates are counted",
            1000 * first,
            "ms",
            f"{built.tokens:,} tokens; a sample of 8,000 for attention",
        ),
    ]


def _timed(kept: KeptSearch) -> float:
    started = time.perf_counter()
    summarize_kept(kept, SummarizeRequest("bench", controls=()), Task())
    return time.perf_counter() - started


def _fields(request: SearchRequest) -> dict[str, object]:
    return {name: getattr(request, name) for name in request.__slots__}
