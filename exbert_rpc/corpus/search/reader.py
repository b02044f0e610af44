"""A corpus opened for reading: rows of all its segments, and where each of them stands in the documents."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.head_plan import SentenceWords
from exbert_rpc.corpus.search.occurrences import Occurrence, Occurrences, locate
from exbert_rpc.corpus.store.attention import unpack_levels
from exbert_rpc.corpus.store.blocks import rows_before_sentence
from exbert_rpc.corpus.store.folders import CorpusFolder
from exbert_rpc.corpus.store.layout import NO_TOKEN, attention_key, vectors_key
from exbert_rpc.corpus.store.manifest import MANIFEST, CorpusConfig, Manifest, widths_by_layer
from exbert_rpc.corpus.store.peaks import read_peaks
from exbert_rpc.corpus.store.quantize import StoredVectors
from exbert_rpc.corpus.store.remote import RemoteFolder
from exbert_rpc.corpus.store.segment import Section, Segment, damaged, decoding
from exbert_rpc.corpus.store.sums import has_current_sums, has_head_tables
from exbert_rpc.corpus.store.validation import attention_offsets, check_structure, read_outliers, read_scale
from exbert_rpc.corpus.types import Precision, SentenceTokens, Space
from exbert_rpc.errors import CorpusDamaged, InvalidParams
from exbert_rpc.model.types import Encoding, ModelDescription
from exbert_rpc.recent import Recent

if TYPE_CHECKING:
    from exbert_rpc.corpus.search.finding import Gather

T = TypeVar("T")

_CACHED = 64
_SERIAL = itertools.count()


def next_serial() -> int:
    """A number that no reader of this process has; what is kept for a reader is kept under its number."""
    return next(_SERIAL)


class OpenSegment:
    """One segment with what searching needs of it, computed when first used."""

    def __init__(self, segment: Segment, occurrences: Occurrences) -> None:
        self.segment = segment
        self.occurrences = occurrences
        self._vectors: dict[tuple[Space, int], StoredVectors] = {}
        self._attention: dict[int, tuple[NDArray[np.uint64], Section]] = {}
        self._sound_peaks: set[tuple[int, int]] = set()

    @cached_property
    def block_multiplicity(self) -> NDArray[np.int64]:
        """int64 ``[B]``: how often each block stands in the corpus."""
        return np.diff(self.occurrences.start)

    @cached_property
    def sentence_block(self) -> NDArray[np.int64]:
        """int64 ``[S]``: block of each sentence."""
        counts = self.first_sentence[1:] - self.first_sentence[:-1]
        return np.repeat(np.arange(len(counts)), counts)

    @cached_property
    def first_sentence(self) -> NDArray[np.int64]:
        """int64 ``[B + 1]``: first sentence of each block."""
        return self.segment.array("block/sentences").astype(np.int64)

    @cached_property
    def first_token(self) -> NDArray[np.int64]:
        """int64 ``[S + 1]``: first token of each sentence."""
        return self.segment.array("sentence/tokens").astype(np.int64)

    @cached_property
    def longest_sentence(self) -> int:
        """Tokens of the longest sentence."""
        return int(np.diff(self.first_token).max(initial=0))

    @cached_property
    def first_row(self) -> NDArray[np.int64]:
        """int64 ``[S + 1]``: first row of each sentence."""
        return rows_before_sentence(self.segment)

    @cached_property
    def row_token(self) -> NDArray[np.int64]:
        """int64 ``[R]``: token of each row."""
        return np.flatnonzero(self.segment.array("token/special") == 0)

    @cached_property
    def token_row(self) -> NDArray[np.int64]:
        """int64 ``[T]``: row of each token; -1 for special ones."""
        rows = np.full(int(self.first_token[-1]), -1, dtype=np.int64)
        rows[self.row_token] = np.arange(len(self.row_token))
        return rows

    @cached_property
    def row_sentence(self) -> NDArray[np.int64]:
        """int64 ``[R]``: sentence of each row."""
        return np.repeat(np.arange(len(self.first_row) - 1), np.diff(self.first_row))

    @cached_property
    def multiplicity(self) -> NDArray[np.int64]:
        """int64 ``[R]``: how often each row stands in the corpus; 0 for what has left it."""
        return self.block_multiplicity[self.sentence_block][self.row_sentence]

    @cached_property
    def row_next(self) -> NDArray[np.int64]:
        """int64 ``[R]``: row of the next token of the same sentence that is not special; -1 for the last one."""
        following = np.arange(1, len(self.row_token) + 1)
        following[self.first_row[1:][np.diff(self.first_row) > 0] - 1] = -1
        return following

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.segment.meta["rows"])

    def block_text(self, block: int) -> str:
        """Exact text of a block."""
        offset = self.segment.array("block/offset")
        with decoding(self.segment.name):
            return bytes(self.segment.array("block/text")[int(offset[block]) : int(offset[block + 1])]).decode("utf-8")

    def sentence_span(self, sentence: int) -> tuple[int, int]:
        """Start and end of a sentence in its block, in code points."""
        return int(self.segment.array("sentence/start")[sentence]), int(self.segment.array("sentence/end")[sentence])

    def sentence_text(self, sentence: int) -> str:
        """Exact text of a sentence."""
        start, end = self.sentence_span(sentence)
        return self.block_text(int(self.sentence_block[sentence]))[start:end]

    @cached_property
    def _names(self) -> dict[str, list[str | None]]:
        """Labels of each attribute by their numbers in the segment."""
        return {attribute: [None, *names] for attribute, names in self.segment.meta["labels"].items()}

    def words(self, sentence: int) -> SentenceWords:
        """Words of a sentence; only of a segment that has them (``has_head_tables``)."""
        span = slice(int(self.first_token[sentence]), int(self.first_token[sentence + 1]))
        word, head = (self.segment.array(f"token/{name}")[span].astype(np.int64) for name in ("word", "head"))
        names = self._names["dep"]
        return SentenceWords(
            is_special=self.segment.array("token/special")[span] != 0,
            word=np.where(word == NO_TOKEN, -1, word),
            syntactic_head=np.where(head == NO_TOKEN, -1, head),
            dep=[names[number] or "" for number in self.segment.array("token/dep")[span].tolist()],
            form=self.segment.array("token/form")[span].astype(np.int64),
        )

    @property
    def has_head_tables(self) -> bool:
        """Whether peaks, syntactic heads and sums of heads are stored; earlier versions stored none."""
        return has_head_tables(self.segment)

    @cached_property
    def row_length(self) -> NDArray[np.uint16]:
        """uint16 ``[R]``: tokens of each row's sentence; no more than a target can name."""
        return np.minimum(np.diff(self.first_token), NO_TOKEN).astype(np.uint16)[self.row_sentence]

    @cached_property
    def row_first_token(self) -> NDArray[np.int64]:
        """int64 ``[R]``: first token of each row's sentence."""
        return self.first_token[self.row_sentence]

    def peaks(self, layer: int, head: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """The strongest attention of each row to a token that is not special, of one head; no attention is read.

        Returns:
            int64 ``[R]``, the target as a token of the segment; uint8 ``[R]``, its weight times 255, in compact corpora
            the middle of its step of 17.

        Raises:
            CorpusDamaged: the segment has no such table, or it is not what a build writes.
        """
        target, weight = self.stored_peaks(layer, head)
        return self.row_first_token + target, weight

    def stored_peaks(self, layer: int, head: int) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """The same, with targets counted in their sentences: uint16 ``[R]`` and uint8 ``[R]``."""
        lengths = None if (layer, head) in self._sound_peaks else self.row_length
        found = read_peaks(self.segment, layer, head, lengths)
        self._sound_peaks.add((layer, head))
        return found

    def form_number(self, word: str) -> int | None:
        """The number that stands in ``token/form`` for tokens of a word (lower-cased); ``None`` if none has it."""
        return self._form_numbers.get(word)

    @cached_property
    def _form_numbers(self) -> dict[str, int]:
        return {form: number for number, form in enumerate(self.segment.meta["labels"]["form"], 1)}

    def label(self, attribute: str, token: int) -> str | None:
        """Annotation of one token."""
        number = int(self.segment.array(f"token/{attribute}")[token])
        return self.segment.meta["labels"][attribute][number - 1] if number else None

    def tokens(self, sentence: int) -> SentenceTokens:
        """All tokens of a sentence."""
        first, last = int(self.first_token[sentence]), int(self.first_token[sentence + 1])
        start, end, special, heads = (column[first:last] for column in self._token_numbers)
        pos, tag, dep, lemma, entity = [
            _picked(names, column[first:last].tolist()) for names, column in self._token_labels
        ]
        return SentenceTokens(
            start=start.astype(np.int32),
            end=end.astype(np.int32),
            is_special=special != 0,
            pos=pos,
            tag=tag,
            dep=dep,
            lemma=lemma,
            entity=entity,
            syntactic_head=_heads_of(heads.tolist()) if self.has_head_tables else None,
        )

    @cached_property
    def _token_numbers(self) -> tuple[NDArray[np.uint32], ...]:
        """Of all tokens ``[T]``: start, end, whether it is special, syntactic head (empty where none is kept)."""
        kept = [self.segment.array(f"token/{name}") for name in ("start", "end", "special")]
        return (*kept, self.segment.array("token/head") if self.has_head_tables else kept[0][:0])

    @cached_property
    def _token_labels(self) -> list[tuple[list[str | None], NDArray[np.uint32]]]:
        """Of each attribute its labels by their numbers, and the numbers of all tokens ``[T]``."""
        names = self._names
        return [(names[name], self.segment.array(f"token/{name}")) for name in ("pos", "tag", "dep", "lemma", "entity")]

    def is_special(self, sentence: int) -> NDArray[np.bool_]:
        """bool ``[n]`` for the tokens of a sentence."""
        span = slice(int(self.first_token[sentence]), int(self.first_token[sentence + 1]))
        special: NDArray[np.bool_] = self.segment.array("token/special")[span] != 0
        return special

    def check_tokens(self, sentence: int, encoding: Encoding) -> None:
        """Raise ``CorpusDamaged`` unless these are the tokens that a sentence was stored with."""
        span = slice(int(self.first_token[sentence]), int(self.first_token[sentence + 1]))
        same = np.array_equal(self.segment.array("token/id")[span], encoding.ids)
        if not same or not np.array_equal(self.is_special(sentence), encoding.is_special):
            raise damaged(self.segment.name, f"the tokens of sentence {sentence} are not those of its text")

    def attention(self, layer: int, sentence: int, n_heads: int) -> NDArray[np.float32]:
        """float32 ``[H, n, n]`` of one sentence."""
        return np.divide(self.attention_levels(layer, sentence, n_heads), 255, dtype=np.float32)

    def attention_levels(self, layer: int, sentence: int, n_heads: int) -> NDArray[np.uint8]:
        """uint8 ``[H, n, n]``: the same times 255, as it is stored."""
        if layer not in self._attention:
            section = self.segment.section(f"{attention_key(layer)}/bytes")
            self._attention[layer] = attention_offsets(self.segment, layer), section
        offsets, section = self._attention[layer]
        packed = section.stretch(int(offsets[sentence]), int(offsets[sentence + 1]))
        n = int(self.first_token[sentence + 1]) - int(self.first_token[sentence])
        with decoding(self.segment.name):
            return unpack_levels(packed.data, n_heads, n)

    def vectors(self, space: Space, layer: int, precision: Precision) -> StoredVectors:
        """All rows of a layer."""
        known = self._vectors.get((space, layer))
        if known is None:
            scale = read_scale(self.segment, space, layer)
            outliers = read_outliers(self.segment, space, layer, len(scale.steps))
            codes = self.segment.section(f"{vectors_key(space, layer)}/codes")
            known = self._vectors.setdefault((space, layer), StoredVectors(precision, codes, outliers, scale))
        return known


class CorpusReader:
    """One generation of a corpus, mapped for reading; it keeps working when a newer one replaces it.

    Args:
        folder: The corpus.
        gather: Has all segments searched; ``None``: this process does it.

    Raises:
        CorpusDamaged: a file is not what was written.
    """

    def __init__(self, folder: CorpusFolder | RemoteFolder, gather: Gather | None = None) -> None:
        self.folder = folder
        self.gather = gather
        self.serial = next_serial()
        while True:
            stamp = folder.stamp()
            try:
                self._read(folder)
                break
            except CorpusDamaged:
                if folder.stamp() == stamp:
                    raise
                # a build has replaced the corpus while we read it
        self._stamp = stamp
        self._cache: Recent[Hashable, object] = Recent(_CACHED)

    def _read(self, folder: CorpusFolder | RemoteFolder) -> None:
        self.manifest: Manifest = folder.manifest()
        self._states = folder.states(self.manifest)
        self.documents = folder.documents(self.manifest.documents)
        segments = [self._checked(folder.segment(entry)) for entry in self.manifest.segments]
        located = locate(self.documents, [segment.array("block/digest") for segment in segments])
        if located.n_lost:
            raise damaged(self.manifest.documents.name, f"it names {located.n_lost} blocks that no segment holds")
        self.segments = [
            OpenSegment(segment, places) for segment, places in zip(segments, located.segments, strict=True)
        ]
        sentences = np.concatenate([[0], *(np.diff(segment.first_sentence) for segment in self.segments)])
        self._sentences_before = np.concatenate([[0], np.cumsum(sentences[1 + located.owner])]).astype(np.int64)

    def _checked(self, segment: Segment) -> Segment:
        if segment.meta.get("config") != self.config.key():
            raise damaged(segment.name, "it belongs to a corpus of another model or of other settings")
        check_structure(segment, self.config)
        return segment

    def sentences_before(self, here: Occurrence) -> int:
        """How many sentences of the same text stand before a block."""
        first = self.documents.first_place
        text = self.documents.first_part[here.document]
        before = self._sentences_before
        return int(before[first[here.document] + here.order] - before[first[text]])

    @property
    def is_current(self) -> bool:
        """Whether the corpus is still what it was when it was opened."""
        return self.folder.stamp() == self._stamp and self.folder.states(self.manifest) == self._states

    def check_unchanged(self) -> None:
        """Raise ``CorpusDamaged`` if a file was changed in place: mapped bytes that are gone end the process.

        Files that a newer generation has replaced or deleted stay mapped and do no harm.
        """
        entries = (self.manifest.documents, *self.manifest.segments)
        for entry, was, now in zip(entries, self._states, self.folder.states(self.manifest), strict=True):
            if was is not None and now is not None and was[0] == now[0] and was != now:
                raise damaged(entry.name, "it was changed while the corpus was open")

    @property
    def name(self) -> str:
        """The corpus' name."""
        return self.folder.name

    @property
    def config(self) -> CorpusConfig:
        """What all its vectors have in common."""
        return self.manifest.config

    def cached(self, key: Hashable, compute: Callable[[], T]) -> T:
        """What ``compute`` gives, kept for the next caller with the same key; the last few are kept."""
        return cast(T, self._cache.get_or_compute(key, compute))

    @property
    def has_head_tables(self) -> bool:
        """Whether all segments keep peaks, syntactic heads and sums of heads."""
        return all(segment.has_head_tables for segment in self.segments)

    @property
    def has_current_sums(self) -> bool:
        """Whether all segments keep sums of heads that count as this version does."""
        return all(has_current_sums(one.segment) for one in self.segments)

    def rows_looking_at(self, word: str, layer: int, head: int, least_weight: int = 0) -> list[tuple[int, int]]:
        """Rows whose strongest attention goes to a word, as (segment, row), in order; no attention is read.

        Args:
            word: Lower-cased text of a whole word.
            layer: Attention layer.
            head: Head.
            least_weight: Of the peak, times 255.
        """
        found: list[tuple[int, int]] = []
        for number, segment in enumerate(self.segments):
            form = segment.form_number(word)
            if form is None:
                continue
            target, weight = segment.peaks(layer, head)
            right = (segment.segment.array("token/form")[target] == form) & (weight >= least_weight)
            found += [(number, row) for row in np.flatnonzero(right & (segment.multiplicity > 0)).tolist()]
        return found

    def check_layer(self, space: Space, layer: int) -> None:
        """Return at once if a layer can be searched; otherwise raise ``InvalidParams`` with those that can.

        The one place where layers of a search are checked: that the model has it, then that the corpus stores it.
        """
        config = self.config
        word, last = ("hiddenLayer", config.n_layers) if space == "hiddenState" else ("layer", config.n_layers - 1)
        if not 0 <= layer <= last:
            raise InvalidParams(word, f"{layer} is out of range", hint=f"0 to {last}", allowed=last)
        if space not in config.spaces:
            raise InvalidParams(
                "space",
                f"corpus {self.name!r} holds no {space} vectors, only {', '.join(config.spaces)}",
                hint="search what it holds, or index it again with this space among `spaces`",
                allowed=list(config.spaces),
            )
        stored = config.vector_layers(space)
        if layer not in stored:
            raise InvalidParams(
                word,
                f"corpus {self.name!r} does not hold {word} {layer}, only {', '.join(map(str, stored))}",
                hint="search one of those, or index the corpus again with more `layers`",
                allowed=list(stored),
            )

    def check_fits(self, model: ModelDescription) -> None:
        """Raise ``CorpusDamaged`` if the model of the same fingerprint cannot have made this corpus."""
        config = self.config
        said = (config.n_layers, config.n_heads, config.head_size, config.hidden_size)
        widths = {"head_sizes": config.head_sizes, "hidden_sizes": config.hidden_sizes}
        if (
            said != (model.n_layers, model.n_heads, model.head_size, model.hidden_size)
            or widths != widths_by_layer(model)
            or not set(config.layers) <= set(model.attention_layers)
        ):
            raise damaged(MANIFEST, "its numbers of layers and heads are not those of the model")
        for segment in self.segments:
            if segment.longest_sentence > model.max_tokens:
                raise damaged(segment.segment.name, "a sentence has more tokens than the model takes")


def _picked(names: list[str | None], numbers: list[int]) -> tuple[str | None, ...]:
    if len(numbers) > 1:
        return cast("tuple[str | None, ...]", itemgetter(*numbers)(names))  # half of the time of a loop
    return tuple([names[number] for number in numbers])


def _heads_of(numbers: list[int]) -> tuple[int | None, ...]:
    return tuple([None if number == NO_TOKEN else number for number in numbers])
