"""Vectors as they are stored and compared.

1. A row is one token's vector in one layer: its hidden state (one part of ``D`` numbers), or its head outputs
   (``H`` parts of ``d`` numbers). Every part is scaled to length 1, so that a dot product is a cosine.
2. ``int8``: each dimension is divided by a step and rounded to -127..127. The steps depend on the model alone (the
   largest absolute value of that dimension over a fixed calibration text, divided by 127), so that a corpus that was
   edited equals one that was built anew. What does not fit is kept beside the codes, exactly: an outlier.
3. A query stays float32. For the scan it is multiplied by the steps, masked to the chosen heads and rounded to one
   int8 row (two where one would lose too much); candidates are then compared in float32 with the decoded codes, each
   part divided by its true length, which takes out most of the rounding error of near neighbours.

Shapes: ``N`` rows, ``P`` parts, ``d`` numbers a part, ``D = P · d``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OUTLIER = np.dtype([("row", "<u4"), ("dim", "<u2"), ("residual", "<f4")])
"""A component that its code cannot express: ``residual`` is added to the decoded value."""

_LEVELS = 127
_SECOND_ROW_ABOVE = 0.01


@dataclass(frozen=True, slots=True)
class Codes:
    """Rows of one layer as int8.

    Attributes:
        codes: int8 ``[N, D]`` in -127..127.
        outliers: ``OUTLIER`` ``[m]``, ascending by row.
    """

    codes: NDArray[np.int8]
    outliers: NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Query:
    """One vector that is looked for.

    Attributes:
        parts: float32 ``[P, d]``, unit length each, zero where a head was not chosen.
        weights: float32 ``[P]``, how much each part's cosine counts; they sum to 1.
    """

    parts: NDArray[np.float32]
    weights: NDArray[np.float32]


def unit_parts(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale ``[..., P, d]`` to unit length along the last axis; zero parts stay zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return unit


def choose_steps(calibration: NDArray[np.float32]) -> NDArray[np.float32]:
    """Quantisation steps ``[D]`` from unit rows ``[N, D]`` of the calibration text."""
    largest = np.abs(calibration).max(axis=0)
    floor = max(float(largest.max()) * 1e-3, 1e-6)
    steps: NDArray[np.float32] = (np.maximum(largest, floor) / _LEVELS).astype(np.float32)
    return steps


def encode(rows: NDArray[np.float32], steps: NDArray[np.float32]) -> Codes:
    """Round unit rows ``[N, D]`` to int8 by ``steps`` ``[D]``."""
    scaled = rows / steps
    codes = np.clip(np.rint(scaled), -_LEVELS, _LEVELS)
    row, dim = np.nonzero(np.abs(scaled) > _LEVELS + 0.5)
    outliers = np.empty(len(row), dtype=OUTLIER)
    outliers["row"], outliers["dim"] = row, dim
    outliers["residual"] = rows[row, dim] - codes[row, dim] * steps[dim]
    return Codes(codes.astype(np.int8), outliers)


def decode(
    codes: NDArray[np.int8], outliers: NDArray[np.void], steps: NDArray[np.float32], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Rows ``[len(rows), D]`` float32 of a layer, outliers put back. ``rows`` may come in any order."""
    decoded: NDArray[np.float32] = codes[rows].astype(np.float32) * steps
    if len(outliers):
        low = np.searchsorted(outliers["row"], rows, side="left")
        high = np.searchsorted(outliers["row"], rows, side="right")
        for index in np.flatnonzero(high > low):
            found = outliers[low[index] : high[index]]
            decoded[index, found["dim"]] += found["residual"]
    return decoded


def make_query(vector: NDArray[np.float32], heads: NDArray[np.int64] | None, *, by_norm: bool) -> Query:
    """The query for one token.

    Args:
        vector: float32 ``[P, d]``: a hidden state as one part, or the head outputs of one layer.
        heads: Parts that count; ``None``: all.
        by_norm: Weight each part by its length (exBERT's ranking) rather than equally.
    """
    chosen = np.zeros(len(vector), dtype=bool)
    chosen[slice(None) if heads is None else heads] = True
    length = np.linalg.norm(vector, axis=-1)
    weights = np.where(chosen, length if by_norm else 1.0, 0.0)
    total = weights.sum()
    if total == 0:
        weights, total = chosen.astype(float), chosen.sum()
    parts = unit_parts(vector) * chosen[:, None]
    return Query(parts.astype(np.float32), (weights / total).astype(np.float32))


def scan_rows(query: Query, steps: NDArray[np.float32]) -> list[tuple[NDArray[np.int8], float]]:
    """The query as one or two int8 rows ``[1, D]`` with their factors: Σ factor · (row · codes) is the score.

    A second row holds what the first one's rounding lost; it is only there where that exceeds 1 % of the query.
    """
    rest = (query.parts * query.weights[:, None]).ravel() * steps
    whole = float(np.linalg.norm(rest))
    rows: list[tuple[NDArray[np.int8], float]] = []
    while len(rows) < 2:
        factor = float(np.abs(rest).max()) / _LEVELS
        if factor == 0:
            break
        row = np.rint(rest / factor)
        rows.append((row.astype(np.int8)[None, :], factor))
        rest = rest - row * factor
        if np.linalg.norm(rest) <= _SECOND_ROW_ABOVE * whole:
            break
    return rows


def score(query: Query, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weighted mean of the parts' cosines, float32 ``[N]`` in [-1, 1], of decoded rows ``[N, D]``."""
    parts = rows.reshape(len(rows), *query.parts.shape)
    chosen = np.flatnonzero(query.weights)
    picked = parts[:, chosen]
    dots = np.einsum("npd,pd->np", picked, query.parts[chosen])
    length = np.linalg.norm(picked, axis=-1)
    cosines = np.divide(dots, length, out=np.zeros_like(dots), where=length > 0)
    scores: NDArray[np.float32] = np.clip(cosines @ query.weights[chosen], -1.0, 1.0).astype(np.float32)
    return scores
