"""Attention between words in a syntactic role, against what the head's habit of offsets alone would give.

1. ā_h(o): mean attention of head h at offset o (−8 … 8, and pooled beyond on either side) over all pairs of words, by
   their first sub-words. Pairs of other sub-words are left out as they are from the roles: a head that looks at first
   sub-words alone would otherwise seem to have every role.
2. Expected for role r: Σ_o ā_h(o) · n_{r,o} / n_r, with the pairs of the role at each offset.
3. Lift: observed over expected. Its logarithm has a jackknife error over documents, in which ā is made again, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.profile.jackknife import interval_widths, jackknife_error, upper_p_values
from exbert_rpc.analysis.profile.types import SAME_WORD, Role
from exbert_rpc.analysis.statistics import benjamini_hochberg
from exbert_rpc.corpus.head_sums import DIRECTIONS, N_BINS, HeadSums, RelationDirection

_LEAST_MASS = 1e-12  # a logarithm for roles that a head never attends to


@dataclass(frozen=True, slots=True)
class _Sums:
    """What roles are made of, ``A`` heads, ``K`` roles, ``B`` bins: of all documents, or of one of them.

    Attributes:
        mass: float64 ``[A, K]``.
        n: int64 ``[K]``.
        pairs: int64 ``[K, B]``.
        offset_mass: float64 ``[A, B]``.
        offset_pairs: int64 ``[B]``.
    """

    mass: NDArray[np.float64]
    n: NDArray[np.int64]
    pairs: NDArray[np.int64]
    offset_mass: NDArray[np.float64]
    offset_pairs: NDArray[np.int64]

    @classmethod
    def of(cls, sums: HeadSums) -> _Sums:
        """Same word first, then each relation in both directions."""
        return cls(
            mass=np.concatenate(
                [sums.scalars[:, 3:], sums.role_mass.reshape(sums.n_heads, 2 * len(sums.relations))], axis=1
            ),
            n=np.concatenate([sums.rows[2:], sums.role_pairs.sum(axis=2).ravel()]),
            pairs=np.concatenate([sums.same_word_pairs[None], sums.role_pairs.reshape(-1, N_BINS)]),
            offset_mass=sums.word_mass,
            offset_pairs=sums.word_pairs,
        )

    def without(self, one: _Sums) -> _Sums:
        """Of all documents but one."""
        return _Sums(
            self.mass - one.mass,
            self.n - one.n,
            self.pairs - one.pairs,
            self.offset_mass - one.offset_mass,
            self.offset_pairs - one.offset_pairs,
        )

    def expected_mass(self) -> NDArray[np.float64]:
        """float64 ``[A, K]``: what the offsets alone would give, summed over pairs."""
        mean = self.offset_mass / np.maximum(self.offset_pairs, 1)
        return mean @ self.pairs.T

    def log_lift(self) -> NDArray[np.float64]:
        """float64 ``[A, K]``."""
        expected = np.maximum(self.expected_mass(), _LEAST_MASS)
        return np.log(np.maximum(self.mass, _LEAST_MASS)) - np.log(expected)


def find_roles(documents: Sequence[HeadSums], total: HeadSums, min_pairs: int) -> list[list[Role]]:
    """For each head its roles, those with ``min_pairs`` pairs, in the order of relations.

    Args:
        documents: Sums of each document, over the relations of ``total``.
        total: Their sum.
        min_pairs: Roles with fewer pairs are neither tested nor returned.
    """
    whole = _Sums.of(total)
    log_lift = whole.log_lift()

    def without() -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
        for document in documents:
            one = _Sums.of(document)
            yield whole.without(one).log_lift(), np.broadcast_to(one.n > 0, log_lift.shape)

    error, n_documents = jackknife_error(log_lift, without())
    expected = whole.expected_mass()
    p = upper_p_values(log_lift, error, n_documents)
    p = np.where((whole.mass > _LEAST_MASS) & (expected > _LEAST_MASS), p, 1.0)
    width = interval_widths(error, n_documents)
    tested = np.flatnonzero(whole.n >= max(min_pairs, 1))
    q = np.ones(p.shape)
    q[:, tested] = benjamini_hochberg(p[:, tested].ravel()).reshape(len(p), len(tested))
    names = _names(total.relations)
    return [
        [
            _role(names[k], whole.mass[h, k], expected[h, k], width[h, k], int(whole.n[k]), p[h, k], q[h, k])
            for k in tested.tolist()
        ]
        for h in range(len(p))
    ]


def _names(relations: Sequence[str]) -> list[tuple[str, RelationDirection | None]]:
    return [(SAME_WORD, None), *((name, direction) for name in relations for direction in DIRECTIONS)]


def _role(
    name: tuple[str, RelationDirection | None], mass: float, expected: float, width: float, n: int, p: float, q: float
) -> Role:
    lift = float(mass / expected) if expected > _LEAST_MASS else None
    has_interval = lift is not None and lift > 0 and np.isfinite(width)
    low, high = (float(lift * np.exp(-width)), float(lift * np.exp(width))) if lift and has_interval else (None, None)
    return Role(*name, float(mass / n), float(expected / n), lift, low, high, n, float(p), float(q))
