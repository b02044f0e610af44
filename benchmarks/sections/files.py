"""A large file of records: two gigabytes of JSON Lines take the memory of their first part.

The file is never on the disk. Its first part and its last are records of their own, which are indexed with vectors that
cost nothing. Behind the first, its texts come again under other numbers: each of these records is read, placed and
written to the document table, but not computed. The rest of the two gigabytes are blank lines.
"""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import chain, cycle, repeat, takewhile
from pathlib import Path

from benchmarks.fake import FakeModel
from benchmarks.rows import Row, at_most, reported
from benchmarks.scale import ROOT, Scale
from benchmarks.store import build
from benchmarks.texts import paragraphs
from exbert_rpc.corpus.store.folders import Store
from exbert_rpc.text.contents import FileContent
from exbert_rpc.text.files import read_content
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.types import Document

SECTION = "Large files"
_OWN = 1 << 20
"""Characters of the first part, and of the last."""
_BLANK = b" " * ((1 << 20) - 1) + b"\n"
_URI = "bench:/large.jsonl"


def run(scale: Scale) -> list[Row]:
    """The first part alone, and the whole file, each in a fresh process."""
    is_full = scale.large >= 1_000_000
    size, again = (2 << 30, 24 << 20) if is_full else (64 << 20, 8 << 20)
    first, whole = _measured(0, 0), _measured(size, again)
    growth = 100 * (whole["peak"] / first["peak"] - 1)
    records, seconds = whole["records"] - first["records"], whole["seconds"] - first["seconds"]
    return [
        at_most(
            SECTION,
            f"peak resident memory of a build from {size / 1e9:.2f} GB of JSON Lines: growth",
            "its first and last parts alone",
            15,
            growth,
            "%",
            f"{whole['peak'] / 2**20:,.0f} MiB against {first['peak'] / 2**20:,.0f} MiB; {whole['records']:,} records",
        ),
        reported(
            SECTION,
            "reading, placing and tabling a record whose text is known",
            1000 * seconds / records,
            "ms",
            f"{again / seconds / 1e6:,.1f} MB of records a second of processor time; blank lines included",
        ),
    ]


class _Records(io.RawIOBase):
    """JSON Lines of about ``size`` bytes, ``again`` of them repeated records; made as they are read."""

    def __init__(self, size: int, again: int) -> None:
        self._lines = _lines(size, again)
        self._rest = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: memoryview) -> int:  # type: ignore[override]
        """The next bytes."""
        self._rest = self._rest or next(self._lines, b"")
        n = min(len(into), len(self._rest))
        into[:n], self._rest = self._rest[:n], self._rest[n:]
        return n


def _lines(size: int, again: int) -> Iterator[bytes]:
    texts = paragraphs(2 * _OWN)
    half = len(texts) // 2
    written = 0
    repeated = takewhile(lambda _: written < again, cycle(texts[:half]))
    for number, text in enumerate(chain(texts[:half], repeated)):
        record = {"id": number, "source": "made up", "text": text}
        yield (line := json.dumps(record, ensure_ascii=False).encode() + b"\n")
        written += len(line)
    yield from repeat(_BLANK, (size - written) // len(_BLANK))
    yield from (json.dumps({"id": -1, "text": text}).encode() + b"\n" for text in texts[half:])


def _measured(size: int, again: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.sections.files", str(size), str(again)]
    done: dict[str, float] = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    return done


def _documents(size: int, again: int, counts: list[int]) -> Iterator[Document]:
    options = ReadingOptions(text_field="text")
    content = FileContent(_URI, lambda: io.BufferedReader(_Records(size, again), 1 << 20), options)
    for one in read_content(content, content.beginning(), options):
        if not isinstance(one, Document):
            raise TypeError(one.reason)
        counts[0] += 1
        yield one


def _main() -> None:
    with tempfile.TemporaryDirectory() as root:
        folder, counts = Store(Path(root)).create("large"), [0]
        started = time.process_time()
        build(folder, _documents(int(sys.argv[1]), int(sys.argv[2]), counts), FakeModel())
        seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sys.stdout.write(json.dumps({"peak": peak, "records": counts[0], "seconds": seconds}))


if __name__ == "__main__":
    _main()
