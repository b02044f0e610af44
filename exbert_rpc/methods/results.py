"""What several results are made of: tokens, positions, rounded numbers.

Only ``methods/`` rounds numbers and counts characters in the client's units.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.types import TextPosition
from exbert_rpc.engine.requests import TokenTable
from exbert_rpc.model import types as model
from exbert_rpc.model.types import Encoding
from exbert_rpc.protocol.positions import OffsetMap, PositionEncoding
from exbert_rpc.protocol.types.base import Position, Range
from exbert_rpc.protocol.types.tokens import Prediction, Token

DIGITS = 6
_ANNOTATIONS = ("pos", "tag", "dep", "lemma", "syntactic_head", "entity", "word", "sentence")


def encode_tokens(table: TokenTable, encoding: PositionEncoding) -> list[Token]:
    """The tokens of a pass."""
    of, annotations, rows = table.encoding, table.annotations, table.predictions
    words = (
        zip(*(getattr(annotations, name) for name in _ANNOTATIONS), strict=True) if annotations is not None else None
    )
    start, end, message = _units(of, encoding)
    generated = np.zeros(len(of.ids), dtype=np.bool_) if of.generated is None else of.generated
    columns = (of.ids, of.segment, of.start, of.end, of.is_special, of.is_masked, generated)
    found = []
    for index, (id_, segment, first, last, is_special, is_masked, written) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        token = Token(
            index=index,
            id=id_,
            token=of.tokens[index],
            text=(of.pair or "" if segment == 1 else of.text)[first:last],
            start=start[index],
            end=end[index],
            segment=segment,
            is_special=is_special,
            is_masked=is_masked,
            predictions=None if rows is None else [encode_prediction(one) for one in rows[index]],
            message=message[index],
            generated=written,
            **({} if words is None else dict(zip(_ANNOTATIONS, next(words), strict=True))),
        )
        found.append(token)
    return found


def _units(tokens: Encoding, encoding: PositionEncoding) -> tuple[list[int], list[int], list[int | None]]:
    """Start and end of each token in units, within its own segment or message; and the message."""
    start, end = np.zeros_like(tokens.start), np.zeros_like(tokens.end)
    message: list[int | None] = [None] * len(tokens.ids)
    if tokens.messages is not None:
        for number, place in enumerate(tokens.messages):
            mine = np.flatnonzero((tokens.start < place.end) & (tokens.end > place.start))
            offsets, shift = OffsetMap(place.content, encoding), place.start - place.skipped
            start[mine] = offsets(np.maximum(tokens.start[mine], place.start) - shift)
            end[mine] = offsets(np.minimum(tokens.end[mine], place.end) - shift)
            for index in mine.tolist():
                message[index] = number
        return start.tolist(), end.tolist(), message
    for segment, text in enumerate((tokens.text, tokens.pair)):
        mine = np.flatnonzero(tokens.segment == segment)
        if text is not None:
            offsets = OffsetMap(text, encoding)
            start[mine], end[mine] = offsets(tokens.start[mine]), offsets(tokens.end[mine])
    return start.tolist(), end.tolist(), message


def encode_prediction(one: model.Prediction) -> Prediction:
    """A candidate of the language-model head."""
    probability = min(1.0, max(0.0, round(float(one.probability), DIGITS)))
    return Prediction(token=one.token, id=int(one.id), probability=probability)


def rounded(values: NDArray[np.float32]) -> list[float]:
    """Numbers to six digits behind the point."""
    numbers: list[float] = np.round(values.astype(np.float64), DIGITS).tolist()
    return numbers


def rounded_lines(lines: Sequence[NDArray[np.float32]]) -> list[list[float]]:
    """What :func:`rounded` gives for each of several lines, all at once."""
    if not lines:
        return []
    numbers = rounded(np.concatenate(lines))
    ends = accumulate(map(len, lines))
    return [numbers[end - len(line) : end] for line, end in zip(lines, ends, strict=True)]


def share(value: float) -> float:
    """A share in [0, 1], rounded."""
    return min(1.0, max(0.0, round(float(value), DIGITS)))


def cosine(value: float) -> float:
    """A similarity in [-1, 1], rounded."""
    return min(1.0, max(-1.0, round(float(value), DIGITS)))


def encode_range(start: TextPosition, end: TextPosition, encoding: PositionEncoding) -> Range:
    """A stretch of a document."""
    return Range(start=_position(start, encoding), end=_position(end, encoding))


def _position(place: TextPosition, encoding: PositionEncoding) -> Position:
    points, utf16, utf8 = place.before
    return Position(line=place.line, character={"utf-32": points, "utf-16": utf16, "utf-8": utf8}[encoding])
