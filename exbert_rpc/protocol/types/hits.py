"""One context of a corpus."""

from __future__ import annotations

import msgspec

from exbert_rpc.protocol.tables import Row
from exbert_rpc.protocol.types.base import Range, Result, Score


class HitSentence(Result, frozen=True, kw_only=True, gc=False):
    """The sentence of a hit: its number in its document, and its exact text."""

    index: int
    text: str


class HitToken(Result, frozen=True, kw_only=False, gc=False):
    """One token of a hit's sentence; ``start`` and ``end`` count within the sentence.

    ``syntacticHead`` is the first token of the word that the token's word depends on; null where there is none, and in
    corpora that an earlier version has indexed.
    """

    text: str
    start: int
    end: int
    pos: str | None
    tag: str | None
    dep: str | None
    lemma: str | None
    entity: str | None
    is_special: bool
    syntactic_head: int | None = None


class HitAttention(Result, frozen=True, kw_only=True):
    """Attention of the match, mean over ``heads``: from it, and to it."""

    layer: int
    heads: list[int]
    outgoing: list[float]
    incoming: list[float]


class Peak(Result, frozen=True, kw_only=True, gc=False):
    """The strongest attention of a row: where, how far in tokens, how much."""

    index: int
    offset: int
    weight: float


class MaxAttention(Result, frozen=True, kw_only=True):
    """Strongest attention from the match, to the match, and from the next token; null where there is no such token."""

    outgoing: Peak | None = None
    incoming: Peak | None = None
    next: Peak | None = None


class Hit(Result, frozen=True, kw_only=True):
    """One context of the corpus. ``cell`` is set for a notebook; its ``range`` then counts in that cell.

    ``target`` is set for hits of `searchRelations` and examples of `profileHeads`: the token that the match attends to
    most. ``record`` is set for files of records (rows of a table, lines of JSON Lines, sentences of a treebank) and
    counts them from 0; ``metadata`` is what else is known of the document.
    """

    rank: int
    score: Score
    document: str
    range: Range
    stale: bool
    sentence: HitSentence
    match: int
    next: int | None
    tokens: list[HitToken]
    attention: HitAttention
    max_attention: MaxAttention
    cell: int | None = None
    sentence_range: Range | None = None
    target: int | None = None
    record: int | None = None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)


def hit_row(hit: Hit) -> Row:
    """A hit as a row of a table: its place, sentence, match, what that attends to most, target if any, metadata."""
    match = hit.tokens[hit.match]
    following = None if hit.next is None else hit.tokens[hit.next]
    peak = hit.max_attention.outgoing
    attended = None if peak is None else hit.tokens[peak.index]
    row: Row = {
        "rank": hit.rank,
        "score": hit.score,
        "document": hit.document,
        "record": hit.record,
        "cell": hit.cell,
        "line": hit.range.start.line,
        "character": hit.range.start.character,
        "end_line": hit.range.end.line,
        "end_character": hit.range.end.character,
        "stale": hit.stale,
        "sentence": hit.sentence.text,
        "match": match.text,
        "pos": match.pos,
        "tag": match.tag,
        "dep": match.dep,
        "lemma": match.lemma,
        "entity": match.entity,
        "next": None if following is None else following.text,
        "attended": None if attended is None else attended.text,
        "attended_pos": None if attended is None else attended.pos,
        "attended_offset": None if peak is None else peak.offset,
        "attended_weight": None if peak is None else peak.weight,
    }
    if hit.target is not None:
        row |= {"target": hit.tokens[hit.target].text, "target_weight": hit.attention.outgoing[hit.target]}
    return row | {f"metadata.{key}": value for key, value in hit.metadata.items()}
