"""``python -m benchmarks.streaming``: memory of a distributed build by its size: the figures of docs/scale.md.

Made-up text, a made-up model of three layers of 32 numbers, two workers of Ray on this machine. What is measured is the
process that reads, hands out and commits; what a worker takes does not depend on the size.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest
from exbert_rpc.tasks import Task
from tests.model import zoo

_PARAGRAPH = 5, 12
"""Sentences, and words of each."""

_PARAGRAPHS_A_FILE = 200
_WORKERS = 2


def main() -> None:
    """Print a line for each number of words, all of them arguments."""
    sizes = [int(size) for size in sys.argv[1:]] or [100_000, 400_000]
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {_WORKERS} workers; MB of the coordinator\n")
    print("| tokens | blocks | segments | bytes on disk | tokens a second | MB at start | MB at most | worker |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            print(measure(Path(folder), size), flush=True)


def measure(folder: Path, n_words: int) -> str:
    """A line of the table."""
    n_blocks = write_text(folder / "texts", n_words)
    model = zoo.make_model("bert", folder / "model")
    engine = Engine(folder / "store", default_model=str(model), pipeline="blank:en", device="cpu")
    engine.warm_up(Task())
    with Watched() as watched:
        started = time.monotonic()
        request = IndexRequest("c", (str(folder / "texts"),), precision="binary", engine="ray", workers=_WORKERS)
        report = engine.index_corpus(request, Task())
        seconds = time.monotonic() - started
    engine.close()
    n_segments = len(list((folder / "store" / "c").glob("segment-*.exb")))
    return (
        f"| {report.tokens:,} | {n_blocks:,} | {n_segments} | {report.nbytes:,} | {report.tokens / seconds:,.0f} "
        f"| {watched.start >> 20} | {watched.most >> 20} | {watched.worker >> 20} |"
    )


def write_text(folder: Path, n_words: int) -> int:
    """Files of paragraphs of random words; how many paragraphs."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    words = sorted({word.strip(".,;:?!") for line in zoo.CORPUS[:3] for word in line.split()})
    n_blocks = -(-n_words // (_PARAGRAPH[0] * _PARAGRAPH[1]))
    for start in range(0, n_blocks, _PARAGRAPHS_A_FILE):
        paragraphs = [
            ". ".join(" ".join(words[at] for at in sentence) for sentence in paragraph) + "."
            for paragraph in rng.integers(0, len(words), (min(_PARAGRAPHS_A_FILE, n_blocks - start), *_PARAGRAPH))
        ]
        (folder / f"{start:09}.txt").write_text("\n\n".join(paragraphs))
    return n_blocks


class Watched:
    """The resident memory of this process and of Ray's workers, in bytes, looked at every tenth of a second."""

    def __enter__(self) -> Watched:
        self._process = psutil.Process()
        self.start = self.most = self._process.memory_info().rss
        self.worker = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self.most = max(self.most, self._process.memory_info().rss)
            for child in self._process.children(recursive=True):
                try:
                    if "ShardWorker" in " ".join(child.cmdline()):
                        self.worker = max(self.worker, child.memory_info().rss)
                except psutil.Error:
                    continue


if __name__ == "__main__":
    main()
