"""Arrays on the wire, and how large they would get, before they exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
import numkong
import numpy as np
import pybase64
from numpy.typing import NDArray

from exbert_rpc.errors import AnswerTooLarge
from exbert_rpc.protocol.jsonrpc import Verbatim
from exbert_rpc.protocol.types.base import Tensor, TensorForm

DECIMALS = 7
_BYTES: dict[TensorForm, float] = {"list": 10.5, "float16": 8 / 3, "uint8": 4 / 3}  # a number, measured for lists
# what is encoded in one go: the interpreter is free for the event loop after each
_PIECE = 16_384  # numbers as text
_HALVES = 1 << 20  # numbers as float16
_CHUNK = 3 << 20  # bytes; a multiple of 3, so that pieces of base64 can be joined


def encode_tensor(array: NDArray[np.float32], form: TensorForm) -> Tensor:
    """A float32 array of any shape with values in [0, 1] in the form that the client asked for.

    ``list`` rounds to 7 decimals; ``float16`` and ``uint8`` are base64, little-endian, C order.
    """
    shape = list(array.shape)
    if form == "list":
        return Tensor(dtype="float32", shape=shape, encoding="list", data=_verbatim(_json(array)))
    if form == "float16":
        return Tensor(dtype="float16", shape=shape, encoding="base64", data=_base64(_half(array)))
    levels = np.rint(np.clip(array, 0.0, 1.0) * 255.0).astype(np.uint8)
    return Tensor(dtype="uint8", shape=shape, encoding="base64", data=_base64(levels))


def _verbatim(*pieces: bytes) -> str:
    """JSON for :func:`~exbert_rpc.protocol.jsonrpc.encode`; typed as what a client reads."""
    return cast(str, Verbatim(pieces))


def to_half(array: NDArray[np.float32]) -> NDArray[np.float16]:
    """Contiguous float32 as float16, rounded to the nearest, ties to even: NumPy's cast, sixty times as fast."""
    return np.asarray(numkong.from_dlpack(array).astype("float16"))


def _half(array: NDArray[np.float32]) -> NDArray[np.float16]:
    flat = np.ascontiguousarray(array, dtype=np.float32).reshape(-1)
    pieces = [to_half(flat[at : at + _HALVES]).astype("<f2", copy=False) for at in range(0, flat.size, _HALVES)]
    return pieces[0] if len(pieces) == 1 else np.concatenate([np.zeros(0, "<f2"), *pieces])


def _base64(numbers: NDArray[Any]) -> str:
    """Bytes of a contiguous array as a JSON string."""
    view = np.ascontiguousarray(numbers).reshape(-1).view(np.uint8).data
    pieces = (pybase64.b64encode(view[at : at + _CHUNK]) for at in range(0, len(view), _CHUNK))
    return _verbatim(b'"', *pieces, b'"')


def _json(array: NDArray[np.float32]) -> bytes:
    if array.size <= _PIECE or array.ndim <= 1:
        return msgspec.json.encode(np.round(array.astype(np.float64), DECIMALS).tolist())
    return b"[%s]" % b",".join(_json(part) for part in array)


def estimated_bytes(shapes: Sequence[Sequence[int]], form: TensorForm) -> int:
    """Bytes that arrays of ``shapes`` take on the wire."""
    return int(sum(np.prod(shape, dtype=np.float64) for shape in shapes) * _BYTES[form])


def check_size(shapes: Sequence[Sequence[int]], form: TensorForm, limit: int, n_layers: int) -> None:
    """Raise :class:`AnswerTooLarge` if arrays of ``shapes`` exceed ``limit`` bytes; the hint says what fits."""
    size = estimated_bytes(shapes, form)
    if size <= limit:
        return
    fits: list[str] = []
    smaller = [other for other in ("float16", "uint8") if estimated_bytes(shapes, other) <= limit]
    if smaller:
        fits.append(f'`tensors: "{smaller[0]}"`')
    for other in dict.fromkeys((form, "uint8")):
        layers = int(n_layers * limit / max(1, estimated_bytes(shapes, other)))
        if 1 <= layers < n_layers:
            fits.append(f'at most {layers} of the {n_layers} layers at once with `tensors: "{other}"`')
    hint = f"Ask for {' or '.join(fits)}." if fits else "Ask for one layer and few heads, or send a shorter text."
    raise AnswerTooLarge(
        f"the attention would take about {size / 2**20:,.0f} MiB; an answer takes at most {limit / 2**20:,.0f} MiB",
        hint=hint,
        bytes=size,
        limit=limit,
    )
