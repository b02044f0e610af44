"""A pass in float64 without a float64 copy of the model.

1. Every operator of the block gets its float tensors as float64 ones, weights among them, one operator at a time. What
   a pass asks for in another dtype (``x.float()``, ``softmax(..., dtype=torch.float32)``) it gets in float64.
2. A view of a tensor stays as it is: what uses it is widened.
3. Of large matrices a block of columns is widened at a time, and of an embedding the rows that are looked up. So a pass
   takes no more memory than its activations and :data:`BLOCK` numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

BLOCK = 1 << 21
"""Numbers of a matrix that are widened at once: 16 MiB of float64."""


@contextmanager
def in_float64() -> Iterator[None]:
    """Compute in float64 what this thread would compute in float32, bfloat16 or float16; gradients are off."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_map

    narrow = (torch.float32, torch.bfloat16, torch.float16)
    in_blocks = _operators_in_blocks()

    def widened(value: Any) -> Any:  # noqa: ANN401 - any argument of an operator
        if isinstance(value, torch.Tensor):
            return value.double() if value.dtype in narrow else value
        return torch.float64 if isinstance(value, torch.dtype) and value in narrow else value

    class Widening(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(
            self,
            func: Any,  # noqa: ANN401
            _types: Any,  # noqa: ANN401
            args: tuple[Any, ...] = (),
            kwargs: dict[str, Any] | None = None,
        ) -> Any:  # noqa: ANN401
            named = kwargs or {}
            if _is_plain_view(func) or _writes(
                func, args, named, narrow
            ):  # into what was there before, such as a buffer
                return func(*args, **named)
            if func in in_blocks and not named:
                return in_blocks[func](*args)
            return func(*tree_map(widened, args), **tree_map(widened, named))

    # torch's default dtype stays: other threads may run models meanwhile
    with torch.no_grad(), Widening():
        yield


def _is_plain_view(func: Any) -> bool:  # noqa: ANN401
    """Whether an operator gives the numbers that it takes; conversions do so only where nothing is to be converted."""
    import torch

    return bool(func.is_view) and func.overloadpacket is not torch.ops.aten.to


def _operators_in_blocks() -> dict[Any, Callable[..., torch.Tensor]]:
    import torch

    aten = torch.ops.aten
    return {
        aten.mm.default: _product,
        aten.addmm.default: lambda bias, left, right: bias.double() + _product(left, right),
        aten.linear.default: _linear,
        aten.embedding.default: lambda *args: aten.embedding.default(*args).double(),
    }


def _linear(given: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    product = _product(given.reshape(-1, given.shape[-1]), weight.t()).reshape(*given.shape[:-1], weight.shape[0])
    return product if bias is None else product + bias.double()


def _product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """float64 ``[n, columns]``: a matrix product, of which a block of columns is computed at a time."""
    import torch

    columns = max(1, BLOCK // max(1, right.shape[0]))
    wide = left.double()
    if right.shape[1] <= columns:
        return torch.mm(wide, right.double())
    return torch.cat([torch.mm(wide, block.double()) for block in right.split(columns, dim=1)], dim=1)


def _writes(func: Any, args: tuple[Any, ...], named: dict[str, Any], narrow: tuple[torch.dtype, ...]) -> bool:  # noqa: ANN401
    """Whether an operator writes into a tensor of one of those dtypes."""
    import torch

    written = [
        args[place] if place < len(args) else named.get(argument.name)
        for place, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    return any(isinstance(value, torch.Tensor) and value.dtype in narrow for value in written)
