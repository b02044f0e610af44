"""Sub-words joined to words by the characters they share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def join_words(
    word_start: NDArray[np.int32],
    word_end: NDArray[np.int32],
    token_start: NDArray[np.int32],
    token_end: NDArray[np.int32],
) -> NDArray[np.int32]:
    """The word that each token shares most characters with.

    Args:
        word_start: int32 ``[n_words]``, ascending offsets into the same text as the tokens'.
        word_end: int32 ``[n_words]``, ascending; words do not overlap each other.
        token_start: int32 ``[n_tokens]``, in any order.
        token_end: int32 ``[n_tokens]``; equal to ``token_start`` for a token of no characters (a special one).

    Returns:
        int32 ``[n_tokens]``, index of the word with the largest overlap, the first one on ties; -1 without overlap.
    """
    best = np.full(len(token_start), -1, dtype=np.int32)
    if len(word_start) == 0 or len(token_start) == 0:
        return best
    most = np.zeros(len(token_start), dtype=np.int64)
    # words are sorted and disjoint, so a token's words are the stretch first..last
    first = np.searchsorted(word_end, token_start, side="right")
    last = np.searchsorted(word_start, token_end, side="left")
    for step in range(int(np.max(last - first, initial=0))):
        word = first + step
        reaches = word < last
        index = np.minimum(word, len(word_start) - 1)
        overlap = np.minimum(word_end[index], token_end) - np.maximum(word_start[index], token_start)
        better = reaches & (overlap > most)
        best[better] = index[better]
        most[better] = overlap[better]
    return best
