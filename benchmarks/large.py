"""``python -m benchmarks.large 10000000``: the scan of one large layer, from a file, against FAISS on the same codes.

Codes are random, as a scan takes the same time over them, and streamed to a file of 384 bytes a vector that is mapped.
FAISS (SQ8, eight bits a number) gets the same codes without encoding them; ``--no-faiss`` leaves it out, and with it
a copy of the vectors in memory. Both sides take turns; figures are medians.
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
from benchmarks.memory_floor import all_cores, reader
from benchmarks.vectors import PARTS, WIDTH, VectorCorpus
from exbert_rpc.corpus.search.exact import find_exactly, score_by_codes
from exbert_rpc.corpus.store.quantize import Scale
from exbert_rpc.corpus.vectors import Query, make_query, score
from exbert_rpc.tasks import Task

_CHUNK = 1 << 17
_COUNT = 512
_K = 50


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large", description=__doc__)
    parser.add_argument("size", type=int)
    parser.add_argument("--folder", type=Path, help="where the file lies while this runs")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-faiss", action="store_true")
    given = parser.parse_args()
    print(f"{machine.cores_and_memory()}, load {machine.load():.1f}\n", flush=True)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder, all_cores() as pool:
        codes = write_random(Path(folder) / "codes", given.size)
        scale = Scale(np.zeros(WIDTH, np.float32), np.full(WIDTH, 0.01, np.float32))
        corpus = VectorCorpus(Path(folder), codes, scale)
        calls: dict[str, Callable[[], object]] = {
            "reading the bytes once, all cores": reader([one.codes.array for one in corpus.segments], pool),
            "scan and second scoring, 12 heads": _search(corpus, None),
            "scan and second scoring, 1 head": _search(corpus, 4),
        }
        if not given.no_faiss:
            calls["FAISS SQ8"] = _faiss(codes)
        for name, (clock, cpu) in measure(calls, given.rounds).items():
            print(
                f"| {given.size:,} × {WIDTH} | {name} | {clock:.0f} ms | {cpu:.0f} ms of processor time |", flush=True
            )


def write_random(path: Path, size: int) -> NDArray[np.int8]:
    """A file of random codes, written a chunk at a time, mapped: int8 ``[size, 384]``."""
    rng = np.random.default_rng(0)
    with path.open("wb") as stream:
        for start in range(0, size, _CHUNK):
            count = min(_CHUNK, size - start) * WIDTH
            # the least value that a byte holds, -128, is no code
            stream.write(np.maximum(np.frombuffer(rng.bytes(count), np.int8), -127).tobytes())
    return np.memmap(path, np.int8, "r", shape=(size, WIDTH))


def measure(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """Milliseconds by the clock and of processor time of each call, in turns, after one round that does not count."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            clock, cpu = time.perf_counter(), time.process_time()
            call()
            if number:
                spent[name].append((time.perf_counter() - clock, time.process_time() - cpu))
    return {name: tuple(1000 * median(side) for side in zip(*each, strict=True)) for name, each in spent.items()}  # type: ignore[misc]


def _search(corpus: VectorCorpus, head: int | None) -> Callable[[], object]:
    scope, query = corpus.everything, _query(head)
    return lambda: score_by_codes(
        scope, lambda _, rows, vectors: score(query, vectors(rows)), find_exactly(scope, query, _COUNT, Task())
    )


def _query(head: int | None) -> Query:
    vector = np.random.default_rng(1).standard_normal((PARTS, WIDTH // PARTS)).astype(np.float32)
    return make_query(vector, None if head is None else np.array([head]), by_norm=False)


def _faiss(codes: NDArray[np.int8]) -> Callable[[], object]:
    import faiss

    faiss.omp_set_num_threads(os.cpu_count() or 1)
    index = faiss.IndexScalarQuantizer(WIDTH, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    index.train(np.random.default_rng(2).uniform(-1, 1, (4096, WIDTH)).astype(np.float32))
    for start in range(0, len(codes), _CHUNK):
        index.add_sa_codes((codes[start : start + _CHUNK].view(np.uint8) ^ 128).copy())
    query = np.random.default_rng(1).standard_normal((1, WIDTH)).astype(np.float32)
    return lambda: index.search(query, _K)


if __name__ == "__main__":
    main()
