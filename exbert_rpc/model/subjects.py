"""Models that have to be reproduced: the loaded one, and its copy in which thresholds of length are lowered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exbert_rpc.model.compare import Judge
from exbert_rpc.model.dtypes import rounding_unit
from exbert_rpc.model.network import Network
from exbert_rpc.model.stock import Stock, make_probe, run_stock, run_stock_in_float64
from exbert_rpc.model.taps import find_tap
from exbert_rpc.model.thresholds import REACH, Threshold, lengths_in_tokens, lower
from exbert_rpc.model.twin import build_twin

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

PROBE_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Subject:
    """A model that has to be reproduced: the loaded one, or its copy with lowered thresholds.

    Attributes:
        network: Its network.
        thresholds: Lengths that its probe meets, in tokens.
        inputs: The probe.
        judge: Knows the stock model's pass over it.
    """

    network: Network
    thresholds: tuple[int, ...]
    inputs: dict[str, torch.Tensor]
    judge: Judge

    @property
    def stock(self) -> Stock:
        """The stock model's pass over the probe."""
        return self.judge.stock


@dataclass(frozen=True, slots=True)
class Prober:
    """Makes subjects; what is the same for all of them."""

    name: str
    has_lm_head: bool
    forbidden_ids: set[int]
    max_tokens: int

    def subject(self, network: Network, thresholds: Sequence[Threshold], length: int = 0) -> Subject:
        """A network with a probe that is longer than its thresholds.

        Raises:
            ModelNotSupported: The stock model cannot run on it.
        """
        lengths = lengths_in_tokens(thresholds)
        wanted = max(PROBE_TOKENS, length, *(2 * value + 8 for value in lengths if value <= REACH), 0)
        inputs = make_probe(network, self.forbidden_ids, min(wanted, self.max_tokens))
        stock = run_stock(network, self.name, inputs, has_lm_head=self.has_lm_head)
        taps = [find_tap(stock.seen, state) for state in stock.states]
        known = tuple(tap for tap in taps if tap is not None)
        network.hidden_taps = known if len(known) == len(taps) else None
        unit = rounding_unit(network.dtype) if network.is_narrow else 0.0
        judge = Judge(stock, lambda: run_stock_in_float64(network, inputs, has_lm_head=self.has_lm_head), unit)
        met = tuple(value for value in lengths if value < inputs["input_ids"].shape[1])
        return Subject(network, met, inputs, judge)

    def texts(self, subject: Subject, lengths: Sequence[int]) -> list[torch.Tensor]:
        """int64 ``[1, n]`` for each length, all different."""
        return [
            make_probe(subject.network, self.forbidden_ids, length, 100 * number)["input_ids"]
            for number, length in enumerate(lengths)
        ]


def copy_with_lowered(
    prober: Prober, network: Network, far: Sequence[Threshold], near: Sequence[Threshold]
) -> tuple[Subject | None, list[Threshold]]:
    """A copy of the model with as many thresholds lowered as it takes, and those that it doesn't take."""
    if not far:
        return None, []
    whole = _try_copy(prober, network, far, near)
    if whole is not None:
        return whole, []
    best: Subject | None = None
    taken: list[Threshold] = []
    for field in dict.fromkeys(threshold.path[-1] for threshold in far):
        tried = [*taken, *(threshold for threshold in far if threshold.path[-1] == field)]
        subject = _try_copy(prober, network, tried, near)
        if subject is not None:
            best, taken = subject, tried
    return best, [threshold for threshold in far if threshold not in taken]


def _try_copy(prober: Prober, network: Network, far: Sequence[Threshold], near: Sequence[Threshold]) -> Subject | None:
    """The copy with its reference pass; ``None`` if the class or the stock model does not take such numbers."""
    import torch

    try:
        twin = Network(build_twin(network.model, lower(network.model.config, far)))
        lowered = [replace(threshold, value=threshold.lowered) for threshold in far]
        subject = prober.subject(twin, [*lowered, *near])
    except Exception:  # a configuration that no checkpoint has may do anything
        return None
    numbers = [*subject.stock.hidden, *subject.stock.attention["self"]]
    return subject if all(bool(torch.isfinite(tensor).all()) for tensor in numbers) else None
