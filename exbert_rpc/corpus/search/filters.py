"""Which rows of a corpus may be hits."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.names import FOLDER, matches_name, matches_value, value_of
from exbert_rpc.corpus.search.reader import CorpusReader, OpenSegment
from exbert_rpc.corpus.types import Filter
from exbert_rpc.errors import InvalidParams

NONE = "none"
"""How a request asks for tokens without a label."""

_EMPTY = "the corpus is empty"
_REMEMBERED = 4096  # names or values that were compared last
_MOST_LISTED = 300  # different values that are looked for, to be listed


@dataclass(frozen=True, slots=True)
class Eligible:
    """Rows that may be hits.

    Attributes:
        weights: For each segment int32 ``[R]``: at how many places the row may be a hit; 0 where it may not.
        documents: bool for each document: whether its hits count; ``None``: all do.
        total: Sum of all weights.
    """

    weights: tuple[NDArray[np.int32], ...]
    documents: NDArray[np.bool_] | None
    total: int


def eligible_rows(reader: CorpusReader, wanted: Filter) -> Eligible:
    """Rows that are in the corpus now and pass a filter.

    Raises:
        InvalidParams: a filter names a label that this corpus does not have, or no document matches.
    """
    documents = _both(_documents(reader, wanted.documents), _with_metadata(reader, wanted.metadata))
    chosen = {name: getattr(wanted, name) for name in ("pos", "dep", "entity")}
    for name, labels in chosen.items():
        _check_labels(reader, name, labels)
    weights = tuple(_weights(segment, documents, chosen, wanted) for segment in reader.segments)
    return Eligible(weights, documents, int(sum(int(weight.sum()) for weight in weights)))


def _weights(
    segment: OpenSegment,
    documents: NDArray[np.bool_] | None,
    chosen: dict[str, Sequence[str] | None],
    wanted: Filter,
) -> NDArray[np.int32]:
    if documents is None:
        weight = segment.multiplicity.astype(np.int32)
    else:
        places = segment.occurrences
        per_block = np.bincount(places.block[documents[places.document]], minlength=len(places)).astype(np.int32)
        weight = per_block[segment.sentence_block][segment.row_sentence]
    for name, labels in chosen.items():
        if labels is not None:
            weight = weight * _has_label(segment, name, labels)
    if wanted.token is not None:
        weight = weight * _has_text(segment, wanted.token, _composed if wanted.match_case else _spelled)
    return weight


def _has_label(segment: OpenSegment, name: str, labels: Sequence[str]) -> NDArray[np.bool_]:
    names = [NONE, *segment.segment.meta["labels"][name]]
    wanted = np.array([label in labels for label in names])
    found: NDArray[np.bool_] = wanted[segment.segment.array(f"token/{name}")[segment.row_token]]
    return found


def _has_text(segment: OpenSegment, tokens: Sequence[str], spelled: Callable[[str], str]) -> NDArray[np.bool_]:
    """Rows whose token reads like one of the given texts, both as ``spelled`` writes them.

    The text itself is looked at: a vocabulary entry may stand for many words ([UNK], or words but for accents).
    """
    wanted = {spelled(text) for text in tokens}
    found = np.zeros(segment.n_rows, dtype=bool)
    starts, ends = segment.segment.array("token/start"), segment.segment.array("token/end")
    for block in np.flatnonzero(segment.block_multiplicity).tolist():
        text = segment.block_text(block)
        folded = spelled(text)
        if not any(one in folded for one in wanted):
            continue
        for sentence in range(int(segment.first_sentence[block]), int(segment.first_sentence[block + 1])):
            begin = segment.sentence_span(sentence)[0]
            first, last = int(segment.first_row[sentence]), int(segment.first_row[sentence + 1])
            at = segment.row_token[first:last]
            spans = zip((starts[at] + begin).tolist(), (ends[at] + begin).tolist(), strict=True)
            found[first:last] = [spelled(text[start:end]) in wanted for start, end in spans]
    return found


def _documents(reader: CorpusReader, globs: Sequence[str] | None) -> NDArray[np.bool_] | None:
    if globs is None:
        return None
    matches = lru_cache(maxsize=_REMEMBERED)(lambda uri: any(matches_name(uri, pattern) for pattern in globs))
    rows = reader.documents
    found = np.fromiter((matches(uri) for uri, _ in rows.labels()), dtype=bool, count=len(rows))
    if not found.any():
        raise InvalidParams(
            "filter.documents",
            f"none of the {reader.manifest.n_documents} documents matches {', '.join(map(repr, globs))[:200]}",
            hint=f"names look like {rows.head(0).uri!r}; `*` matches any characters" if len(rows) else _EMPTY,
        )
    return found


def _with_metadata(
    reader: CorpusReader, wanted: Sequence[tuple[str, Sequence[str]]] | None
) -> NDArray[np.bool_] | None:
    if wanted is None:
        return None
    matches = lru_cache(maxsize=_REMEMBERED)(lambda value, at: any(matches_value(value, one) for one in wanted[at][1]))
    fits = np.zeros((len(wanted), len(reader.documents)), dtype=bool)
    for number, (uri, metadata) in enumerate(reader.documents.labels()):
        for at, (key, _) in enumerate(wanted):
            value = value_of(uri, metadata, key)
            fits[at, number] = value is not None and matches(value, at)
    for one, (key, values) in zip(fits, wanted, strict=True):
        if not one.any():
            _refuse_metadata(reader, key, values)
    found = np.asarray(fits.all(axis=0))
    if not found.any():
        raise InvalidParams("filter.metadata", "no document matches all of it", hint="Ask for less at once.")
    return found


def _refuse_metadata(reader: CorpusReader, key: str, values: Sequence[str]) -> None:
    known: set[str] = set()
    keys = {FOLDER}
    for uri, metadata in reader.documents.labels():
        keys.update(name for name, _ in metadata)
        value = value_of(uri, metadata, key)
        if value is not None and len(known) < _MOST_LISTED:
            known.add(value)
    if not known:
        raise InvalidParams(
            "filter.metadata",
            f"no document of {reader.name!r} has {key!r}",
            hint=f"keys: {', '.join(sorted(keys))[:300]}",
        )
    raise InvalidParams(
        "filter.metadata",
        f"{key!r} is never {' or '.join(map(repr, values))[:100]}",
        hint=f"values: {', '.join(sorted(known))[:300]}",
    )


def _both(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _composed(text: str) -> str:
    """A word as it is compared: composed and decomposed accents alike."""
    return unicodedata.normalize("NFC", text)


def _spelled(text: str) -> str:
    """The same, upper and lower case alike, too."""
    return _composed(_composed(text).casefold())


def _check_labels(reader: CorpusReader, name: str, labels: Sequence[str] | None) -> None:
    if labels is None:
        return
    known = {NONE}.union(*(segment.segment.meta["labels"][name] for segment in reader.segments))
    unknown = [label for label in labels if label not in known]
    if unknown:
        raise InvalidParams(
            f"filter.{name}",
            f"{unknown[0]!r} does not occur in corpus {reader.name!r}",
            hint=f"labels: {', '.join(sorted(known))}",
            allowed=sorted(known),
        )
