"""Sums of what heads do, kept for groups of blocks, and the peaks of all rows.

Sums of single blocks would take more room than their vectors. So they are kept for groups of neighboring blocks, few
enough that they take about ``SHARE`` of a segment. A group counts as long as all its blocks are in the corpus; what has
lost one is measured again by whoever needs it (:mod:`exbert_rpc.analysis.profile.corpus`).

Segments of earlier versions have neither sums nor peaks (:func:`has_head_tables`), or sums that count otherwise
(:func:`has_current_sums`); a build computes their blocks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.head_sums import SUMS, HeadSums, Peaks, add_sums, sees_ahead, sum_shapes
from exbert_rpc.corpus.store.layout import NO_TOKEN, sums_key
from exbert_rpc.corpus.store.segment import Segment, SegmentWriter, damaged

SHARE = 0.005
"""Of a segment's bytes that sums may take ..."""
LEAST_GROUPS = 16
"""... unless they are for no more groups than this: intervals need some."""

SUMS_VERSION = 2
"""What sums mean, ``sums`` of a segment's description. 2: a first token that may be a sink is no target of words."""

_MOST_SUM = 1e12


@dataclass(frozen=True, slots=True)
class SumGroup:
    """Sums of some blocks of a segment, by their numbers."""

    sums: HeadSums
    blocks: tuple[int, ...]


def has_head_tables(segment: Segment) -> bool:
    """Whether a segment keeps peaks, syntactic heads and sums; those of earlier versions don't."""
    return sums_key("group") in segment


def has_current_sums(segment: Segment) -> bool:
    """Whether a segment keeps sums that count as this version does.

    Earlier versions counted the first token as a target. Where rows see what stands behind them, so does this one.
    """
    if not has_head_tables(segment):
        return False
    return segment.meta.get("sums") == SUMS_VERSION or sees_ahead(segment.array(sums_key("offset_pairs")))


def join_groups(groups: Sequence[SumGroup], most: int) -> list[SumGroup]:
    """At most so many groups: the neighbors with the fewest rows are joined first."""
    joined = []
    for stretch in join_neighbors([group.sums.n_rows for group in groups], most):
        some = groups[stretch.start : stretch.stop]
        sums = some[0].sums if len(some) == 1 else add_sums(some[0].sums.n_heads, [group.sums for group in some])
        joined.append(SumGroup(sums, tuple(block for group in some for block in group.blocks)))
    return joined


def join_neighbors(sizes: Sequence[int], most: int) -> list[range]:
    """At most so many stretches of things of some size: the neighbors that are smallest together are joined first."""
    rows, start = np.array(sizes, dtype=np.int64), np.arange(len(sizes))
    while len(rows) > max(most, 1):
        at = int((rows[1:] + rows[:-1]).argmin())
        rows[at] += rows[at + 1]
        rows, start = np.delete(rows, at + 1), np.delete(start, at + 1)
    return [range(first, last) for first, last in pairwise([*start.tolist(), len(sizes)])]


def most_groups(nbytes: int, n_heads: int, n_relations: int) -> int:
    """How many groups a segment of so many bytes may have."""
    each = sum(4 * int(np.prod(shape)) for _, shape in sum_shapes(n_heads, n_relations).values())
    return max(LEAST_GROUPS, int(SHARE * nbytes / each))


def write_sums(writer: SegmentWriter, groups: Sequence[SumGroup], n_blocks: int, n_heads: int) -> list[str]:
    """Add the sums of a segment; the names of their relations, for its description."""
    relations = sorted({name for group in groups for name in group.sums.relations})
    of_block = np.full(n_blocks, -1, np.int32)
    for number, group in enumerate(groups):
        of_block[list(group.blocks)] = number
    writer.add(sums_key("group"), of_block)
    aligned = [group.sums.over(relations) for group in groups]
    for name, (dtype, shape) in stored_sums(n_heads, len(relations)).items():
        none = np.zeros((0, *shape), dtype)
        writer.add(sums_key(name), none, *(getattr(sums, name)[None].astype(dtype) for sums in aligned))
    return relations


def stored_sums(n_heads: int, n_relations: int) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Dtype and shape of each array of sums, of one group."""
    return {
        name: (np.dtype("<f4" if dtype is np.float64 else "<u4"), shape)
        for name, (dtype, shape) in sum_shapes(n_heads, n_relations).items()
    }


def read_sums(segment: Segment) -> list[SumGroup]:
    """Groups of blocks with their sums; raises ``CorpusDamaged`` unless they are what a build writes."""
    of_block = segment.array(sums_key("group"))
    relations = tuple(segment.meta["relations"])
    arrays = {name: segment.array(sums_key(name)) for name in SUMS}
    n_groups = len(arrays["rows"])
    sound = (
        bool(np.all((of_block >= -1) & (of_block < n_groups)))
        and len(np.unique(of_block[of_block >= 0])) == n_groups
        and all(bool(np.all((array >= -1e-3) & (array <= _MOST_SUM))) for array in arrays.values())
    )
    if not sound:
        raise damaged(segment.name, "its sums are not what a build writes")
    kinds = sum_shapes(arrays["scalars"].shape[1], len(relations))
    return [
        SumGroup(
            HeadSums(relations, **{name: arrays[name][number].astype(dtype) for name, (dtype, _) in kinds.items()}),
            tuple(np.flatnonzero(of_block == number).tolist()),
        )
        for number in range(n_groups)
    ]


def join_peaks(parts: Sequence[Peaks]) -> Peaks:
    """The rows of several sentences, one behind the other."""
    return Peaks(
        np.concatenate([part.target for part in parts], axis=1), np.concatenate([part.weight for part in parts], axis=1)
    )


def as_stored(tokens: NDArray[np.integer]) -> NDArray[np.uint16]:
    """Token indices within a sentence; those that are none (-1), or too large to be kept, become ``NO_TOKEN``."""
    kept = np.where((tokens < 0) | (tokens >= NO_TOKEN), NO_TOKEN, tokens)
    return kept.astype(np.uint16)
