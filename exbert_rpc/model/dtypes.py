"""In which numbers weights are kept, and what was dequantized to get them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from exbert_rpc.errors import InvalidParams
from exbert_rpc.model.types import Dtype

DTYPES: tuple[Dtype, ...] = get_args(Dtype)
AUTO = "auto"
_BY_NAME_IN_FILES: dict[str, Dtype] = {"F64": "float32", "F32": "float32", "BF16": "bfloat16", "F16": "float16"}


def check_dtype(asked: str) -> None:
    """Return at once, or raise InvalidParams for what is neither ``auto`` nor the name of a dtype."""
    if asked != AUTO and asked not in DTYPES:
        allowed = ", ".join((AUTO, *DTYPES))
        raise InvalidParams("dtype", f"{asked!r} is not one", hint=f"use one of {allowed}")


def choose_dtype(asked: str, files: Sequence[Path]) -> Dtype:
    """The dtype that weights are loaded in: what was asked for, or (``auto``) what the files hold most numbers of.

    float64 counts as float32. Integers and numbers of 8 bits are quantized weights and don't count.

    Raises:
        InvalidParams: ``asked`` is neither ``auto`` nor one of :data:`DTYPES`.
    """
    check_dtype(asked)
    for dtype in DTYPES:
        if asked == dtype:
            return dtype
    counts = count_numbers(files)
    return max(DTYPES, key=lambda dtype: counts[dtype])


def must_convert(files: Sequence[Path], dtype: Dtype) -> bool:
    """Whether most numbers of the files are of another kind than ``dtype``."""
    counts = count_numbers(files)
    return 2 * counts[dtype] < sum(counts.values())


def count_numbers(files: Sequence[Path]) -> Counter[str]:
    """How many numbers safetensors files hold of each dtype, and ``quantized``; read from their headers."""
    from safetensors import safe_open

    counts: Counter[str] = Counter()
    for path in files:
        with safe_open(path, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - not a mapping
                entry = opened.get_slice(name)
                kind = _BY_NAME_IN_FILES.get(entry.get_dtype(), "quantized")
                counts[kind] += math.prod(entry.get_shape())
    return counts


def rounding_unit(dtype: str) -> float:
    """Distance from 1 to the next number of a dtype: 2⁻²³ for float32, 2⁻¹⁰ for float16, 2⁻⁷ for bfloat16."""
    import torch

    return float(torch.finfo(getattr(torch, dtype)).eps)


def describe_quantization(config: Any, model: Any, dtype: Dtype) -> str | None:  # noqa: ANN401
    """What of a checkpoint was quantized, and what became of it; ``None`` if nothing was.

    Args:
        config: As it was saved; loading may drop what it says.
        model: As it was loaded.
        dtype: What weights were dequantized to.
    """
    saved = getattr(config, "quantization_config", None)
    if saved is None:
        return None
    fields = saved if isinstance(saved, dict) else saved.to_dict()
    method = str(fields.get("quant_method", "an unnamed method")).rpartition(".")[2].lower()
    details = [f"{name} {fields[name]}" for name in ("fmt", "bits", "weight_block_size", "format") if fields.get(name)]
    named = method + (f" ({', '.join(details)})" if details else "")
    kept = any(not parameter.is_floating_point() or parameter.element_size() < 2 for parameter in model.parameters())
    return f"{named}, computed as it is" if kept else f"{named}, dequantized to {dtype}"
