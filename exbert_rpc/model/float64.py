"""A pass in float64 without a float64 copy of the model.

Every operator of the block gets its float32 tensors as float64 ones, weights among them, one operator at a time. What
a pass asks for in float32 (``x.float()``, ``softmax(..., dtype=torch.float32)``) it gets in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def in_float64() -> Iterator[None]:
    """Compute in float64 what this thread would compute in float32; gradients are off."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_map

    def widened(value: Any) -> Any:  # noqa: ANN401 - any argument of an operator
        if isinstance(value, torch.Tensor):
            return value.double() if value.dtype == torch.float32 else value
        return torch.float64 if value is torch.float32 else value

    class Widening(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(
            self,
            func: Any,  # noqa: ANN401
            _types: Any,  # noqa: ANN401
            args: tuple[Any, ...] = (),
            kwargs: dict[str, Any] | None = None,
        ) -> Any:  # noqa: ANN401
            named = kwargs or {}
            if _writes_float32(func, args, named):  # into what was there before, such as a buffer
                return func(*args, **named)
            return func(*tree_map(widened, args), **tree_map(widened, named))

    before = torch.get_default_dtype()
    with torch.no_grad(), Widening():
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(before)


def _writes_float32(func: Any, args: tuple[Any, ...], named: dict[str, Any]) -> bool:  # noqa: ANN401
    import torch

    written = [
        args[place] if place < len(args) else named.get(argument.name)
        for place, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    return any(isinstance(value, torch.Tensor) and value.dtype == torch.float32 for value in written)
