"""How much a run measures: the full form (minutes) or the quick one (to see that everything works)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of one run.

    Attributes:
        small: Tokens of the smaller synthetic corpus.
        large: Tokens of the larger one.
        real: Tokens of real text that recall is measured on.
        queries: Queries of each recall figure.
        built: Tokens of the corpus whose build is timed.
        rounds: Rounds of a timing.
    """

    small: int
    large: int
    real: int
    queries: int
    built: int
    rounds: int


FULL = Scale(small=100_000, large=1_000_000, real=100_000, queries=30, built=50_000, rounds=25)
QUICK = Scale(small=8_000, large=80_000, real=8_000, queries=6, built=4_000, rounds=5)
