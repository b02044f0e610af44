"""What a benchmark found: one row of the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Bound = Literal["at most", "at least", "none"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        section: Name of the section.
        what: What was measured.
        against: The peer or limit it is compared with; empty if the figure stands alone.
        bound: Which side of ``goal`` is good; ``none``: the figure is only reported.
        goal: The goal, in the unit of ``figure``.
        figure: What was measured.
        unit: ``×``, ``ms``, ``s``, ``%`` or nothing.
        detail: Absolute numbers behind it.
    """

    section: str
    what: str
    against: str
    bound: Bound
    goal: float
    figure: float
    unit: str
    detail: str

    @property
    def verdict(self) -> str:
        """``reached``, ``missed``, or ``–`` without a goal."""
        if self.bound == "none":
            return "–"
        good = self.figure <= self.goal if self.bound == "at most" else self.figure >= self.goal
        return "reached" if good else "missed"


def at_most(section: str, what: str, against: str, goal: float, figure: float, unit: str, detail: str) -> Row:
    """A figure that should not exceed its goal."""
    return Row(section, what, against, "at most", goal, figure, unit, detail)


def at_least(section: str, what: str, against: str, goal: float, figure: float, unit: str, detail: str) -> Row:
    """A figure that should reach its goal."""
    return Row(section, what, against, "at least", goal, figure, unit, detail)


def reported(section: str, what: str, figure: float, unit: str, detail: str, against: str = "") -> Row:
    """A figure without a goal."""
    return Row(section, what, against, "none", 0.0, figure, unit, detail)
