"""A sample of a long test in ``make check``; all of it in ``make test``.

What is not in the sample is marked ``slow``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings


def slow(*values: Any) -> Any:
    """Parameters of a test for ``make test`` alone."""
    return pytest.param(*values, marks=pytest.mark.slow)


def sizes(few: int, many: int) -> list[Any]:
    """A small size for each check, and the size that counts."""
    return [few, slow(many)]


def sampled(values: Iterable[Any], step: int) -> list[Any]:
    """Parameters, of which every ``step``-th is in the sample, the first included."""
    return [
        value if number % step == 0 else slow(*(value if isinstance(value, tuple) else (value,)))
        for number, value in enumerate(values)
    ]


def drawn(examples: int) -> settings:
    """So many random examples, however long each takes."""
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
