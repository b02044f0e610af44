"""Profiles of all heads from sums over documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.profile.findings import find_in_profile
from exbert_rpc.analysis.profile.relations import find_relations
from exbert_rpc.analysis.profile.roles import find_roles
from exbert_rpc.analysis.profile.types import AttractingWord, HeadProfile, Offset, RandomRepeats, Relation, Role
from exbert_rpc.corpus.head_sums import MAX_OFFSET, N_BINS, HeadSums, add_sums

MIN_PAIRS = 50
"""Pairs of a role, or words of a relation, below which it is left out by default."""


def profile_heads(
    documents: Sequence[HeadSums], heads: Sequence[tuple[int, int]], *, min_pairs: int = MIN_PAIRS
) -> list[HeadProfile]:
    """What each head does, without vocabulary, repeats and findings.

    Args:
        documents: Sums of each document, of all heads.
        heads: Layer and head of each row of the sums; ``A`` of them.
        min_pairs: Roles and relations with fewer pairs are neither tested nor returned.
    """
    total = add_sums(len(heads), documents)
    aligned = [document.over(total.relations) for document in documents]
    roles, relations = find_roles(aligned, total, min_pairs), find_relations(aligned, total, min_pairs)
    n_rows, n_entropy = max(total.n_rows, 1), max(int(total.rows[1]), 1)
    entropy = np.clip(total.scalars[:, 0] / n_entropy, 0, 1)
    mass = total.offset_mass / np.maximum(total.offset_pairs, 1)
    share = total.offset_peaks / n_rows
    return [
        HeadProfile(
            layer=layer,
            head=head,
            entropy=float(entropy[at]),
            special=float(total.scalars[at, 1] / n_rows),
            first_token=float(total.scalars[at, 2] / n_rows),
            offsets=_offsets(mass[at], share[at])[1:-1],
            beyond=_offsets(mass[at], share[at])[:: N_BINS - 1],
            roles=tuple(sorted(roles[at], key=_beyond_expected)),
            relations=tuple(sorted(relations[at], key=_beyond_baseline)),
        )
        for at, (layer, head) in enumerate(heads)
    ]


def finish(profile: HeadProfile, vocabulary: tuple[AttractingWord, ...], repeats: RandomRepeats | None) -> HeadProfile:
    """The profile with what does not come from the sums, in words."""
    whole = replace(profile, vocabulary=vocabulary, repeats=repeats)
    return replace(whole, findings=find_in_profile(whole))


def _offsets(mass: NDArray[np.float64], share: NDArray[np.float64]) -> tuple[Offset, ...]:
    places = range(-MAX_OFFSET - 1, MAX_OFFSET + 2)
    return tuple(map(Offset, places, mass.tolist(), share.tolist()))


def _beyond_expected(role: Role) -> tuple[float, str, str]:
    return role.expected - role.mass, role.role, role.direction or ""


def _beyond_baseline(relation: Relation) -> tuple[float, str, str]:
    return relation.baseline - relation.accuracy, relation.relation, relation.direction
