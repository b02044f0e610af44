"""``python -m benchmarks.shard``: what one shard costs: the figures of docs/scale.md.

MiniLM, all layers, both spaces, on real text; the pipeline is ``blank:en``, so that the model alone is measured.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import machine
from benchmarks.texts import paragraphs
from exbert_rpc.corpus.build.distributed import SHARD_CHARACTERS
from exbert_rpc.corpus.types import Precision
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest
from exbert_rpc.tasks import Task

_TIERS: tuple[Precision, ...] = ("int8", "int4", "binary")


def main() -> None:
    """Print a table of one shard in each tier; the first argument is its size in characters."""
    characters = int(sys.argv[1]) if len(sys.argv) > 1 else SHARD_CHARACTERS
    text = "\n\n".join(paragraphs(characters))
    print(f"{machine.describe()}, load {os.getloadavg()[0]:.1f}\n")
    print("| tier | tokens | bytes a token | tokens a second (wall) | (CPU) | peak resident MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for tier in _TIERS:
        with tempfile.TemporaryDirectory() as folder:
            engine = Engine(Path(folder), pipeline="blank:en", device="cpu")
            engine.warm_up(Task())
            cpu, wall = time.process_time(), time.monotonic()
            report = engine.index_corpus(IndexRequest("shard", (("bench:/a.txt", text),), precision=tier), Task())
            cpu, wall = time.process_time() - cpu, time.monotonic() - wall
            engine.close()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        rates = f"{report.tokens / wall:,.0f} | {report.tokens / cpu:,.0f}"
        print(f"| {tier} | {report.tokens:,} | {report.nbytes / report.tokens:,.0f} | {rates} | {peak} |")


if __name__ == "__main__":
    main()
