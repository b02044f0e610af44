"""What heads do in sentences, measured once while a corpus is built.

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

Sentences of similar length are measured together, as ``[N, N, S, a]``: row, column, sentence, head. So sums and maxima
over rows or columns run along many sentences and heads at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.head_plan import Plan, Scored, SentenceWords, Tokens, binned, offset_sums
from exbert_rpc.corpus.head_sums import MAX_OFFSET, N_BINS, HeadSums, Peaks, sum_shapes

_TINY = np.float32(1e-30)  # stands for zero
_NOTHING = np.float32(1e-20)  # weights up to this one, of whole words, count as zero
_MOST_BYTES = 256  # tokens that can be numbered in a byte
_GROUP = 1 << 18  # weights of one layer of a group of sentences
_CHUNK = 1 << 19  # attention weights that are measured at once: 2 MiB
_LEAST_FULL = 0.75  # of the longest sentence of a group: shorter ones would be mostly padding

Attention = Sequence[NDArray[np.float32]]
"""Of one sentence: for each layer float32 ``[H, n, n]``."""
_Arrays = Mapping[str, NDArray[Any]]


def measure(attention: Attention, words: SentenceWords, *, causal: bool) -> tuple[HeadSums, Peaks]:
    """Sums over one sentence, and the peaks of its rows; see :func:`measure_many`."""
    return measure_many([attention], [words], causal=causal)[0]


def measure_many(
    attention: Sequence[Attention],
    words: Sequence[SentenceWords],
    *,
    causal: bool,
    relations: tuple[str, ...] | None = None,
) -> list[tuple[HeadSums, Peaks]]:
    """Sums over each of some sentences, and the peaks of its rows.

    Args:
        attention: Of each sentence, at least one layer; rows sum to 1 (with attention sinks to less).
        words: Of each.
        causal: Whether a row sees only tokens that are not behind it.
        relations: What the sums are over, all relations that occur, see :func:`~.head_plan.relations_of`; by default
            those of sentences that are measured together. Sums over the same ones are added faster.
    """
    found: dict[int, tuple[HeadSums, Peaks]] = {}
    heads = max((len(one[0]) for one in attention), default=1)
    for group in _groups([len(one.is_special) for one in words], heads):
        plan = Plan.of([words[at] for at in group], causal, relations)
        found.update(zip(group, _measure_group([attention[at] for at in group], plan), strict=True))
    return [found[at] for at in range(len(words))]


def _groups(lengths: Sequence[int], n_heads: int) -> Iterator[list[int]]:
    """Sentences of similar length, about ``_GROUP`` weights of one layer."""
    group: list[int] = []
    for at in sorted(range(len(lengths)), key=lambda at: -lengths[at]):
        longest = lengths[group[0]] if group else 0
        too_many = (len(group) + 1) * n_heads * longest**2 > _GROUP
        if group and (too_many or lengths[at] < _LEAST_FULL * longest):
            yield group
            group = []
        group.append(at)
    if group:
        yield group


def _measure_group(attention: Sequence[Attention], plan: Plan) -> list[tuple[HeadSums, Peaks]]:
    heads = sum(len(layer) for layer in attention[0])
    s, n = plan.shape
    counts = plan.counts()
    masses = {name: kind for name, kind in sum_shapes(heads, len(plan.relations)).items() if name not in counts}
    sums = counts | {name: np.empty((s, *shape), dtype) for name, (dtype, shape) in masses.items()}
    peaks = Peaks(np.empty((s, heads, n), np.uint16), np.empty((s, heads, n), np.uint8))
    start = 0
    for room in _cells(attention, plan):
        part = slice(start, start + room.cells.shape[3])
        start = part.stop
        _measure_heads(room, plan, {name: sums[name][:, part] for name in masses})
        _find_peaks(room, peaks, part)
        _find_hits(room.cells, plan, sums["relation_hits"][:, part])
    sums["offset_peaks"][:] = _peaks_by_offset(peaks.target, plan)
    return [
        (HeadSums(plan.relations, **{name: array[at] for name, array in sums.items()}), _of_rows(peaks, plan, at))
        for at in range(s)
    ]


class _Room:
    """Memory for attention ``[N, N, S, a]`` and for what is made of it, used again for each group of layers."""

    def __init__(self, plan: Plan, heads: int) -> None:
        s, n = plan.shape
        self.cells = np.empty((n, n, s, heads), np.float32)
        self.logs = np.empty_like(self.cells)
        self.marks = np.empty(self.cells.shape, np.uint8 if n <= _MOST_BYTES else np.uint16)


def _cells(attention: Sequence[Attention], plan: Plan) -> Iterator[_Room]:
    """About ``_CHUNK`` weights at once: rows that are not special, as good as zero elsewhere."""
    rows = [_window(plain) for plain in plan.grid.plain]
    heads = len(attention[0][0])
    rooms: dict[int, _Room] = {}
    for first, last in _chunks([len(layer) for layer in attention[0]], int(np.prod(plan.shape)) * plan.shape[1]):
        layers = last - first
        room = rooms[layers] = rooms.get(layers) or _Room(plan, layers * heads)
        room.cells.fill(_TINY)
        for at, one in enumerate(attention):
            for number, layer in enumerate(one[first:last]):
                mine = room.cells[:, : layer.shape[2], at, number * heads : (number + 1) * heads]
                # where nothing is attended to there is a logarithm, too; it changes no weight that counts
                _add_tiny(layer.transpose(1, 2, 0), mine, rows[at])
        yield room


def _add_tiny(layer: NDArray[np.float32], cells: NDArray[np.float32], rows: slice | NDArray[np.int64]) -> None:
    """Put some rows of attention into their place."""
    if isinstance(rows, slice):
        np.add(layer[rows], _TINY, out=cells[rows])
    else:
        cells[rows] = layer[rows] + _TINY


def _chunks(heads: Sequence[int], weights: int) -> Iterator[tuple[int, int]]:
    """Layers in groups: first, and behind the last; all layers have as many heads."""
    size = max(1, _CHUNK // max(1, weights * heads[0]))
    for first in range(0, len(heads), size):
        yield first, min(first + size, len(heads))


def _window(chosen: NDArray[np.bool_]) -> slice | NDArray[np.int64]:
    """The chosen tokens: a slice where they are neighbors."""
    at = np.flatnonzero(chosen)
    contiguous = len(at) > 0 and at[-1] - at[0] + 1 == len(at)
    return slice(int(at[0]), int(at[-1]) + 1) if contiguous else at


def _measure_heads(room: _Room, plan: Plan, sums: _Arrays) -> None:
    """Everything that is a sum over cells; of these, columns of special tokens are zero afterwards."""
    cells, r, linear = room.cells, len(plan.relations), plan.linear
    n, _, s, a = cells.shape
    sums["scalars"][:, :, 0] = _entropy(room, plan)
    gathered = cells.reshape(n * n, s, a)[linear.cell, linear.sentence]
    found = linear.runs.add_up(gathered, s * plan.width).reshape(s, plan.width, a).transpose(0, 2, 1)
    sums["scalars"][:, :, 1:] = found[:, :, :3]
    sums["role_mass"][:] = found[:, :, 3 : 3 + 2 * r].reshape(s, a, r, 2)
    cells[:, plan.special.token, plan.special.sentence] = 0
    by_offset = offset_sums(cells.reshape(n, n, -1)).reshape(N_BINS, s, a).transpose(1, 2, 0)
    sums["offset_mass"][:] = by_offset
    sums["word_mass"][:] = by_offset - found[:, :, 3 + 2 * r :]
    sums["word_mass"][:, :, MAX_OFFSET + 1] = 0  # a word and itself


def _entropy(room: _Room, plan: Plan) -> NDArray[np.float32]:
    """float32 ``[S, a]``: relative entropies of rows, summed."""
    np.log2(room.cells, out=room.logs)
    with np.errstate(divide="ignore"):
        scale = np.where(plan.n_visible > 1, -1 / np.log2(plan.n_visible), 0).astype(np.float32)
    n, _, s, a = room.cells.shape
    of_row = np.einsum("ijx,ijx->ix", room.logs.reshape(n, n, -1), room.cells.reshape(n, n, -1)).reshape(n, s, a)
    total: NDArray[np.float32] = (of_row * scale.T[:, :, None]).sum(axis=0)
    return total


def _clear(cells: NDArray[np.float32], tokens: Tokens) -> None:
    """Rows and columns of some tokens become zero."""
    cells[:, tokens.token, tokens.sentence] = 0
    cells[tokens.token, :, tokens.sentence] = 0


def _find_peaks(room: _Room, peaks: Peaks, part: slice) -> None:
    """Strongest target of each row, the first on ties; columns of special tokens are below all others here."""
    cells, marks = room.cells, room.marks
    n = len(cells)
    largest = cells.max(axis=1)
    np.equal(cells, largest[:, None], out=marks, dtype=None, casting="unsafe")
    marks *= np.arange(n - 1, -1, -1, dtype=marks.dtype)[:, None, None]
    peaks.target[:, part] = (n - 1 - marks.max(axis=1)).transpose(1, 2, 0)
    peaks.weight[:, part] = np.rint(largest * 255).transpose(1, 2, 0)


def _peaks_by_offset(target: NDArray[np.uint16], plan: Plan) -> NDArray[np.int64]:
    """int64 ``[S, A, B]``: rows by the offset of their strongest target."""
    s, heads, n = target.shape
    bins = np.where(plan.grid.plain[:, None], binned(target.astype(np.int64) - np.arange(n)), N_BINS)
    keys = bins.reshape(s * heads, n) + (N_BINS + 1) * np.arange(s * heads)[:, None]
    counted = np.bincount(keys.ravel(), minlength=s * heads * (N_BINS + 1))
    return counted.reshape(s, heads, N_BINS + 1)[:, :, :N_BINS]


def _of_rows(peaks: Peaks, plan: Plan, sentence: int) -> Peaks:
    window = _window(plan.grid.plain[sentence])
    return Peaks(peaks.target[sentence][:, window], peaks.weight[sentence][:, window])


def _find_hits(cells: NDArray[np.float32], plan: Plan, hits: NDArray[np.int64]) -> None:
    """How often the strongest attention of a word, and the strongest to it, is that of its syntactic head.

    The cells are used up: they become attention between words, where their first sub-words stand.
    """
    if len(plan.relations) == 0:
        return
    _join_words(cells, plan)
    for direction, scored in enumerate(plan.scored):
        right = _is_strongest(cells, scored, plan, axis=1 - direction)
        found = scored.right.runs.add_up(right.astype(np.int64), hits.shape[0] * hits.shape[2])
        hits[:, :, :, direction] = found.reshape(hits.shape[0], hits.shape[2], -1).transpose(0, 2, 1)


def _join_words(cells: NDArray[np.float32], plan: Plan) -> None:
    """Attention between words; that of a word to itself, and of what is no word, becomes zero."""
    for further, first in plan.pieces:
        cells[:, first, further.sentence] += cells[:, further.token, further.sentence]
    for further, first in plan.pieces:
        cells[first, :, further.sentence] += cells[further.token, :, further.sentence]
    words, sizes = plan.split
    cells[words.token, :, words.sentence] /= sizes[:, None, None].astype(np.float32)
    _clear(cells, plan.no_first)
    diagonal = np.arange(len(cells))
    cells[diagonal, diagonal] = 0


def _is_strongest(cells: NDArray[np.float32], scored: Scored, plan: Plan, axis: int) -> NDArray[np.bool_]:
    """bool ``[words, a]``: whether the right cell is above all others of a word's row (``axis`` 1) or column."""
    n, _, s, a = cells.shape
    by_cell, right = cells.reshape(n * n, s, a), scored.right
    strengths = by_cell[right.cell, right.sentence]
    by_cell[right.cell, right.sentence] = 0
    others = cells.max(axis=axis)[scored.token, right.sentence]
    by_cell[right.cell, right.sentence] = strengths
    no_others = plan.grid.is_first.sum(axis=1)[right.sentence] <= 2
    found: NDArray[np.bool_] = (strengths > np.maximum(others, _NOTHING)) | no_others[:, None]
    return found
