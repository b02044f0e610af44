"""Which layer each attention call belongs to: some layers make none, some make several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.attention_function import AttentionCall


def place_calls(marks: dict[int, int], n_calls: int) -> tuple[int, ...] | None:
    """Layer of each of ``n_calls`` attention calls; ``None`` where it is one a layer, or cannot be told.

    Args:
        marks: For each hidden state how many calls came before it.
        n_calls: All of them.
    """
    before = [marks[number] for number in sorted(marks)]
    if not before or before != sorted(before) or before[0] != 0 or before[-1] != n_calls:
        return None
    places = tuple(sum(1 for mark in before if mark <= call) - 1 for call in range(n_calls))
    return None if places == tuple(range(len(before) - 1)) else places


def calls_by_layer(
    calls: Sequence[AttentionCall], places: tuple[int, ...] | None
) -> dict[int, tuple[AttentionCall, ...]]:
    """Calls in order of execution, by layer; ``places``: of :func:`place_calls`."""
    found: dict[int, tuple[AttentionCall, ...]] = {}
    for layer, call in zip(range(len(calls)) if places is None else places, calls, strict=False):
        found[layer] = (*found.get(layer, ()), call)
    return found


def distinct_calls(calls: tuple[AttentionCall, ...], same_weights: bool) -> tuple[AttentionCall, ...]:
    """Calls of a layer that have weights of their own."""
    return calls[:1] if same_weights else calls


def joined_outputs(calls: tuple[AttentionCall, ...], same_weights: bool) -> torch.Tensor:
    """float ``[b, n, H, d]`` of all calls of a layer: heads follow one another, or (same weights) lie side by side."""
    import torch

    found = [call.output for call in calls if call.output is not None]
    return found[0] if len(found) == 1 else torch.cat(found, dim=3 if same_weights else 2)


def joined_weights(calls: tuple[AttentionCall, ...]) -> torch.Tensor:
    """float32 ``[b, H, n, m]`` of the calls of a layer."""
    import torch

    found = [call.weights for call in calls if call.weights is not None]
    return found[0] if len(found) == 1 else torch.cat(found, dim=1)
