"""Unit rows as small integers, and back.

A scale belongs to one layer of one space and depends on the model alone: it is chosen on a fixed calibration text, so
that a corpus that was edited equals a fresh build. ``x ≈ center + step · code`` in each dimension:

``int8``    -127..127. Center and step let the calibration text's smallest and largest value just fit: hidden states
            of most models share a large mean, which would cost levels. What does not fit is kept beside the codes,
            exactly: an outlier.
``int4``    -7..7, two in a byte. The step is 0.335 standard deviations, which loses least of a normal distribution at
            15 levels (Max 1960, Quantizing for minimum distortion); the center is the mean.
``binary``  -1 or 1, eight in a byte. The step is the mean absolute deviation, the center the mean.

Shapes: ``N`` rows of ``D`` numbers; ``W`` bytes a row: ``D``, ``⌈D/2⌉`` or ``⌈D/8⌉``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.types import Precision

OUTLIER = np.dtype([("row", "<u4"), ("dim", "<u2"), ("residual", "<f4")])
"""A component that its code cannot express: ``residual`` is added to the dequantized value."""

_INT8_LEVELS = 127
_INT4_LEVELS = 7
_INT4_STEP = 0.335

# every byte as the codes that it packs, so that unpacking is one table look-up a byte
_NIBBLES = np.arange(256)
_INT4_TABLE = np.stack([(_NIBBLES & 15) - 8, (_NIBBLES >> 4) - 8], axis=1).astype(np.int8)
_BINARY_TABLE = (np.unpackbits(_NIBBLES.astype(np.uint8)[:, None], axis=1).astype(np.int8) * 2) - 1


@dataclass(frozen=True, slots=True)
class Scale:
    """How the codes of one layer are read: float32 ``[D]`` each."""

    center: NDArray[np.float32]
    steps: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Codes:
    """Rows of one layer as stored.

    Attributes:
        codes: int8 ``[N, D]``, or uint8 ``[N, W]`` with several codes in a byte.
        outliers: ``OUTLIER`` ``[m]``, ascending by row; none but with ``int8``.
    """

    codes: NDArray[np.int8] | NDArray[np.uint8]
    outliers: NDArray[np.void]


class StoredCodes(Protocol):
    """``Codes.codes`` in a file, of which some rows are wanted."""

    def stretch(self, start: int, end: int) -> NDArray[np.int8] | NDArray[np.uint8]:
        """Rows ``start`` to ``end``."""
        ...

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.int8] | NDArray[np.uint8]:
        """A copy of some rows, in any order."""
        ...


@dataclass(frozen=True)
class StoredVectors:
    """All rows of one layer of one segment, mapped from its file."""

    precision: Precision
    codes: StoredCodes
    outliers: NDArray[np.void]
    scale: Scale

    @cached_property
    def _outlier_rows(self) -> NDArray[np.int64]:
        return self.outliers["row"].astype(np.int64)  # as rows are asked for: searchsorted would convert it every time

    @cached_property
    def scale_key(self) -> bytes:
        """Equal for equal scales."""
        return self.scale.center.tobytes() + self.scale.steps.tobytes()

    def integers(self, start: int, end: int) -> NDArray[np.int8]:
        """int8 ``[end - start, D]``: codes of a stretch of rows, unpacked."""
        return unpack(self.codes.stretch(start, end), self.precision, len(self.scale.steps))

    def dequantize(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """float32 ``[len(rows), D]``, outliers put back. ``rows`` may come in any order."""
        return dequantize_many([(self, rows)])

    def residuals(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.void]]:
        """Outliers of some rows: int64 ``[m]``, the place of each one's row among ``rows``; and ``OUTLIER`` ``[m]``."""
        nothing = np.zeros(0, np.int64), self.outliers[:0]
        if not len(self.outliers):
            return nothing
        low, high = np.searchsorted(self._outlier_rows, np.concatenate([rows, rows + 1])).reshape(2, -1)
        counts = high - low
        total = int(counts.sum())
        if total == 0:
            return nothing
        among = np.repeat(low - (np.cumsum(counts) - counts), counts) + np.arange(total)
        return np.repeat(np.arange(len(rows)), counts), self.outliers[among]


