"""What a hover tells: in two lines, where the chosen head looks from a token, and from where the token is looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from exbert_rpc.protocol.jsonrpc import encode
from exbert_rpc.protocol.types.attend import AttendResult
from exbert_rpc.protocol.types.tokens import Token

_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+")
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence of a line, and a place in it.

    Attributes:
        text: The sentence.
        start: Characters of the line before it.
        at: The place, in characters of the sentence.
    """

    text: str
    start: int
    at: int


def sentence_at(line: str, at: int) -> Place:
    """The sentence of a line that holds a character, as punctuation tells."""
    starts = [0, *(match.end() for match in _END.finditer(line))]
    start = max(one for one in starts if one <= min(at, len(line)))
    end = min((one for one in starts if one > start), default=len(line))
    return Place(line[start:end].rstrip(), start, at - start)


def token_at(answer: AttendResult, at: int) -> Token | None:
    """The token that holds a character of the text; offsets count characters."""
    return next((one for one in answer.tokens if not one.is_special and one.start <= at < one.end), None)


def tell(answer: AttendResult, token: Token) -> str:
    """Two lines of Markdown about one token, for an answer with one layer and one head."""
    [[weights]] = json.loads(encode(answer.attention))["data"]
    head = f"head {answer.layers[0]}.{answer.heads[0]} of {_plain(answer.model.id.rsplit('/', 1)[-1])}"
    outgoing = _most(answer.tokens, weights[token.index], skip=None)
    incoming = _most(answer.tokens, [row[token.index] for row in weights], skip=token.index)
    return f"**{_plain(token.text)}** looks at {outgoing} ({head})  \nlooked at by {incoming}"


def _most(tokens: Sequence[Token], weights: Sequence[float], skip: int | None) -> str:
    words = [one for one in tokens if not one.is_special and one.index != skip]
    best = sorted(words, key=lambda one: -weights[one.index])[:_SHOWN]
    named = [f"*{_plain(one.text)}* {weights[one.index]:.0%}" for one in best]
    special = sum(weights[one.index] for one in tokens if one.is_special)
    return ", ".join(named) + (f"; special tokens {special:.0%}" if special >= 0.005 and skip is None else "")


def _plain(text: str) -> str:
    """Text as Markdown shows it."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~-])", r"\\\1", text)
