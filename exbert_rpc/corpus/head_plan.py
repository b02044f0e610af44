"""Which cells of the attention of some sentences are added to which sums, and all counts that need no attention.

Sentences of similar length are planned together, ``S`` of them, each padded to ``N`` tokens: what is found out once for
all of them costs a fraction of asking each. A cell is ``row * N + column``.

Where a causal model reads no special token first, many heads rest on the first token, whatever it is (an attention
sink). What it gets says nothing of words, so pairs that end at it count for no role, no relation, and no attention
between words; the first token has a sum of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.head_sums import MAX_OFFSET, MAX_WORD_OFFSET, N_BINS, N_WORD_OFFSETS
from exbert_rpc.model.products import product

NOT_COUNTED = frozenset({"", "punct", "ROOT", "root"})
"""Dependency labels that are no relation between two words, or not one that is counted."""

_BLOCK = 1 << 14  # cells that are added up by offset at once: all of a sentence of 128 tokens


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


def relations_of(sentences: Iterable[SentenceWords]) -> tuple[str, ...]:
    """Relations between two words of a sentence that may be counted, sorted."""
    return tuple(sorted({label for one in sentences for label in _labels(one)} - NOT_COUNTED))


def _labels(sentence: SentenceWords) -> set[str]:
    if not np.any((sentence.syntactic_head >= 0) & (sentence.syntactic_head != sentence.word)):
        return set()
    return set(sentence.dep)


@dataclass(frozen=True, slots=True)
class Grid:
    """The tokens of all sentences: ``[S, N]`` each; padding counts as special.

    Attributes:
        length: int64 ``[S]``.
        plain: bool, tokens that are not special.
        word: int64, first token of each token's word; -1 for none.
        is_first: bool, first sub-words.
        head: int64, first token of the word that a first sub-word depends on, if that is another word; otherwise -1.
        form: int64.
    """

    length: NDArray[np.int64]
    plain: NDArray[np.bool_]
    word: NDArray[np.int64]
    is_first: NDArray[np.bool_]
    head: NDArray[np.int64]
    form: NDArray[np.int64]

    @classmethod
    def of(cls, sentences: Sequence[SentenceWords]) -> Grid:
        """Lay out the tokens of some sentences."""
        length = np.array([len(one.is_special) for one in sentences])
        n = int(length.max())
        taken = np.arange(n) < length[:, None]

        def spread(arrays: Sequence[NDArray[np.generic]], empty: int) -> NDArray[np.int64]:
            grid = np.full(taken.shape, empty)
            grid[taken] = np.concatenate(arrays)
            return grid

        plain = spread([one.is_special for one in sentences], 1) == 0
        word = spread([one.word for one in sentences], -1)
        word = np.where(plain & _at(plain, word), word, -1)
        is_first = word == np.arange(n)
        word = np.where(_at(is_first, word), word, -1)
        head = spread([one.syntactic_head for one in sentences], -1)
        head = np.where(is_first & _at(is_first, head) & (head != np.arange(n)), head, -1)
        return cls(length, plain, word, is_first, head, spread([one.form for one in sentences], -1))


def _at(grid: NDArray[np.bool_], token: NDArray[np.int64]) -> NDArray[np.bool_]:
    """What a grid holds at other tokens of the same sentences; False where there is none (-1)."""
    return (token >= 0) & np.take_along_axis(grid, np.maximum(token, 0), axis=1)


@dataclass(frozen=True, slots=True)
class Runs:
    """Stretches of equal groups: where each one begins, and which group it is."""

    start: NDArray[np.int64]
    group: NDArray[np.int64]

    @classmethod
    def of(cls, group: NDArray[np.int64]) -> Runs:
        """Of groups in ascending order, from 0."""
        start = np.flatnonzero(np.diff(group, prepend=-1))
        return cls(start, group[start])

    def add_up(self, rows: NDArray[Any], n_groups: int) -> NDArray[Any]:
        """``[n_groups, a]``: sums of rows ``[n, a]`` by their groups."""
        found = np.zeros((n_groups, rows.shape[1]), rows.dtype)
        if len(self.start):
            found[self.group] = np.add.reduceat(rows, self.start, axis=0)
        return found


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of attention, and the group that each is added to, ascending; ``runs`` of these groups."""

    cell: NDArray[np.int64]
    sentence: NDArray[np.int64]
    group: NDArray[np.int64]
    runs: Runs

    @classmethod
    def sorted(cls, cell: NDArray[np.int64], sentence: NDArray[np.int64], group: NDArray[np.int64]) -> Cells:
        """By group."""
        order = np.argsort(group, kind="stable")
        return cls(cell[order], sentence[order], group[order], Runs.of(group[order]))


