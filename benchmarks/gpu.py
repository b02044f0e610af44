"""``python -m benchmarks.gpu``: a graphics card beside the processor of the same machine, in at most eight minutes.

    python -m benchmarks.gpu                         the whole table, on the first card
    python -m benchmarks.gpu --minute --device cpu   the smallest form, to see that it works where there is no card

Building, attention and ablation are calls of the engine, which places its model on the device. The scan is not part of
the product yet: :class:`DeviceScan` holds the codes of a layer on the device, and stands where the engine's scan stands
(``corpus/search/finding.py``), with the same candidates. Every row is printed when it is measured, so that a run that
is cut short leaves what it has; a row that does not fit into the remaining time is left out by name.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.store import documents_of
from benchmarks.vectors import PARTS, WIDTH, VectorCorpus
from exbert_rpc.corpus.search.exact import scan
from exbert_rpc.corpus.search.finding import Candidates, Scope
from exbert_rpc.corpus.store.quantize import Scale
from exbert_rpc.corpus.vectors import Query, make_query, scan_rows
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest
from exbert_rpc.engine.requests import AblateRequest, AttendRequest, TextInput
from exbert_rpc.tasks import Task

_SENTENCE = "The girl ran to a local pub to escape the din of her city, and when she came home, her mother was asleep."
_COUNT = 512
_CHUNK = 1 << 20
_MULTIPLE = 8  # columns that an int8 product on a card comes in


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    Attributes:
        built: Tokens indexed on the device, and on the processor.
        attended: Words of the text whose attention is asked for.
        vectors: Vectors that are scanned.
        rounds: Times that a short call is made; the median counts.
        seconds: Bound on the whole run.
    """

    built: tuple[int, int]
    attended: int
    vectors: int
    rounds: int
    seconds: float


