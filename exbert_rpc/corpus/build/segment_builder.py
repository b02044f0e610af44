"""Tokenized blocks and their packed sentences, collected until they make a segment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.build.pack import PackedSentence, Scales
from exbert_rpc.corpus.build.sentences import TokenizedBlock
from exbert_rpc.corpus.head_sums import Peaks, add_sums
from exbert_rpc.corpus.store.blocks import block_digest
from exbert_rpc.corpus.store.layout import ANNOTATIONS, attention_key, vectors_key
from exbert_rpc.corpus.store.manifest import CorpusConfig
from exbert_rpc.corpus.store.peaks import write_peaks
from exbert_rpc.corpus.store.quantize import OUTLIER, Codes, packed_width
from exbert_rpc.corpus.store.segment import SegmentWriter
from exbert_rpc.corpus.store.sums import (
    SUMS_VERSION,
    SumGroup,
    as_stored,
    join_groups,
    join_peaks,
    most_groups,
    write_sums,
)
from exbert_rpc.corpus.types import Space

COLUMNS = (*ANNOTATIONS, "lemma", "form")
"""What tokens have a label of."""
LAYOUT = f"peaks and sums {SUMS_VERSION}"
"""Part of a segment's name: what earlier versions wrote for the same blocks had less in it."""
_LOSS_CHARACTERS = 40
_MOST_COLLECTED = 64  # groups of sums; neighbors are joined beyond that, so that memory stays bounded


