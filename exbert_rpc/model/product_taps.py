"""Reading head outputs out of matrix products, in models whose attention no module surrounds.

Where attention is written out as ``einsum`` or ``matmul`` over parameters (XLNet), or is changed between its product
and the next module (a gate in HY V4), no module takes head outputs. The product does: one of its operands is the
reference weights A, the other one the values V, and it gives A·V. A *product tap* is such a product: its number within
one call of the module that computes it. Taps are learned once, on a probe, by numbers; a pass sees the products of its
own thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import permutations
from typing import TYPE_CHECKING, Any, Final

from exbert_rpc.model.taps import listening

if TYPE_CHECKING:
    import torch

TOLERANCE: Final = 1e-5
_PARTS: Final = "bhnd"
"""Axes of head outputs ``[b, H, n, d]``, by letter."""


@dataclass(frozen=True, slots=True)
class ProductTap:
    """A product that gives head outputs.

    Attributes:
        module: The innermost module in whose call it is computed.
        call: Number of that call within a pass, from 0.
        product: Number of the product within that call, from 0; those of modules inside it count.
        axes: Order of the axes of what it gives: of ``bhnd``, or ``hnd`` where items of the batch follow one another
            with their heads.
    """

    module: torch.nn.Module
    call: int
    product: int
    axes: str

    def by_head(self, given: torch.Tensor, n_heads: int) -> torch.Tensor:
        """``[b, n, H, d]`` of what the product gives."""
        whole = given if len(self.axes) == 4 else given.reshape(-1, n_heads, *given.shape[1:])
        axes = self.axes if len(self.axes) == 4 else f"b{self.axes}"
        return whole.permute([axes.index(part) for part in "bnhd"])

    def put_back(self, heads: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        """Other head outputs ``[b, n, H, d]`` in the order and shape of what the product gave."""
        axes = self.axes if len(self.axes) == 4 else f"b{self.axes}"
        return heads.permute(["bnhd".index(part) for part in axes]).reshape(given.shape)


def find_product_taps(
    run: Callable[[], object], model: torch.nn.Module, attention: Sequence[torch.Tensor]
) -> tuple[ProductTap, ...] | None:
    """Where each layer's head outputs are computed, or ``None`` if one of them can't be found.

    Args:
        run: Runs a pass over one text.
        model: What runs.
        attention: float ``[1, H, n, n]`` in [0, 1] for each layer that attends, in order: the weights of that pass.
    """
    found: list[ProductTap] = []

    def look(place: _Place, operands: Sequence[torch.Tensor], given: torch.Tensor) -> None:
        if len(found) == len(attention):
            return
        axes = _axes_of_heads(attention[len(found)], operands, given)
        if axes is not None:
            found.append(ProductTap(place.module, place.call, place.product, axes))

    with _seeing_products(model.modules(), look):
        run()
    return tuple(found) if found and len(found) == len(attention) else None


@contextmanager
def tapping_products(
    taps: Sequence[ProductTap], n_heads: int, receive: Callable[[int, torch.Tensor], torch.Tensor | None]
) -> Iterator[None]:
    """Call ``receive(number of the tap, head outputs [b, n, H, d])`` whenever this thread computes one of them.

    Head outputs that ``receive`` gives take the place of those that it saw.
    """
    wanted = {(id(tap.module), tap.call, tap.product): number for number, tap in enumerate(taps)}

    def look(place: _Place, _operands: Sequence[torch.Tensor], given: torch.Tensor) -> torch.Tensor | None:
        number = wanted.get((id(place.module), place.call, place.product))
        if number is None:
            return None
        # what is seen must not change when the model adds to the product in place (Nyströmformer)
        changed = receive(number, taps[number].by_head(given, n_heads).clone())
        return None if changed is None else taps[number].put_back(changed, given)

    with _seeing_products((tap.module for tap in taps), look):
        yield


@dataclass(frozen=True, slots=True)
class _Place:
    """A product: its number within a call of the innermost module that is heard."""

    module: torch.nn.Module
    call: int
    product: int


_Look = Callable[[_Place, Sequence["torch.Tensor"], "torch.Tensor"], "torch.Tensor | None"]


@dataclass(slots=True)
class _Running:
    """Which of the modules that are heard run now, the innermost last."""

    calls: dict[int, int] = field(default_factory=dict)
    inside: list[list[Any]] = field(default_factory=list)

    def takes(self, module: torch.nn.Module, args: tuple[Any, ...]) -> None:  # noqa: ARG002
        """A module is called."""
        call = self.calls.get(id(module), 0)
        self.calls[id(module)] = call + 1
        self.inside.append([module, call, 0])

    def gives(self, module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401, ARG002
        """A module has run."""
        self.inside.pop()

    def next_product(self) -> _Place | None:
        """Where the product that comes now is; ``None`` outside of all modules."""
        if not self.inside:
            return None
        place = _Place(*self.inside[-1])
        for frame in self.inside:
            frame[2] += 1
        return place


@contextmanager
def _seeing_products(modules: Any, look: _Look) -> Iterator[None]:  # noqa: ANN401 - any iterable of modules
    """Let ``look`` see each product of this thread inside the modules, and give another result for it, or ``None``."""
    import torch
    from torch.overrides import TorchFunctionMode

    products = {torch.matmul, torch.bmm, torch.einsum, torch.Tensor.matmul, torch.Tensor.bmm, torch.Tensor.__matmul__}
    running = _Running()

    class Seeing(TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(
            self,
            func: Any,  # noqa: ANN401
            _types: Any,  # noqa: ANN401
            args: tuple[Any, ...] = (),
            kwargs: dict[str, Any] | None = None,
        ) -> Any:  # noqa: ANN401
            given = func(*args, **(kwargs or {}))
            if func not in products:
                return given
            place = running.next_product()
            if place is None:
                return given
            changed = look(place, _tensors(args), given)
            return given if changed is None else changed

    with ExitStack() as stack:
        stack.enter_context(listening(modules, running))
        stack.enter_context(Seeing())
        yield


def _tensors(args: Sequence[Any]) -> list[torch.Tensor]:
    """The operands of a product, which ``einsum`` may get as one sequence."""
    import torch

    flat = [part for arg in args for part in (arg if isinstance(arg, (tuple, list)) else (arg,))]
    return [part for part in flat if isinstance(part, torch.Tensor)]


def _axes_of_heads(weights: torch.Tensor, operands: Sequence[torch.Tensor], given: torch.Tensor) -> str | None:
    """Order of the axes of ``given``, if it is the weights times one of the operands; ``None``: it is not."""
    if len(operands) != 2 or given.dim() not in (3, 4):
        return None
    for one, other in (operands, operands[::-1]):
        if not _is_weights(one, weights):
            continue
        for value in _as_values(other, weights):
            expected = weights @ value.to(weights.dtype)
            for axes in _orders(given.dim()):
                if _is(given, expected, axes):
                    return axes
    return None


def _is_weights(operand: torch.Tensor, weights: torch.Tensor) -> bool:
    """Whether an operand is the weights ``[1, H, n, n]``, whatever its axes."""
    if operand.numel() != weights.numel():
        return False
    squeezed = weights[0]
    shape = [size for size in operand.shape if size != 1]
    plain = operand.reshape(shape) if len(shape) == 3 else operand
    if plain.dim() != 3:
        return False
    return any(
        plain.permute(order).shape == squeezed.shape and _near(plain.permute(order), squeezed)
        for order in permutations(range(3))
    )


def _as_values(operand: torch.Tensor, weights: torch.Tensor) -> Iterator[torch.Tensor]:
    """``[1, H, n, d]`` of an operand, for each order of axes that fits."""
    n_heads, n = weights.shape[1], weights.shape[3]
    whole = operand[None] if operand.dim() == 3 else operand
    if whole.dim() != 4:
        return
    for order in permutations(range(4)):
        turned = whole.permute(order)
        if turned.shape[:3] == (1, n_heads, n):
            yield turned


def _orders(n_axes: int) -> Iterator[str]:
    if n_axes == 3:
        yield "hnd"
        return
    yield from map("".join, permutations(_PARTS))


def _is(given: torch.Tensor, expected: torch.Tensor, axes: str) -> bool:
    """Whether a product is float ``[1, H, n, d]`` in that order of axes."""
    whole = given[None] if given.dim() == 3 else given
    order = [(axes if given.dim() == 4 else f"b{axes}").index(part) for part in _PARTS]
    turned = whole.permute(order)
    return turned.shape == expected.shape and _near(turned, expected)


def _near(found: torch.Tensor, expected: torch.Tensor) -> bool:
    scale = max(1e-6, float(expected.abs().max()))
    return float((found.to(expected.dtype) - expected).abs().max()) <= TOLERANCE * scale
