"""Reading tensors out of a running model at places that were found by looking, not by name.

A *tap* is one call of one module. Taps are learned once, on a probe input: :func:`watching` notes what every module
call takes and gives, and the caller keeps those whose tensor is the one it wants.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_running = threading.local()
_hooking = threading.Lock()
_hooked: weakref.WeakSet[torch.nn.Module] = weakref.WeakSet()


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
    """Call ``receive(number of the tap, tensor)`` whenever this thread runs one of the taps inside the block.

    The modules keep a hook from then on, which does nothing while its thread taps nothing: other threads may run the
    same model meanwhile, and hooks that come and go would show in their passes.
    """
    for tap in taps:
        _listen(tap.module)
    before: _Listener | None = getattr(_running, "listener", None)
    _running.listener = _Listener(taps, receive)
    try:
        yield
    finally:
        _running.listener = before


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


class _Listener:
    """What one pass of one thread wants to see; counts the calls of each module."""

    def __init__(self, taps: Sequence[Tap], receive: Callable[[int, torch.Tensor], None]) -> None:
        self._receive = receive
        self._counts: dict[int, int] = {}
        self._wanted: dict[tuple[int, int, bool], list[int]] = {}
        for number, tap in enumerate(taps):
            self._wanted.setdefault((id(tap.module), tap.call, tap.of_input), []).append(number)

    def takes(self, module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        """A module is called."""
        self._tell(id(module), self._counts.get(id(module), 0), True, args)

    def gives(self, module: torch.nn.Module, output: object) -> None:
        """A module has run."""
        call = self._counts.get(id(module), 0)
        self._counts[id(module)] = call + 1
        self._tell(id(module), call, False, output)

    def _tell(self, module: int, call: int, of_input: bool, value: object) -> None:
        for number in self._wanted.get((module, call, of_input), ()):
            tensor = _first_tensor(value)
            if tensor is not None:
                self._receive(number, tensor)


def _listen(module: torch.nn.Module) -> None:
    """Hook a module, once."""
    with _hooking:
        if module in _hooked:
            return
        module.register_forward_pre_hook(_before)
        module.register_forward_hook(_after)
        _hooked.add(module)


def _before(module: torch.nn.Module, args: tuple[Any, ...]) -> None:
    listener: _Listener | None = getattr(_running, "listener", None)
    if listener is not None:
        listener.takes(module, args)


def _after(module: torch.nn.Module, _args: tuple[Any, ...], output: object) -> None:
    listener: _Listener | None = getattr(_running, "listener", None)
    if listener is not None:
        listener.gives(module, output)


def _first_tensor(value: object) -> torch.Tensor | None:
    import torch

    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, (tuple, list)) and value and isinstance(value[0], torch.Tensor):
        return value[0]
    return None
