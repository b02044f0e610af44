"""Passes with some heads' outputs replaced: one head at a time for all heads of a model, or several at once.

1. The output of a head (softmax(QKᵀ)·V, before the output projection) is replaced at every position by one vector; all
   that comes after it runs again (Wang et al. 2023, "Interpretability in the wild": mean ablation).
2. Nothing before the head's layer can change. So the heads of a layer share one batch, in which the layers before it
   answer with what they gave in the unchanged pass.
3. Whether a model can be run in that way is found out once, on a fixed text: its layers are a list of modules that are
   called once each and in order, and such a pass gives the numbers of a whole one. If it does not, each head has a
   whole pass of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.model.network import answering
from exbert_rpc.model.taps import listening

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.attention_function import HeadEdit
    from exbert_rpc.model.network import Network

Head = tuple[int, int]
"""Layer and head."""

TOLERANCE = 3e-5
BATCH_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class Ablation:
    """Heads that give a constant instead of their output.

    Attributes:
        heads: Pairs of layer and head.
        values: float32 ``[L, H, d]``: what each head of the model would give instead; zeros for zero ablation.
    """

    heads: tuple[Head, ...]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PassEnd:
    """How a pass ends.

    Attributes:
        pooled: float32 ``[D]``: mean over all tokens of the last hidden state (of the encoder, if there are two).
        logits: float32 ``[vocabulary]`` at the position asked for; ``None`` where none was.
    """

    pooled: NDArray[np.float32]
    logits: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one-head passes may be run: whether batches give the same numbers, and which layers can be left out."""

    layers: tuple[torch.nn.Module, ...] | None
    batched: bool


