"""Blocks of a segment: the keys by which they are found again, and the rows that belong to their sentences."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.store.segment import Segment


def block_digest(text: str, variant: str = "") -> str:
    """The key of a block: 128 bits of BLAKE2b of its text (and variant, see ``AnnotatedText``), in hex."""
    whole = f"{text}\0{variant}" if variant else text  # no text has a NUL
    return hashlib.blake2b(whole.encode("utf-8"), digest_size=16).hexdigest()


def block_digests(segment: Segment) -> list[str]:
    """Hex digests of a segment's blocks, in order."""
    return [row.tobytes().hex() for row in segment.array("block/digest")]


def rows_before_sentence(segment: Segment) -> NDArray[np.int64]:
    """int64 ``[S + 1]``: number of rows (tokens that are not special) before each sentence."""
    rows = np.concatenate([[0], np.cumsum(segment.array("token/special") == 0)])
    before: NDArray[np.int64] = rows[segment.array("sentence/tokens").astype(np.int64)]
    return before
