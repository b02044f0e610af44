"""What hits show of attention: the rows and columns of their tokens, mean over the heads shown.

A hit shows four lines of its sentence's ``[H, n, n]``: from and to its match, from and to the token after it. Only
these are looked up, those of many hits at once. Weights are added in float32, head after head, as a mean over the
first axis of ``[H, n, n]`` adds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.hits import Attended, FoundRow
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.search.rerun import AttentionSource, SentenceKey
from exbert_rpc.corpus.types import Peak
from exbert_rpc.tasks import Task

_Kept = NDArray[Any]
"""float32, or uint8 for weights times 255."""


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a found row stands: its sentence, and its token there with the next one that is not special, if any."""

    sentence: SentenceKey
    tokens: tuple[int, ...]
    special: NDArray[np.uint8]


def attended(
    source: AttentionSource,
    reader: CorpusReader,
    found: Sequence[FoundRow],
    layer: int,
    heads: Sequence[int],
    task: Task,
) -> list[Attended]:
    """What each found row shows of its sentence's attention; each sentence is read once.

    Raises:
        CorpusDamaged: stored attention is not what was written.
        Cancelled: the task was cancelled.
    """
    spots = [_spot(reader, one) for one in found]
    of_sentence: dict[SentenceKey, list[int]] = {}
    for number, spot in enumerate(spots):
        of_sentence.setdefault(spot.sentence, []).append(number)
    order = [number for numbers in of_sentence.values() for number in numbers]
    lines = [
        _cut([spots[number] for number in numbers], pattern)
        for numbers, pattern in zip(of_sentence.values(), source.kept(list(of_sentence), layer, task), strict=True)
    ]
    shown = dict(zip(order, _shown([spots[number] for number in order], lines, heads), strict=True))
    return [shown[number] for number in range(len(found))]


def _spot(reader: CorpusReader, one: FoundRow) -> _Spot:
    segment, row = reader.segments[one.segment], one.row
    sentence = int(segment.row_sentence[row])
    first, last = int(segment.first_token[sentence]), int(segment.first_token[sentence + 1])
    rows = [row] if segment.row_next[row] < 0 else [row, segment.row_next[row]]
    tokens = tuple([int(segment.row_token[one]) - first for one in rows])
    return _Spot((one.segment, sentence), tokens, segment.segment.array("token/special")[first:last])


def _cut(spots: Sequence[_Spot], pattern: _Kept) -> _Kept:
    """The lines of spots in one sentence, behind each other, ``[H, N]``: from and to each of their tokens."""
    lines: list[_Kept] = []
    for spot in spots:
        for at in spot.tokens:
            lines += (pattern[:, at], pattern[:, :, at])
    return np.concatenate(lines, axis=1)  # a copy, so that the rest of the sentence can go


def _shown(spots: Sequence[_Spot], lines: Sequence[_Kept], heads: Sequence[int]) -> list[Attended]:
    """What spots show, in order."""
    if not spots:
        return []
    special = [spot.special for spot in spots for _ in range(2 * len(spot.tokens))]
    ends = np.cumsum([len(one) for one in special])
    mean = _means(np.concatenate(lines, axis=1), heads)
    best = _best(mean, np.concatenate(special) != 0, ends)
    parts = iter([mean[end - len(one) : end] for end, one in zip(ends.tolist(), special, strict=True)])
    return [_attended(spot, parts, best) for spot in spots]


def _means(kept: _Kept, heads: Sequence[int]) -> NDArray[np.float32]:
    """float32 ``[N]``: means over some of the heads of ``[H, N]``."""
    weights = kept[list(heads)].astype(np.float32)
    if kept.dtype == np.uint8:
        weights /= np.float32(255)
    total: NDArray[np.float32] = weights.sum(axis=0)
    total /= np.float32(len(heads))
    return total


def _best(
    mean: NDArray[np.float32], special: NDArray[np.bool_], ends: NDArray[np.int64]
) -> Iterator[tuple[int, float]]:
    """The largest number of each line among tokens that are not special, the first on ties; token -1 without one."""
    lengths = np.diff(ends, prepend=0)
    first = ends - lengths
    plain = np.where(special, -np.inf, mean)
    top = np.maximum.reduceat(plain, first)
    # as in `argmax`, NaN comes first
    best = np.flatnonzero((plain == np.repeat(top, lengths)) | np.isnan(plain))
    best = best[np.searchsorted(best, first)]
    tokens = np.where(top == -np.inf, -1, best - first)
    return zip(tokens.tolist(), mean[best].tolist(), strict=True)


def _attended(spot: _Spot, lines: Iterator[NDArray[np.float32]], best: Iterator[tuple[int, float]]) -> Attended:
    """What one spot shows: the next of all lines and of their largest numbers, two for each of its tokens."""
    match, *after = spot.tokens
    outgoing, incoming = next(lines), next(lines)
    peaks = _peak(match, *next(best)), _peak(match, *next(best))
    if not after:
        return Attended(match, None, outgoing, incoming, None, None, *peaks, None)
    next_outgoing, next_incoming = next(lines), next(lines)
    peak_next, _ = _peak(after[0], *next(best)), next(best)
    return Attended(match, after[0], outgoing, incoming, next_outgoing, next_incoming, *peaks, peak_next)


def _peak(token: int, best: int, weight: float) -> Peak | None:
    return None if best < 0 else Peak(best, best - token, weight)
