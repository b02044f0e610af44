"""Searching a million vectors: against the memory's bandwidth, FAISS, and itself at a tenth of the size."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import faiss
import numkong
import numpy as np
from numpy.typing import NDArray

from benchmarks.memory_floor import all_cores, reader
from benchmarks.rows import Row, at_least, at_most, reported
from benchmarks.scale import Scale
from benchmarks.store import Bench, Built, built_corpus, make_bench
from benchmarks.texts import sentences
from benchmarks.timing import Times, interleaved
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.layout import vectors_key
from exbert_rpc.corpus.types import Space
from exbert_rpc.engine.annotations import Annotators
from exbert_rpc.engine.corpus_requests import SearchRequest
from exbert_rpc.methods.search_contexts import encode_result
from exbert_rpc.protocol.jsonrpc import encode_pieces
from exbert_rpc.tasks import Task

SECTION = "Search"
LAYER = 1
K = 50
_CHUNK = 1 << 16
_TOKEN = 3
_OF_THE_FLOOR = {"1 head": 0.5, "3 heads": 1.0}
_BEYOND = 0.15  # 4 ms where two cores read a million vectors in 14 ms


def run(scale: Scale) -> list[Row]:
    """All rows of the section."""
    small, large = built_corpus(scale.small), built_corpus(scale.large)
    annotators = Annotators()
    try:
        bench = make_bench(Path(large.root), annotators)
        query = bench.keep(_query_text())
        calls = _our_calls(bench, query, large)
        rows = _against_peers(large, calls, scale)
        return rows + _beyond_the_scan(bench, query, large, scale) + _against_itself(bench, query, small, large, scale)
    finally:
        annotators.close()


def _our_calls(bench: Bench, query: str, built: Built) -> dict[str, Callable[[], object]]:
    def call(space: Space, heads: tuple[int, ...] | None) -> Callable[[], object]:
        return lambda: bench.searcher.search(_request(built.name, query, space, heads, exact=True), Task())

    return {
        "1 head": call("headOutput", (4,)),
        "3 heads": call("headOutput", (1, 4, 9)),
        "6 heads": call("headOutput", (0, 2, 4, 6, 8, 10)),
        "12 heads": call("headOutput", None),
        "hidden state": call("hiddenState", None),
    }


def _against_peers(built: Built, ours: dict[str, Callable[[], object]], scale: Scale) -> list[Row]:
    corpus = CorpusReader(built.folder)
    codes = [segment.segment.array(f"{vectors_key('headOutput', LAYER)}/codes") for segment in corpus.segments]
    flat, quantised = _faiss_indexes(corpus)
    probe = flat.reconstruct(len(codes[0]) // 2)[None, :]
    with all_cores() as pool:
        calls = {
            "floor": reader(codes, pool),
            "kernel": _kernel(codes, pool),
            **ours,
            "flat": lambda: flat.search(probe, K),
            "sq8": lambda: quantised.search(probe, K),
        }
        times = interleaved(calls, scale.rounds)
    rows = []
    for name in ours:
        what = f"exact, {built.tokens:,} × 384 int8, {name}, k = {K} with tokens and attention"
        rows += _peer_rows(what, name, times)
    rows.append(
        reported(
            SECTION,
            "the multiplying alone, nothing kept of it: times faster",
            times.ratio("sq8", "kernel"),
            "×",
            f"{times.ms('kernel'):.1f} ms against {times.ms('sq8'):.1f} ms",
            "FAISS SQ8",
        )
    )
    nbytes = sum(one.nbytes for one in codes)
    rows.append(
        reported(
            SECTION,
            "memory floor: bandwidth",
            nbytes / times.s("floor") / 1e9,
            "GB/s",
            f"{nbytes / 1e6:,.0f} MB in {times.ms('floor'):.1f} ms, {os.cpu_count()} threads",
        )
    )
    return rows


def _beyond_the_scan(bench: Bench, query: str, built: Built, scale: Scale) -> list[Row]:
    """Processor time of whole searches, encoded, less that of their scans alone, in turns."""
    codes = [
        segment.segment.array(f"{vectors_key('headOutput', LAYER)}/codes")
        for segment in CorpusReader(built.folder).segments
    ]
    rows = []
    with all_cores() as pool:
        for k, goal in ((K, _BEYOND), (1000, None)):
            request = _request(built.name, query, "headOutput", None, exact=True, k=k)
            plan = bench.searcher.search(request, Task()).plan
            calls: dict[str, Callable[[], object]] = {
                "floor": reader(codes, pool),
                "whole": partial(_encoded, bench, request),
                "scan": partial(plan.find, plan.scope, plan.query, plan.candidates, Task()),
            }
            times = interleaved(calls, scale.rounds, clock=time.process_time)
            beyond = times.difference("whole", "scan")
            what = f"all of a search but its scan, k = {k}, encoded: processor time"
            detail = f"{1000 * beyond:.1f} ms; the scan {times.ms('scan'):.1f}, the floor {times.ms('floor'):.1f}"
            share = beyond / times.s("floor")
            rows.append(
                reported(SECTION, what, share, "×", detail, "memory floor, processor time")
                if goal is None
                else at_most(SECTION, what, "memory floor, processor time", goal, share, "×", detail)
            )
    return rows


def _encoded(bench: Bench, request: SearchRequest) -> object:
    """A search as it goes to a client."""
    return encode_pieces(encode_result(bench.searcher.search(request, Task()).answer("bench"), "utf-16"))


def _kernel(codes: Sequence[NDArray[np.int8]], pool: ThreadPoolExecutor) -> Callable[[], object]:
    """numkong's product of one row with all codes, on all cores: no scan by this kernel is faster."""
    row = np.ones((1, codes[0].shape[1]), dtype=np.int8)
    pieces = [one[start : start + _CHUNK] for one in codes for start in range(0, len(one), _CHUNK)]
    return lambda: [None for _ in pool.map(lambda piece: numkong.cdist(row, piece, "dot"), pieces)]


