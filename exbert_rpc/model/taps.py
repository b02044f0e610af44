"""Reading tensors out of a running model at places that were found by looking, not by name.

A *tap* is one call of one module. Taps are learned once, on a probe input: :func:`watching` notes what every module
call takes and gives, and the caller keeps those whose tensor is the one it wants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Tap:
    """The ``call``-th call (from 0, within a pass) of ``module``: what it takes if ``of_input``, else what it gives."""

    module: torch.nn.Module
    call: int
    of_input: bool


@dataclass(frozen=True, slots=True)
class SeenCall:
    """One module call of a probe pass: its first positional input and first output, if they are tensors."""

    module: torch.nn.Module
    call: int
    input: torch.Tensor | None
    output: torch.Tensor | None


@contextmanager
def watching(model: torch.nn.Module) -> Iterator[list[SeenCall]]:
    """Note every module call of the block, in the order in which they end."""
    seen: list[SeenCall] = []
    counts: dict[int, int] = {}

    def note(module: torch.nn.Module, args: tuple[Any, ...], output: object) -> None:
        call = counts.get(id(module), 0)
        counts[id(module)] = call + 1
        seen.append(SeenCall(module, call, _first_tensor(args), _first_tensor(output)))

    handles = [module.register_forward_hook(note) for module in model.modules()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def tapping(taps: Sequence[Tap], receive: Callable[[int, torch.Tensor], None]) -> Iterator[None]:
    """Call ``receive(number of the tap, tensor)`` whenever one of the taps runs inside the block."""
    handles = []
    for module in {id(tap.module): tap.module for tap in taps}.values():
        numbered = [(number, tap) for number, tap in enumerate(taps) if tap.module is module]
        handles += _hook(module, numbered, receive)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def find_tap(seen: Sequence[SeenCall], wanted: torch.Tensor) -> Tap | None:
    """The first module call that gave (else took) the wanted tensor: the same object, else the same numbers."""
    import torch

    for call in seen:
        if call.output is wanted:
            return Tap(call.module, call.call, of_input=False)
    for of_input in (False, True):
        for call in seen:
            tensor = call.input if of_input else call.output
            if tensor is not None and tensor.shape == wanted.shape and torch.equal(tensor, wanted):
                return Tap(call.module, call.call, of_input=of_input)
    return None


def _hook(
    module: torch.nn.Module, numbered: Sequence[tuple[int, Tap]], receive: Callable[[int, torch.Tensor], None]
) -> list[Any]:
    count = [0]

    def before(_module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        for number, tap in numbered:
            tensor = _first_tensor(args)
            if tap.of_input and tap.call == count[0] and tensor is not None:
                receive(number, tensor)

    def after(_module: torch.nn.Module, _args: tuple[Any, ...], output: object) -> None:
        call = count[0]
        count[0] += 1
        for number, tap in numbered:
            tensor = _first_tensor(output)
            if not tap.of_input and tap.call == call and tensor is not None:
                receive(number, tensor)

    return [module.register_forward_pre_hook(before), module.register_forward_hook(after)]


def _first_tensor(value: object) -> torch.Tensor | None:
    import torch

    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, (tuple, list)) and value and isinstance(value[0], torch.Tensor):
        return value[0]
    return None
