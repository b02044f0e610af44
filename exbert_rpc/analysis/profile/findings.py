"""A head's profile in plain sentences: several a head, only what is strong, and for tested measures only q < 0.05."""

from __future__ import annotations

from exbert_rpc.analysis.profile.phrases import who_looks_at_whom
from exbert_rpc.analysis.profile.types import HeadProfile, Relation, Role

SIGNIFICANT = 0.05
MAX_FINDINGS = 8

_LEAST_MASS = 0.1  # of attention on a role that is worth a sentence
_LEAST_LIFT = 1.5  # below it, the head's distances explain most of it
_LEAST_GAIN = 0.1  # of accuracy over the best distance
_LEAST_ACCURACY = 0.3
_LEAST_OFFSET = 0.3
_LEAST_SPECIAL = 0.5
_LEAST_REPEATS = 0.3
_LEAST_WORD_LIFT = 3.0
_FEWEST_WORDS, _MOST_WORDS = 3, 5
_MOST_ROLES, _MOST_RELATIONS = 4, 2
_EVEN = 0.99  # an entropy from which on a head looks everywhere alike


def find_in_profile(profile: HeadProfile) -> tuple[str, ...]:
    """At most ``MAX_FINDINGS`` sentences about a head."""
    if profile.entropy >= _EVEN:
        return ()
    others = [*_roles(profile), *_offsets(profile), *_vocabulary(profile)]
    clauses = [*_repeats(profile), *_first_token(profile), *others, *_special(profile)]
    name = f"Head {profile.layer}.{profile.head}"
    return tuple(
        f"{name}{' also' if number else ''}: {clause}." for number, clause in enumerate(clauses[:MAX_FINDINGS])
    )


def _repeats(profile: HeadProfile) -> list[str]:
    repeats = profile.repeats
    if repeats is None:
        return []
    measured = [
        (repeats.induction, "where text repeats, looks at what came next the first time (induction)"),
        (repeats.duplicate_token, "where a token repeats, looks at its first place (duplicate token)"),
        (repeats.previous_token, "looks at the previous token even in random text"),
    ]
    return [f"{what}, {_percent(mass)} of attention" for mass, what in measured if mass >= _LEAST_REPEATS]


def _roles(profile: HeadProfile) -> list[str]:
    """Roles by what they have beyond the expected attention, then relations that no role has named."""
    accurate = {(one.relation, one.direction): one for one in profile.relations if _is_accurate(one)}
    clauses = []
    for role in [role for role in profile.roles if _is_strong(role)][:_MOST_ROLES]:
        relation = accurate.pop((role.role, role.direction), None) if role.direction is not None else None
        clauses.append(_role(role) + ("" if relation is None else f"; {_accuracy(relation)}"))
    for relation in list(accurate.values())[:_MOST_RELATIONS]:
        subject, target = who_looks_at_whom(relation.relation, relation.direction)
        clauses.append(f"{subject} look most at {target}; {_accuracy(relation)}")
    return clauses


def _is_strong(role: Role) -> bool:
    enough = role.lift is not None and role.lift >= _LEAST_LIFT
    return role.q_value < SIGNIFICANT and role.mass >= _LEAST_MASS and enough


def _is_accurate(relation: Relation) -> bool:
    gain = relation.accuracy - relation.baseline
    return relation.q_value < SIGNIFICANT and gain >= _LEAST_GAIN and relation.accuracy >= _LEAST_ACCURACY


def _role(role: Role) -> str:
    subject, target = who_looks_at_whom(role.role, role.direction)
    expected = f"{_percent(role.expected)} expected from its distances"
    return f"{subject} look at {target}, {_percent(role.mass)} of attention ({expected})"


def _accuracy(relation: Relation) -> str:
    if relation.direction == "toHead":
        what = "their strongest attention to a word finds it"
    else:
        what = "of all words, the strongest attention to the dependent is theirs"
    return f"{what} in {_percent(relation.accuracy)} (the best single distance: {_percent(relation.baseline)})"


def _offsets(profile: HeadProfile) -> list[str]:
    strong = [one for one in profile.offsets if one.mass >= _LEAST_OFFSET]
    strong.sort(key=lambda one: -one.mass)
    return [f"looks at {_place(one.offset)}, {_percent(one.mass)} of attention where there is one" for one in strong]


def _place(offset: int) -> str:
    named = {-1: "the previous token", 0: "the token itself", 1: "the next token"}
    return named.get(offset) or f"the token {abs(offset)} places {'back' if offset < 0 else 'ahead'}"


def _vocabulary(profile: HeadProfile) -> list[str]:
    words = [word for word in profile.vocabulary if word.low >= _LEAST_WORD_LIFT]
    if len(words) < _FEWEST_WORDS:
        return []
    named = ", ".join(f"{word.word} ({word.lift:.0f}×)" for word in words[:_MOST_WORDS])
    return [f"looks at certain words many times as often as at others: {named}"]


def _first_token(profile: HeadProfile) -> list[str]:
    """Said before roles and words, which are counted without it.

    Where the first token is a special one, only :func:`_special` says so.
    """
    if profile.first_token < _LEAST_SPECIAL or profile.special >= _LEAST_SPECIAL:
        return []
    return [f"rests mostly on the first token, {_percent(profile.first_token)} of attention, which counts for no role"]


def _special(profile: HeadProfile) -> list[str]:
    if profile.special < _LEAST_SPECIAL:
        return []
    return [f"rests mostly on special tokens, {_percent(profile.special)} of attention"]


def _percent(share: float) -> str:
    percent = 100 * share
    if 0 < percent < 1:
        return "< 0.1 %" if percent < 0.1 else f"{percent:.1f} %"
    return f"{percent:.0f} %"
