"""Peak resident memory of a build: ten times the tokens, the same memory."""

from __future__ import annotations

from benchmarks.rows import Row, at_most, reported
from benchmarks.scale import Scale
from benchmarks.store import Built, built_corpus

SECTION = "Build: memory"


def run(scale: Scale) -> list[Row]:
    """Build both sizes, each in a fresh process, or read what was noted when they were built by this code."""
    small, large = built_corpus(scale.small), built_corpus(scale.large)
    growth = 100 * (large.peak_bytes / small.peak_bytes - 1)
    return [
        at_most(
            SECTION,
            f"peak resident memory, {large.tokens:,} against {small.tokens:,} tokens: growth",
            "itself",
            15,
            growth,
            "%",
            f"{_mib(large.peak_bytes)} against {_mib(small.peak_bytes)} (made-up vectors, 2 layers, both spaces)",
        ),
        reported(
            SECTION,
            "store alone: tokens per second without model and pipeline",
            large.tokens / large.seconds,
            "/s",
            f"{large.seconds:.1f} s for {_mib(large.nbytes)} ({_share(large)} bytes a token)",
        ),
    ]


def _mib(nbytes: float) -> str:
    return f"{nbytes / 2**20:,.0f} MiB"


def _share(built: Built) -> str:
    return f"{built.nbytes / built.tokens:,.0f}"
