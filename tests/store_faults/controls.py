"""Negative controls: what the same harnesses say of stock usearch files and of worse stores. They must find fault."""

from __future__ import annotations

import random
import resource
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

import numpy as np

from exbert_rpc.corpus.build import merge
from exbert_rpc.corpus.build import reuse as blocks
from exbert_rpc.corpus.build.segment_builder import segment_name
from exbert_rpc.corpus.search import reader
from exbert_rpc.corpus.store import folders as store
from tests.store_faults.faults import FaultReport, inject
from tests.store_faults.forgeries import ForgeryReport, run_forgeries
from tests.store_faults.forks import Say, run_child
from tests.store_faults.kills import KillReport, run_kills
from tests.store_faults.overwrites import OverwriteReport, run_overwrites

_NAME = "index.usearch"
_DIMENSIONS = 64


def vectors(n: int, seed: int = 0) -> np.ndarray:
    """float32 ``[n, 64]``."""
    return np.random.default_rng(seed).standard_normal((n, _DIMENSIONS)).astype(np.float32)


def save_stock_index(path: Path, n: int) -> None:
    """An index of ``n`` vectors, saved as usearch saves it."""
    from usearch.index import Index

    index = Index(ndim=_DIMENSIONS, metric="cos", dtype="i8")
    index.add(np.arange(n), vectors(n), threads=1)
    index.save(str(path))


def open_stock_index(folder: Path) -> Any:
    """What a stock index answers, or ``None`` if usearch says that it cannot be read."""
    from usearch.index import Index

    # a damaged header may ask for any amount of memory
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    try:
        index = Index.restore(str(folder / _NAME))
    except Exception as error:
        return f"refused: {type(error).__name__}"
    if index is None:
        return "refused"
    found = index.search(vectors(12, seed=1), 10, threads=1)
    return [
        (keys.tolist(), np.nan_to_num(distances, posinf=9, neginf=-9).round(3).tolist())
        for keys, distances in zip(found.keys, found.distances, strict=True)
    ]


def stock_under_faults(root: Path, faults: int, seed: int = 0) -> FaultReport:
    """The bit flips, cuts and zeroed pages that corpora are held against."""
    folder = root / "stock"
    folder.mkdir(parents=True)
    ended = run_child(lambda _say: save_stock_index(folder / _NAME, 400))
    assert ended.code == 0, ended.said
    kinds = ("bit", "cut", "zeroed", "noise")
    return inject(root, folder, folder, faults, seed, opener=open_stock_index, kinds=kinds, enough=12)


def store_that_writes_in_place(root: Path, kills: int, seed: int = 0) -> KillReport:
    """The same store, but for files that are written under their own names at once."""

    def write_in_place(path: Path, write: Callable[[BinaryIO], None]) -> int:
        with path.open("wb") as stream:
            write(stream)
            return stream.tell()

    whole = store.write_atomically
    store.write_atomically = write_in_place
    try:
        return run_kills(root, kills, seed)
    finally:
        store.write_atomically = whole


def store_that_forgets_sources(root: Path, builds: int, seed: int = 0) -> OverwriteReport:
    """The same store, but for copied segments that are named after their blocks and settings alone, as once was."""
    with mock.patch.object(merge, "segment_name", lambda config, digests, _sources: segment_name(config, digests)):
        return run_overwrites(root, builds, seed)


def store_that_believes(root: Path, forgeries: int, seed: int = 0) -> ForgeryReport:
    """The same store, but for the checks of what right checksums cover."""
    believing = {name: lambda *_: None for name in ("check_structure", "check_thoroughly")}
    with (
        mock.patch.multiple(reader, check_structure=believing["check_structure"], decoding=nullcontext),
        mock.patch.multiple(blocks, check_thoroughly=believing["check_thoroughly"]),
    ):
        return run_forgeries(root, forgeries, seed)


def stock_under_kills(root: Path, kills: int, seed: int = 0) -> int:
    """How many of so many kills during ``Index.save`` leave neither the old index nor the new one."""
    root.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    path = root / _NAME
    torn = 0

    def save_for_ever(say: Say) -> None:
        from usearch.index import Index

        index = Index(ndim=_DIMENSIONS, metric="cos", dtype="i8")
        index.add(np.arange(2000), vectors(2000), threads=1)
        index.save(str(path))
        say("saved", path.stat().st_size)
        while True:
            index.save(str(path))

    for _ in range(kills):
        ended = run_child(save_for_ever, kill_after=(1, rng.uniform(0, 0.02)))
        torn += path.stat().st_size != ended.said[0][1]
    return torn
