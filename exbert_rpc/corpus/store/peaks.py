"""The peak table: where each row of each head looks most, and how much.

``int8`` corpora keep a byte for each weight, and one or two for each target; any head is read without unpacking. In
compact corpora this would be a third of a ``binary`` corpus. They keep the same targets, and weights in steps of 17/255
(so that 20 %, from which on a peak counts for a vocabulary, is the border of a step), both compressed for each head
(zlib's format). Targets repeat in stretches; steps of weights don't, and codes by how often each occurs are shorter.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from exbert_rpc.corpus.head_sums import Peaks
from exbert_rpc.corpus.store.layout import peak_key
from exbert_rpc.corpus.store.manifest import CorpusConfig
from exbert_rpc.corpus.store.segment import Segment, SegmentWriter, damaged, decoding

WEIGHT_STEP = 17
"""Of the weights in compact corpora, in 1/255."""

_ZLIB_LEVEL = 1  # higher ones leave as much


def write_peaks(writer: SegmentWriter, config: CorpusConfig, peaks: Peaks, longest: int) -> None:
    """Add the peaks of all rows of a segment.

    Args:
        writer: The segment.
        config: Of the corpus.
        peaks: Of all heads of its ``layers``.
        longest: Tokens of the longest sentence.
    """
    target = peaks.target.astype(np.uint8 if longest <= 256 else np.uint16)
    for at, layer in enumerate(config.layers):
        heads = slice(at * config.n_heads, (at + 1) * config.n_heads)
        if config.precision == "int8":
            writer.add(peak_key(layer, "target"), target[heads])
            writer.add(peak_key(layer, "weight"), peaks.weight[heads])
        else:
            packed = list(_pack(target[heads], peaks.weight[heads]))
            none = np.zeros(0, np.uint8)
            writer.add(peak_key(layer, "packed"), none, *(np.frombuffer(one, np.uint8) for one in packed))
            writer.add(peak_key(layer, "offset"), np.cumsum([0, *map(len, packed)], dtype=np.uint64))


def _pack(target: NDArray[Any], weight: NDArray[np.uint8]) -> Iterator[bytes]:
    """For each head its targets, and then its weights."""
    for of_head, weights in zip(target, weight, strict=True):
        yield isal_zlib.compress(of_head.tobytes(), _ZLIB_LEVEL)
        steps = zlib.compressobj(strategy=zlib.Z_HUFFMAN_ONLY)  # a sixth less than with stretches
        yield steps.compress((weights // WEIGHT_STEP).tobytes()) + steps.flush()


def is_packed(segment: Segment, layer: int) -> bool:
    """Whether the peaks of a layer are compressed."""
    return peak_key(layer, "packed") in segment


def read_peaks(
    segment: Segment, layer: int, head: int, lengths: NDArray[np.integer] | None
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Target and weight of each row's peak, uint16 and uint8 ``[R]``.

    Args:
        segment: One that has them.
        layer: Attention layer.
        head: Head.
        lengths: int ``[R]``, tokens of each row's sentence; ``None``: these peaks have been checked before.

    Raises:
        CorpusDamaged: a target lies outside of its sentence, or the table cannot be unpacked.
    """
    if is_packed(segment, layer):
        target, weight = _unpack(segment, layer, head)
    else:
        target = segment.section(peak_key(layer, "target")).stretch(head, head + 1)[0].astype(np.uint16)
        weight = segment.section(peak_key(layer, "weight")).stretch(head, head + 1)[0]
    if lengths is not None and not np.all(target < lengths):
        raise damaged(segment.name, f"the peaks of layer {layer} name a token that there is not")
    return target, weight


def all_peaks(segment: Segment, config: CorpusConfig, rows: NDArray[np.int64]) -> Peaks:
    """Peaks of some rows in all heads of a corpus' layers."""
    found = [
        read_peaks(segment, layer, head, lengths=None) for layer in config.layers for head in range(config.n_heads)
    ]
    none = np.zeros((0, len(rows)))
    return Peaks(
        np.array([target[rows] for target, _ in found] or none, dtype=np.uint16),
        np.array([weight[rows] for _, weight in found] or none, dtype=np.uint8),
    )


def peak_sections(
    segment: Segment, config: CorpusConfig, rows: int
) -> dict[str, tuple[np.dtype[Any], tuple[int | None, ...]]]:
    """Kind and shape of the sections of a table."""
    found: dict[str, tuple[np.dtype[Any], tuple[int | None, ...]]] = {}
    for layer in config.layers:
        if is_packed(segment, layer):
            found[peak_key(layer, "packed")] = (np.dtype("u1"), (None,))
            found[peak_key(layer, "offset")] = (np.dtype("<u8"), (2 * config.n_heads + 1,))
        else:
            kind = segment.kind(peak_key(layer, "target"))[0]
            wide = kind if kind == np.dtype("u1") else np.dtype("<u2")
            found[peak_key(layer, "target")] = (wide, (config.n_heads, rows))
            found[peak_key(layer, "weight")] = (np.dtype("u1"), (config.n_heads, rows))
    return found


def _unpack(segment: Segment, layer: int, head: int) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    rows = int(segment.meta["rows"])
    first, middle, last = segment.array(peak_key(layer, "offset"))[2 * head : 2 * head + 3].tolist()
    packed, (nbytes,) = segment.section(peak_key(layer, "packed")), segment.kind(peak_key(layer, "packed"))[1]
    if not first <= middle <= last <= nbytes:
        raise damaged(segment.name, f"section {peak_key(layer, 'offset')!r} does not ascend")
    targets = _inflate(segment, packed.stretch(first, middle).tobytes(), (rows, 2 * rows))
    steps = np.frombuffer(_inflate(segment, packed.stretch(middle, last).tobytes(), (rows,)), np.uint8)
    target = np.frombuffer(targets, np.uint8 if len(targets) == rows else np.dtype("<u2")).astype(np.uint16)
    middles = np.minimum(WEIGHT_STEP * steps.astype(np.uint16) + WEIGHT_STEP // 2, 255)
    return target, middles.astype(np.uint8)


def _inflate(segment: Segment, packed: bytes, sizes: Sequence[int]) -> bytes:
    """As many bytes as one of the sizes; never more, as a few bytes may claim to be gigabytes."""
    unpacked = isal_zlib.decompressobj()
    with decoding(segment.name):
        try:
            flat: bytes = unpacked.decompress(packed, max(sizes) + 1)
        except isal_zlib.error as exc:  # type: ignore[misc]  # its stub takes the class for an instance
            raise ValueError(f"peaks cannot be unpacked: {exc}") from exc
        if len(flat) not in sizes or not unpacked.eof or unpacked.unused_data:
            raise ValueError(f"peaks are not those of {sizes[0]} rows")
    return flat