class Labels:
    """Strings numbered in the order they come; 0 is ``None``."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, label: str) -> int:
        """The number of a label; the empty string counts as ``None``."""
        return self._numbers.setdefault(label, len(self._numbers) + 1) if label else 0

    def names(self) -> list[str]:
        """Labels by number, from 1."""
        return list(self._numbers)


@dataclass
class _Tokens:
    ids: list[NDArray[np.int64]] = field(default_factory=list)
    start: list[NDArray[np.int32]] = field(default_factory=list)
    end: list[NDArray[np.int32]] = field(default_factory=list)
    special: list[NDArray[np.bool_]] = field(default_factory=list)
    word: list[NDArray[np.uint16]] = field(default_factory=list)
    head: list[NDArray[np.uint16]] = field(default_factory=list)
    labels: dict[str, list[NDArray[np.int64]]] = field(default_factory=lambda: {name: [] for name in COLUMNS})


class SegmentBuilder:
    """One segment in the making.

    Args:
        config: What is stored.
        scales: Quantization scales of each space and layer.
        check: Called often while blocks are added or written, which takes seconds; an error that it raises ends that.
    """

    def __init__(self, config: CorpusConfig, scales: Scales, check: Callable[[], None]) -> None:
        self._check = check
        self._config = config
        self._scales = scales
        self._blocks: list[tuple[str, str, int]] = []
        self._losses: dict[str, list[list[str]]] = {}
        self._spans: list[tuple[int, int]] = []
        self._lengths: list[int] = []
        self._tokens = _Tokens()
        self._numbers = {name: Labels() for name in COLUMNS}
        self._codes: dict[tuple[Space, int], list[Codes]] = {key: [] for key in scales}
        self._attention: dict[int, tuple[list[bytes], list[int]]] = {
            layer: ([], []) for layer in config.attention_layers
        }
        self._peaks: list[Peaks] = []
        self._groups: list[SumGroup] = []
        self.n_rows = 0
        self.nbytes = 0

    def add(self, blocks: Sequence[TokenizedBlock], sentences: Sequence[PackedSentence]) -> None:
        """Add blocks with all their sentences, in order."""
        for block in blocks:
            self._check()
            digest = block_digest(block.annotated.text, block.annotated.variant)
            self._blocks.append((digest, block.annotated.text, len(block.sentences)))
            told = (*block.losses, *block.cuts)
            if told:
                self._losses[digest] = [[loss.text[:_LOSS_CHARACTERS], loss.reason] for loss in told]
            self._spans += [(sentence.start, sentence.end) for sentence in block.sentences]
            self._lengths += [len(sentence.encoding.ids) for sentence in block.sentences]
            self.n_rows += sum(int((~sentence.encoding.is_special).sum()) for sentence in block.sentences)
            self._add_tokens(block)
        self._add_sums(blocks, sentences)
        if sentences:
            self._add_peaks(sentences)
            self._add_vectors(sentences)
            self._add_attention(sentences)

    def write(self, stream: BinaryIO) -> None:
        """Write the segment, once: arrays are released as they are written; the next segment can use their memory."""
        writer = SegmentWriter()
        self._write_texts(writer)
        self._write_tokens(writer)
        for space, layer in list(self._codes):
            self._check()
            chunks = self._codes.pop((space, layer))
            key = vectors_key(space, layer)
            scale = self._scales[space, layer]
            width = packed_width(len(scale.steps), self._config.precision)
            no_rows = np.zeros((0, width), np.int8 if self._config.precision == "int8" else np.uint8)
            writer.add(f"{key}/codes", no_rows, *(chunk.codes for chunk in chunks))
            writer.add(f"{key}/outliers", _join_outliers(chunks))
            writer.add(f"{key}/steps", scale.steps)
            writer.add(f"{key}/center", scale.center)
        for layer in list(self._attention):
            packed, lengths = self._attention.pop(layer)
            offset = np.cumsum([0, *lengths], dtype=np.uint64)
            none = np.zeros(0, np.uint8)
            writer.add(f"{attention_key(layer)}/bytes", none, *(np.frombuffer(one, np.uint8) for one in packed))
            writer.add(f"{attention_key(layer)}/offset", offset)
        self._write_peaks(writer)
        names = {name: numbers.names() for name, numbers in self._numbers.items()}
        meta = {
            "config": self._config.key(),
            "labels": names,
            "rows": self.n_rows,
            "losses": self._losses,
            "relations": self._write_sums(writer),
            "sums": SUMS_VERSION,
        }
        writer.write(stream, meta, self._check)

    def name(self) -> str:
        """The file name of the segment."""
        return segment_name(self._config, [digest for digest, _, _ in self._blocks])

    def _add_tokens(self, block: TokenizedBlock) -> None:
        tokens = self._tokens
        for encoding in (sentence.encoding for sentence in block.sentences):
            tokens.ids.append(encoding.ids)
            tokens.start.append(encoding.start)
            tokens.end.append(encoding.end)
            tokens.special.append(encoding.is_special)
            self.nbytes += 32 * len(encoding.ids)
        for words in (sentence.words for sentence in block.sentences):
            tokens.word.append(as_stored(words.word))
            tokens.head.append(as_stored(words.syntactic_head))
        for name in COLUMNS:
            labels = block.forms if name == "form" else getattr(block.annotated, name)
            # one number a word, and 0 at the end for the word -1 of tokens that belong to none
            numbers = np.array([*map(self._numbers[name].number, labels), 0], dtype=np.int64)
            tokens.labels[name] += [numbers[sentence.word] for sentence in block.sentences]

    def _add_vectors(self, sentences: Sequence[PackedSentence]) -> None:
        for key, chunks in self._codes.items():
            found = [sentence.codes[key] for sentence in sentences]
            # many small arrays that stay, made among large ones that don't, would leave holes in memory
            joined = Codes(np.concatenate([one.codes for one in found]), _join_outliers(found))
            chunks.append(joined)
            self.nbytes += joined.codes.nbytes + joined.outliers.nbytes

    def _add_attention(self, sentences: Sequence[PackedSentence]) -> None:
        for index, (packed, lengths) in enumerate(self._attention.values()):
            found = [sentence.attention[index] for sentence in sentences]
            packed.append(b"".join(found))
            lengths += map(len, found)
            self.nbytes += len(packed[-1])

    def _add_peaks(self, sentences: Sequence[PackedSentence]) -> None:
        self._peaks.append(join_peaks([sentence.peaks for sentence in sentences]))
        self.nbytes += self._peaks[-1].target.nbytes + self._peaks[-1].weight.nbytes

    def _add_sums(self, blocks: Sequence[TokenizedBlock], sentences: Sequence[PackedSentence]) -> None:
        first = len(self._blocks) - len(blocks)
        rest = iter(sentences)
        for number, block in enumerate(blocks, first):
            sums = add_sums(self._n_heads, [next(rest).sums for _ in block.sentences])
            self._groups.append(SumGroup(sums, (number,)))
            if len(self._groups) >= _MOST_COLLECTED:
                self._groups = join_groups(self._groups, _MOST_COLLECTED // 2)

    @property
    def _n_heads(self) -> int:
        return len(self._config.layers) * self._config.n_heads

    def _write_peaks(self, writer: SegmentWriter) -> None:
        none = Peaks(np.zeros((self._n_heads, 0), np.uint16), np.zeros((self._n_heads, 0), np.uint8))
        peaks, self._peaks = join_peaks([none, *self._peaks]), []
        write_peaks(writer, self._config, peaks, max(self._lengths, default=0))

    def _write_sums(self, writer: SegmentWriter) -> list[str]:
        relations = {name for group in self._groups for name in group.sums.relations}
        groups = join_groups(self._groups, most_groups(self.nbytes, self._n_heads, len(relations)))
        return write_sums(writer, groups, len(self._blocks), self._n_heads)

    def _write_texts(self, writer: SegmentWriter) -> None:
        texts = [text.encode("utf-8") for _, text, _ in self._blocks]
        digests = b"".join(bytes.fromhex(digest) for digest, _, _ in self._blocks)
        writer.add("block/digest", np.frombuffer(digests, np.uint8).reshape(-1, 16))
        writer.add("block/sentences", np.cumsum([0, *(n for _, _, n in self._blocks)], dtype=np.uint32))
        writer.add("block/text", np.frombuffer(b"".join(texts), np.uint8))
        writer.add("block/offset", np.cumsum([0, *map(len, texts)], dtype=np.uint64))
        spans = np.array(self._spans, dtype=np.uint32).reshape(-1, 2)
        writer.add("sentence/start", spans[:, 0])
        writer.add("sentence/end", spans[:, 1])
        writer.add("sentence/tokens", np.cumsum([0, *self._lengths], dtype=np.uint64))

    def _write_tokens(self, writer: SegmentWriter) -> None:
        tokens = self._tokens
        writer.add("token/id", _join(tokens.ids, np.int32))
        writer.add("token/start", _join(tokens.start, np.uint32))
        writer.add("token/end", _join(tokens.end, np.uint32))
        writer.add("token/special", _join(tokens.special, np.uint8))
        writer.add("token/word", _join(tokens.word, np.uint16))
        writer.add("token/head", _join(tokens.head, np.uint16))
        for name, chunks in tokens.labels.items():
            writer.add(f"token/{name}", _join(chunks, np.uint32 if name in ("lemma", "form") else np.uint16))


def segment_name(config: CorpusConfig, digests: Sequence[str], sources: Sequence[str] = ()) -> str:
    """A file name made from configuration, blocks, and the checksums of the segments that they are copied from.

    Under other settings, or copied from elsewhere, the same blocks give another name, so that a build never writes
    something else over a file of the corpus that it is going to replace.
    """
    parts = "".join([LAYOUT, config.key(), *digests, *sources])
    return f"segment-{hashlib.blake2b(parts.encode(), digest_size=12).hexdigest()}.exb"


def _join(chunks: Sequence[NDArray[np.generic]], dtype: type[np.generic]) -> NDArray[np.generic]:
    return np.concatenate([np.zeros(0, dtype), *chunks]).astype(dtype)


def _join_outliers(chunks: Sequence[Codes]) -> NDArray[np.void]:
    starts = np.cumsum([0, *(len(chunk.codes) for chunk in chunks)])
    joined = np.concatenate([np.zeros(0, OUTLIER), *(chunk.outliers for chunk in chunks)])
    joined["row"] += np.repeat(starts[:-1], [len(chunk.outliers) for chunk in chunks]).astype(np.uint32)
    return joined
