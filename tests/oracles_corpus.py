"""Searching and counting written the slow way: float64, one row at a time, from the original vectors.

Nothing here uses ``exbert_rpc``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """Of two vectors, by its definition; 0 if one of them is zero."""
    dot = sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    length = math.sqrt(sum(float(x) ** 2 for x in a)) * math.sqrt(sum(float(y) ** 2 for y in b))
    return dot / length if length else 0.0


def similarity(query: np.ndarray, row: np.ndarray, parts: Iterable[int], *, by_norm: bool = False) -> float:
    """Mean over the chosen parts of the cosine of ``query[part]`` and ``row[part]``, ``[P, d]`` each.

    ``by_norm`` weights each part by the length of the query's, as exBERT's ranking does.
    """
    parts = list(parts)
    weights = [math.sqrt(sum(float(x) ** 2 for x in query[part])) if by_norm else 1.0 for part in parts]
    if sum(weights) == 0:
        return 0.0
    total = sum(weight * cosine(query[part], row[part]) for weight, part in zip(weights, parts, strict=True))
    return total / sum(weights)


def exbert_ranking(query: np.ndarray, rows: np.ndarray, parts: Sequence[int]) -> np.ndarray:
    """exBERT's score of rows ``[N, P, d]``: the query as it is times the row whose heads have length 1, summed."""
    unit = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-30)
    return np.array([sum(float(query[part] @ row[part]) for part in parts) for row in unit.astype(np.float64)])


def similarities(query: np.ndarray, rows: np.ndarray, parts: Sequence[int], *, by_norm: bool = False) -> np.ndarray:
    """:func:`similarity` for many rows ``[N, P, d]``, in float64."""
    chosen, wanted = rows[:, list(parts)].astype(np.float64), query[list(parts)].astype(np.float64)
    lengths = np.linalg.norm(chosen, axis=-1) * np.linalg.norm(wanted, axis=-1)
    cosines = np.einsum("npd,pd->np", chosen, wanted) / np.where(lengths == 0, 1.0, lengths)
    weights = np.linalg.norm(wanted, axis=-1) if by_norm else np.ones(len(wanted))
    return cosines @ (weights / weights.sum())


def place_of(text: str, offset: int) -> tuple[int, int, str]:
    """Line, column and the line's text at an offset, counted character by character as LSP does."""
    line = column = at = 0
    while at < offset:
        if text.startswith("\r\n", at):
            if at + 2 > offset:
                break  # inside a line end is before it
            line, column, at = line + 1, 0, at + 2
        elif text[at] in "\r\n":
            line, column, at = line + 1, 0, at + 1
        else:
            column, at = column + 1, at + 1
    return line, column, re.split(r"\r\n|\n|\r", text)[line]


@dataclass(frozen=True)
class Row:
    """One token of a corpus where it stands, as the oracle sees it.

    Attributes:
        document: Uri.
        sentence: Its text.
        token: Index in the pass.
        following: Index of the next token that is not special, or ``None``.
        special: bool ``[n]`` of the pass.
        labels: attribute → label of each token of the pass (``None`` for special ones and where there is none).
        attention: ``[H, n, n]`` of the layer that is looked at.
    """

    document: str
    sentence: str
    token: int
    following: int | None
    special: np.ndarray
    labels: dict[str, Sequence[str | None]]
    attention: np.ndarray


def count_subjects(rows: Iterable[Row], attribute: str, subject: str) -> Counter[str]:
    """Labels of the rows or of the tokens after them."""
    counts: Counter[str] = Counter()
    for row in rows:
        at = row.token if subject == "match" else row.following
        if at is not None:
            counts[row.labels[attribute][at] or "none"] += 1
    return counts


def count_targets(
    rows: Iterable[Row], attribute: str, subject: str, heads: Sequence[int], *, outgoing: bool, special: bool
) -> Counter[str]:
    """Labels (or signed distance: ``offset``) of the strongest attention of each row, mean over the heads."""
    counts: Counter[str] = Counter()
    for row in rows:
        at = row.token if subject == "match" else row.following
        if at is None:
            continue
        # as stored; in float32, so that sums which are equal but for rounding fall as they do there
        stored = [np.divide(np.rint(row.attention[head] * 255), 255, dtype=np.float32) for head in heads]
        mean = np.mean(stored, axis=0)
        line = mean[at] if outgoing else mean[:, at]
        best, best_weight = -1, -1.0
        for index, weight in enumerate(line):
            if (special or not row.special[index]) and weight > best_weight:
                best, best_weight = index, float(weight)
        if attribute == "offset":
            counts[str(best - at)] += 1
        elif row.special[best]:
            counts["special"] += 1
        else:
            counts[row.labels[attribute][best] or "none"] += 1
    return counts
