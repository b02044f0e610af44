"""What heads do in sentences, as sums: measured once while a corpus is built, merged by adding.

For each attention head, over the rows (tokens that are not special) of some sentences:

1. *Offsets*: attention at each signed distance in tokens between tokens that are not special, −8 … 8 and beyond on
   either side; and how often the strongest target (not special; the first on ties) stands there.
2. *Mass* on special tokens, and on the first token of the pass. *Entropy* of the row over all tokens that it may see,
   divided by the logarithm of their number; a row that sees one token has none.
3. *Roles*: attention between a word and its syntactic head, for each dependency relation, in both directions. A word
   is represented by its first sub-word, so pairs inside one word are left out. *Same word*: a row's attention to all
   other places where the same word (by its lower-cased text) stands.
   *Word offsets*: attention between the first sub-words of different words by offset; a head that looks at all first
   sub-words alike (or at none) has no role for that.
4. *Relations*, as Clark et al. (2019, What does BERT look at?) count them. Attention between words is the sum over the
   sub-words that are attended to and the mean over those that attend. ``toHead``: the other word that a word attends
   to most, more than to any other one, is its syntactic head. ``toDependent``: the other word that attends most to a
   word is its syntactic head.
   Special tokens and the word itself are no candidates. Punctuation may be a candidate, but the relation ``punct`` is
   not counted, nor are roots.

In an autoregressive model, what a row may not see counts nowhere: neither as attention nor among the pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

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
NOT_COUNTED = frozenset({"", "punct", "ROOT", "root"})
"""Dependency labels that are no relation between two words, or not one that is counted."""

_TINY = np.float32(1e-30)  # has a logarithm, and changes none that counts
_CHUNK = 1 << 18  # attention weights that are measured at once: 1 MiB stays in a core's cache


@dataclass(frozen=True, slots=True)
class SentenceWords:
    """The words of a pass, ``n`` tokens.

    Attributes:
        is_special: bool ``[n]``.
        word: int ``[n]``, the first token of the word that each token belongs to; -1 for none.
        syntactic_head: int ``[n]``, the first token of the word that the token's word depends on (itself: a root);
            -1 for none, and where that word is outside of the pass.
        dep: Dependency label of each token's word; ``""`` for none.
        form: int ``[n]``, equal for tokens whose words read the same; what stands where there is no word is ignored.
    """

    is_special: NDArray[np.bool_]
    word: NDArray[np.integer]
    syntactic_head: NDArray[np.integer]
    dep: Sequence[str]
    form: NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Peaks:
    """The strongest target of each row, special tokens left out: ``A`` heads, ``R`` rows.

    Attributes:
        target: uint16 ``[A, R]``, token index in the pass; the first on ties.
        weight: uint8 ``[A, R]``, weight times 255, rounded.
    """

    target: NDArray[np.uint16]
    weight: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class HeadSums:
    """Sums over sentences: ``A`` heads, ``B`` = 19 bins of offsets, ``R`` relations in 2 directions; added by ``+``.

    Attributes:
        relations: Names of the relations, sorted.
        rows: int64 ``[3]``: rows; those with an entropy; those whose word stands elsewhere in the sentence.
        offset_pairs: int64 ``[B]``, pairs of tokens that are not special.
        word_pairs: int64 ``[B]``, pairs of first sub-words of different words.
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
        for name in SUMS:
            sums, mine = getattr(total, name), getattr(part, name)
            if name in _BY_HEAD_AND_RELATION:
                sums[:, at] += mine
            elif name in _BY_RELATION:
                sums[at] += mine
            else:
                sums += mine
    return total


def measure(attention: Sequence[NDArray[np.float32]], words: SentenceWords, *, causal: bool) -> tuple[HeadSums, Peaks]:
    """Sums over one sentence, and the peaks of its rows.

    Args:
        attention: For each layer float32 ``[H, n, n]``, rows sum to 1 (with attention sinks to less).
        words: Its words.
        causal: Whether a row sees only tokens that are not behind it.
    """
    plan = _Plan.of(words, causal)
    heads = sum(len(layer) for layer in attention)
    sums = HeadSums.zero(heads, plan.relations)
    plan.count(sums)
    peaks = Peaks(np.zeros((heads, len(plan.plain)), np.uint16), np.zeros((heads, len(plan.plain)), np.uint8))
    start = 0
    for layers in _chunks(attention):
        cells = _heads_last(layers)
        part = slice(start, start + cells.shape[2])
        start = part.stop
        _measure_heads(cells, plan, sums, peaks, part)
    return sums, peaks


