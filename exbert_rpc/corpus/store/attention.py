"""Attention of one sentence as bytes: weights in steps of 1/255, compressed (zlib's format, written by ISA-L)."""

from __future__ import annotations

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

_ZLIB_LEVEL = 1  # see docs/architecture.md


def pack_attention(attention: NDArray[np.float32]) -> bytes:
    """Weights ``[H, n, n]`` in [0, 1] as bytes, each to within 1/510."""
    return isal_zlib.compress(np.rint(attention * 255).astype(np.uint8), _ZLIB_LEVEL)


def unpack_attention(packed: bytes | memoryview, n_heads: int, n: int) -> NDArray[np.float32]:
    """``[H, n, n]`` float32 back, each weight within 1/510 of what it was.

    Raises ``ValueError`` unless it is so many weights.
    """
    return np.divide(unpack_levels(packed, n_heads, n), 255, dtype=np.float32)


def unpack_levels(packed: bytes | memoryview, n_heads: int, n: int) -> NDArray[np.uint8]:
    """``[H, n, n]`` uint8: the same weights times 255, as they are kept; raises as :func:`unpack_attention` does."""
    unpacked, wanted = isal_zlib.decompressobj(), n_heads * n * n
    try:
        # never more than is wanted: a few bytes may claim to be gigabytes
        flat = np.frombuffer(unpacked.decompress(packed, wanted + 1), np.uint8)
    except isal_zlib.error as exc:  # type: ignore[misc]  # its stub takes the class for an instance
        raise ValueError(f"attention of {n} tokens cannot be unpacked: {exc}") from exc
    if len(flat) != wanted or not unpacked.eof or unpacked.unused_data:
        raise ValueError(f"attention of {n} tokens is not {wanted} weights")
    return flat.reshape(n_heads, n, n)
