"""Experts that a checkpoint lacks: transformers joins those of a layer to one tensor, and names none of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

_EXPERT = re.compile(r"(.*\bexperts)\.(\d+)\.(.+)")
_COUNTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")


def missing_experts(names: Iterable[str], config: Any) -> list[str]:  # noqa: ANN401 - a transformers configuration
    """Names of the weights that some experts have and others lack.

    Args:
        names: All weights of a checkpoint.
        config: Says how many experts there are, if it does; else the largest number in any layer tells.
    """
    found: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name in names:
        match = _EXPERT.fullmatch(name)
        if match is not None:
            found[match[1]][int(match[2])].add(match[3])
    count = max((1 + max(experts) for experts in found.values()), default=0)
    count = max([count, *(one for one in (_count(config), _count(config.get_text_config())) if found)])
    return [
        f"{place}.{number}.{part}"
        for place, experts in sorted(found.items())
        for number in range(count)
        for part in sorted(set.union(*experts.values()) - experts.get(number, set()))
    ]


def _count(config: Any) -> int:  # noqa: ANN401
    counts = [getattr(config, name, None) for name in _COUNTS]
    return max((one for one in counts if isinstance(one, int)), default=0)