def _chunks(attention: Sequence[NDArray[np.float32]]) -> Iterable[list[NDArray[np.float32]]]:
    """Layers in groups of about ``_CHUNK`` weights."""
    chunk: list[NDArray[np.float32]] = []
    for layer in attention:
        if chunk and (len(chunk) + 1) * layer.size > _CHUNK:
            yield chunk
            chunk = []
        chunk.append(layer)
    if chunk:
        yield chunk


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Cells of attention between first sub-words, as indices among plain tokens: row, column, and role of each."""

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    role: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What of a sentence's attention is added to what. ``m`` plain tokens (not special), ``k`` words.

    Attributes:
        plain: int64 ``[m]``, the tokens that are not special.
        window: ``plain`` as an index: a slice where they are neighbors.
        special: The special tokens.
        bins: int64 ``[m, m]``, bin of the offset from row to column.
        n_visible: float32 ``[m]``, how many tokens each row sees.
        causal: Whether a row sees only what is not behind it.
        relations: Relations that occur, sorted.
        roles: Pairs; role ``2 r + direction``.
        same: Pairs of the same word; role 0.
        owner: int64 ``[m]``, number of the word of each plain token; -1 for none.
        first: int64 ``[k]``, plain index of each word's first sub-word.
        dependent: int64 ``[d]``, words that depend on another one.
        head: int64 ``[d]``, the words that they depend on.
        relation: int64 ``[d]``, index of the relation.
    """

    plain: NDArray[np.int64]
    window: slice | NDArray[np.int64]
    special: NDArray[np.int64]
    bins: NDArray[np.int64]
    n_visible: NDArray[np.float32]
    causal: bool
    relations: tuple[str, ...]
    roles: _Pairs
    same: _Pairs
    owner: NDArray[np.int64]
    first: NDArray[np.int64]
    dependent: NDArray[np.int64]
    head: NDArray[np.int64]
    relation: NDArray[np.int64]

    @classmethod
    def of(cls, words: SentenceWords, causal: bool) -> _Plan:
        """Look at the words of a sentence."""
        plain = np.flatnonzero(~words.is_special)
        m, n = len(plain), len(words.is_special)
        at = np.full(n + 1, -1)  # plain index of each token; the last one is that of no token
        at[plain] = np.arange(m)
        word_of = at[words.word[plain]]
        first = np.flatnonzero(word_of == np.arange(m))
        number = np.full(m + 1, -1)
        number[first] = np.arange(len(first))
        heads = at[words.syntactic_head[plain[first]]]
        labels = [words.dep[token] for token in plain[first].tolist()]
        chosen = [
            (index, int(number[head]), label)
            for index, (head, label) in enumerate(zip(heads.tolist(), labels, strict=True))
            if label not in NOT_COUNTED and head >= 0 and 0 <= number[head] != index
        ]
        relations = tuple(sorted({label for _, _, label in chosen}))
        numbers = {name: at for at, name in enumerate(relations)}
        dependent = np.array([one for one, _, _ in chosen], dtype=np.int64)
        head = np.array([one for _, one, _ in chosen], dtype=np.int64)
        relation = np.array([numbers[label] for _, _, label in chosen], dtype=np.int64)
        contiguous = m > 0 and plain[-1] - plain[0] + 1 == m
        form = words.form[plain[first]]
        same_row, same_column = np.nonzero((form[:, None] == form) & ~np.eye(len(first), dtype=bool))
        roles = _Pairs(
            np.concatenate([first[dependent], first[head]]),
            np.concatenate([first[head], first[dependent]]),
            np.concatenate([2 * relation, 2 * relation + 1]),
        )
        same = _Pairs(first[same_row], first[same_column], np.zeros(len(same_row), np.int64))
        return cls(
            plain=plain,
            window=slice(int(plain[0]), int(plain[-1]) + 1) if contiguous else plain,
            special=np.flatnonzero(words.is_special),
            bins=_bins(plain - plain[:, None]),
            n_visible=(plain + 1 if causal else np.full(m, n)).astype(np.float32),
            causal=causal,
            relations=relations,
            roles=_visible(roles, causal),
            same=_visible(same, causal),
            owner=number[word_of],
            first=first,
            dependent=dependent,
            head=head,
            relation=relation,
        )

    def count(self, sums: HeadSums) -> None:
        """Put in what does not depend on the attention."""
        sums.rows[:] = (len(self.plain), int((self.n_visible > 1).sum()), len(set(self.same.row.tolist())))
        sums.offset_pairs[:] = self._count_offsets(self.bins)
        sums.word_pairs[:] = self._count_offsets(self.bins[np.ix_(self.first, self.first)])
        sums.word_pairs[MAX_OFFSET + 1] = 0
        sums.same_word_pairs[:] = np.bincount(self.bins[self.same.row, self.same.column], minlength=N_BINS)
        bins = N_BINS * self.roles.role + self.bins[self.roles.row, self.roles.column]
        sums.role_pairs.flat[:] = np.bincount(bins, minlength=sums.role_pairs.size)
        for direction in range(2):
            scored = self.scored(direction)
            relation, distance = self.relation[scored], (self.head - self.dependent)[scored]
            near = np.abs(distance) <= MAX_WORD_OFFSET
            np.add.at(sums.relation_offsets, (relation[near], direction, distance[near] + MAX_WORD_OFFSET), 1)

    def _count_offsets(self, bins: NDArray[np.int64]) -> NDArray[np.int64]:
        seen = np.tril(bins + 1) if self.causal else bins + 1
        return np.bincount(seen.ravel(), minlength=N_BINS + 1)[1:]

    def scored(self, direction: int) -> NDArray[np.bool_]:
        """bool ``[d]``: which dependents can be scored: in a causal model the row must see the column."""
        if not self.causal:
            return np.ones(len(self.dependent), dtype=bool)
        return self.head < self.dependent if direction == 0 else self.head > self.dependent

    def split_words(self) -> list[tuple[int, NDArray[np.int64]]]:
        """Words of several sub-words, and the plain indices of those."""
        sizes = np.bincount(self.owner + 1, minlength=len(self.first) + 1)[1:]
        return [(word, np.flatnonzero(self.owner == word)) for word in np.flatnonzero(sizes > 1).tolist()]