FULL = Sizes(built=(200_000, 20_000), attended=200, vectors=10_000_000, rounds=10, seconds=470)
MINUTE = Sizes(built=(300, 300), attended=20, vectors=20_000, rounds=2, seconds=60)


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: the device beside the processor, in a unit where more is better or less is."""

    what: str
    unit: str
    device: float
    processor: float
    more_is_better: bool

    def line(self) -> str:
        """As a row of the table."""
        gain = self.device / self.processor if self.more_is_better else self.processor / self.device
        return f"| {self.what} | {self.device:,.1f} {self.unit} | {self.processor:,.1f} {self.unit} | {gain:.1f}× |"


class DeviceScan:
    """A :class:`~exbert_rpc.corpus.search.finding.Scan` of one layer whose codes lie on a device.

    Products of int8 codes and the int8 rows of a query are whole numbers: the sums are those of the processor.

    Args:
        scope: The layer; its codes are copied once.
        device: Where to.
    """

    def __init__(self, scope: Scope, device: str) -> None:
        self._device = device
        self._codes = [
            torch.from_numpy(np.array(scope.vectors(number).integers(0, segment.n_rows))).to(device)
            for number, segment in enumerate(scope.segments)
        ]

    def __call__(self, scope: Scope, queries: Sequence[Query], count: int, task: Task) -> list[list[Candidates]]:
        """For each query the best rows by its rounded dot products."""
        return [self._find(scope, query, count, task) for query in queries]

    def _find(self, scope: Scope, query: Query, count: int, task: Task) -> list[Candidates]:
        found = []
        for number, codes in enumerate(self._codes):
            task.check()
            rounded = scan_rows(query, scope.vectors(number).scale.steps)
            total = torch.zeros(len(codes), dtype=torch.float64, device=self._device)
            for row, factor in rounded:
                total += factor * self._dots(codes, row[0]).to(torch.float64)
            eligible = torch.from_numpy(np.array(scope.eligible.weights[number] > 0)).to(self._device)
            total[~eligible] = -torch.inf
            best = torch.topk(total, min(count, int(eligible.sum())))
            found.append((number, best.indices.cpu().numpy(), best.values.cpu().numpy()))
        scores = np.concatenate([one[2] for one in found])
        least = np.partition(scores, -count)[-count] if len(scores) > count else -np.inf
        return [
            Candidates(number, rows[values >= least], values[values >= least])
            for number, rows, values in found
            if (values >= least).any()
        ]

    def _dots(self, codes: torch.Tensor, row: NDArray[np.int8]) -> torch.Tensor:
        """Whole numbers ``[N]``: at most 127 · 127 · 384, which float32 holds, too."""
        columns = torch.zeros((len(row), _MULTIPLE), dtype=torch.int8, device=self._device)
        columns[:, 0] = torch.from_numpy(row).to(self._device)
        parts = []
        for start in range(0, len(codes), _CHUNK):
            part = codes[start : start + _CHUNK]
            if self._device != "cpu" and len(part) > 2 * _MULTIPLE:
                parts.append(torch._int_mm(part, columns)[:, 0])
            else:
                parts.append(part.float() @ columns[:, 0].float())
        return torch.cat(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 if a row failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--device", default="cuda", help="torch device that is compared with the processor")
    parser.add_argument("--minute", action="store_true", help="smallest sizes")
    parser.add_argument("--model", default="all-MiniLM-L6-v2", help="indexed with, and asked for attention")
    parser.add_argument("--decoder", default="SmolLM2-135M", help="whose heads are ablated")
    given = parser.parse_args(arguments)
    if given.device.startswith("cuda") and not torch.cuda.is_available():
        print("torch sees no CUDA device here; --minute --device cpu shows that the script works", file=sys.stderr)
        return 2
    return run(given.device, MINUTE if given.minute else FULL, given.model, given.decoder)


def run(device: str, sizes: Sizes, model: str, decoder: str) -> int:
    """Measure row after row; how many failed."""
    started = time.monotonic()
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "the processor itself"
    print(f"{name}, beside {machine.cores_and_memory()}, torch {torch.__version__}\n", flush=True)
    print("| what | device | processor | gain |\n|---|---|---|---|", flush=True)
    failed = 0
    with torch.inference_mode():
        for what, seconds, measure in _rows(device, sizes, model, decoder):
            left = sizes.seconds - (time.monotonic() - started)
            if left < seconds:
                print(f"| {what} | left out: {left:.0f} s are left, it takes {seconds} | | |", flush=True)
                continue
            try:
                print(measure().line(), flush=True)
            except Exception as error:
                failed += 1
                print(f"| {what} | failed: {type(error).__name__}: {str(error)[:200]} | | |", flush=True)
    print(f"\n{time.monotonic() - started:.0f} s", flush=True)
    return failed


def _rows(device: str, sizes: Sizes, model: str, decoder: str) -> list[tuple[str, int, Callable[[], Figure]]]:
    """What each row is, seconds that it takes at most in the full form on 16 cores, and what measures it."""
    need = (90, 40, 90, 60) if sizes is FULL else (0, 0, 0, 0)
    rows: list[tuple[str, int, Callable[[], Figure]]] = []
    for dtype in ("float32", "bfloat16"):
        rows.append((f"build, {dtype}", need[0], lambda dtype=dtype: build(device, sizes, model, dtype, "blank:en")))
        rows.append((f"attend, {dtype}", need[1], lambda dtype=dtype: attend(device, sizes, model, dtype)))
    rows.append((f"scan of {sizes.vectors:,} vectors", need[2], lambda: scans(device, sizes)))
    rows.append(("all heads ablated", need[3], lambda: ablations(device, sizes, decoder)))
    if sizes is FULL and find_spec("en_core_web_sm") is not None:
        rows.append(("build, annotated", need[0], lambda: build(device, sizes, model, "float32", "en_core_web_sm")))
    return rows


def build(device: str, sizes: Sizes, model: str, dtype: str, pipeline: str) -> Figure:
    """Tokens a second of a build, all layers, both spaces, int8, the pipeline's work beside that of the model."""

    def rate(where: str, n_tokens: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            engine = _engine(folder, where, model, dtype, pipeline)
            try:
                engine.warm_up(Task())
                sources = tuple((one.uri, one.text) for one in documents_of(n_tokens))
                began = time.monotonic()
                report = engine.index_corpus(IndexRequest("bench", sources, model=model), Task())
                return report.tokens / (time.monotonic() - began)
            finally:
                engine.close()

    rates = [rate(where, n) for where, n in zip((device, "cpu"), sizes.built, strict=True)]
    return Figure(f"build, {dtype}, {pipeline}", "tokens/s", rates[0], rates[1], more_is_better=True)


def attend(device: str, sizes: Sizes, model: str, dtype: str) -> Figure:
    """Milliseconds of the attention of all layers and heads of one text, as arrays of the processor."""
    words = (_SENTENCE.split() * (sizes.attended // 10))[: sizes.attended]

    def milliseconds(where: str) -> float:
        with tempfile.TemporaryDirectory() as folder:
            engine = _engine(folder, where, model, dtype)
            try:
                info = engine.describe_model(model)
                given = TextInput(" ".join(words))
                request = AttendRequest("bench", given, model=model, layers=info.attention_layers, annotate=False)
                return 1000 * _median(lambda: engine.attend(request, Task()), sizes.rounds)
            finally:
                engine.close()

    what = f"attend, {dtype}, {sizes.attended} words, all layers"
    return Figure(what, "ms", milliseconds(device), milliseconds("cpu"), more_is_better=False)


def scans(device: str, sizes: Sizes) -> Figure:
    """Milliseconds to the candidates of one query with all heads; codes are random, and on the device beforehand."""
    corpus = random_corpus(sizes.vectors)
    rng = np.random.default_rng(1)
    query = make_query(rng.standard_normal((PARTS, WIDTH // PARTS)).astype(np.float32), None, by_norm=False)
    scope, on_device = corpus.everything, DeviceScan(corpus.everything, device)
    ours = 1000 * _median(lambda: on_device(scope, [query], _COUNT, Task()), sizes.rounds)
    theirs = 1000 * _median(lambda: scan(scope, [query], _COUNT, Task()), sizes.rounds)
    return Figure(f"scan of {sizes.vectors:,} × {WIDTH} int8", "ms", ours, theirs, more_is_better=False)


def ablations(device: str, sizes: Sizes, decoder: str) -> Figure:
    """Seconds of one call that ablates each head of a model alone."""

    def seconds(where: str) -> float:
        with tempfile.TemporaryDirectory() as folder:
            engine = _engine(folder, where, decoder, "float32")
            try:
                request = AblateRequest("bench", TextInput(_SENTENCE), model=decoder, mode="zero")
                return _median(lambda: engine.ablate_heads(request, Task()), max(1, sizes.rounds // 3))
            finally:
                engine.close()

    return Figure("all heads ablated, float32", "s", seconds(device), seconds("cpu"), more_is_better=False)


def random_corpus(n_vectors: int) -> VectorCorpus:
    """Codes that mean nothing; a scan takes the same time over them."""
    rng = np.random.default_rng(0)
    codes = rng.integers(-127, 128, (n_vectors, WIDTH), dtype=np.int8)
    scale = Scale(np.zeros(WIDTH, np.float32), np.full(WIDTH, 0.01, np.float32))
    return VectorCorpus(Path("unused"), codes, scale)


def _engine(folder: str, device: str, model: str, dtype: str, pipeline: str = "blank:en") -> Engine:
    return Engine(Path(folder), default_model=model, device=device, dtype=dtype, pipeline=pipeline)


def _median(call: Callable[[], Any], rounds: int) -> float:
    """Seconds by the clock, after one call that does not count; every call ends with an array of the processor."""
    call()
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return median(seconds)


if __name__ == "__main__":
    sys.exit(main())
