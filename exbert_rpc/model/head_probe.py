"""Finding where head outputs pass, in models that are off the attention interface.

For each layer the reference weights A ``[H, n, n]`` are known. A head output is A·V. Among all module calls of the same
pass, a projection takes X ``[n, H·d]`` and some other module gave V (alone, or fused with query and key) with X = A·V
for every head. Numbers decide, no name does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from exbert_rpc.model.taps import Tap

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.taps import SeenCall

TOLERANCE = 1e-4


def find_head_taps(attention: Sequence[torch.Tensor], seen: Sequence[SeenCall]) -> tuple[Tap, ...] | None:
    """A tap for each layer's head outputs (``[b, n, H·d]``), or ``None`` if one can't be found."""
    taps: list[Tap] = []
    begin = 0
    for weights in attention:
        place = _place(weights[0], seen, begin)
        if place is None:
            return None
        taps.append(Tap(seen[place].module, seen[place].call, of_input=True))
        begin = place + 1
    return tuple(taps)


def _place(weights: torch.Tensor, seen: Sequence[SeenCall], begin: int) -> int | None:
    """Index in ``seen`` of the first call, from ``begin`` on, that takes this layer's head outputs."""
    n_heads, n = weights.shape[0], weights.shape[1]
    values: list[torch.Tensor] = []
    for place in range(begin, len(seen)):
        call = seen[place]
        if call.input is not None and _is_flat(call.input, n, n_heads):
            mixed = call.input[0].reshape(n, n_heads, -1).transpose(0, 1)
            if any(_is_product(mixed, weights, value) for value in values):
                return place
        if call.output is not None and call.output.dim() == 3 and call.output.shape[1] == n:
            values += [value for value in _values(call.output[0], n_heads) if float(value.abs().max()) > 0]
    return None


def _is_flat(tensor: torch.Tensor, n: int, n_heads: int) -> bool:
    return bool(tensor.dim() == 3 and tensor.shape[1] == n and tensor.shape[2] % n_heads == 0)


def _values(output: torch.Tensor, n_heads: int) -> Iterator[torch.Tensor]:
    """Readings of ``[n, width]`` as values ``[H, n, d]``: alone, or last of three (fused by head, or side by side)."""
    n, width = output.shape
    if width % n_heads == 0:
        yield output.reshape(n, n_heads, -1).transpose(0, 1)
    if width % (3 * n_heads) == 0:
        yield output.reshape(n, n_heads, 3, -1)[:, :, 2].transpose(0, 1)
        yield output.reshape(n, 3, n_heads, -1)[:, 2].transpose(0, 1)


def _is_product(mixed: torch.Tensor, weights: torch.Tensor, value: torch.Tensor) -> bool:
    import torch

    if mixed.shape != value.shape:
        return False
    expected = torch.matmul(weights.float(), value.float())
    tolerance = TOLERANCE * float(expected.abs().max())
    rest = mixed.float() - expected
    if bool((rest.abs() <= tolerance).all()):
        return True
    # a bias that is added to the values behind their module (DeBERTa) is the same at every position: rows sum to 1
    varies = float((mixed - mixed.mean(dim=1, keepdim=True)).abs().max()) > 100 * tolerance
    return varies and bool(((rest - rest.mean(dim=1, keepdim=True)).abs() <= tolerance).all())