def _visible(pairs: _Pairs, causal: bool) -> _Pairs:
    if not causal:
        return pairs
    seen = pairs.column <= pairs.row
    return _Pairs(pairs.row[seen], pairs.column[seen], pairs.role[seen])


def _bins(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    clipped: NDArray[np.int64] = np.clip(offsets, -MAX_OFFSET - 1, MAX_OFFSET + 1) + (MAX_OFFSET + 1)
    return clipped


def _heads_last(layers: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """float32 ``[n, n, a]``: then sums and maxima over rows or columns run along the heads, many at a time."""
    n = layers[0].shape[1]
    cells = np.empty((n, n, sum(len(layer) for layer in layers)), np.float32)
    start = 0
    for layer in layers:
        cells[:, :, start : start + len(layer)] = layer.transpose(1, 2, 0)
        start += len(layer)
    return cells


def _measure_heads(attention: NDArray[np.float32], plan: _Plan, sums: HeadSums, peaks: Peaks, part: slice) -> None:
    """Add the attention ``[n, n, a]`` of some heads to their part of the sums."""
    rows = attention[plan.window]
    cells = np.ascontiguousarray(rows[:, plan.window])
    scalars = sums.scalars[part]
    _add_masses(rows, plan, scalars)
    sums.offset_mass[part] = _by_offset(cells, plan.bins).T
    starts = plan.first
    if len(starts) == len(cells):
        sums.word_mass[part] = sums.offset_mass[part]
    else:
        sums.word_mass[part] = _by_offset(cells[starts][:, starts], plan.bins[np.ix_(starts, starts)]).T
    sums.word_mass[part, MAX_OFFSET + 1] = 0  # a word and itself
    peak, strongest = _first_maxima(cells)
    target = plan.plain[peak]
    peaks.target[part] = target.T
    peaks.weight[part] = np.rint(strongest * 255).T
    bins = _bins(target - plan.plain[:, None]) + N_BINS * np.arange(cells.shape[2])
    sums.offset_peaks[part] = np.bincount(bins.ravel(), minlength=N_BINS * cells.shape[2]).reshape(-1, N_BINS)
    roles = _by_role(cells, plan.roles, 2 * len(plan.relations))
    sums.role_mass[part] = roles.T.reshape(len(roles.T), len(plan.relations), 2)
    scalars[:, 3] = _by_role(cells, plan.same, 1)[0]
    if len(plan.dependent):
        _add_hits(_between_words(cells, plan), plan, sums.relation_hits[part])


def _add_masses(rows: NDArray[np.float32], plan: _Plan, scalars: NDArray[np.float64]) -> None:
    """Entropy, mass on special tokens, mass on the first token."""
    logs = np.add(rows, _TINY)
    np.log(logs, out=logs)
    np.multiply(logs, rows, out=logs)
    with np.errstate(divide="ignore"):
        scale = np.where(plan.n_visible > 1, -1 / np.log(plan.n_visible), 0)
    scalars[:, 0] = (logs.sum(axis=1) * scale[:, None]).sum(axis=0)
    columns = rows.sum(axis=0)
    scalars[:, 1] = columns[plan.special].sum(axis=0)
    scalars[:, 2] = columns[0]


def _by_offset(cells: NDArray[np.float32], bins: NDArray[np.int64]) -> NDArray[np.float32]:
    """float32 ``[B, a]``: attention by offset."""
    return _sum_by(cells.reshape(bins.size, -1), bins.ravel(), N_BINS)


def _first_maxima(cells: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Index and value ``[m, a]`` of the largest cell of each row, the first on ties (argmax, faster in this layout)."""
    m = cells.shape[1]
    largest = cells.max(axis=1)
    from_end = np.arange(m - 1, -1, -1, dtype=np.uint8 if m <= 256 else np.uint16)
    found = ((cells == largest[:, None]) * from_end[:, None]).max(axis=1)
    return m - 1 - found.astype(np.int64), largest


def _by_role(cells: NDArray[np.float32], pairs: _Pairs, n_roles: int) -> NDArray[np.float32]:
    """float32 ``[n_roles, a]``: attention over the pairs of each role."""
    return _sum_by(cells[pairs.row, pairs.column], pairs.role, n_roles)


def _sum_by(rows: NDArray[Any], group: NDArray[np.int64], n_groups: int) -> NDArray[Any]:
    """``[n_groups, a]``: sums of rows ``[n, a]`` that belong to each group.

    A product with a one-hot matrix would do, but the threads of NumPy's BLAS take cores from the passes, and spin.
    """
    order = np.argsort(group, kind="stable")
    found = np.zeros((n_groups, rows.shape[1]), rows.dtype)
    if len(order):
        here, start = np.unique(group[order], return_index=True)
        found[here] = np.add.reduceat(rows[order], start, axis=0)
    return found


def _between_words(cells: NDArray[np.float32], plan: _Plan) -> NDArray[np.float32]:
    """float32 ``[k, k, a]``: attention between words; the diagonal, which is no candidate, is -1."""
    if len(plan.first) < cells.shape[1]:
        split = plan.split_words()
        whole = cells[:, plan.first]
        for word, at in split:
            whole[:, word] = cells[:, at].sum(axis=1)
        between = whole[plan.first]
        for word, at in split:
            between[word] = whole[at].mean(axis=0)
    else:
        between = cells.copy()
    diagonal = np.arange(len(between))
    between[diagonal, diagonal] = -1
    return between


def _add_hits(between: NDArray[np.float32], plan: _Plan, hits: NDArray[np.int64]) -> None:
    """How often the strongest attention of a word, and the strongest to it, is that of its syntactic head."""
    for direction in range(2):
        seen = plan.scored(direction)
        dependent, head = plan.dependent[seen], plan.head[seen]
        where = (dependent, head) if direction == 0 else (head, dependent)
        strengths = between[where]
        between[where] = -1
        others = between.max(axis=1 - direction)[dependent]
        between[where] = strengths
        hits[:, :, direction] = _sum_by(
            (strengths > others).astype(np.int64), plan.relation[seen], len(plan.relations)
        ).T
