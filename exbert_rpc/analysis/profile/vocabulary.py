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

    Attributes:
        names: Lower-cased words.
        n_tokens: All tokens that are not special.
        n_documents: Documents, numbered from 0.
        occurrences: int64 ``[V]``.
        documents: int64 ``[V]``, how many documents hold each word.
        keys: int64 ``[P]``, word · ``n_documents`` + document, ascending.
        counts: int64 ``[P]``, occurrences of that word in that document.
    """

    names: Sequence[str]
    n_tokens: int
    n_documents: int
    occurrences: NDArray[np.int64]
    documents: NDArray[np.int64]
    keys: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, names: Sequence[str], word: NDArray[np.int64], document: NDArray[np.int64]) -> WordTable:
        """Count tokens: int64 ``[R]`` word (-1 for none) and document of each."""
        n_documents = int(document.max(initial=-1)) + 1
        has_word = word >= 0
        keys, counts = np.unique(word[has_word] * n_documents + document[has_word], return_counts=True)
        owner = keys // max(n_documents, 1)
        return cls(
            names,
            len(word),
            n_documents,
            np.bincount(owner, weights=counts, minlength=len(names)).astype(np.int64),
            np.bincount(owner, minlength=len(names)),
            keys,
            counts,
        )


def attracting_words(
    table: WordTable, word: NDArray[np.int64], document: NDArray[np.int64], most: int
) -> tuple[AttractingWord, ...]:
    """The words with the highest lower ends, those above 1.

    Args:
        table: Of the corpus.
        word: int64 ``[p]``, the target's word of each peak that counts; none is -1.
        document: int64 ``[p]``, the document of each.
        most: How many are returned at most.
    """
    peaks = np.bincount(word, minlength=len(table.names))
    often = (table.occurrences >= LEAST_OCCURRENCES) & (table.documents >= LEAST_DOCUMENTS) & (peaks > 0)
    if not often.any():
        return ()
    rate = len(word) / table.n_tokens
    candidates = np.flatnonzero(often)
    lift = peaks[candidates] / table.occurrences[candidates] / rate
    order = np.argsort(-lift, kind="stable")
    candidates, lift = candidates[order], lift[order]
    taken = _FIRST_CANDIDATES
    while True:
        chosen = np.zeros(len(table.names), dtype=bool)
        chosen[candidates[:taken]] = True
        on_them = np.flatnonzero(chosen[word])
        keys = np.sort(word[on_them].astype(np.int64) * table.n_documents + document[on_them])
        low = _lower_ends(table, candidates[:taken], peaks, keys) / rate
        best = np.argsort(-low, kind="stable")[:most]
        # no lower end is above its lift: what follows cannot be among the best
        if taken >= len(candidates) or (len(best) == most and low[best[-1]] >= lift[taken]):
            break
        taken *= 4
    return tuple(
        AttractingWord(
            table.names[candidates[at]], float(lift[at]), float(low[at]), int(table.occurrences[candidates[at]])
        )
        for at in best.tolist()
        if low[at] > 1
    )


def _lower_ends(
    table: WordTable, words: NDArray[np.int64], peaks: NDArray[np.int64], keys: NDArray[np.int64]
) -> NDArray[np.float64]:
    """float64 ``[len(words)]``: lower ends of peaks per occurrence."""
    start = np.searchsorted(table.keys, words * table.n_documents)
    length = table.documents[words]
    owner = np.repeat(np.arange(len(words)), length)
    at = np.arange(len(owner)) - np.repeat(np.cumsum(length) - length, length) + np.repeat(start, length)
    here = table.keys[at]
    found = np.searchsorted(keys, here, side="right") - np.searchsorted(keys, here, side="left")
    x, n = peaks[words], table.occurrences[words]
    # half a peak, half an occurrence: a logarithm for words whose only document is left out
    left = np.log(np.maximum(x[owner] - found, 0.5) / np.maximum(n[owner] - table.counts[at], 0.5))
    mean = np.bincount(owner, weights=left) / length
    squares = np.bincount(owner, weights=(left - mean[owner]) ** 2)
    error = np.sqrt((length - 1) / length * squares)
    return np.asarray(np.exp(np.log(x / n) - interval_widths(error, length)))
