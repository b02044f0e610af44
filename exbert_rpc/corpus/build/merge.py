"""Many small or half-dead segments copied into one; nothing is computed again.

Every edit of a document adds a segment that holds a few blocks, and leaves others without a use. So a build that is
about to commit copies the blocks that are alive out of

1. all segments smaller than ``SMALL_BYTES``, once there are more than ``MOST_SMALL`` of them, and
2. every segment of which less than half is alive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.build.segment_builder import COLUMNS, Labels, segment_name
from exbert_rpc.corpus.store.blocks import block_digests, rows_before_sentence
from exbert_rpc.corpus.store.layout import attention_key, vectors_key
from exbert_rpc.corpus.store.manifest import CorpusConfig, FileEntry
from exbert_rpc.corpus.store.peaks import all_peaks, write_peaks
from exbert_rpc.corpus.store.quantize import OUTLIER
from exbert_rpc.corpus.store.segment import Segment, SegmentWriter
from exbert_rpc.corpus.store.sums import (
    SUMS_VERSION,
    SumGroup,
    join_groups,
    join_peaks,
    most_groups,
    read_sums,
    write_sums,
)

SMALL_BYTES = 16 << 20
MOST_SMALL = 8
PORTION_BYTES = 64 << 20
"""Bytes of segments that are copied together: copying takes about three times as much memory."""

_Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Part:
    """What is taken of one segment: its blocks, and all that belongs to them, each int64 and ascending."""

    segment: Segment
    blocks: _Indices
    sentences: _Indices
    tokens: _Indices
    rows: _Indices


def worth_merging(entries: Sequence[FileEntry], alive: Sequence[float]) -> list[int]:
    """Which of the segments should be copied together; ``alive`` is the share of each that is in use."""
    small = [number for number, entry in enumerate(entries) if entry.nbytes < SMALL_BYTES]
    half_dead = {number for number, share in enumerate(alive) if share < 0.5}
    chosen = half_dead | (set(small) if len(small) > MOST_SMALL else set())
    return sorted(chosen)


def in_portions(numbers: Sequence[int], entries: Sequence[FileEntry], most: int) -> list[list[int]]:
    """Segments that are copied together, in lists of about ``most`` bytes: a merged segment is made in memory."""
    portions: list[list[int]] = []
    size = most
    for number in numbers:
        if size + entries[number].nbytes > most:
            portions.append([])
            size = 0
        portions[-1].append(number)
        size += entries[number].nbytes
    return portions


def take_blocks(segment: Segment, blocks: Sequence[int]) -> Part:
    """The part of a segment that belongs to some of its blocks."""
    chosen = np.array(sorted(blocks), dtype=np.int64)
    sentences = _spans(segment.array("block/sentences"), chosen)
    return Part(
        segment,
        chosen,
        sentences,
        _spans(segment.array("sentence/tokens"), sentences),
        _spans(rows_before_sentence(segment), sentences),
    )


def merge_parts(config: CorpusConfig, parts: Sequence[Part]) -> tuple[str, SegmentWriter, Mapping[str, object]]:
    """Name, contents and description of the segment that holds all parts, in order."""
    digests = [block_digests(part.segment)[block] for part in parts for block in part.blocks]
    writer = SegmentWriter()
    _copy_texts(writer, parts)
    labels = _copy_tokens(writer, parts)
    for space, layer, _ in config.stored_vectors():
        _copy_vectors(writer, parts, vectors_key(space, layer))
    for layer in config.attention_layers:
        key = attention_key(layer)
        _copy_packed(writer, f"{key}/bytes", f"{key}/offset", [(part.segment, part.sentences) for part in parts])
    lengths = [int(_lengths(part.segment.array("sentence/tokens"), part.sentences).max(initial=0)) for part in parts]
    peaks = join_peaks([all_peaks(part.segment, config, part.rows) for part in parts])
    write_peaks(writer, config, peaks, max(lengths))
    relations = _copy_sums(writer, parts, len(config.layers) * config.n_heads)
    losses = {
        digest: loss for part in parts for digest, loss in part.segment.meta["losses"].items() if digest in set(digests)
    }
    rows = sum(len(part.rows) for part in parts)
    meta = {"config": config.key(), "labels": labels, "rows": rows, "losses": losses}
    meta |= {"relations": relations, "sums": SUMS_VERSION}
    return segment_name(config, digests, [part.segment.checksum for part in parts]), writer, meta


def _spans(offsets: NDArray[Any], chosen: _Indices) -> _Indices:
    """All indices between ``offsets[i]`` and ``offsets[i + 1]``, for each chosen ``i``."""
    start, end = offsets[:-1].astype(np.int64)[chosen], offsets[1:].astype(np.int64)[chosen]
    lengths = end - start
    shifts = np.repeat(start - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    spans: _Indices = np.arange(int(lengths.sum()), dtype=np.int64) + shifts
    return spans


def _lengths(offsets: NDArray[Any], chosen: _Indices) -> _Indices:
    whole = offsets.astype(np.int64)
    lengths: _Indices = (whole[1:] - whole[:-1])[chosen]
    return lengths


def _offsets(lengths: Sequence[_Indices], dtype: type[np.generic]) -> NDArray[Any]:
    return np.cumsum(np.concatenate([[0], *lengths])).astype(dtype)


def _copy_texts(writer: SegmentWriter, parts: Sequence[Part]) -> None:
    writer.add("block/digest", np.concatenate([part.segment.array("block/digest")[part.blocks] for part in parts]))
    sentences = [_lengths(part.segment.array("block/sentences"), part.blocks) for part in parts]
    writer.add("block/sentences", _offsets(sentences, np.uint32))
    _copy_packed(writer, "block/text", "block/offset", [(part.segment, part.blocks) for part in parts])
    for name in ("sentence/start", "sentence/end"):
        writer.add(name, np.concatenate([part.segment.array(name)[part.sentences] for part in parts]))
    tokens = [_lengths(part.segment.array("sentence/tokens"), part.sentences) for part in parts]
    writer.add("sentence/tokens", _offsets(tokens, np.uint64))


def _copy_tokens(writer: SegmentWriter, parts: Sequence[Part]) -> dict[str, list[str]]:
    for name in ("token/id", "token/start", "token/end", "token/special", "token/word", "token/head"):
        writer.add(name, np.concatenate([part.segment.array(name)[part.tokens] for part in parts]))
    names = {}
    for column in COLUMNS:
        labels = Labels()
        arrays = []
        for part in parts:
            known = part.segment.meta["labels"][column]
            old = part.segment.array(f"token/{column}")[part.tokens]
            new = np.zeros(len(known) + 1, dtype=old.dtype)
            for number in np.unique(old[old > 0]).tolist():
                new[number] = labels.number(known[number - 1])
            arrays.append(new[old])
        writer.add(f"token/{column}", np.concatenate(arrays))
        names[column] = labels.names()
    return names


def _copy_sums(writer: SegmentWriter, parts: Sequence[Part], n_heads: int) -> list[str]:
    """Copy the sums of groups all of whose blocks are copied: what is left of the others would have to be measured."""
    groups: list[SumGroup] = []
    nbytes = base = 0
    for part in parts:
        where = {block: base + at for at, block in enumerate(part.blocks.tolist())}
        groups += [
            SumGroup(group.sums, tuple(where[block] for block in group.blocks))
            for group in read_sums(part.segment)
            if all(block in where for block in group.blocks)
        ]
        nbytes += part.segment.nbytes * len(part.rows) // max(int(part.segment.meta["rows"]), 1)
        base += len(part.blocks)
    relations = {name for group in groups for name in group.sums.relations}
    return write_sums(writer, join_groups(groups, most_groups(nbytes, n_heads, len(relations))), base, n_heads)


def _copy_vectors(writer: SegmentWriter, parts: Sequence[Part], key: str) -> None:
    writer.add(f"{key}/codes", *(part.segment.array(f"{key}/codes")[part.rows] for part in parts))
    outliers, base = [np.zeros(0, OUTLIER)], 0
    for part in parts:
        found = part.segment.array(f"{key}/outliers")
        kept = found[np.isin(found["row"], part.rows)].copy()
        kept["row"] = base + np.searchsorted(part.rows, kept["row"])
        outliers.append(kept)
        base += len(part.rows)
    writer.add(f"{key}/outliers", np.concatenate(outliers))
    for name in ("steps", "center"):
        writer.add(f"{key}/{name}", parts[0].segment.array(f"{key}/{name}"))


def _copy_packed(writer: SegmentWriter, data: str, offset: str, chosen: Sequence[tuple[Segment, _Indices]]) -> None:
    """Copy chosen items of a section that holds items of different lengths one behind the other."""
    writer.add(data, *(one.array(data)[_spans(one.array(offset), items)] for one, items in chosen))
    writer.add(offset, _offsets([_lengths(one.array(offset), items) for one, items in chosen], np.uint64))