@dataclass(slots=True)
class Interventions:
    """What one network does when its heads are changed.

    Args:
        network: The model.
        n_layers: Its layers, with or without attention (of the encoder, if there are two stacks).
        probe: Inputs of an ordinary text, on which the plan is checked.
    """

    network: Network
    n_layers: int
    probe: dict[str, torch.Tensor]
    _plan: _Plan | None = None
    _planning: threading.Lock = field(default_factory=threading.Lock)

    def each(
        self, inputs: dict[str, torch.Tensor], heads: Sequence[Head], values: NDArray[np.float32], position: int | None
    ) -> Iterator[PassEnd]:
        """How the pass ends with each of the heads replaced, one at a time, in the order of ``heads``.

        Args:
            inputs: One text.
            heads: Pairs of layer and head.
            values: float32 ``[L, H, d]``.
            position: Where logits are wanted; ``None``: nowhere.
        """
        plan = self.plan()
        table = self._table(values)
        kept = None if plan.layers is None else self._kept_layers(inputs, plan.layers)
        n = inputs["input_ids"].shape[1]
        at_once = max(1, BATCH_TOKENS // n) if plan.batched else 1
        for layer, batch in _batches(heads, at_once):
            rows = [(head,) for head in batch]
            if not plan.batched:
                yield self._whole(inputs, rows[0], table, position)
            else:
                yield from self._rows(inputs, rows, table, position, layer if kept is not None else 0, kept)

    def end(self, inputs: dict[str, torch.Tensor], ablation: Ablation | None, position: int | None) -> PassEnd:
        """How a whole pass ends, with all the heads of an ablation replaced together."""
        heads = () if ablation is None else ablation.heads
        table = None if ablation is None else self._table(ablation.values)
        return self._whole(inputs, heads, table, position)

    def edit(self, ablation: Ablation) -> HeadEdit:
        """The ablation as :meth:`Network.run` takes it."""
        return replacing([ablation.heads], self._table(ablation.values))

    def plan(self) -> _Plan:
        """How passes over many heads may be run; found out when first asked for."""
        with self._planning:
            if self._plan is None:
                self._plan = self._find_plan()
            return self._plan

    # --- inside ----------------------------------------------------------------------------------

    def _table(self, values: NDArray[np.float32]) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.ascontiguousarray(values)).to(self.network.device)

    def _whole(
        self, inputs: dict[str, torch.Tensor], heads: Sequence[Head], table: torch.Tensor | None, position: int | None
    ) -> PassEnd:
        raw = self.network.run(inputs, edit=None if table is None else replacing([heads], table))
        logits = None if position is None else self.network.logits(raw.final, position, position + 1)
        return _ends(raw.hidden[max(raw.hidden)], logits)[0]

    def _rows(
        self,
        inputs: dict[str, torch.Tensor],
        rows: Sequence[Sequence[Head]],
        table: torch.Tensor,
        position: int | None,
        first_layer: int,
        kept: Sequence[tuple[torch.nn.Module, Any]] | None,
    ) -> list[PassEnd]:
        """Copies of a text in one batch, each with heads of its own replaced, from a layer on."""
        network, b = self.network, len(rows)
        many = {name: tensor.expand(b, *tensor.shape[1:]) for name, tensor in inputs.items()}
        with network.lock, ExitStack() as stack:
            for module, output in (kept or ())[:first_layer]:
                stack.enter_context(answering(module, _expanded(output, b)))
            ending = network.run_to_end(
                many, edit=replacing(rows, table), first_layer=first_layer, decode=position is not None
            )
        logits = None if position is None else network.logits(ending.final, position, position + 1)
        return _ends(ending.hidden, logits)

    def _kept_layers(
        self, inputs: dict[str, torch.Tensor], layers: Sequence[torch.nn.Module]
    ) -> list[tuple[torch.nn.Module, Any]]:
        seen = _Seen()
        with listening(layers, seen):
            self.network.run_to_end(inputs, decode=False)
        return seen.calls

    def _find_plan(self) -> _Plan:
        layers = self._layers()
        if layers is not None and self._agrees(layers):
            return _Plan(layers, batched=True)
        return _Plan(None, batched=self._agrees(None))

    def _layers(self) -> tuple[torch.nn.Module, ...] | None:
        """A list of modules that are called once each, in order: the layers whose heads are read."""
        import torch

        network = self.network
        reader = network.model.get_encoder() if network.is_encoder_decoder else network.body
        for found in reader.modules():
            if not isinstance(found, torch.nn.ModuleList) or len(found) != self.n_layers:
                continue
            called = [module for module, _output in self._kept_layers(self.probe, tuple(found))]
            if len(called) == len(found) and all(one is other for one, other in zip(called, found, strict=True)):
                return tuple(found)
        return None

    def _agrees(self, layers: tuple[torch.nn.Module, ...] | None) -> bool:
        """Whether batched passes end as whole ones do: with nothing replaced, and with a head of some layers."""
        import torch

        network, inputs = self.network, self.probe
        kept = None if layers is None else self._kept_layers(inputs, layers)
        has_head = network.model.get_output_embeddings() is not None
        position = 0 if has_head else None
        raw = network.run(inputs)
        attending = network.attention_layers(self.n_layers)
        n_heads, size = network.n_heads, max(heads.shape[-1] for heads in raw.heads.values())
        table = torch.full((self.n_layers, n_heads, size), 0.1, device=network.device)
        plain = self._whole(inputs, (), None, position)
        for layer in sorted({attending[0], attending[len(attending) // 2], attending[-1]}):
            head = (layer, n_heads - 1)
            expected = [plain, self._whole(inputs, [head], table, position), plain]
            try:
                found = self._rows(inputs, [(), (head,), ()], table, position, layer if kept is not None else 0, kept)
            except Exception:  # a model may do anything where its layers answer for themselves
                return False
            if not all(_alike(one, other) for one, other in zip(found, expected, strict=True)):
                return False
        return True


def replacing(rows: Sequence[Sequence[Head]], table: torch.Tensor) -> HeadEdit:
    """What replaces, in each row of a batch, the outputs of that row's heads by their vectors in ``table``.

    Args:
        rows: Heads of each of ``b`` rows.
        table: float ``[L, H, d]`` on the model's device.
    """
    of_layer: dict[int, tuple[list[int], list[int]]] = {}
    for row, heads in enumerate(rows):
        for layer, head in heads:
            of_rows, of_heads = of_layer.setdefault(layer, ([], []))
            of_rows.append(row)
            of_heads.append(head)

    def edit(layer: int, output: torch.Tensor) -> torch.Tensor:
        if layer not in of_layer:
            return output
        chosen, heads = of_layer[layer]
        changed = output.clone()
        changed[chosen, :, heads] = table[layer, heads, : output.shape[-1]].to(output.dtype)[:, None]
        return changed

    return edit


class _Seen:
    """The outputs of modules, in the order of their calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[torch.nn.Module, Any]] = []

    def takes(self, module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        """A module is called."""

    def gives(self, module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401, ARG002
        """A module has run."""
        self.calls.append((module, output))


def _batches(heads: Sequence[Head], at_once: int) -> Iterator[tuple[int, list[Head]]]:
    """Neighbors of one layer, at most so many; with their layer."""
    batch: list[Head] = []
    for head in heads:
        if batch and (head[0] != batch[0][0] or len(batch) == at_once):
            yield batch[0][0], batch
            batch = []
        batch.append(head)
    if batch:
        yield batch[0][0], batch


def _expanded(output: Any, b: int) -> Any:  # noqa: ANN401
    """What a module gave for one text, for ``b`` copies of it."""
    import torch

    if isinstance(output, torch.Tensor):
        return output.expand(b, *output.shape[1:]) if output.dim() > 0 and output.shape[0] == 1 else output
    if isinstance(output, (tuple, list)):
        return type(output)(_expanded(one, b) for one in output)
    return output


def _ends(hidden: torch.Tensor, logits: torch.Tensor | None) -> list[PassEnd]:
    pooled = hidden.float().mean(dim=1).cpu().numpy()
    rows = [None] * len(pooled) if logits is None else list(logits[:, 0].float().cpu().numpy())
    return [PassEnd(one, row) for one, row in zip(pooled, rows, strict=True)]


def _alike(found: PassEnd, expected: PassEnd) -> bool:
    pairs = [(found.pooled, expected.pooled)]
    if found.logits is not None and expected.logits is not None:
        pairs.append((found.logits, expected.logits))
    return all(bool((np.abs(a - b) <= TOLERANCE * max(1.0, float(np.abs(b).max()))).all()) for a, b in pairs)
