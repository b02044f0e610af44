"""``python -m benchmarks.graphs``: search graphs against the exact scan: the figures of docs/scale.md.

    python -m benchmarks.graphs 100000 300000           made-up vectors
    python -m benchmarks.graphs --vectors heads.npy     vectors of a model, float ``[N, 384]``: recall as it is

Scan and graph are compared in processor time, in turns in one process: this holds on a busy machine, too. A scan uses
all cores and a graph one, so a quiet machine of ``n`` cores answers a scan in an ``n``-th of its processor time.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.vectors import PARTS, WIDTH, VectorCorpus, made_up, write_codes
from exbert_rpc.corpus.search.exact import find_exactly, score_by_codes
from exbert_rpc.corpus.search.finding import Find
from exbert_rpc.corpus.search.graph import Graph
from exbert_rpc.corpus.search.graphs import Graphs
from exbert_rpc.corpus.vectors import Query, make_query, score, unit_parts
from exbert_rpc.tasks import Task

_COUNT = 512
_ROUNDS = 15


def main() -> None:
    """Print one table a size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.graphs", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, help="numbers of made-up vectors")
    parser.add_argument("--vectors", type=Path, help="vectors of a model, a .npy file")
    parser.add_argument("--all-cores", action="store_true", help="make the graph a second time, on all cores")
    given = parser.parse_args()
    print(f"{machine.cores_and_memory()}, load {machine.load():.1f}\n")
    for size in given.sizes:
        measure("made-up", size, lambda size=size: made_up(size), all_cores=given.all_cores)
    if given.vectors is not None:
        rows = np.load(given.vectors, mmap_mode="r")
        measure(given.vectors.stem, len(rows), lambda: _units(rows), all_cores=given.all_cores)


def measure(what: str, size: int, rows: Callable[[], object], *, all_cores: bool) -> None:
    """Make, open and search the graph of so many vectors, and print it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        codes, scale = write_codes(root / "codes", rows(), size)  # type: ignore[arg-type]
        corpus = VectorCorpus(root, codes, scale)
        build = _spent(lambda: Graphs().build(corpus, "headOutput", 0, Task()))  # type: ignore[arg-type]
        (file,) = root.glob("*.exg")
        print(f"### {size:,} vectors, {what}\n")
        print(f"made by one thread: {size / build[1]:,.0f} a second of processor time, {build[0]:,.0f} s by the clock")
        print(f"file: {file.stat().st_size / size:,.0f} bytes a vector")
        if all_cores:
            file.unlink()
            more = _spent(lambda: Graphs().build(corpus, "headOutput", 0, Task(), threads=os.cpu_count() or 1))  # type: ignore[arg-type]
            print(f"made on all cores: {size / more[1]:,.0f} a second of processor time, {more[0]:,.0f} s by the clock")
        graphs, found = Graphs(), []
        opened = _spent(lambda: found.append(graphs.graph_of(corpus.everything, PARTS, asked=True)))
        print(f"opened and checked, in the page cache: {1000 * opened[1]:,.0f} ms of processor time\n")
        _searches(corpus, graphs)


def _searches(corpus: VectorCorpus, graphs: Graphs) -> None:
    print("| heads | candidates | recall | scan, ms of CPU | graph, ms of CPU |")
    print("| --- | --- | --- | --- | --- |")
    everything = corpus.everything
    graph = graphs._ready.get((corpus.serial, "headOutput", 0))
    assert isinstance(graph, Graph)
    for measured in graph.header.recall:
        queries = _queries(corpus, measured.n_heads)
        scans, searches = [], []
        for query in queries:
            scans.append(_search(corpus, find_exactly, query))
            searches.append(_search(corpus, graph.find, query))
        print(
            f"| {measured.n_heads} | {measured.candidates} | {measured.recall:.3f} | {1000 * median(scans):.1f} | "
            f"{1000 * median(searches):.1f} |"
        )
    print(f"\n({everything.eligible.total:,} vectors, {_COUNT} candidates scored either way)\n")


def _search(corpus: VectorCorpus, find: Find, query: Query) -> float:
    """Seconds of processor time of one search up to its scores; hits take the same time either way."""
    everything, started = corpus.everything, time.process_time()
    score_by_codes(
        everything, lambda _, rows, vectors: score(query, vectors(rows)), find(everything, query, _COUNT, Task())
    )
    return time.process_time() - started


def _queries(corpus: VectorCorpus, n_heads: int) -> list[Query]:
    rng = np.random.default_rng(n_heads)
    found = []
    for _ in range(_ROUNDS):
        segment = corpus.segments[int(rng.integers(len(corpus.segments)))]
        row = segment.vectors("headOutput", 0, "int8").dequantize(rng.integers(segment.n_rows, size=1))
        near = row + 0.02 * rng.standard_normal((1, WIDTH)).astype(np.float32)
        heads = np.sort(rng.choice(PARTS, n_heads, replace=False))
        found.append(make_query(near.reshape(PARTS, -1), heads, by_norm=False))
    return found


def _units(rows: NDArray[np.float32]) -> object:
    for start in range(0, len(rows), 1 << 14):
        chunk = rows[start : start + (1 << 14)].astype(np.float32)
        yield unit_parts(chunk.reshape(len(chunk), PARTS, -1)).reshape(len(chunk), -1)


def _spent(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of processor time."""
    clock, cpu = time.monotonic(), time.process_time()
    call()
    return time.monotonic() - clock, time.process_time() - cpu


if __name__ == "__main__":
    main()
