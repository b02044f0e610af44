"""Finding where head outputs pass, in models that are off the attention interface.

For each layer the reference weights A ``[H, n, n]`` are known. A head output is A·V. Among all module calls of the same
pass, a projection takes X with X = A·V for every head, and some other module gave V: each column of X is then A times
one of the columns that the other module gave, whatever their order (alone, fused with query and key, one value for
many heads). Numbers decide, no name does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exbert_rpc.model.head_places import AtModules
from exbert_rpc.model.taps import LAYOUTS, Layout, Tap, as_tokens

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.taps import SeenCall

TOLERANCE: Final = 1e-4
_NEIGHBORS: Final = 2
"""Columns on either side that are tried, where columns are looked up by one number each."""


@dataclass(frozen=True, slots=True)
class _Place:
    """One call: its index among those seen, and how its input is read."""

    index: int
    layout: Layout
    width: int


def find_head_places(attention: Sequence[torch.Tensor], seen: Sequence[SeenCall]) -> AtModules | None:
    """Where each layer's head outputs pass, or ``None`` if one of them can't be found.

    Args:
        attention: float ``[1, H, n, n]`` in [0, 1] for each layer that attends, in order: the reference weights.
        seen: All module calls of the same pass, of :func:`exbert_rpc.model.taps.watching`.
    """
    places: list[_Place] = []
    begin = 0
    for weights in attention:
        place = _find(weights[0].float(), seen, begin)
        if place is None or (places and (place.layout, place.width) != (places[0].layout, places[0].width)):
            return None
        places.append(place)
        begin = place.index + 1
    if not places:
        return None
    taps = tuple(Tap(seen[place.index].module, seen[place.index].call, of_input=True) for place in places)
    return AtModules(taps, places[0].layout, places[0].width)


def _find(weights: torch.Tensor, seen: Sequence[SeenCall], begin: int) -> _Place | None:
    """The first call, from ``begin`` on, that takes this layer's head outputs."""
    n_heads, n = weights.shape[:2]
    values: list[_Values] = []
    for index in range(begin, len(seen)):
        call = seen[index]
        for layout, taken in _readings(call.input, n):
            for width in _widths(taken.shape[1], n_heads):
                mixed = taken[:, :width].reshape(n, n_heads, -1).transpose(0, 1)
                if any(value.give(mixed) for value in values):
                    return _Place(index, layout, width)
        values += [_Values(weights, given) for _layout, given in _readings(call.output, n) if _is_filled(given)]
    return None


def _readings(tensor: torch.Tensor | None, n: int) -> Iterator[tuple[Layout, torch.Tensor]]:
    """float ``[n, width]`` of one text, for each layout that a tensor may have; it may be padded to more tokens."""
    if tensor is None or tensor.dim() != 3:
        return
    for layout in LAYOUTS:
        tokens = as_tokens(tensor, layout)
        if tokens.shape[0] == 1 and n <= tokens.shape[1] < 2 * n + 512:
            yield layout, tokens[0, :n].float()


def _widths(width: int, n_heads: int) -> Iterator[int]:
    """Columns that may be head outputs: all, or the first half (ConvBERT's convolution follows)."""
    if width % n_heads == 0:
        yield width
    if width % (2 * n_heads) == 0:
        yield width // 2


def _is_filled(given: torch.Tensor) -> bool:
    return bool(given.abs().max() > 0)


class _Values:
    """What a module gave, which may hold the values of a layer.

    Args:
        weights: float32 ``[H, n, n]``.
        given: float32 ``[n, width]``.
    """

    def __init__(self, weights: torch.Tensor, given: torch.Tensor) -> None:
        self._weights = weights
        self._given = given
        self._first = weights[0] @ given
        self._tolerance = TOLERANCE * max(1e-6, float(self._first.abs().max()))

    def give(self, mixed: torch.Tensor) -> bool:
        """Whether head outputs ``[H, n, d]`` are the weights times some of the columns, for every head."""
        if self._is_product_in_order(mixed):
            return True
        if not bool((self._first - mixed[0, :, :1]).abs().max(dim=0).values.min() <= self._tolerance):
            return False
        return all(self._has_columns(head, mixed[head]) for head in range(len(mixed)))

    def _is_product_in_order(self, mixed: torch.Tensor) -> bool:
        """The same where values are in the order of the heads: a bias may be added behind their module (DeBERTa)."""
        n, width = self._given.shape
        n_heads = len(mixed)
        if mixed.numel() == self._given.numel():
            return _is_product(mixed, self._weights, self._given.reshape(n, n_heads, -1).transpose(0, 1))
        if 3 * mixed.numel() != self._given.numel() or width % (3 * n_heads) != 0:
            return False
        by_head = self._given.reshape(n, n_heads, 3, -1)[:, :, 2].transpose(0, 1)
        side_by_side = self._given.reshape(n, 3, n_heads, -1)[:, 2].transpose(0, 1)
        return any(_is_product(mixed, self._weights, value) for value in (by_head, side_by_side))

    def _has_columns(self, head: int, wanted: torch.Tensor) -> bool:
        """Whether each column ``[n]`` of a head's outputs is one of the weights times a column."""
        import torch

        product = self._weights[head] @ self._given
        # columns are looked up by one number each, and compared whole with those nearest to it
        mark = torch.linspace(-1.0, 1.0, len(wanted), device=wanted.device).cos()
        known, order = (mark @ product).sort()
        at = torch.searchsorted(known, mark @ wanted)
        found = torch.zeros(wanted.shape[1], dtype=torch.bool, device=wanted.device)
        for step in range(-_NEIGHBORS, _NEIGHBORS + 1):
            near = order[(at + step).clamp(0, len(order) - 1)]
            found |= (product[:, near] - wanted).abs().max(dim=0).values <= self._tolerance
        return bool(found.all())


def _is_product(mixed: torch.Tensor, weights: torch.Tensor, value: torch.Tensor) -> bool:
    import torch

    expected = torch.matmul(weights, value)
    tolerance = TOLERANCE * float(expected.abs().max())
    rest = mixed - expected
    if bool((rest.abs() <= tolerance).all()):
        return True
    # a bias that is added to the values behind their module (DeBERTa) is the same at every position: rows sum to 1
    varies = float((mixed - mixed.mean(dim=1, keepdim=True)).abs().max()) > 100 * tolerance
    return varies and bool(((rest - rest.mean(dim=1, keepdim=True)).abs() <= tolerance).all())
