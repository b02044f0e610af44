"""Lengths at which a model's computation changes, read from its configuration.

A short probe does not reach a sliding window of 4,096 tokens, of an index that keeps 2,048 of them, or of rotary
frequencies that change beyond the original length. Such numbers are found by the names of their fields, in the
configuration and in those of its parts that read text. Lowered in a copy of the configuration, the same code path
is run by a probe of a few dozen tokens.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

REACH: Final = 32
"""Thresholds up to this one are met by the probe itself; larger ones are lowered in a copy."""

_NAMED = re.compile(
    r"window|chunk_size|chunk_len|index_topk|index_block|index_kpool|index_local|indexer_|block_size|local_attention"
    r"|local_radius|max_distance|relative_max|num_buckets|position_buckets|bucket_distance|max_relative_position"
    r"|compress|original_max_position|expert_capacity|floor_scale|clamp_len|segment_means|budget|seq_len_cached"
)
_SOMETHING_ELSE = re.compile(
    r"layer|pattern|heads|head_dim|hash|feed_forward|mamba|indices|indexes|types|kernel|rank|hidden|vocab|theta"
    r"|^chunk_size$|rope_freq|max_window"
)
_NOT_TEXT = re.compile(r"vision|audio|image|video|speech|codec|vocoder|qformer|backbone")
_IN_BLOCKS = re.compile(r"blocks$")
_OF_BLOCKS = re.compile(r"block_size|kpool|compress")
_BUCKETS, _DISTANCE = re.compile("buckets"), re.compile("distance|relative_max")


@dataclass(frozen=True, slots=True)
class Threshold:
    """One number of a configuration: the ``path`` of attributes, keys and indices that leads to it, its ``value``."""

    path: tuple[str | int, ...]
    value: int

    @property
    def field(self) -> str:
        """Readable name of the field: ``rope_parameters.original_max_position_embeddings``."""
        return ".".join(str(step) for step in self.path)

    @property
    def lowered(self) -> int:
        """Its small value in a copy: few blocks, of few tokens."""
        if _IN_BLOCKS.search(self.field):
            return min(self.value, 2)
        return min(self.value, 4 if _OF_BLOCKS.search(self.field) else 8)


def find_thresholds(config: Any) -> tuple[Threshold, ...]:  # noqa: ANN401 - a transformers configuration
    """Every threshold that a configuration names, in order of value; values of 1 or less are ignored."""
    found = {threshold.path: threshold for threshold in _walk(config, (), named=False)}
    return tuple(sorted(found.values(), key=lambda threshold: (threshold.value, threshold.field)))


def beyond_reach(thresholds: Sequence[Threshold]) -> list[Threshold]:
    """Those that a probe of a few dozen tokens doesn't meet; a number of blocks counts as many times their size."""
    in_tokens = lengths_in_tokens(thresholds)
    together: list[re.Pattern[str]] = []
    if any(value > REACH for value in in_tokens if value not in {one.value for one in thresholds}):
        together += [_IN_BLOCKS, _OF_BLOCKS]
    if any(threshold.value > REACH and _DISTANCE.search(threshold.field) for threshold in thresholds):
        together.append(_BUCKETS)  # more buckets than distances make no sense
    return [
        threshold
        for threshold in thresholds
        if threshold.value > REACH or any(kind.search(threshold.field) for kind in together)
    ]


def lower(config: Any, thresholds: Sequence[Threshold]) -> Any:  # noqa: ANN401
    """A copy of a configuration in which those thresholds are small; everything else is as it was."""
    changed = copy.deepcopy(config)
    for threshold in thresholds:
        place: Any = changed
        steps: tuple[Any, ...] = threshold.path
        for step in steps[:-1]:
            place = place[step] if isinstance(place, (dict, list)) else getattr(place, step)
        if isinstance(place, (dict, list)):
            place[steps[-1]] = threshold.lowered
        else:
            setattr(place, steps[-1], threshold.lowered)
    return changed


def lengths_in_tokens(thresholds: Sequence[Threshold]) -> tuple[int, ...]:
    """Numbers of tokens at which something changes; where blocks are counted, also as many times their size."""
    values = {threshold.value for threshold in thresholds}
    sizes = [threshold.value for threshold in thresholds if _OF_BLOCKS.search(threshold.field)]
    counts = [threshold.value for threshold in thresholds if _IN_BLOCKS.search(threshold.field)]
    return tuple(sorted(values | {size * count for size in sizes for count in counts}))


def _walk(place: Any, path: tuple[str | int, ...], *, named: bool) -> Iterator[Threshold]:  # noqa: ANN401
    """``named``: whether a field above has already said what the numbers mean."""
    for name, value in _entries(place):
        text = str(name)
        is_field = isinstance(name, str)
        if is_field and (_NOT_TEXT.search(text) or text.startswith("_")):
            continue
        hit = named or (is_field and bool(_NAMED.search(text)))
        if is_field and not named and _SOMETHING_ELSE.search(text):
            hit = False
        if isinstance(value, bool):
            continue
        if isinstance(value, int):
            if hit and value > 1:
                yield Threshold((*path, name), value)
        elif isinstance(value, list):
            if hit:
                yield from _walk(value, (*path, name), named=True)
        elif isinstance(value, dict) or _is_config(value):
            yield from _walk(value, (*path, name), named=hit)


def _entries(place: Any) -> list[tuple[str | int, Any]]:  # noqa: ANN401
    if isinstance(place, list):
        return list(enumerate(place))
    return list(place.items()) if isinstance(place, dict) else list(vars(place).items())


def _is_config(value: object) -> bool:
    from transformers import PreTrainedConfig

    return isinstance(value, PreTrainedConfig)
