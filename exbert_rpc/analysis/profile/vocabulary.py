"""Words that draw a head's attention.

lift(w) = (peaks of at least 20 % on another token of word w / occurrences of w) / (all such peaks / all tokens). The
lower end of its interval is made by a jackknife over the documents that hold w, on the logarithm of the first ratio.
Words with fewer than ``LEAST_OCCURRENCES`` occurrences, or in fewer than ``LEAST_DOCUMENTS`` documents, are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.profile.jackknife import interval_widths
from exbert_rpc.analysis.profile.types import AttractingWord

LEAST_WEIGHT = 51
"""Of a peak that counts: 20 %, in steps of 1/255."""
LEAST_OCCURRENCES = 8
LEAST_DOCUMENTS = 5

_FIRST_CANDIDATES = 64


@dataclass(frozen=True, slots=True)
class WordTable:
    """Where the words of a corpus stand: ``V`` words.

    A pair is a word in a document that holds it; ``P`` of them, those of a word side by side.

    Attributes:
        names: Lower-cased words.
        n_tokens: All tokens that are not special.
        occurrences: int64 ``[V]``.
        documents: int64 ``[V]``, how many documents hold each word: its pairs.
        first: int64 ``[V]``, the first pair of each word.
        counts: int64 ``[P]``, occurrences of that word in that document.
    """

    names: Sequence[str]
    n_tokens: int
    occurrences: NDArray[np.int64]
    documents: NDArray[np.int64]
    first: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(
        cls, names: Sequence[str], word: NDArray[np.integer], document: NDArray[np.integer]
    ) -> tuple[WordTable, NDArray[np.int64]]:
        """Count tokens: int ``[R]`` word (-1 for none) and document of each.

        Returns:
            The table; int64 ``[R]``, the pair of each token, ``P`` for those of no word.
        """
        n_documents = int(document.max(initial=-1)) + 1
        has_word = word >= 0
        keys, of_token, counts = _numbered(word[has_word].astype(np.int64) * n_documents + document[has_word])
        owner = keys // max(n_documents, 1)
        documents = np.bincount(owner, minlength=len(names))
        occurrences = np.bincount(owner, weights=counts, minlength=len(names)).astype(np.int64)
        pair = np.full(len(word), len(keys), dtype=np.int64)
        pair[has_word] = of_token
        return cls(names, len(word), occurrences, documents, np.cumsum(documents) - documents, counts), pair

    @property
    def n_pairs(self) -> int:
        """How many pairs there are."""
        return len(self.counts)


def _numbered(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The different keys, ascending, the number of each key among them, and how often each occurs.

    As ``np.unique`` gives them, in half its time for a million keys.
    """
    order = np.argsort(keys)
    ascending = keys[order]
    start = np.flatnonzero(np.diff(ascending, prepend=-1))
    counts = np.diff(start, append=len(keys))
    number = np.empty(len(keys), dtype=np.int64)
    number[order] = np.repeat(np.arange(len(start)), counts)
    return ascending[start], number, counts


def attracting_words(table: WordTable, pair_peaks: NDArray[np.int64], most: int) -> tuple[AttractingWord, ...]:
    """The words with the highest lower ends, those above 1.

    Args:
        table: Of the corpus.
        pair_peaks: int64 ``[P]``, how many peaks that count go to each pair.
        most: How many are returned at most.
    """
    before = np.concatenate([[0], np.cumsum(pair_peaks)])
    peaks = before[table.first + table.documents] - before[table.first]
    often = (table.occurrences >= LEAST_OCCURRENCES) & (table.documents >= LEAST_DOCUMENTS) & (peaks > 0)
    if not often.any():
        return ()
    rate = int(before[-1]) / table.n_tokens
    candidates = np.flatnonzero(often)
    lift = peaks[candidates] / table.occurrences[candidates] / rate
    order = np.argsort(-lift, kind="stable")[: np.count_nonzero(lift > 1)]  # no lower end is above its lift
    candidates, lift = candidates[order], lift[order]
    low = np.zeros(0)
    while True:
        more = candidates[len(low) : max(_FIRST_CANDIDATES, 2 * len(low))]
        low = np.concatenate([low, _lower_ends(table, more, peaks, pair_peaks) / rate])
        best = np.argsort(-low, kind="stable")[:most]
        # for the same reason, what follows cannot be among the best
        if len(low) >= len(candidates) or (len(best) == most and low[best[-1]] >= lift[len(low)]):
            break
    return tuple(
        AttractingWord(
            table.names[candidates[at]], float(lift[at]), float(low[at]), int(table.occurrences[candidates[at]])
        )
        for at in best.tolist()
        if low[at] > 1
    )


def _lower_ends(
    table: WordTable, words: NDArray[np.int64], peaks: NDArray[np.int64], pair_peaks: NDArray[np.int64]
) -> NDArray[np.float64]:
    """float64 ``[len(words)]``: lower ends of peaks per occurrence."""
    length = table.documents[words]
    owner = np.repeat(np.arange(len(words)), length)
    at = np.arange(len(owner)) + np.repeat(table.first[words] - np.cumsum(length) + length, length)
    found = pair_peaks[at]
    x, n = peaks[words], table.occurrences[words]
    # half a peak, half an occurrence: a logarithm for words whose only document is left out
    left = np.log(np.maximum(x[owner] - found, 0.5) / np.maximum(n[owner] - table.counts[at], 0.5))
    mean = np.bincount(owner, weights=left) / length
    squares = np.bincount(owner, weights=(left - mean[owner]) ** 2)
    error = np.sqrt((length - 1) / length * squares)
    return np.asarray(np.exp(np.log(x / n) - interval_widths(error, length)))
