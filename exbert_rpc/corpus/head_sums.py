"""What heads do in sentences, as sums that are stored with a corpus and merged by adding.

How they are measured: :mod:`exbert_rpc.corpus.head_measures`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MAX_OFFSET = 8
"""Distances in tokens up to this one are counted singly."""
N_BINS = 2 * MAX_OFFSET + 3
"""Offsets as they are counted: farther back, −8 … 8, farther ahead."""
MAX_WORD_OFFSET = 10
"""Distances in words up to this one are tried as a baseline."""
N_WORD_OFFSETS = 2 * MAX_WORD_OFFSET + 1

RelationDirection = Literal["toHead", "toDependent"]
DIRECTIONS: tuple[RelationDirection, ...] = ("toHead", "toDependent")


@dataclass(frozen=True, slots=True)
class Peaks:
    """The strongest target of each row, special tokens left out: ``A`` heads, ``R`` rows.

    Attributes:
        target: uint16 ``[A, R]``, token index in the pass; the first on ties.
        weight: uint8 ``[A, R]``, weight times 255, rounded.
    """

    target: NDArray[np.uint16]
    weight: NDArray[np.uint8]


def sees_ahead(offset_pairs: NDArray[np.integer]) -> bool:
    """Whether pairs by offset, ``[..., B]``, hold one whose row sees a token that is behind it."""
    return bool(offset_pairs[..., MAX_OFFSET + 2 :].any())


@dataclass(frozen=True, slots=True, eq=False)
class HeadSums:
    """Sums over sentences: ``A`` heads, ``B`` = 19 bins of offsets, ``R`` relations in 2 directions; added by ``+``.

    Attributes:
        relations: Names of the relations, sorted.
        rows: int64 ``[3]``: rows; those with an entropy; those whose word stands elsewhere in the sentence.
        offset_pairs: int64 ``[B]``, pairs of tokens that are not special.
        word_pairs: int64 ``[B]``, pairs of first sub-words of different words. Here and in all that follows from words,
            a first token that may be an attention sink is no target (:mod:`exbert_rpc.corpus.head_plan`).
        same_word_pairs: int64 ``[B]``, pairs of first sub-words of different words that read the same.
        role_pairs: int64 ``[R, 2, B]``, pairs of each role, by the offset from the row that is read. Each is a word
            that is scored.
        relation_offsets: int64 ``[R, 2, 21]``, how many of their heads stand −10 … 10 words away.
        offset_mass: float64 ``[A, B]``, attention between tokens that are not special.
        word_mass: float64 ``[A, B]``, attention between first sub-words of different words.
        offset_peaks: int64 ``[A, B]``, rows whose strongest target stands there.
        scalars: float64 ``[A, 4]``: entropy, special, first token, same word.
        role_mass: float64 ``[A, R, 2]``, attention over the pairs of each role.
        relation_hits: int64 ``[A, R, 2]``, words whose strongest attention is their syntactic head.
    """

    relations: tuple[str, ...]
    rows: NDArray[np.int64]
    offset_pairs: NDArray[np.int64]
    word_pairs: NDArray[np.int64]
    same_word_pairs: NDArray[np.int64]
    role_pairs: NDArray[np.int64]
    relation_offsets: NDArray[np.int64]
    offset_mass: NDArray[np.float64]
    word_mass: NDArray[np.float64]
    offset_peaks: NDArray[np.int64]
    scalars: NDArray[np.float64]
    role_mass: NDArray[np.float64]
    relation_hits: NDArray[np.int64]

    @classmethod
    def zero(cls, n_heads: int, relations: Sequence[str] = ()) -> HeadSums:
        """Sums over nothing."""
        n = len(relations)
        shapes = sum_shapes(n_heads, n)
        return cls(tuple(relations), **{name: np.zeros(shape, dtype) for name, (dtype, shape) in shapes.items()})

    @property
    def n_heads(self) -> int:
        """Number of heads, over all layers."""
        return len(self.scalars)

    @property
    def n_rows(self) -> int:
        """Rows that were measured."""
        return int(self.rows[0])

    @property
    def sees_ahead(self) -> bool:
        """Whether some row sees a token that is behind it."""
        return sees_ahead(self.offset_pairs)

    def __add__(self, other: HeadSums) -> HeadSums:
        """Sums over the sentences of both."""
        return add_sums(self.n_heads, (self, other))

    def __sub__(self, other: HeadSums) -> HeadSums:
        """Sums without the sentences of another, which are among those of this one."""
        names = tuple(sorted({*self.relations, *other.relations}))
        a, b = self.over(names), other.over(names)
        return HeadSums(names, **{name: getattr(a, name) - getattr(b, name) for name in SUMS})

    def over(self, relations: Sequence[str]) -> HeadSums:
        """The same over other relations: zero where there were none; those that are not named are left out."""
        if tuple(relations) == self.relations:
            return self
        wider = HeadSums.zero(self.n_heads, relations)
        where = {name: at for at, name in enumerate(relations)}
        old = [at for at, name in enumerate(self.relations) if name in where]
        new = [where[self.relations[at]] for at in old]
        for name in SUMS:
            mine, theirs = getattr(self, name), getattr(wider, name)
            if name in _BY_HEAD_AND_RELATION:
                theirs[:, new] = mine[:, old]
            elif name in _BY_RELATION:
                theirs[new] = mine[old]
            else:
                theirs[...] = mine
        return wider


SUMS: tuple[str, ...] = tuple(one.name for one in fields(HeadSums) if one.name != "relations")
"""The arrays of :class:`HeadSums`, in order."""
_BY_HEAD_AND_RELATION = ("role_mass", "relation_hits")
_BY_RELATION = ("role_pairs", "relation_offsets")


def sum_shapes(n_heads: int, n_relations: int) -> Mapping[str, tuple[type[np.generic], tuple[int, ...]]]:
    """Dtype and shape of each array of :class:`HeadSums`."""
    a, r = n_heads, n_relations
    return {
        "rows": (np.int64, (3,)),
        "offset_pairs": (np.int64, (N_BINS,)),
        "word_pairs": (np.int64, (N_BINS,)),
        "same_word_pairs": (np.int64, (N_BINS,)),
        "role_pairs": (np.int64, (r, 2, N_BINS)),
        "relation_offsets": (np.int64, (r, 2, N_WORD_OFFSETS)),
        "offset_mass": (np.float64, (a, N_BINS)),
        "word_mass": (np.float64, (a, N_BINS)),
        "offset_peaks": (np.int64, (a, N_BINS)),
        "scalars": (np.float64, (a, 4)),
        "role_mass": (np.float64, (a, r, 2)),
        "relation_hits": (np.int64, (a, r, 2)),
    }


def add_sums(n_heads: int, parts: Iterable[HeadSums]) -> HeadSums:
    """Sums over the sentences of all parts."""
    chosen = list(parts)
    names = tuple(sorted({name for part in chosen for name in part.relations}))
    total = HeadSums.zero(n_heads, names)
    where = {name: at for at, name in enumerate(names)}
    for part in chosen:
        at = [where[name] for name in part.relations]
        same = part.relations == names  # as a rule: then nothing has to be picked
        for name in SUMS:
            sums, mine = getattr(total, name), getattr(part, name)
            if same:
                sums += mine
            elif name in _BY_HEAD_AND_RELATION:
                sums[:, at] += mine
            elif name in _BY_RELATION:
                sums[at] += mine
            else:
                sums += mine
    return total
