"""Opening a large corpus, and indexing it again after one paragraph has changed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.fake import FakeModel
from benchmarks.rows import Row, at_most, reported
from benchmarks.scale import CACHE, Scale
from benchmarks.store import Bench, Built, NoAnnotators, build, built_corpus, documents_of, make_bench
from benchmarks.texts import sentences
from exbert_rpc.corpus.store.folders import Store
from exbert_rpc.corpus.store.layout import vectors_key
from exbert_rpc.engine.corpus_requests import SearchRequest
from exbert_rpc.model.types import BatchCapture, Encoding
from exbert_rpc.tasks import Task
from exbert_rpc.text.types import Document

SECTION = "Open and edit"
_WARM = 9


def run(scale: Scale) -> list[Row]:
    """All rows of the section."""
    built = built_corpus(scale.large)
    return [*_opening(built), *_editing(built, scale)]


def _opening(built: Built) -> list[Row]:
    rows = []
    for cached in (True, False):
        bench = make_bench(Path(built.root), NoAnnotators())
        query = bench.keep(sentences()[100])
        if not cached:
            _drop_from_page_cache(built)
        before, mapped = _read_bytes(), _mapped_bytes()
        first = _timed_search(bench, built, query)
        touched, read = _mapped_bytes() - mapped, _read_bytes() - before
        warm = median(_timed_search(bench, built, query) for _ in range(_WARM))
        where = "files in the page cache" if cached else "files dropped from the page cache"
        rows.append(
            at_most(
                SECTION,
                f"open {built.tokens:,} tokens and answer the first search, {where}",
                "the same search warm",
                10,
                first / warm,
                "×",
                f"{1000 * first:.0f} ms against {1000 * warm:.1f} ms",
            )
        )
        rows.append(_read_row(built, cached, touched, read))
    floor, nbytes = _disk_floor(built)
    rows.append(
        reported(
            SECTION,
            "reading the vectors of that layer from the disk and nothing else",
            floor / warm,
            "×",
            f"{1000 * floor:.0f} ms for {nbytes / 2**20:,.0f} MiB",
            "the same search warm",
        )
    )
    return rows


def _disk_floor(built: Built) -> tuple[float, int]:
    """Seconds and bytes of reading one layer's codes with as many threads as there are cores, nothing being cached."""
    places = [
        (Path(built.root) / built.name / entry.name, segment._contents[f"{vectors_key('headOutput', 1)}/codes"])
        for entry in built.folder.manifest().segments
        for segment in [built.folder.segment(entry)]
    ]
    _drop_from_page_cache(built)

    def read(path: Path, offset: int, nbytes: int) -> None:
        with path.open("rb", buffering=0) as stream:
            os.posix_fadvise(stream.fileno(), offset, nbytes, os.POSIX_FADV_WILLNEED)
            stream.seek(offset)
            stream.readinto(bytearray(nbytes))

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        started = time.perf_counter()
        list(pool.map(lambda place: read(place[0], place[1].offset, place[1].nbytes), places))
        seconds = time.perf_counter() - started
    return seconds, sum(entry.nbytes for _, entry in places)


def _read_row(built: Built, cached: bool, touched: int, read: int) -> Row:
    figure = touched if cached else max(touched, read)
    return at_most(
        SECTION,
        f"share of the files that this read ({'in memory' if cached else 'from the disk'})",
        "all of it",
        60,
        100 * figure / built.nbytes,
        "%",
        f"{figure / 2**20:,.0f} of {built.nbytes / 2**20:,.0f} MiB; the corpus holds 2 layers, the search looks at one",
    )


def _editing(built: Built, scale: Scale) -> list[Row]:
    with _copied(built) as root:
        documents = documents_of(scale.large)
        model = _TimedModel()
        spent, passes = [], []
        for number in range(3):
            edited = _edit(documents, number)
            model.seconds = 0.0
            started = time.perf_counter()
            outcome = build(Store(root).folder(built.name), edited, model)
            spent.append(time.perf_counter() - started - model.seconds)
            passes.append(outcome.computed_tokens)
        started = time.perf_counter()
        build(Store(root).folder(built.name), edited, model)
        nothing = time.perf_counter() - started
    return [
        at_most(
            SECTION,
            f"index {built.tokens:,} tokens again after an edit of one paragraph",
            "its forward pass",
            1,
            median(spent),
            "s",
            f"{median(passes):.0f} tokens computed; the pass itself is left out",
        ),
        reported(SECTION, "index again with nothing changed", nothing, "s", ""),
    ]


class _TimedModel(FakeModel):
    """The made-up model that notes how long its passes took."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def capture_batch(
        self,
        encodings: Sequence[Encoding],
        *,
        hidden_layers: Sequence[int],
        layers: Sequence[int],
        attention_layers: Sequence[int],
    ) -> list[BatchCapture]:
        """What was asked for, of each text."""
        started = time.perf_counter()
        found = super().capture_batch(
            encodings, hidden_layers=hidden_layers, layers=layers, attention_layers=attention_layers
        )
        self.seconds += time.perf_counter() - started
        return found


def _edit(documents: Sequence[Document], number: int) -> list[Document]:
    """The documents with one paragraph of one of them changed."""
    at = len(documents) // 2
    before, mark, after = documents[at].text.partition("\n\n")
    text = f"Edit {number} changes this paragraph. {before}{mark}{after}"
    return [*documents[:at], replace(documents[at], text=text), *documents[at + 1 :]]


@contextmanager
def _copied(built: Built) -> Iterator[Path]:
    """A store with the same corpus, its segments as hard links: they never change."""
    root = CACHE / "edited"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(Path(built.root) / built.name, root / built.name, copy_function=_link)
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _link(source: str, target: str) -> None:
    if source.endswith(".exb"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _timed_search(bench: Bench, built: Built, query: str) -> float:
    request = SearchRequest("bench", built.name, 1, capture_id=query, token=3)
    started = time.perf_counter()
    bench.searcher.search(request, Task())
    return time.perf_counter() - started


def _drop_from_page_cache(built: Built) -> None:
    for file in (Path(built.root) / built.name).iterdir():
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def _read_bytes() -> int:
    """Bytes that this process has had read from a disk."""
    return _field(Path("/proc/self/io"), "read_bytes:")


def _mapped_bytes() -> int:
    """Bytes of mapped files that this process has touched and that are in memory."""
    return 1024 * _field(Path("/proc/self/status"), "RssFile:")


def _field(file: Path, name: str) -> int:
    lines = file.read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])
