"""``profileHeads``: what heads do everywhere in a corpus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, field

from exbert_rpc.protocol.tables import Row, TableResult, plain_fields, same_columns
from exbert_rpc.protocol.types.base import Index, Params, Probability, ProgressToken, Result, Signature
from exbert_rpc.protocol.types.hits import Hit

RoleDirection = Literal["toHead", "toDependent"]


class ProfileParams(Params, frozen=True, kw_only=True):
    """Which heads, and what of them.

    Attributes:
        corpus: Name of the corpus.
        layers: Layers to profile; default all that the corpus holds.
        heads: Heads to profile; default all.
        measures: What to return beside entropy, special and firstToken; default everything. `repeats` is
            previousToken, duplicateToken and induction.
        min_pairs: Pairs of a role, or words of a relation, below which it is left out.
        examples: Contexts to return for each significant role and each word of the vocabulary.
        work_done_token: Token that progress is reported under (LSP).
    """

    corpus: str
    layers: list[Index] | None = None
    heads: list[Index] | None = None
    measures: list[Literal["offsets", "roles", "relations", "vocabulary", "repeats"]] | None = None
    min_pairs: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 50
    examples: Annotated[int, Meta(ge=0, le=20)] = 0
    work_done_token: ProgressToken | None = None


class OffsetShare(Result, frozen=True, kw_only=True):
    """Attention at a signed distance in tokens.

    ``mass`` is the mean attention over the rows whose sentence has a token there, neither of both special; ``share``
    that of strongest targets (not special) among all rows.
    """

    offset: int
    mass: Probability
    share: Probability


class Role(Result, frozen=True, kw_only=True):
    """Attention between words in a syntactic role (or, ``sameWord``, to other places of the same word).

    ``expected`` is what the head's mean attention between words at each distance would give; ``low`` and ``high`` are
    the ends of the lift's 95 % interval over documents, null with fewer than three; ``qValue`` is over all heads and
    roles. ``n`` counts pairs (``sameWord``: tokens).
    """

    role: str
    direction: RoleDirection | None
    mass: Probability
    expected: Probability
    lift: float | None
    low: float | None
    high: float | None
    n: int
    q_value: Probability
    examples: list[Hit] | None = None


class Relation(Result, frozen=True, kw_only=True):
    """How often the strongest attention of a word is its syntactic head (Clark et al. 2019), or the other way round.

    ``baseline`` is the accuracy of the best single distance in words, chosen on other documents than it is scored on;
    ``offset`` the distance that is best on all.
    """

    relation: str
    direction: RoleDirection
    accuracy: Probability
    low: Probability
    high: Probability
    offset: int
    baseline: Probability
    n: int
    q_value: Probability


class VocabularyWord(Result, frozen=True, kw_only=True):
    """A word that a head looks at ``lift`` times as often as at others; ``low`` is the lower end over documents."""

    word: str
    lift: float
    low: float
    n: int
    examples: list[Hit] | None = None


class HeadProfile(Result, frozen=True, kw_only=True):
    """What one head does.

    ``entropy`` is over all tokens that a row may see, divided by the logarithm of their number; ``special`` and
    ``firstToken`` are mean attention. ``beyond`` pools what is farther than 8 tokens back (offset -9) and ahead (9).
    ``previousToken``, ``duplicateToken`` and ``induction`` are mean attention on random repeated tokens; null for
    models that also see what is ahead.
    """

    layer: int
    head: int
    entropy: Probability
    special: Probability
    first_token: Probability
    offsets: list[OffsetShare]
    beyond: list[OffsetShare]
    roles: list[Role]
    relations: list[Relation]
    vocabulary: list[VocabularyWord]
    previous_token: Probability | None = None
    duplicate_token: Probability | None = None
    induction: Probability | None = None
    findings: list[str]


class ProfileResult(TableResult, frozen=True, kw_only=True):
    """Profiles by layer and head. ``tokens`` counts the corpus' tokens, each paragraph once.

    ``notes`` say what is left out of all profiles, and why: for instance roles, if the pipeline has no parser.
    """

    corpus: str
    model: str
    tokens: int
    documents: int
    heads: list[HeadProfile]
    notes: list[str] = field(default_factory=list)

    def to_rows(self) -> list[Row]:
        """One row a measure of each head: ``kind`` says which, ``name`` of what, ``value`` how much."""
        return same_columns([row for head in self.heads for row in _head_rows(head)])

    def _repr_html_(self) -> str:
        """For notebooks; no script, at most 50 kB."""
        from exbert_rpc.protocol.html.profile import profile_html  # only a notebook draws

        return profile_html(self)


_SINGLE = ("entropy", "special", "first_token", "previous_token", "duplicate_token", "induction")


def _head_rows(head: HeadProfile) -> Iterator[Row]:
    place: Row = {"layer": head.layer, "head": head.head}
    for name in _SINGLE:
        if getattr(head, name) is not None:
            yield {**place, "kind": "measure", "name": name, "value": getattr(head, name)}
    for one in (*head.offsets, *head.beyond):
        yield {**place, "kind": "offset", "name": str(one.offset), "value": one.mass, "share": one.share}
    for role in head.roles:
        more = plain_fields(role, ["role", "mass", "examples"])
        yield {**place, "kind": "role", "name": role.role, "value": role.mass, **more}
    for relation in head.relations:
        more = plain_fields(relation, ["relation", "accuracy"])
        yield {**place, "kind": "relation", "name": relation.relation, "value": relation.accuracy, **more}
    for word in head.vocabulary:
        more = plain_fields(word, ["word", "lift", "examples"])
        yield {**place, "kind": "vocabulary", "name": word.word, "value": word.lift, "lift": word.lift, **more}


SIGNATURE = Signature("profileHeads", ProfileParams, ProfileResult, order=3, positional=("corpus",))
