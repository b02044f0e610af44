"""Arrays of the wire, read."""

from __future__ import annotations

import numpy as np
import pybase64
from numpy.typing import NDArray

from exbert_rpc.protocol.types.base import Tensor


def to_array(tensor: Tensor) -> NDArray[np.float32]:
    """A tensor of the wire as float32 of its ``shape``; ``uint8`` becomes value / 255."""
    if isinstance(tensor.data, list):
        return np.array(tensor.data, dtype=np.float32).reshape(tensor.shape)
    raw = pybase64.b64decode(tensor.data, validate=True)
    if tensor.dtype == "uint8":
        return np.frombuffer(raw, dtype=np.uint8).astype(np.float32).reshape(tensor.shape) / np.float32(255)
    numbers = np.frombuffer(raw, dtype="<f2" if tensor.dtype == "float16" else "<f4")
    return numbers.astype(np.float32).reshape(tensor.shape)
