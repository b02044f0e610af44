"""Products of int8 rows with codes, of all dimensions or of the columns of few heads.

Codes are stored row by row, so that a scan for one of twelve heads would read eleven for nothing. The columns of a head
are copied out when it is first searched, behind each other, and kept while there is room: a later scan reads only them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numkong
import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.finding import Scope
from exbert_rpc.corpus.types import Space
from exbert_rpc.corpus.vectors import Query
from exbert_rpc.recent import Recent

MOST_BYTES = 128 << 20
"""Of all columns that are kept: four heads of a million rows of MiniLM."""

_SHARE = 4  # more than a quarter of the heads are read as they are stored

_Key = tuple[int, Space, int, int, int, int, int]
_columns: Recent[_Key, NDArray[np.int8]] = Recent(1 << 16, MOST_BYTES, lambda kept: kept.nbytes)


def chosen_columns(query: Query) -> list[slice] | None:
    """The columns of the heads that count, one slice a head; ``None`` if they are all or too many to read apart."""
    n_parts, width = query.parts.shape
    chosen = np.flatnonzero(query.weights).tolist()
    if _SHARE * len(chosen) > n_parts:
        return None
    return [slice(part * width, (part + 1) * width) for part in chosen]


def column_products(
    scope: Scope, segment: int, start: int, end: int, columns: Sequence[slice], rows: Sequence[NDArray[np.int8]]
) -> list[NDArray[np.int32]]:
    """int32 ``[end - start]`` for each of ``rows``, int8 ``[1, D]``, which are zero outside of ``columns``.

    Raises:
        CorpusDamaged: a file of the corpus is not what was written.
    """
    together = np.concatenate(rows)
    totals: list[NDArray[np.int32]] = []
    for one in columns:
        found = products(np.ascontiguousarray(together[:, one]), _column(scope, segment, start, end, one))
        totals = [np.add(total, more) for total, more in zip(totals, found, strict=True)] if totals else found
    return totals


def products(rows: NDArray[np.int8], integers: NDArray[np.int8]) -> list[NDArray[np.int32]]:
    """Exact dot products of each of ``rows`` ``[M, D]`` with ``integers`` ``[N, D]``: int32 ``[N]`` each."""
    if len(rows) == 1 and not _has_tiles():
        return [np.asarray(numkong.cdist(rows, integers, "dot")).reshape(-1).astype(np.int32)]
    # each block of codes stays in the cache for all rows
    found = np.asarray(numkong.dots_packed(integers, numkong.dots_pack(rows, "int8")))
    return list(found.T)


@cache
def _has_tiles() -> bool:
    """Whether the processor multiplies tiles of int8 (AMX): then packed rows are faster even if there is only one."""
    can = numkong.get_capabilities()
    return any(can.get(name, False) for name in ("sapphireamx", "graniteamx"))


def _column(scope: Scope, segment: int, start: int, end: int, one: slice) -> NDArray[np.int8]:
    """int8 ``[end - start, d]`` behind each other in memory."""
    vectors = scope.vectors(segment)

    def copy() -> NDArray[np.int8]:
        return np.ascontiguousarray(vectors.integers(start, end)[:, one])

    n_rows = sum(other.n_rows for other in scope.segments)
    if n_rows * (one.stop - one.start) > MOST_BYTES:
        return copy()  # what does not fit would throw itself out
    key = scope.reader.serial, scope.space, scope.layer, segment, start, end, one.start
    return _columns.get_or_compute(key, copy)
