"""Which characters of a text each piece of a tokenizer covers, for tokenizers that do not say so themselves.

1. Text and pieces are folded: compatibility decomposition (NFKD), case folded, white space left out. Each folded
   character knows where it comes from.
2. Where both sides are the same characters, each piece covers the characters that it spells.
3. Where they differ (a piece for what the vocabulary lacks, a rewritten word), the difference grows to whole words,
   and all pieces of these words cover all of them: less precise, never wrong. Marks and invisible characters that the
   tokenizer drops are no difference.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from exbert_rpc.errors import InvalidParams

_SPACE = "▁"
_UNKNOWN = "\ufffe"  # a noncharacter, which no text holds: equal to nothing
_MOST_COMPARED = 6000
Span = tuple[int, int]


_NO_NAMES: Mapping[str, str] = {}


def align_pieces(
    text: str, pieces: Sequence[str | None], *, mark_is_space: bool = True, names: Mapping[str, str] = _NO_NAMES
) -> list[Span]:
    """Start and end of each piece in a text, in the order of the pieces; starts never go back.

    Args:
        text: What the tokenizer cut.
        pieces: What each piece spells, without the marks of its vocabulary; ``None``: something unknown.
        mark_is_space: Whether "▁" is white space, as sentencepiece writes it; to others it is a letter.
        names: What the tokenizer writes for some characters, such as "&amp;" for "&".

    Returns:
        One pair a piece. A piece that spells nothing covers the white space at its place, or is empty there.

    Raises:
        InvalidParams: A stretch of more than 6,000 characters differs.
    """
    source = _fold_text(text, mark_is_space, names)
    target = [(letter, number) for number, piece in enumerate(pieces) for letter in _fold_piece(piece, mark_is_space)]
    matched = _match([letter for letter, _place in source], [letter for letter, _piece in target])
    spans: dict[int, Span] = {}
    for i, j in matched.pairs:
        _widen(spans, target[j][1], source[i][1], source[i][1] + 1)
    _share_words(spans, _differing(text, source, [piece for _letter, piece in target], matched, spans), pieces)
    return _with_empty(text, spans, len(pieces))


def spells(text: str, pieces: Iterable[str | None]) -> bool:
    """Whether pieces spell a text, but for what folding leaves out, and for accents, which XLM drops."""
    letters = [letter for letter, _place in _fold_text(text, True)]
    return _without_marks(letters) == _without_marks(one for piece in pieces for one in _fold_piece(piece, True))


@dataclass(frozen=True, slots=True)
class _Matched:
    """Pairs of places of equal characters, and stretches ``(i1, i2, j1, j2)`` that differ."""

    pairs: list[tuple[int, int]]
    differing: list[tuple[int, int, int, int]]


@dataclass(frozen=True, slots=True)
class _Group:
    """Words that pieces share: places of the words, the pieces."""

    words: list[Span]
    pieces: list[int]


@lru_cache(maxsize=4096)
def _fold(character: str, mark_is_space: bool) -> str:
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(one for one in folded if not one.isspace() and not (one == _SPACE and mark_is_space))


def _fold_text(text: str, mark_is_space: bool, names: Mapping[str, str] = _NO_NAMES) -> list[tuple[str, int]]:
    return [
        (letter, place)
        for place, character in enumerate(text)
        for one in names.get(character, character)
        for letter in _fold(one, mark_is_space)
    ]


def _fold_piece(piece: str | None, mark_is_space: bool) -> str:
    return _UNKNOWN if piece is None else "".join(_fold(one, mark_is_space) for one in piece)


def _match(source: list[str], target: list[str]) -> _Matched:
    head = next((n for n, (a, b) in enumerate(zip(source, target, strict=False)) if a != b), None)
    if head is None:
        head = min(len(source), len(target))
    rest = min(len(source), len(target)) - head
    tail = next((n for n in range(rest) if source[-1 - n] != target[-1 - n]), rest)
    inner_source, inner_target = source[head : len(source) - tail], target[head : len(target) - tail]
    if max(len(inner_source), len(inner_target)) > _MOST_COMPARED:
        raise InvalidParams(
            "text",
            f"the tokenizer rewrites it, and a stretch of {len(inner_source)} characters cannot be followed",
            hint=f"send a text of at most {_MOST_COMPARED} characters",
        )
    pairs = [(n, n) for n in range(head)]
    differing = []
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, inner_source, inner_target, autojunk=False).get_opcodes():
        if kind == "equal":
            pairs += [(head + i1 + n, head + j1 + n) for n in range(i2 - i1)]
        elif (
            kind == "replace"
            and i2 - i1 == 1
            and not inner_source[i1].isalnum()
            and _UNKNOWN not in inner_target[j1:j2]
        ):
            pairs += [(head + i1, head + j) for j in range(j1, j2)]  # such as a curly quotation mark
        elif not (kind == "delete" and all(map(_is_invisible, inner_source[i1:i2]))):
            differing.append((head + i1, head + i2, head + j1, head + j2))
    pairs += [(len(source) - tail + n, len(target) - tail + n) for n in range(tail)]
    return _Matched(pairs, differing)


def _without_marks(letters: Iterable[str]) -> list[str]:
    return [letter for letter in letters if unicodedata.category(letter)[0] != "M"]


def _is_invisible(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "CZM"


def _differing(
    text: str, source: list[tuple[str, int]], owners: list[int], matched: _Matched, spans: dict[int, Span]
) -> list[_Group]:
    """Words that differ, with the pieces that made something of them."""
    words = _words(text)
    word_at = {place: number for number, (start, end) in enumerate(words) for place in range(start, end)}
    groups: list[tuple[int, int, set[int]]] = []
    for i1, i2, j1, j2 in matched.differing if source else ():
        # what stands for no character at all belongs to the word in front of it
        ends = (i1, i2 - 1) if i2 > i1 else (max(i1 - 1, 0),) * 2
        first, last = (word_at[source[i][1]] for i in ends)
        own = set(owners[j1:j2])
        while True:  # a piece that reaches into another word brings that word along
            own |= {n for n, (start, end) in spans.items() if start < words[last][1] and end > words[first][0]}
            reached = [word_at[place] for n in own if n in spans for place in (spans[n][0], spans[n][1] - 1)]
            wider = min([first, *reached]), max([last, *reached])
            if wider == (first, last):
                break
            first, last = wider
        if groups and groups[-1][1] >= first:
            before = groups.pop()
            first, last, own = min(before[0], first), max(before[1], last), own | before[2]
        groups.append((first, last, own))
    return [_Group(words[first : last + 1], sorted(own)) for first, last, own in groups]


def _words(text: str) -> list[Span]:
    """Runs between white space, which is no word."""
    found: list[Span] = []
    for place, character in enumerate(text):
        if character.isspace():
            continue
        if found and found[-1][1] == place:
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
    return found


def _share_words(spans: dict[int, Span], groups: Sequence[_Group], pieces: Sequence[str | None]) -> None:
    """Give the pieces of each group all its words; unknown pieces that are as many as words have one each."""
    for group in groups:
        if len(group.words) == len(group.pieces) and all(pieces[number] is None for number in group.pieces):
            spans |= dict(zip(group.pieces, group.words, strict=True))
        else:
            spans |= dict.fromkeys(group.pieces, (group.words[0][0], group.words[-1][1]))


def _widen(spans: dict[int, Span], piece: int, start: int, end: int) -> None:
    before = spans.get(piece, (start, end))
    spans[piece] = min(before[0], start), max(before[1], end)


def _with_empty(text: str, spans: dict[int, Span], n: int) -> list[Span]:
    """All pieces; those that spell nothing cover white space behind the one before, if there is some.

    Where the pieces behind one of them share words that began earlier, it shares them, too.
    """
    found: list[Span] = []
    at = 0
    behind: list[Span | None] = [None] * n
    for number in reversed(range(n - 1)):
        behind[number] = spans.get(number + 1, behind[number + 1])
    for number in range(n):
        shared = behind[number]
        if number not in spans and shared is not None and shared[0] < at:
            spans[number] = shared
        elif number not in spans:
            end = at
            while end < len(text) and (text[end].isspace() or text[end] == _SPACE):
                end += 1
            spans[number] = (at, end)
        found.append(spans[number])
        at = max(at, spans[number][1])
    return found
