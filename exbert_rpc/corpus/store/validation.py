"""Whether the arrays of a segment fit each other, its description and the corpus' configuration.

Checksums keep out accidents. This keeps out intent: a corpus from somebody else, whose checksums are right, must end
in an answer or in an error that names the file.

1. When a corpus is opened: kind and shape of every section (from the table of contents, no array is read), then the
   small arrays: offsets that ascend and end where they must, spans within their texts, labels that exist.
2. When a layer is first used: its scale, its outliers and the offsets of its attention.
3. What is packed (text, attention) is checked when it is unpacked, by :func:`~segment.decoding`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.store.layout import ANNOTATIONS, NO_TOKEN, attention_key, sums_key, vectors_key
from exbert_rpc.corpus.store.manifest import CorpusConfig
from exbert_rpc.corpus.store.peaks import peak_sections, read_peaks
from exbert_rpc.corpus.store.quantize import OUTLIER, Scale, packed_width
from exbert_rpc.corpus.store.segment import Segment, are_plain_texts, damaged, decoding
from exbert_rpc.corpus.store.sums import has_head_tables, read_sums, stored_sums
from exbert_rpc.corpus.types import Space

_LARGEST = 8.0
"""No part of a unit vector is larger than 1; centers, steps and residuals of honest corpora stay well below this."""

Shape = tuple[int | None, ...]
"""A shape; ``None`` where any length will do."""


def check_structure(segment: Segment, config: CorpusConfig) -> None:
    """Raise ``CorpusDamaged`` unless a segment is what a build with this configuration writes, as far as is cheap."""
    with decoding(segment.name):
        _check_sections(segment, config)
        _check_texts(segment)
        _check_spans(segment)
        _check_description(segment)
        if has_head_tables(segment):
            _check_words(segment)


def check_thoroughly(segment: Segment, config: CorpusConfig) -> None:
    """The same with every checksum, and with all that is otherwise looked at when it is first used."""
    segment.verify_all()
    check_structure(segment, config)
    for space, layer, width in config.stored_vectors():
        read_scale(segment, space, layer)
        read_outliers(segment, space, layer, width)
    for layer in config.attention_layers:
        attention_offsets(segment, layer)
    if has_head_tables(segment):
        read_sums(segment)
        lengths = _row_lengths(segment)
        for layer in config.layers:
            for head in range(config.n_heads):
                read_peaks(segment, layer, head, lengths)


def _row_lengths(segment: Segment) -> NDArray[np.int64]:
    """int64 ``[R]``: tokens of each row's sentence."""
    lengths = _lengths(segment.array("sentence/tokens"))
    of_rows: NDArray[np.int64] = np.repeat(lengths, lengths)[segment.array("token/special") == 0]
    return of_rows


def read_scale(segment: Segment, space: Space, layer: int) -> Scale:
    """The scale of a layer; raises ``CorpusDamaged`` unless it is finite and its steps are positive."""
    key = vectors_key(space, layer)
    scale = Scale(segment.array(f"{key}/center"), segment.array(f"{key}/steps"))
    # written so that it fails for what is not a number
    if not (np.all(np.abs(scale.center) <= _LARGEST) and np.all((scale.steps > 0) & (scale.steps <= _LARGEST))):
        raise damaged(segment.name, f"invalid quantization scale {key!r}")
    return scale


def read_outliers(segment: Segment, space: Space, layer: int, width: int) -> NDArray[np.void]:
    """``OUTLIER`` ``[m]`` of a layer; raises ``CorpusDamaged`` unless they ascend and lie within rows of ``width``."""
    key = f"{vectors_key(space, layer)}/outliers"
    outliers = segment.array(key)
    row, residual = outliers["row"], outliers["residual"]
    sound = (
        bool(np.all(row[1:] >= row[:-1]))
        and (len(row) == 0 or int(row[-1]) < int(segment.meta["rows"]))
        and int(outliers["dim"].max(initial=0)) < max(width, 1)
        and bool(np.all(np.abs(residual) <= _LARGEST))
    )
    if not sound:
        raise damaged(segment.name, f"section {key!r} holds values that no build writes")
    return outliers


