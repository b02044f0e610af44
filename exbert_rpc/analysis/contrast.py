"""Whose finding is it? Hits against control samples that lack the head.

1. *word*: the nearest rows of hidden layer 0, which know the word and its place, and no head.
2. *echo*: rows whose strongest attention goes to the same words. A head's output is the mean of what it attends to, so
   neighbors share what they attend to; what all such rows share says nothing more of the head.
3. p is the larger of the p-values against both, one-sided, by Fisher's exact test on effective counts: hits of one
   document are worth fewer than independent ones (:func:`~exbert_rpc.analysis.statistics.effective_size`).
4. q by Benjamini-Hochberg over the findings of a summary. Below ``SIGNIFICANT`` the finding is the *head*'s; otherwise
   the control with the larger p explains it.
5. *peers* test nothing: they say where the head stands among those of its layer.

That a control is missing, or has too few rows to contradict even if none of them carried the label, proves nothing:
then a finding can be explained by the other control, but it cannot be the head's.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np

from exbert_rpc.analysis.statistics import (
    benjamini_hochberg,
    effective_counts,
    effective_size,
    log_fisher_one_sided,
)
from exbert_rpc.analysis.types import Peers, Verdict

SIGNIFICANT = 0.05
"""Largest q-value that supports a finding."""

Sampled = Literal["word", "echo"]
"""Controls that are a sample of rows."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of some rows carry a label.

    Attributes:
        count: Rows that do.
        n: Rows.
        size: How many independent rows they are worth, in [0, n].
    """

    count: int
    n: int
    size: float

    @property
    def share(self) -> float:
        """``count / n``, 0.0 without rows."""
        return self.count / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class Contrast:
    """A finding beside its controls.

    Attributes:
        hits: The hits.
        more: Whether the finding is that the label is more frequent than expected (else: less).
        samples: Controls that were looked at.
    """

    hits: Tally
    more: bool
    samples: Mapping[Sampled, Tally]

    def log_p(self) -> dict[Sampled, float]:
        """Natural logarithm of the p-value against each control that can tell."""
        return {
            control: log_p(self.hits, sample, more=self.more)
            for control, sample in self.samples.items()
            if can_tell(self.hits, sample, more=self.more)
        }


def tally(has: Sequence[bool], documents: Sequence[Hashable] | None) -> Tally:
    """Count rows with a label.

    Args:
        has: Whether each row carries it.
        documents: Keys, equal for rows of one document; ``None`` takes all rows as independent.
    """
    size = len(has) if documents is None else effective_size(has, documents)
    return Tally(sum(has), len(has), size)


def log_p(hits: Tally, control: Tally, *, more: bool) -> float:
    """Natural logarithm of the one-sided p-value of the hits against a control; rounding makes it larger at most."""
    ours = effective_counts(hits.count, hits.n, hits.size, up=not more)
    theirs = effective_counts(control.count, control.n, control.size, up=more)
    return log_fisher_one_sided(*ours, *theirs, more=more)


def can_tell(hits: Tally, control: Tally, *, more: bool) -> bool:
    """Whether a control has enough rows: the most extreme outcome in so many would be significant."""
    extreme = Tally(0 if more else control.n, control.n, control.n)
    return log_p(hits, extreme, more=more) < log(SIGNIFICANT)


def judge(contrasts: Sequence[Contrast], needed: Sequence[Sampled]) -> list[tuple[Verdict, float]]:
    """Verdict and q-value of each finding of a summary.

    Args:
        contrasts: The findings.
        needed: Controls that the head has to exceed, all of them; those that do not apply to the search are left out.
    """
    against = [one.log_p() for one in contrasts]
    tested = [number for number, logs in enumerate(against) if logs]
    q_values = np.ones(len(contrasts))
    q_values[tested] = benjamini_hochberg(np.exp([max(against[number].values()) for number in tested]))
    return [(_verdict(logs, q, needed), q) for logs, q in zip(against, q_values.tolist(), strict=True)]


def _verdict(logs: Mapping[Sampled, float], q_value: float, needed: Sequence[Sampled]) -> Verdict:
    if logs and q_value >= SIGNIFICANT:
        return max(logs, key=lambda control: logs[control])
    return "head" if needed and set(needed) <= set(logs) else "unchecked"


def stand_among(share: float, others: Sequence[float], *, more: bool) -> Peers:
    """Place of a head among those of its layer.

    Args:
        share: Share of the label among its hits.
        others: Likewise of each other head, at least one.
        more: Whether the highest share comes first (else: the lowest).
    """
    shares = np.asarray(others, dtype=np.float64)
    ahead = shares >= share if more else shares <= share
    return Peers(rank=1 + int(ahead.sum()), of=1 + len(shares), median=float(np.median(shares)))
