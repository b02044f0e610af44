"""Vectors as they are compared.

1. A row is one token's vector in one layer: its hidden state (one part of ``D`` numbers), or its head outputs
   (``H`` parts of ``d`` numbers). Every part is scaled to length 1, so that a dot product is a cosine.
2. Rows are stored as small integers (:mod:`~exbert_rpc.corpus.store.quantize`); a query stays float32. For the scan it
   is multiplied by the steps, masked to the chosen heads and rounded to one int8 row (two where one would lose a lot).
3. Candidates are compared in float32 with the decoded rows, each part divided by its true length, which takes out most
   of the rounding error of near neighbours.

Shapes: ``N`` rows, ``P`` parts, ``d`` numbers a part, ``D = P · d``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEVELS = 127
_SECOND_ROW_ABOVE = 0.01
_NO_LENGTH = 1e-4  # of a part that was zero, decoded; all others had length 1


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
    length = np.sqrt(np.einsum("...d,...d->...", vectors, vectors))[..., None]  # half the time of linalg.norm
    length[length == 0] = 1  # half the time of division where length > 0
    unit: NDArray[np.float32] = np.divide(vectors, length)
    return unit


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
    """The query as one or two int8 rows ``[1, D]`` with their factors: Σ factor · (row · codes) ranks as the score.

    It lacks what the center adds to every row alike. A second row holds what the first one's rounding lost; it is only
    there where that exceeds 1 % of the query.
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
    return score_parts(query, chosen, parts if len(chosen) == len(query.weights) else parts[:, chosen])


def score_parts(query: Query, chosen: NDArray[np.int64], parts: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same of rows of which only the chosen parts are there, ``[N, len(chosen), d]``: those that have a weight."""
    dots = np.einsum("npd,pd->np", parts, query.parts[chosen])
    length = np.sqrt((parts * parts).sum(axis=-1))  # linalg.norm's numbers, without its copies
    cosines = np.divide(dots, length, out=np.zeros_like(dots), where=length > _NO_LENGTH)
    # not by BLAS, nor by `sum`: a row's score must not depend, in its last digit, on which rows stand beside it
    mean = np.cumsum(cosines * query.weights[chosen], axis=1)[:, -1]
    scores: NDArray[np.float32] = np.clip(mean, -1.0, 1.0).astype(np.float32)
    return scores