def attention_offsets(segment: Segment, layer: int) -> NDArray[np.uint64]:
    """uint64 ``[S + 1]``: where each sentence's attention begins; raises ``CorpusDamaged`` unless they ascend."""
    key = attention_key(layer)
    _check_offsets(segment, f"{key}/offset", _length(segment, f"{key}/bytes"))
    return segment.array(f"{key}/offset")


def _check_sections(segment: Segment, config: CorpusConfig) -> None:
    for name, (dtype, shape) in _sections(segment, config).items():
        found, actual = segment.kind(name)
        same = len(actual) == len(shape) and all(
            wanted in (None, length) for wanted, length in zip(shape, actual, strict=True)
        )
        if found != dtype or not same:
            raise damaged(segment.name, f"section {name!r} is {found} {list(actual)}, not {dtype} {list(shape)}")


def _sections(segment: Segment, config: CorpusConfig) -> Mapping[str, tuple[np.dtype[Any], Shape]]:
    """Kind and shape of every section, see ``layout.py``."""
    blocks, sentences = _length(segment, "block/digest"), _length(segment, "sentence/start")
    tokens, rows = _length(segment, "token/id"), segment.meta.get("rows")
    if type(rows) is not int:
        raise damaged(segment.name, "its description is invalid")
    found: dict[str, tuple[str, Shape]] = {
        "block/digest": ("u1", (blocks, 16)),
        "block/sentences": ("<u4", (blocks + 1,)),
        "block/text": ("u1", (None,)),
        "block/offset": ("<u8", (blocks + 1,)),
        "sentence/start": ("<u4", (sentences,)),
        "sentence/end": ("<u4", (sentences,)),
        "sentence/tokens": ("<u8", (sentences + 1,)),
        "token/id": ("<i4", (tokens,)),
        "token/start": ("<u4", (tokens,)),
        "token/end": ("<u4", (tokens,)),
        "token/special": ("u1", (tokens,)),
        "token/lemma": ("<u4", (tokens,)),
        **{f"token/{name}": ("<u2", (tokens,)) for name in ANNOTATIONS},
    }
    sections: dict[str, tuple[np.dtype[Any], Shape]] = {
        name: (np.dtype(dtype), shape) for name, (dtype, shape) in found.items()
    }
    for space, layer, width in config.stored_vectors():
        key = vectors_key(space, layer)
        codes = np.dtype(np.int8 if config.precision == "int8" else np.uint8)
        sections[f"{key}/codes"] = (codes, (rows, packed_width(width, config.precision)))
        sections[f"{key}/outliers"] = (OUTLIER, (None,))
        sections[f"{key}/steps"] = sections[f"{key}/center"] = (np.dtype("<f4"), (width,))
    for layer in config.attention_layers:
        sections[f"{attention_key(layer)}/bytes"] = (np.dtype("u1"), (None,))
        sections[f"{attention_key(layer)}/offset"] = (np.dtype("<u8"), (sentences + 1,))
    return {**sections, **_head_tables(segment, config, blocks, tokens, rows)}


def _head_tables(
    segment: Segment, config: CorpusConfig, blocks: int, tokens: int, rows: int
) -> Mapping[str, tuple[np.dtype[Any], Shape]]:
    """The same for peaks, words and sums; nothing where an earlier version has left them out."""
    if not has_head_tables(segment):
        return {}
    relations: Any = segment.meta.get("relations")
    if not _is_texts(relations):
        raise damaged(segment.name, "its description is not one")
    found: dict[str, tuple[np.dtype[Any], Shape]] = {
        "token/word": (np.dtype("<u2"), (tokens,)),
        "token/head": (np.dtype("<u2"), (tokens,)),
        "token/form": (np.dtype("<u4"), (tokens,)),
        sums_key("group"): (np.dtype("<i4"), (blocks,)),
    }
    found |= peak_sections(segment, config, rows)
    groups = _length(segment, sums_key("rows"))
    for name, (dtype, shape) in stored_sums(len(config.layers) * config.n_heads, len(relations)).items():
        found[sums_key(name)] = (dtype, (groups, *shape))
    return found


