"""What a segment stores of one sentence, made on the thread of its pass, while the numbers are still in its cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.head_measures import measure_many
from exbert_rpc.corpus.head_plan import SentenceWords
from exbert_rpc.corpus.head_sums import HeadSums, Peaks
from exbert_rpc.corpus.store.attention import pack_attention
from exbert_rpc.corpus.store.manifest import CorpusConfig
from exbert_rpc.corpus.store.quantize import Codes, Scale, quantize
from exbert_rpc.corpus.types import Space
from exbert_rpc.corpus.vectors import unit_parts
from exbert_rpc.model.types import BatchCapture, Encoding

Scales = dict[tuple[Space, int], Scale]

_BLOCK_NUMBERS = 1 << 16  # that are encoded at once: 256 KiB of float32 and what comes of them stay in a core's cache


@dataclass(frozen=True, slots=True)
class PackedSentence:
    """One sentence as it is stored.

    Attributes:
        encoding: Its tokens.
        codes: For each space and layer the rows of its tokens, special ones left out.
        attention: For each layer whose attention is stored ``[H, n, n]`` bytes, value / 255, compressed (zlib).
        sums: What all heads of all layers do in it.
        peaks: Where their rows are strongest.
    """

    encoding: Encoding
    codes: dict[tuple[Space, int], Codes]
    attention: tuple[bytes, ...]
    sums: HeadSums
    peaks: Peaks


def pack_captures(
    captures: Sequence[BatchCapture],
    words: Sequence[SentenceWords],
    config: CorpusConfig,
    scales: Scales,
    check: Callable[[], None],
    *,
    causal: bool,
    relations: tuple[str, ...],
) -> list[PackedSentence]:
    """Quantize the vectors of some sentences, quantize and pack their attention, and measure it.

    Args:
        captures: Of the ``hidden_layers``, the ``layers`` and the attention of the ``layers`` of ``config``.
        words: Of each of them.
        config: What is stored.
        scales: Quantization scales of each space and layer.
        check: Called often; an error that it raises ends the call.
        causal: Whether a row of attention sees only tokens that are not behind it.
        relations: Syntactic relations that sums are over; at least those that occur.
    """
    codes: list[dict[tuple[Space, int], Codes]] = [{} for _ in captures]
    for key, scale in scales.items():
        check()
        parts = [rows_of(capture, *key, config) for capture in captures]
        at = 0
        for block in _blocks(parts):
            unit = unit_parts(np.concatenate(block))
            quantized = quantize(unit.reshape(len(unit), -1), scale, config.precision)
            for one in _split(quantized, [len(part) for part in block]):
                codes[at][key] = one
                at += 1
    found = []
    measured = measure_many([capture.attention for capture in captures], words, causal=causal, relations=relations)
    for capture, of_sentence, (sums, peaks) in zip(captures, codes, measured, strict=True):
        check()
        stored = [capture.attention[config.layers.index(layer)] for layer in config.attention_layers]
        attention = tuple(map(pack_attention, stored))
        found.append(PackedSentence(capture.encoding, of_sentence, attention, sums, peaks))
    return found


def rows_of(capture: BatchCapture, space: Space, layer: int, config: CorpusConfig) -> NDArray[np.float32]:
    """Float32 ``[N, P, d]``: vectors of the tokens that are not special, as they came; a view where that is enough."""
    if space == "hiddenState":
        return capture.hidden_states[config.hidden_layers.index(layer)][_plain(capture.encoding)][:, None]
    return capture.head_outputs[config.layers.index(layer)].transpose(1, 0, 2)[_plain(capture.encoding)]


def _plain(encoding: Encoding) -> slice | NDArray[np.bool_]:
    """Which tokens are not special: a slice, which copies nothing, where special ones are only at the ends."""
    plain = np.flatnonzero(~encoding.is_special)
    if len(plain) and plain[-1] - plain[0] + 1 == len(plain):
        return slice(int(plain[0]), int(plain[-1]) + 1)
    return ~encoding.is_special


def _blocks(parts: Sequence[NDArray[np.float32]]) -> Iterator[list[NDArray[np.float32]]]:
    """Arrays in groups of about ``_BLOCK_NUMBERS`` numbers."""
    block: list[NDArray[np.float32]] = []
    size = 0
    for part in parts:
        block.append(part)
        size += part.size
        if size >= _BLOCK_NUMBERS:
            yield block
            block, size = [], 0
    if block:
        yield block


def _split(codes: Codes, lengths: Sequence[int]) -> Iterator[Codes]:
    """Codes of several sentences, one by one."""
    starts = np.cumsum([0, *lengths])
    bounds = np.searchsorted(codes.outliers["row"], starts)
    outliers = codes.outliers.copy()
    outliers["row"] -= np.repeat(starts[:-1], np.diff(bounds)).astype(np.uint32)
    for index, start in enumerate(starts[:-1]):
        yield Codes(codes.codes[start : starts[index + 1]], outliers[bounds[index] : bounds[index + 1]])