@dataclass(frozen=True, slots=True)
class Tokens:
    """Some tokens of the sentences."""

    token: NDArray[np.int64]
    sentence: NDArray[np.int64]

    def __len__(self) -> int:
        """How many."""
        return len(self.token)

    @classmethod
    def where(cls, chosen: NDArray[np.bool_]) -> Tokens:
        """Those that are chosen ``[S, N]``, in order."""
        sentence, token = np.nonzero(chosen)
        return cls(token, sentence)


@dataclass(frozen=True, slots=True)
class Scored:
    """Words whose strongest attention is looked at, and the cell that is right; ``group`` by sentence and relation.

    ``token`` is the word that depends on another one: its row counts (``toHead``), or its column.
    """

    token: NDArray[np.int64]
    right: Cells


@dataclass(frozen=True, slots=True)
class Plan:
    """What of some sentences' attention is added to what.

    Attributes:
        grid: Their tokens.
        causal: Whether a row sees only tokens that are not behind it.
        relations: Names of relations, sorted; ``R`` of them.
        n_visible: int64 ``[S, N]``, how many tokens each row sees; 1 for rows that do not count.
        special: Special tokens, padding left out.
        sinks: bool ``[S]``, whether the first token may be an attention sink: its column is no target of words.
        linear: Cells that are added up one by one: group ``s * width + ...``, where ``width`` is 3 + 2 R + 19: special
            tokens, the first token, the same word; roles (2 · relation + direction); cells whose row or column is no
            first sub-word, or whose column is a sink, by their bins.
        no_first: Tokens that are neither special nor first sub-words.
        roles: Pairs of words; group ``(s * R + relation) * 2 + direction``.
        same: Pairs of the same word; group ``s``.
        pieces: Further sub-words by their places in their words: all second ones, all third ones, ...; each with the
            first token of its word.
        split: First sub-words of words of several, and how many those have.
        scored: In both directions.
    """

    grid: Grid
    causal: bool
    relations: tuple[str, ...]
    n_visible: NDArray[np.int64]
    special: Tokens
    sinks: NDArray[np.bool_]
    linear: Cells
    no_first: Tokens
    roles: Cells
    same: Cells
    pieces: tuple[tuple[Tokens, NDArray[np.int64]], ...]
    split: tuple[Tokens, NDArray[np.int64]]
    scored: tuple[Scored, Scored]

    @classmethod
    def of(cls, sentences: Sequence[SentenceWords], causal: bool, relations: tuple[str, ...] | None = None) -> Plan:
        """Look at the words of some sentences; ``relations`` are at least those that occur in them."""
        grid = Grid.of(sentences)
        n = grid.plain.shape[1]
        visible = np.arange(1, n + 1) if causal else grid.length[:, None]
        special = Tokens.where((np.arange(n) < grid.length[:, None]) & ~grid.plain)
        relations = relations_of(sentences) if relations is None else relations
        dependents, head, relation = _dependents(grid, sentences, relations)
        pieces, split = _pieces(grid)
        sinks = grid.plain[:, 0] & causal
        roles = _roles(dependents, head, relation, len(relations), n, causal, sinks)
        same = _same(grid, causal, sinks)
        return cls(
            grid=grid,
            causal=causal,
            relations=relations,
            n_visible=np.where(grid.plain, visible, 1),
            special=special,
            sinks=sinks,
            linear=_linear(grid, special, roles, same, len(relations), sinks),
            no_first=Tokens.where(grid.plain & ~grid.is_first),
            roles=roles,
            same=same,
            pieces=pieces,
            split=split,
            scored=(
                _scored(dependents, head, relation, len(relations), n, causal, sinks, direction=0),
                _scored(dependents, head, relation, len(relations), n, causal, sinks, direction=1),
            ),
        )

    @property
    def width(self) -> int:
        """Groups of ``linear`` of one sentence."""
        return linear_width(len(self.relations))

    @property
    def shape(self) -> tuple[int, int]:
        """Sentences, and tokens of each with padding."""
        s, n = self.grid.plain.shape
        return s, n

    def counts(self) -> dict[str, NDArray[np.int64]]:
        """What does not depend on attention, by the names of :class:`~exbert_rpc.corpus.head_sums.HeadSums`."""
        (s, n), r, grid = self.shape, len(self.relations), self.grid
        word_pairs = self._pairs(grid.is_first, _without_sinks(grid.is_first, self.sinks))
        word_pairs[:, MAX_OFFSET + 1] = 0
        same_rows = np.zeros(grid.plain.shape, bool)
        same_rows[self.same.sentence, self.same.cell // n] = True
        return {
            "rows": np.stack([grid.plain.sum(1), (self.n_visible > 1).sum(1), same_rows.sum(1)], axis=1),
            "offset_pairs": self._pairs(grid.plain, grid.plain),
            "word_pairs": word_pairs,
            "same_word_pairs": _count(N_BINS * self.same.group + _bins_of(self.same.cell, n), (s, N_BINS)),
            "role_pairs": _count(N_BINS * self.roles.group + _bins_of(self.roles.cell, n), (s, r, 2, N_BINS)),
            "relation_offsets": self._relation_offsets(),
        }

    def _pairs(self, rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> NDArray[np.int64]:
        """int64 ``[S, B]``: pairs of chosen tokens by offset."""
        pairs = rows[:, :, None] & columns[:, None, :]
        if self.causal:
            pairs &= np.tri(rows.shape[1], dtype=bool)
        counted = offset_sums(np.ascontiguousarray(pairs.transpose(1, 2, 0), np.float32))
        return counted.T.astype(np.int64)

    def _relation_offsets(self) -> NDArray[np.int64]:
        """int64 ``[S, R, 2, 21]``: how far, in words, the syntactic heads stand."""
        (s, n), r = self.shape, len(self.relations)
        number = np.cumsum(self.grid.is_first, axis=1)
        found = []
        for direction, scored in enumerate(self.scored):
            row, column = divmod(scored.right.cell, n)
            head = column if direction == 0 else row
            distance: NDArray[np.int64] = (
                number[scored.right.sentence, head] - number[scored.right.sentence, scored.token]
            )
            near = np.abs(distance) <= MAX_WORD_OFFSET
            keys = (2 * scored.right.group + direction)[near] * N_WORD_OFFSETS + distance[near] + MAX_WORD_OFFSET
            found.append(keys)
        return _count(np.concatenate(found), (s, r, 2, N_WORD_OFFSETS))


def offset_sums(cells: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64 ``[B, x]``: cells ``[N, N, x]`` added up by the offset from row to column."""
    n = len(cells)
    rows = max(1, _BLOCK // max(n, 1))
    found = np.zeros((N_BINS, cells.shape[2]))
    for first in range(0, n, rows):
        block = cells[first : first + rows]
        found += product(_one_hot(first, len(block), n), block.reshape(len(block) * n, -1))
    return found


@lru_cache(maxsize=64)
def _one_hot(first: int, rows: int, n: int) -> NDArray[np.float32]:
    """float32 ``[B, rows * n]``: 1 where the offset of a cell of some rows is in a bin."""
    bins = binned(np.arange(n) - np.arange(first, first + rows)[:, None]).ravel()
    one_hot = np.zeros((N_BINS, len(bins)), np.float32)
    one_hot[bins, np.arange(len(bins))] = 1
    return one_hot


def _bins_of(cells: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Bins of the offsets from the rows to the columns of cells."""
    return binned(cells % n - cells // n)


def binned(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bins of offsets, in [0, 18]."""
    clipped: NDArray[np.int64] = np.clip(offsets, -MAX_OFFSET - 1, MAX_OFFSET + 1) + (MAX_OFFSET + 1)
    return clipped


def _count(keys: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    return np.bincount(keys, minlength=int(np.prod(shape))).reshape(shape)


def _dependents(
    grid: Grid, sentences: Sequence[SentenceWords], relations: Sequence[str]
) -> tuple[Tokens, NDArray[np.int64], NDArray[np.int64]]:
    """Words that depend on another one in a relation that counts: the words, their heads, and the relations."""
    found = Tokens.where(grid.head >= 0)
    labels = [sentences[s].dep[token] for s, token in zip(found.sentence.tolist(), found.token.tolist(), strict=True)]
    numbers = {name: at for at, name in enumerate(relations)}
    relation = np.array([numbers.get(label, -1) for label in labels], dtype=np.int64)
    counted = relation >= 0
    dependents = Tokens(found.token[counted], found.sentence[counted])
    return dependents, grid.head[dependents.sentence, dependents.token], relation[counted]


def _without_sinks(columns: NDArray[np.bool_], sinks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Columns ``[S, N]`` without the first one of each sentence in which it may be a sink."""
    chosen = columns.copy()
    chosen[sinks, 0] = False
    return chosen


def _roles(
    dependents: Tokens,
    head: NDArray[np.int64],
    relation: NDArray[np.int64],
    n_relations: int,
    n: int,
    causal: bool,
    sinks: NDArray[np.bool_],
) -> Cells:
    token, sentence = dependents.token, np.tile(dependents.sentence, 2)
    row, column = np.concatenate([token, head]), np.concatenate([head, token])
    group = (sentence * n_relations + np.tile(relation, 2)) * 2 + np.repeat([0, 1], len(token))
    seen = (column <= row if causal else np.ones(len(row), bool)) & ~(sinks[sentence] & (column == 0))
    return Cells.sorted((row * n + column)[seen], sentence[seen], group[seen])


def _same(grid: Grid, causal: bool, sinks: NDArray[np.bool_]) -> Cells:
    n = grid.plain.shape[1]
    form = np.where(grid.is_first, grid.form, -1 - np.arange(n))  # what is no word equals nothing but itself
    pairs = form[:, :, None] == form[:, None, :]
    pairs &= np.tri(n, k=-1, dtype=bool) if causal else ~np.eye(n, dtype=bool)
    pairs[sinks, :, 0] = False
    sentence, cell = divmod(np.flatnonzero(pairs), n * n)
    return Cells(cell, sentence, sentence, Runs.of(sentence))


def _pieces(
    grid: Grid,
) -> tuple[tuple[tuple[Tokens, NDArray[np.int64]], ...], tuple[Tokens, NDArray[np.int64]]]:
    """Further sub-words by their places in their words; the first ones, with the sizes of their words."""
    _, n = grid.plain.shape
    further = Tokens.where((grid.word >= 0) & ~grid.is_first)
    first = grid.word[further.sentence, further.token]
    word = further.sentence * n + first
    order = np.argsort(word, kind="stable")
    words, start, size = np.unique(word[order], return_index=True, return_counts=True)
    place = np.empty(len(word), np.int64)
    place[order] = np.arange(len(word)) - np.repeat(start, size)
    ranks = [np.flatnonzero(place == rank) for rank in range(int(size.max(initial=0)))]
    pieces = tuple((Tokens(further.token[at], further.sentence[at]), first[at]) for at in ranks)
    return pieces, (Tokens(words % n, words // n), size + 1)


def linear_width(n_relations: int) -> int:
    """Special, first token, same word; roles; bins of offsets."""
    return 3 + 2 * n_relations + N_BINS


def _linear(
    grid: Grid, special: Tokens, roles: Cells, same: Cells, n_relations: int, sinks: NDArray[np.bool_]
) -> Cells:
    """See :class:`Plan`."""
    s, n = grid.plain.shape
    width = linear_width(n_relations)
    first = Tokens(np.zeros(s, np.int64), np.arange(s))
    no_first = grid.plain & ~grid.is_first
    no_target = no_first | ~_without_sinks(np.ones_like(no_first), sinks)
    other = grid.plain[:, :, None] & grid.plain[:, None, :] & (no_first[:, :, None] | no_target[:, None, :])
    of_other, other_cell = divmod(np.flatnonzero(other), n * n)
    parts = [
        *(_columns(tokens, grid, group) for group, tokens in enumerate((special, first))),
        (same.cell, same.sentence, np.full(len(same.cell), 2)),
        (roles.cell, roles.sentence, 3 + roles.group - 2 * n_relations * roles.sentence),
        (other_cell, of_other, 3 + 2 * n_relations + _bins_of(other_cell, n)),
    ]
    cell, sentence, group = (np.concatenate(some) for some in zip(*parts, strict=True))
    return Cells.sorted(cell, sentence, sentence * width + group)


def _columns(tokens: Tokens, grid: Grid, group: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Cells of the columns of some tokens, in rows that are not special."""
    n = grid.plain.shape[1]
    at, row = np.nonzero(grid.plain[tokens.sentence])
    return row * n + tokens.token[at], tokens.sentence[at], np.full(len(at), group)


def _scored(
    dependents: Tokens,
    head: NDArray[np.int64],
    relation: NDArray[np.int64],
    n_relations: int,
    n: int,
    causal: bool,
    sinks: NDArray[np.bool_],
    *,
    direction: int,
) -> Scored:
    row, column = (dependents.token, head) if direction == 0 else (head, dependents.token)
    group = dependents.sentence * n_relations + relation
    order = np.argsort(group, kind="stable")
    if causal:  # the row must see the column
        order = order[column[order] < row[order]]
        order = order[~(sinks[dependents.sentence[order]] & (column[order] == 0))]
    cells = Cells((row * n + column)[order], dependents.sentence[order], group[order], Runs.of(group[order]))
    return Scored(dependents.token[order], cells)