def dequantize_many(
    wanted: Sequence[tuple[StoredVectors, NDArray[np.int64]]], columns: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """float32 ``[N, D]``: rows of several segments behind each other, outliers put back.

    Args:
        wanted: Vectors of a segment and some of its rows, in any order; one at least. All are of one layer, and so of
            one precision.
        columns: int64 ``[C]``, ascending: only these dimensions, ``[N, C]``.
    """
    first = wanted[0][0]
    codes = np.concatenate([vectors.codes.take(rows) for vectors, rows in wanted])
    integers = unpack(codes, first.precision, len(first.scale.steps))
    dequantized = (integers if columns is None else integers.take(columns, axis=1)).astype(np.float32)
    ends = np.cumsum([len(rows) for _, rows in wanted]).tolist()
    if all(vectors.scale_key == first.scale_key for vectors, _ in wanted):
        _rescale(dequantized, first.scale, columns)
    else:
        for (vectors, rows), end in zip(wanted, ends, strict=True):
            _rescale(dequantized[end - len(rows) : end], vectors.scale, columns)
    for (vectors, rows), end in zip(wanted, ends, strict=True):
        _put_back(dequantized[end - len(rows) : end], *vectors.residuals(rows), columns)
    return dequantized


def _rescale(numbers: NDArray[np.float32], scale: Scale, columns: NDArray[np.int64] | None) -> None:
    chosen = slice(None) if columns is None else columns
    numbers *= scale.steps[chosen]
    numbers += scale.center[chosen]


def _put_back(
    numbers: NDArray[np.float32], row: NDArray[np.int64], found: NDArray[np.void], columns: NDArray[np.int64] | None
) -> None:
    """Add outliers, of which each belongs to a row of ``numbers``."""
    if not len(found):
        return
    dim = found["dim"].astype(np.int64)
    if columns is not None:
        at = np.searchsorted(columns, dim)
        kept = np.flatnonzero(columns[np.minimum(at, len(columns) - 1)] == dim)
        row, dim, found = row[kept], at[kept], found[kept]
    numbers[row, dim] += found["residual"]


def choose_scale(calibration: NDArray[np.float32], precision: Precision) -> Scale:
    """The scale for unit rows ``[N, D]`` of the calibration text."""
    if precision == "int8":
        center = (calibration.max(axis=0) + calibration.min(axis=0)) / 2
        steps = np.abs(calibration - center).max(axis=0) / _INT8_LEVELS
    else:
        center = calibration.mean(axis=0)
        deviation = calibration - center
        steps = _INT4_STEP * deviation.std(axis=0) if precision == "int4" else np.abs(deviation).mean(axis=0)
    steps = np.maximum(steps, max(float(steps.max()) * 1e-3, 1e-9))
    if precision == "int8":
        center = np.rint(center / steps) * steps  # so that a zero comes back as one
    return Scale(center.astype(np.float32), steps.astype(np.float32))


def quantize(rows: NDArray[np.float32], scale: Scale, precision: Precision) -> Codes:
    """Round unit rows ``[N, D]`` to codes."""
    scaled = rows - scale.center
    scaled /= scale.steps
    if precision == "binary":
        return Codes(np.packbits(scaled > 0, axis=1), np.zeros(0, OUTLIER))
    codes = np.rint(scaled)
    if precision == "int4":
        return Codes(_pack_nibbles(np.clip(codes, -_INT4_LEVELS, _INT4_LEVELS)), np.zeros(0, OUTLIER))
    # nonzero of two dimensions takes ten times as long as of one
    row, dim = divmod(np.flatnonzero(np.abs(scaled, out=scaled) > _INT8_LEVELS + 0.5), rows.shape[1])
    np.clip(codes, -_INT8_LEVELS, _INT8_LEVELS, out=codes)
    outliers = np.empty(len(row), dtype=OUTLIER)
    outliers["row"], outliers["dim"] = row, dim
    outliers["residual"] = rows[row, dim] - codes[row, dim] * scale.steps[dim] - scale.center[dim]
    return Codes(codes.astype(np.int8), outliers)


def packed_width(n_dims: int, precision: Precision) -> int:
    """Bytes of one row."""
    return {"int8": n_dims, "int4": -(-n_dims // 2), "binary": -(-n_dims // 8)}[precision]


def unpack(codes: NDArray[np.int8] | NDArray[np.uint8], precision: Precision, n_dims: int) -> NDArray[np.int8]:
    """int8 ``[N, D]``; the same memory if nothing is packed."""
    if precision == "int8":
        return codes.view(np.int8)
    table = _INT4_TABLE if precision == "int4" else _BINARY_TABLE
    # one look-up a byte: the codes of a byte travel as one integer
    wide = np.ascontiguousarray(table).view(np.uint16 if precision == "int4" else np.uint64).ravel()
    unpacked: NDArray[np.int8] = np.take(wide, codes.view(np.uint8)).view(np.int8).reshape(len(codes), -1)
    return np.ascontiguousarray(unpacked[:, :n_dims])


def _pack_nibbles(codes: NDArray[np.float32]) -> NDArray[np.uint8]:
    shifted: NDArray[np.uint8] = (codes + 8).astype(np.uint8)
    if shifted.shape[1] % 2:
        shifted = np.pad(shifted, ((0, 0), (0, 1)), constant_values=8)
    return np.bitwise_or(shifted[:, 0::2], np.left_shift(shifted[:, 1::2], 4, dtype=np.uint8))
