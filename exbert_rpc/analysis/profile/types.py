"""What a profile of heads is made of."""

from __future__ import annotations

from dataclasses import dataclass

from exbert_rpc.corpus.head_sums import RelationDirection

SAME_WORD = "sameWord"
"""The role of tokens whose word stands elsewhere in the sentence, too."""


@dataclass(frozen=True, slots=True)
class Offset:
    """Attention at one signed distance in tokens.

    Attributes:
        offset: Negative: back. -9 and 9 stand for all that is farther.
        mass: Mean attention in [0, 1] over pairs of tokens at that distance, neither of them special.
        share: Rows whose strongest target (not special) stands there, over all rows.
    """

    offset: int
    mass: float
    share: float


@dataclass(frozen=True, slots=True)
class Role:
    """Attention of a head between words in one syntactic role.

    Attributes:
        role: A dependency relation, or ``"sameWord"``.
        direction: From the dependent to its syntactic head, or the other way; ``None`` for ``sameWord``.
        mass: Mean attention in [0, 1] over the pairs (``sameWord``: to all other places of the word, over rows).
        expected: What a head with the same mean attention at each offset would give.
        lift: ``mass / expected``; ``None`` where nothing is expected.
        low: Lower end of the lift's 95 % interval (jackknife over documents); ``None`` with fewer than three.
        high: Upper end.
        n: Pairs (``sameWord``: rows).
        p_value: Of a lift of at most 1, one-sided, by the jackknife.
        q_value: Adjusted over all heads and roles (Benjamini-Hochberg).
    """

    role: str
    direction: RelationDirection | None
    mass: float
    expected: float
    lift: float | None
    low: float | None
    high: float | None
    n: int
    p_value: float
    q_value: float


@dataclass(frozen=True, slots=True)
class Relation:
    """How often a head's strongest attention finds the syntactic head, see :mod:`exbert_rpc.corpus.head_sums`.

    Attributes:
        relation: Dependency relation.
        direction: ``toHead``: the dependent looks at its head; ``toDependent``: the head looks at its dependent.
        accuracy: Share of words in [0, 1].
        low: Lower end of its 95 % interval (Wilson's, for the effective number of words over documents).
        high: Upper end.
        offset: Distance in words at which most syntactic heads of this relation stand.
        baseline: Accuracy of the best single distance, chosen on other documents than it is scored on.
        n: Words.
        p_value: Of an accuracy that is at most the baseline's, one-sided, by a jackknife over documents.
        q_value: Adjusted over all heads, relations and directions (Benjamini-Hochberg).
    """

    relation: str
    direction: RelationDirection
    accuracy: float
    low: float
    high: float
    offset: int
    baseline: float
    n: int
    p_value: float
    q_value: float


@dataclass(frozen=True, slots=True)
class AttractingWord:
    """A word that draws a head's attention more often than other words do.

    Attributes:
        word: Lower-cased.
        lift: Peaks of at least 20 % from other tokens, over the word's occurrences, as a multiple of the same ratio
            over all words.
        low: Lower end of its 95 % interval (jackknife over documents).
        n: Occurrences of the word.
    """

    word: str
    lift: float
    low: float
    n: int


@dataclass(frozen=True, slots=True)
class RandomRepeats:
    """Attention on random tokens that are repeated once, each in [0, 1] (autoregressive models).

    Attributes:
        previous_token: Mean attention to the token before.
        duplicate_token: Mean attention from a token's second place to its first one.
        induction: Mean attention from a token's second place to the token behind its first one.
    """

    previous_token: float
    duplicate_token: float
    induction: float


@dataclass(frozen=True, slots=True)
class HeadProfile:
    """What one head does everywhere.

    Attributes:
        layer: Attention layer.
        head: Head.
        entropy: Mean of the entropy of a row over the logarithm of the number of tokens that it sees, in [0, 1].
        special: Mean attention to special tokens.
        first_token: Mean attention to the first token.
        offsets: -8 … 8, ascending.
        beyond: What is farther: back, then ahead.
        roles: Strongest (attention beyond what is expected) first; those with enough pairs.
        relations: Most accurate beyond the baseline first; those with enough words.
        vocabulary: Words with the highest lower end first.
        repeats: On random repeated tokens; ``None`` for other models.
        findings: Plain sentences; the strongest first.
    """

    layer: int
    head: int
    entropy: float
    special: float
    first_token: float
    offsets: tuple[Offset, ...]
    beyond: tuple[Offset, ...]
    roles: tuple[Role, ...]
    relations: tuple[Relation, ...]
    vocabulary: tuple[AttractingWord, ...] = ()
    repeats: RandomRepeats | None = None
    findings: tuple[str, ...] = ()
