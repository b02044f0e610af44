"""Passes with some heads' outputs replaced: one head at a time for all heads of a model, or several at once.

1. The output of a head (softmax(QKᵀ)·V, before the output projection) is replaced at every position by one vector; all
   that comes after it runs again (Wang et al. 2023, "Interpretability in the wild": mean ablation).
2. Nothing before the head's layer can change. So many heads share one pass over the layers: it begins with one row,
   the unchanged text, and at each layer a copy of that row joins for each head of that layer. All weights are read once
   for all those heads, in matrix products of many rows. The layers before the first head answer with what they gave in
   the unchanged pass.
3. Where rows cannot join (a tensor beside the hidden state has the size of the batch, as in BLOOM), and where a text is
   so long that a batch holds few rows, the heads of one layer share a batch, which begins at that layer.
4. Whether a model can be run in one of these ways is found out once, on a fixed text: its layers are a list of modules
   that are called once each and in order, and such a pass gives the numbers of a whole one. If it does not, each head
   has a whole pass of its own.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.model.lm_head import answering, stretch
from exbert_rpc.model.stock import exactly
from exbert_rpc.model.taps import listening

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.attention_function import HeadEdit
    from exbert_rpc.model.network import Network

Head = tuple[int, int]
"""Layer and head."""

TOLERANCE = 3e-5
BATCH_TOKENS = 2048


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
    """How one-head passes may be run: which layers can be left out, and whether batches give the same numbers.

    With ``joining``, rows of later layers may also join a batch that runs already.
    """

    layers: tuple[torch.nn.Module, ...] | None
    batched: bool
    joining: bool = False


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
        self,
        inputs: dict[str, torch.Tensor],
        heads: Sequence[Head],
        values: NDArray[np.float32],
        position: int | None,
        watch: Callable[[float], None] | None = None,
    ) -> Iterator[PassEnd]:
        """How the pass ends with each of the heads replaced, one at a time, in the order of ``heads``.

        Args:
            inputs: One text.
            heads: Pairs of layer and head.
            values: float32 ``[L, H, d]``.
            position: Where logits are wanted; ``None``: nowhere.
            watch: Is told the share of the work that is done, before each layer; what it raises ends the passes.
        """
        plan = self.plan()
        table = self._table(values)
        kept: Sequence[tuple[torch.nn.Module, Any]] = ()
        at_once = max(1, BATCH_TOKENS // inputs["input_ids"].shape[1]) if plan.batched else 1
        # the row that copies join costs as much as one of them: too much where a batch holds few
        plan = replace(plan, joining=plan.joining and at_once > table.shape[1])
        work = _Work(len(heads) * self.n_layers - sum(layer for layer, _head in heads), watch)
        for batch in _batches(heads, at_once, across=plan.joining):
            if plan.layers is not None and batch[0][0] > 0 and not kept:
                kept = self._kept_layers(inputs, plan.layers)
            if plan.batched:
                yield from self._rows(plan, inputs, batch, table, position, kept, work.enter)
            else:
                yield self._whole(inputs, batch, table, position)
            work.add(batch, self.n_layers)

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
                # in float64, where rounding would hide whether passes agree
                with exactly(self.network) if self.network.is_narrow else nullcontext():
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
        plan: _Plan,
        inputs: dict[str, torch.Tensor],
        heads: Sequence[Head],
        table: torch.Tensor,
        position: int | None,
        kept: Sequence[tuple[torch.nn.Module, Any]],
        enter: Callable[[int], None] | None = None,
    ) -> list[PassEnd]:
        """How a text ends with each of the heads replaced: one batch, whose rows join at the layers of their heads."""
        network, b = self.network, len(heads)
        rows: list[tuple[Head, ...]] = [(head,) for head in heads]
        first = heads[0][0] if plan.layers is not None else 0
        with network.lock, ExitStack() as stack:
            if plan.joining:
                rows = [(), *rows]
                inputs = {
                    name: _copies(one, b + 1 if name.startswith("decoder_") else 1) for name, one in inputs.items()
                }
            else:
                inputs = {name: _copies(tensor, b) for name, tensor in inputs.items()}
            if plan.layers is not None:
                joining = Counter(layer for layer, _head in heads) if plan.joining else Counter[int]()
                stack.enter_context(listening(plan.layers, _Sweep(plan.layers, joining, enter)))
            for module, output in kept[:first]:
                stack.enter_context(answering(module, output if plan.joining else _copies(output, b)))
            ending = network.run_to_end(
                inputs, edit=replacing(rows, table), first_layer=first, decode=position is not None
            )
        logits = None if position is None else network.logits(_only(ending.final, position), 0, 1)
        return _ends(ending.hidden, logits)[-b:]

    def _kept_layers(
        self, inputs: dict[str, torch.Tensor], layers: Sequence[torch.nn.Module]
    ) -> list[tuple[torch.nn.Module, Any]]:
        seen = _Seen()
        with listening(layers, seen):
            self.network.run_to_end(inputs, decode=False)
        return seen.calls

    def _find_plan(self) -> _Plan:
        layers = self._layers()
        if layers is not None and self._agrees(_Plan(layers, batched=True)):
            joining = _Plan(layers, batched=True, joining=True)
            return replace(joining, joining=self._agrees(joining))
        return _Plan(None, batched=self._agrees(_Plan(None, batched=True)))

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

    def _agrees(self, plan: _Plan) -> bool:
        """Whether batched passes end as whole ones do: two heads of each of some layers."""
        network, inputs = self.network, self.probe
        kept = () if plan.layers is None else self._kept_layers(inputs, plan.layers)
        has_head = network.model.get_output_embeddings() is not None
        position = 0 if has_head else None
        attending = network.attention_layers(self.n_layers)
        chosen = sorted({attending[0], attending[len(attending) // 2], attending[-1]})
        table = self._some_values()
        heads = [(layer, head) for layer in chosen for head in {0, table.shape[1] - 1}]
        expected = {head: self._whole(inputs, [head], table, position) for head in heads}
        of_layers = [[head for head in heads if head[0] == layer] for layer in chosen]
        for some in [heads, heads[-2:]] if plan.joining else of_layers:
            try:
                found = self._rows(plan, inputs, some, table, position, kept)
            except Exception:  # a model may do anything where rows join, or where its layers answer for themselves
                return False
            if not all(_alike(end, expected[head]) for head, end in zip(some, found, strict=True)):
                return False
        return True

    def _some_values(self) -> torch.Tensor:
        """float ``[L, H, d]``: what heads give instead in a probe."""
        import torch

        size = max(heads.shape[-1] for heads in self.network.run(self.probe).heads.values())
        return torch.full((self.n_layers, self.network.n_heads, size), 0.1, device=self.network.device)


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
        changed[chosen, :, heads] = table[layer, heads, : output.shape[-1]].to(output)[:, None]
        return changed

    return edit


class _Work:
    """How much of the passes is done; one row of one layer is a unit of it."""

    def __init__(self, total: int, watch: Callable[[float], None] | None) -> None:
        self._total = total
        self._watch = watch
        self._done = 0
        self._batch = 0

    def enter(self, rows: int) -> None:
        """A layer begins, and the layers of this batch before it had ``rows`` rows altogether."""
        if self._watch is not None:
            self._watch((self._done + rows) / max(1, self._total))

    def add(self, heads: Sequence[Head], n_layers: int) -> None:
        """A batch has ended."""
        self._done += sum(n_layers - layer for layer, _head in heads)


class _Sweep:
    """Sees the layers of a pass begin, and lets rows join there: copies of the first row, which nothing has changed.

    Args:
        layers: The layers of the model, in order.
        joining: How many rows join at each layer.
        enter: Is told, before each layer that runs, how many rows the layers before it had altogether.
    """

    def __init__(
        self, layers: Sequence[torch.nn.Module], joining: Counter[int], enter: Callable[[int], None] | None
    ) -> None:
        self._number = {id(layer): number for number, layer in enumerate(layers)}
        self._joining = joining
        self._enter = enter
        self._rows = self._seen = 0

    def takes(self, module: torch.nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """A layer is called."""
        import torch

        count = self._joining[self._number[id(module)]]
        if self._enter is not None:
            self._enter(self._seen)
        self._rows += count
        self._seen += self._rows
        if count == 0:
            return None
        hidden = args[0]
        return (torch.cat([hidden, _copies(hidden[:1], count)]), *args[1:])

    def gives(self, module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
        """A layer has run."""


class _Seen:
    """The outputs of modules, in the order of their calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[torch.nn.Module, Any]] = []

    def takes(self, module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        """A module is called."""

    def gives(self, module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401, ARG002
        """A module has run."""
        self.calls.append((module, output))


def _batches(heads: Sequence[Head], at_once: int, *, across: bool) -> Iterator[list[Head]]:
    """Neighbors, at most so many: of one layer, or (``across``) of layers that do not descend."""
    batch: list[Head] = []
    for head in heads:
        apart = bool(batch) and (head[0] < batch[-1][0] or (head[0] != batch[-1][0] and not across))
        if apart or len(batch) == at_once:
            yield batch
            batch = []
        batch.append(head)
    if batch:
        yield batch


def _copies(output: Any, b: int) -> Any:  # noqa: ANN401
    """What a module takes or gives for one text, for ``b`` copies of it."""
    import torch

    if isinstance(output, torch.Tensor):
        return output.expand(b, *output.shape[1:]) if output.dim() > 0 and output.shape[0] == 1 else output
    if isinstance(output, (tuple, list)):
        return type(output)(_copies(one, b) for one in output)
    return output


def _only(final: Any, position: int) -> Any:  # noqa: ANN401 - a transformers output
    """The output at one position, in memory of its own.

    Of a slice, PyTorch would multiply each row of the batch alone with the vocabulary: half of the time of all heads.
    """
    cut = stretch(final, position, position + 1)
    kept = {name: value.contiguous() for name, value in cut.items() if value is not None}
    return type(final)(**kept)


def _ends(hidden: torch.Tensor, logits: torch.Tensor | None) -> list[PassEnd]:
    pooled = hidden.float().mean(dim=1).cpu().numpy()
    rows = [None] * len(pooled) if logits is None else list(logits[:, 0].float().cpu().numpy())
    return [PassEnd(one, row) for one, row in zip(pooled, rows, strict=True)]


def _alike(found: PassEnd, expected: PassEnd) -> bool:
    pairs = [(found.pooled, expected.pooled)]
    if found.logits is not None and expected.logits is not None:
        pairs.append((found.logits, expected.logits))
    return all(bool((np.abs(a - b) <= TOLERANCE * max(1.0, float(np.abs(b).max()))).all()) for a, b in pairs)