def _check_texts(segment: Segment) -> None:
    """Texts are UTF-8 that no block cuts within a character, and sentences lie within their blocks."""
    raw = segment.array("block/text")
    raw.tobytes().decode("utf-8")
    _check_offsets(segment, "block/offset", len(raw))
    _check_offsets(segment, "block/sentences", _length(segment, "sentence/start"))
    offset = segment.array("block/offset").astype(np.int64)
    lengths = _lengths(offset)
    begins = (raw & 0xC0) != 0x80
    if not begins[offset[offset < len(raw)]].all():
        raise damaged(segment.name, "a block begins within a character")
    characters = np.zeros(len(lengths), dtype=np.int64)
    filled = lengths > 0
    if filled.any():
        characters[filled] = np.add.reduceat(begins, offset[:-1][filled], dtype=np.int64)
    _check_within(segment, "sentence", np.repeat(characters, _lengths(segment.array("block/sentences"))))


def _check_spans(segment: Segment) -> None:
    """Tokens lie within their sentences."""
    _check_offsets(segment, "sentence/tokens", _length(segment, "token/id"))
    room = segment.array("sentence/end") - segment.array("sentence/start")
    _check_within(segment, "token", np.repeat(room, _lengths(segment.array("sentence/tokens"))))


def _check_words(segment: Segment) -> None:
    """Words begin, and depend on words, within their sentences."""
    lengths = _lengths(segment.array("sentence/tokens"))
    room = np.repeat(lengths, lengths)
    for name in ("token/word", "token/head"):
        array = segment.array(name)
        if not np.all((array < room) | (array == NO_TOKEN)):
            raise damaged(segment.name, f"section {name!r} names a token that there is not")


def _lengths(offsets: NDArray[Any]) -> NDArray[np.int64]:
    whole = offsets.astype(np.int64)
    lengths: NDArray[np.int64] = whole[1:] - whole[:-1]
    return lengths


def _check_within(segment: Segment, of: str, room: NDArray[Any]) -> None:
    start, end = segment.array(f"{of}/start"), segment.array(f"{of}/end")
    if not (np.all(start <= end) and np.all(end <= room)):
        raise damaged(segment.name, f"a {of} lies outside of its text")


def _check_offsets(segment: Segment, name: str, total: int) -> None:
    offsets = segment.array(name)
    if int(offsets[0]) != 0 or int(offsets[-1]) != total or not np.all(offsets[1:] >= offsets[:-1]):
        raise damaged(segment.name, f"section {name!r} does not ascend from 0 to {total}")


def _check_description(segment: Segment) -> None:
    """What stands beside the arrays: a number of rows, labels that the arrays may name, what was left out."""
    meta = segment.meta
    labels: Any = meta.get("labels")
    losses: Any = meta.get("losses")
    sound = (
        meta.get("rows") == int((segment.array("token/special") == 0).sum())
        and isinstance(labels, dict)
        and set(labels) == {*ANNOTATIONS, "lemma", *(("form",) if has_head_tables(segment) else ())}
        and all(_is_texts(names) for names in labels.values())
        and isinstance(losses, dict)
        and all(isinstance(found, list) and all(_is_loss(loss) for loss in found) for found in losses.values())
    )
    if not sound:
        raise damaged(segment.name, "its description is invalid")
    for name, names in labels.items():
        if int(segment.array(f"token/{name}").max(initial=0)) > len(names):
            raise damaged(segment.name, f"section 'token/{name}' names a label that does not exist")


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and are_plain_texts(value)


def _is_loss(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and _is_texts(value)


def _length(segment: Segment, name: str) -> int:
    shape = segment.kind(name)[1]
    return shape[0] if shape else 0
