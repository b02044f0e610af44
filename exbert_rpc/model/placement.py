"""Where a model's weights go: one device, or several where one is too small (by accelerate, which is optional)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exbert_rpc.errors import InvalidParams, ModelNotSupported
from exbert_rpc.model.dtypes import count_numbers
from exbert_rpc.model.types import Dtype

if TYPE_CHECKING:
    import torch

SPREAD = "spread"
"""The device that means all of them."""
_ROOM = 1.1
"""Memory that a model needs beside its weights, as a factor: activations of a text."""


def choose_device(name: str) -> torch.device | None:
    """``auto`` is CUDA if there is one, else the processor; ``None`` stands for all devices (``spread``).

    Raises:
        InvalidParams: There is no such device.
    """
    import torch

    if name == SPREAD:
        return None
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as exc:
        line = (str(exc).strip().splitlines() or [type(exc).__name__])[0][:300]
        hint = "use 'auto', 'cpu', or 'spread' for all devices together"
        raise InvalidParams("device", f"{name!r} cannot be used: {line}", hint=hint) from exc
    return device


def is_too_large(device: torch.device | None, files: Sequence[Path], dtype: Dtype) -> bool:
    """Whether weights of that dtype don't fit into the free memory of an accelerator."""
    import torch

    if device is None or device.type != "cuda":
        return False
    free, _all = torch.cuda.mem_get_info(device)
    needed = _ROOM * sum(count_numbers(files).values()) * getattr(torch, dtype).itemsize
    return bool(needed > free)


def check_spreading(model_id: str) -> None:
    """Return at once, or raise ModelNotSupported that says what to install."""
    try:
        import accelerate  # noqa: F401
    except ImportError as exc:
        raise ModelNotSupported(
            f"{model_id} is to be spread over several devices, which needs accelerate",
            hint="pip install accelerate. Or keep weights in 16 bits (--dtype auto), or use --device cpu.",
        ) from exc


def check_all_in_memory(model: Any, model_id: str) -> None:  # noqa: ANN401
    """Return at once, or raise ModelNotSupported: weights on the disk would be read again for each text."""
    placed = getattr(model, "hf_device_map", {})
    away = sorted(name or "all" for name, place in placed.items() if place == "disk")
    if away:
        raise ModelNotSupported(
            f"{model_id} does not fit into the memory of all devices together: no room for {', '.join(away[:3])}",
            hint="keep weights in 16 bits (--dtype auto), or choose a smaller model",
        )


def place_as(twin: Any, model: Any) -> Any:  # noqa: ANN401
    """A copy of a model, on the devices of that model."""
    placed = getattr(model, "hf_device_map", {})
    if len(set(placed.values())) < 2:
        return twin.to(next(model.parameters()).device)
    from accelerate import dispatch_model

    return dispatch_model(twin, placed)


def name_of(device: torch.device | None, model: Any) -> str:  # noqa: ANN401
    """What ``describeModel`` says: ``cpu``, or all devices of a model that is spread."""
    if device is not None:
        return str(device)
    placed = getattr(model, "hf_device_map", {})
    names = {f"cuda:{place}" if isinstance(place, int) else str(place) for place in placed.values()}
    return " + ".join(sorted(names)) or str(next(model.parameters()).device)
