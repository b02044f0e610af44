"""Reading tensors out of a running model at places that were found by looking, not by name.

A *tap* is one call of one module. Taps are learned once, on a probe input: :func:`watching` notes what every module
call takes and gives, and the caller keeps those whose tensor is the one it wants.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    import torch

Layout = Literal["batch first", "tokens first", "channels first"]
"""Axes of a tensor: ``[b, n, width]``, ``[n, b, width]`` or ``[b, width, n]``."""
LAYOUTS: Final[tuple[Layout, ...]] = ("batch first", "tokens first", "channels first")

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
        seen.append(SeenCall(module, call, first_tensor(args), first_tensor(output)))

    handles = [module.register_forward_hook(note) for module in model.modules()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


class Listener(Protocol):
    """Sees the module calls of one thread, and may change what they take and give; ``None`` leaves it as it is."""

    def takes(self, module: torch.nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """A module is called; gives other positional arguments, if any."""
        ...

    def gives(self, module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> Any:  # noqa: ANN401
        """A module has run; gives another output, if any."""
        ...


_Listeners = tuple[tuple[frozenset[int], Listener], ...]
"""Ids of modules, and who hears them."""


@contextmanager
def listening(modules: Iterable[torch.nn.Module], listener: Listener) -> Iterator[None]:
    """Let ``listener`` see the calls of the modules by this thread inside the block, after those that listen already.

    The modules keep a hook from then on, which does nothing while its thread has no listener: other threads may run the
    same model meanwhile, and hooks that come and go would show in their passes.
    """
    heard = {id(module): module for module in modules}
    for module in heard.values():
        _listen(module)
    before: _Listeners = getattr(_running, "listeners", ())
    _running.listeners = (*before, (frozenset(heard), listener))
    try:
        yield
    finally:
        _running.listeners = before


def tapping(
    taps: Sequence[Tap], receive: Callable[[int, torch.Tensor], torch.Tensor | None]
) -> AbstractContextManager[None]:
    """Call ``receive(number of the tap, tensor)`` whenever this thread runs one of the taps inside the block.

    A tensor that ``receive`` gives takes the place of the one that it saw.
    """
    return listening([tap.module for tap in taps], _TapListener(taps, receive))


def find_tap(seen: Sequence[SeenCall], wanted: torch.Tensor) -> Tap | None:
    """The first module call that gave (else took) the wanted tensor: the same object, else the same numbers."""
    import torch

    for call in seen:
        if call.output is wanted:
            return Tap(call.module, call.call, of_input=False)
    for of_input in (False, True):
        for call in seen:
            tensor = call.input if of_input else call.output
            if tensor is None or tensor.shape != wanted.shape or tensor.device != wanted.device:
                continue
            if torch.equal(tensor, wanted):
                return Tap(call.module, call.call, of_input=of_input)
    return None


def as_tokens(tensor: torch.Tensor, layout: Layout) -> torch.Tensor:
    """``[b, n, width]`` of a tensor of that layout, and the other way round."""
    if layout == "batch first":
        return tensor
    return tensor.transpose(0, 1) if layout == "tokens first" else tensor.transpose(1, 2)


class _TapListener:
    """What one pass of one thread wants to see; counts the calls of each module."""

    def __init__(self, taps: Sequence[Tap], receive: Callable[[int, torch.Tensor], torch.Tensor | None]) -> None:
        self._receive = receive
        self._counts: dict[int, int] = {}
        self._wanted: dict[tuple[int, int, bool], list[int]] = {}
        for number, tap in enumerate(taps):
            self._wanted.setdefault((id(tap.module), tap.call, tap.of_input), []).append(number)

    def takes(self, module: torch.nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """A module is called."""
        changed = self._tell(id(module), self._counts.get(id(module), 0), True, args)
        return None if changed is None else (changed, *args[1:])

    def gives(self, module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> Any:  # noqa: ANN401, ARG002
        """A module has run."""
        call = self._counts.get(id(module), 0)
        self._counts[id(module)] = call + 1
        changed = self._tell(id(module), call, False, output)
        if changed is None or not isinstance(output, (tuple, list)):
            return changed
        return type(output)((changed, *output[1:]))

    def _tell(self, module: int, call: int, of_input: bool, value: object) -> torch.Tensor | None:
        """The tensor that takes the place of what was seen, if any."""
        changed = None
        for number in self._wanted.get((module, call, of_input), ()):
            tensor = first_tensor(value) if changed is None else changed
            if tensor is not None:
                found = self._receive(number, tensor)
                changed = changed if found is None else found
        return changed


def _listen(module: torch.nn.Module) -> None:
    """Hook a module, once."""
    with _hooking:
        if module in _hooked:
            return
        module.register_forward_pre_hook(_before)
        module.register_forward_hook(_after)
        _hooked.add(module)


def _before(module: torch.nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
    listeners: _Listeners = getattr(_running, "listeners", ())
    changed: tuple[Any, ...] | None = None
    for heard, listener in listeners:
        found = listener.takes(module, args if changed is None else changed) if id(module) in heard else None
        changed = changed if found is None else found
    return changed


def _after(module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> Any:  # noqa: ANN401
    listeners: _Listeners = getattr(_running, "listeners", ())
    changed = None
    for heard, listener in listeners:
        found = listener.gives(module, args, output if changed is None else changed) if id(module) in heard else None
        changed = changed if found is None else found
    return changed


def first_tensor(value: object) -> torch.Tensor | None:
    """The tensor itself, or the first one of a sequence; ``None`` if that is no tensor."""
    import torch

    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, (tuple, list)) and value and isinstance(value[0], torch.Tensor):
        return value[0]
    return None
