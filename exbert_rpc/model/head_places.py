"""Where head outputs are read in models off the attention interface: at modules that take them, or at products."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exbert_rpc.model.product_taps import ProductTap, tapping_products
from exbert_rpc.model.taps import Layout, Tap, as_tokens, tapping

if TYPE_CHECKING:
    import torch

Receive = Callable[[int, "torch.Tensor"], "torch.Tensor | None"]
"""Is given the number of an attention and its head outputs ``[b, n, H, d]``; gives others, or ``None``."""


@dataclass(frozen=True, slots=True)
class AtModules:
    """Modules that take the head outputs: output projections, mostly.

    Attributes:
        taps: One for each layer that attends.
        layout: Axes of the tensors there.
        width: Columns, from the first on, that are head outputs (others may follow): ``H·d``, the same in all layers.
    """

    taps: tuple[Tap, ...]
    layout: Layout
    width: int

    def reading(self, n_heads: int, receive: Receive) -> AbstractContextManager[None]:
        """Call ``receive`` for each head output of a pass of this thread inside the block."""

        def take(number: int, tensor: torch.Tensor) -> torch.Tensor | None:
            changed = receive(number, self.by_head(tensor, n_heads))
            return None if changed is None else self._put_back(changed, tensor)

        return tapping(self.taps, take)

    def by_head(self, tensor: torch.Tensor, n_heads: int) -> torch.Tensor:
        """``[b, n, H, d]`` of what a tap sees."""
        tokens = as_tokens(tensor, self.layout)[..., : self.width]
        return tokens.reshape(*tokens.shape[:2], n_heads, -1)

    def _put_back(self, heads: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
        """What a tap sees, with other head outputs ``[b, n, H, d]``."""
        changed = as_tokens(tensor, self.layout).clone()
        changed[..., : self.width] = heads.flatten(2)
        return as_tokens(changed, self.layout)


@dataclass(frozen=True, slots=True)
class AtProducts:
    """Products that give the head outputs; ``taps``: one for each layer that attends."""

    taps: tuple[ProductTap, ...]

    def reading(self, n_heads: int, receive: Receive) -> AbstractContextManager[None]:
        """Call ``receive`` for each head output of a pass of this thread inside the block."""
        return tapping_products(self.taps, n_heads, receive)


HeadPlaces = AtModules | AtProducts


def as_data(places: HeadPlaces | None, names: dict[int, str]) -> dict[str, Any] | None:
    """Places as JSON; ``names``: of the modules, by id."""
    if places is None:
        return None
    if isinstance(places, AtProducts):
        return {"products": [(names[id(tap.module)], tap.call, tap.product, tap.axes) for tap in places.taps]}
    taps = [(names[id(tap.module)], tap.call, tap.of_input) for tap in places.taps]
    return {"taps": taps, "layout": places.layout, "width": places.width}


def from_data(data: dict[str, Any] | None, modules: dict[str, Any]) -> HeadPlaces | None:
    """Places of :func:`as_data`; raises KeyError, TypeError or ValueError for anything else."""
    if data is None:
        return None
    if "products" in data:
        products = [(modules[name], int(call), int(number), str(axes)) for name, call, number, axes in data["products"]]
        return AtProducts(tuple(ProductTap(*one) for one in products))
    taps = tuple(Tap(modules[name], int(call), of_input=bool(of_input)) for name, call, of_input in data["taps"])
    return AtModules(taps, data["layout"], int(data["width"]))