def _peer_rows(what: str, name: str, times: Times) -> list[Row]:
    ms = times.ms
    return [
        at_most(
            SECTION,
            what,
            "memory floor",
            _OF_THE_FLOOR.get(name, 1.3),
            times.ratio(name, "floor"),
            "×",
            f"{ms(name):.1f} ms against {ms('floor'):.1f} ms",
        ),
        at_least(
            SECTION,
            "the same: times faster",
            "FAISS IndexFlatIP float32",
            6,
            times.ratio("flat", name),
            "×",
            f"{ms(name):.1f} ms against {ms('flat'):.1f} ms",
        ),
        at_least(
            SECTION,
            "the same: times faster",
            "FAISS SQ8",
            2,
            times.ratio("sq8", name),
            "×",
            f"{ms(name):.1f} ms against {ms('sq8'):.1f} ms",
        ),
    ]


def _against_itself(bench: Bench, query: str, small: Built, large: Built, scale: Scale) -> list[Row]:
    def call(built: Built, heads: tuple[int, ...] | None) -> Callable[[], object]:
        return lambda: bench.searcher.search(_request(built.name, query, "headOutput", heads, exact=None), Task())

    rows = []
    for name, heads in (("1 head", (4,)), ("12 heads", None)):
        times = interleaved({"small": call(small, heads), "large": call(large, heads)}, scale.rounds)
        rows.append(
            at_most(
                SECTION,
                f"`exact: null`, {name}, {small.tokens:,} → {large.tokens:,} vectors: times slower",
                "itself",
                3,
                times.ratio("large", "small"),
                "×",
                f"{times.ms('large'):.1f} ms against {times.ms('small'):.1f} ms",
            )
        )
    return rows


def _faiss_indexes(corpus: CorpusReader) -> tuple[faiss.Index, faiss.Index]:
    """The same vectors in float32, and in eight bits."""
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    width = corpus.config.n_heads * corpus.config.head_size
    flat = faiss.IndexFlatIP(width)
    quantised = faiss.IndexScalarQuantizer(width, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    for decoded in _decoded(corpus):
        if not quantised.is_trained:
            quantised.train(decoded)
        flat.add(decoded)
        quantised.add(decoded)
    return flat, quantised


def _decoded(corpus: CorpusReader) -> list[NDArray[np.float32]]:
    chunks = []
    for segment in corpus.segments:
        vectors = segment.vectors("headOutput", LAYER, "int8")
        for start in range(0, segment.n_rows, _CHUNK):
            rows = np.arange(start, min(start + _CHUNK, segment.n_rows))
            chunks.append(vectors.dequantize(rows))
    return chunks


def _request(
    corpus: str, query: str, space: Space, heads: tuple[int, ...] | None, *, exact: bool | None, k: int = K
) -> SearchRequest:
    return SearchRequest("bench", corpus, LAYER, space, capture_id=query, token=_TOKEN, heads=heads, k=k, exact=exact)


def _query_text() -> str:
    return next(one for one in sentences()[100:] if 15 <= len(one.split()) <= 25)
