"""What every head of a corpus' model does everywhere in the corpus: from a request to profiles with examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.profile.corpus import CorpusWords, Example, examples_of_role, examples_of_word
from exbert_rpc.analysis.profile.findings import SIGNIFICANT
from exbert_rpc.analysis.profile.heads import finish, profile_heads
from exbert_rpc.analysis.profile.notes import notes_of
from exbert_rpc.analysis.profile.repeats import mean_repeats, measure_repeats, repeated_tokens
from exbert_rpc.analysis.profile.types import AttractingWord, HeadProfile, RandomRepeats, Role
from exbert_rpc.corpus.head_sums import HeadSums
from exbert_rpc.corpus.search.attended import attended
from exbert_rpc.corpus.search.document_sums import document_sums
from exbert_rpc.corpus.search.hits import FoundRow, make_hits
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.search.rerun import AttentionSource, RerunAttention, StoredAttention
from exbert_rpc.corpus.types import CorpusModel, Hit
from exbert_rpc.engine.captures import chosen_heads, chosen_layers
from exbert_rpc.engine.corpora import Corpora
from exbert_rpc.engine.corpus_requests import HeadExamples, ProfileRequest, ProfileResult
from exbert_rpc.engine.models import Models
from exbert_rpc.engine.search import model_mismatch
from exbert_rpc.errors import AnswerTooLarge, CorpusMismatch, InvalidParams
from exbert_rpc.model.types import Encoding
from exbert_rpc.tasks import Progress, Task

_MOST_EXAMPLES = 60  # heads times examples: each head has up to 28 roles and words
_MOST_ROLES = 8
_REPEATED, _TEXTS, _LEAST_REPEATED = 50, 8, 10


class Profiler:
    """Profiles heads.

    Args:
        corpora: Where.
        models: What a corpus was built by, where something must be run.
        allowed_roots: Folders that may be looked into for files that have changed; ``None``: anywhere.
    """

    def __init__(self, corpora: Corpora, models: Models, allowed_roots: Sequence[Path] | None = None) -> None:
        self._corpora = corpora
        self._models = models
        self._allowed_roots = allowed_roots

    def profile(self, request: ProfileRequest, task: Task) -> ProfileResult:
        """What the heads asked for do. No attention is read, except of examples, and of paragraphs around edits.

        Raises:
            InvalidParams: a layer or head is out of range.
            CorpusNotFound, CorpusDamaged, Cancelled: likewise.
            CorpusMismatch: an earlier version has built the corpus, or the model is not what it was.
            AnswerTooLarge: examples of so many heads.
        """
        reader = self._corpora.reader(request.corpus)
        _check_tables(reader)
        wanted = _chosen(request, reader)
        reader.check_unchanged()
        task.report(Progress("adding up what heads do"))
        sums = reader.cached(("sums",), lambda: document_sums(reader, lambda: self._model(reader, task), task))
        every = [(layer, head) for layer in reader.config.layers for head in range(reader.config.n_heads)]
        profiles: list[HeadProfile] = reader.cached(
            ("profiles", request.min_pairs), lambda: profile_heads(sums, every, min_pairs=request.min_pairs)
        )
        repeats = self._repeats(reader, sums, request, task)
        chosen = [place for place in every if place in wanted]
        none: list[tuple[AttractingWord, ...]] = [()] * len(chosen)
        known = _words(reader, sums).vocabularies(chosen, task) if "vocabulary" in request.measures else none
        heads = []
        for place, vocabulary in zip(chosen, known, strict=True):
            task.check()
            number = every.index(place)
            of_repeats = repeats[number] if repeats is not None else None
            heads.append(finish(_only(profiles[number], request), vocabulary, of_repeats))
        return ProfileResult(
            corpus=request.corpus,
            model=reader.config.model,
            tokens=sum(one.n_rows for one in sums),
            documents=reader.manifest.n_documents,
            heads=tuple(heads),
            examples=self._examples(reader, sums, heads, request, task) if request.examples > 0 else None,
            notes=_notes(reader, sums, len(every), request),
        )

    def _model(self, reader: CorpusReader, task: Task) -> CorpusModel:
        """The model that the corpus was built by."""
        model = self._models.get(reader.config.model, task)
        if model.info.fingerprint != reader.config.model_fingerprint:
            raise model_mismatch(reader, model.info, model.info.id)
        reader.check_fits(model.info)
        return model

    def _repeats(
        self, reader: CorpusReader, sums: Sequence[HeadSums], request: ProfileRequest, task: Task
    ) -> list[RandomRepeats] | None:
        """Of all heads; only of models whose rows never see a token that is behind them."""
        if "repeats" not in request.measures or not _is_causal(sums):
            return None
        return reader.cached(("repeats",), lambda: _run_repeats(reader, self._model(reader, task), task))

    def _examples(
        self,
        reader: CorpusReader,
        sums: Sequence[HeadSums],
        heads: Sequence[HeadProfile],
        request: ProfileRequest,
        task: Task,
    ) -> tuple[HeadExamples, ...]:
        stored = bool(reader.config.attention_layers)
        source = StoredAttention(reader) if stored else RerunAttention(reader, self._model(reader, task))
        words = _words(reader, sums)
        found = []
        for one in heads:
            layer, head, most = one.layer, one.head, request.examples
            roles = [
                examples_of_role(words, layer, head, role, most) if number < _MOST_ROLES and _is_shown(role) else []
                for number, role in enumerate(one.roles)
            ]
            of_words = [examples_of_word(words, layer, head, word.word, most) for word in one.vocabulary]
            hits = iter(
                self._hits(reader, source, layer, head, [e for some in (*roles, *of_words) for e in some], task)
            )
            found.append(
                HeadExamples(
                    tuple(tuple(next(hits) for _ in some) for some in roles),
                    tuple(tuple(next(hits) for _ in some) for some in of_words),
                )
            )
        return tuple(found)

    def _hits(
        self,
        reader: CorpusReader,
        source: AttentionSource,
        layer: int,
        head: int,
        examples: Sequence[Example],
        task: Task,
    ) -> list[Hit]:
        rows = [
            FoundRow(one.weight, one.segment, one.row, next(segment.occurrences.of(block)))
            for one in examples
            for segment in (reader.segments[one.segment],)
            for block in (int(segment.sentence_block[segment.row_sentence[one.row]]),)
        ]
        attention = attended(source, reader, rows, layer, (head,), task)
        hits = make_hits(reader, rows, attention, self._allowed_roots)
        return [replace(hit, target=one.target) for hit, one in zip(hits, examples, strict=True)]


def _check_tables(reader: CorpusReader) -> None:
    if not reader.has_current_sums:
        lacks = "counted otherwise what heads do" if reader.has_head_tables else "kept no profile of heads"
        raise CorpusMismatch(
            f"corpus {reader.name!r} was built by an earlier version, which {lacks}",
            hint="index the corpus again: all its text is run through the model once more",
        )


def _chosen(request: ProfileRequest, reader: CorpusReader) -> set[tuple[int, int]]:
    layers = chosen_layers(request.layers, reader.config.n_layers, "layers")
    if request.layers is None:
        layers = reader.config.layers
    missing = [layer for layer in layers if layer not in reader.config.layers]
    if missing:
        raise InvalidParams(
            "layers",
            f"corpus {reader.name!r} does not hold layer {missing[0]}",
            hint=f"It holds {', '.join(map(str, reader.config.layers))}.",
            allowed=list(reader.config.layers),
        )
    wanted = {(layer, head) for layer in layers for head in chosen_heads(request.heads, reader.config.n_heads)}
    if len(wanted) * request.examples > _MOST_EXAMPLES:
        raise AnswerTooLarge(
            f"{request.examples} examples for {len(wanted)} heads would be too large an answer",
            hint=f"Name fewer `layers` and `heads`; heads times examples may be {_MOST_EXAMPLES}.",
        )
    return wanted


def _only(profile: HeadProfile, request: ProfileRequest) -> HeadProfile:
    """The measures that were asked for."""
    measures = request.measures
    return replace(
        profile,
        offsets=profile.offsets if "offsets" in measures else (),
        beyond=profile.beyond if "offsets" in measures else (),
        roles=profile.roles if "roles" in measures else (),
        relations=profile.relations if "relations" in measures else (),
    )


def _notes(reader: CorpusReader, sums: Sequence[HeadSums], n_heads: int, request: ProfileRequest) -> tuple[str, ...]:
    if not request.measures & {"roles", "relations"}:
        return ()
    return reader.cached(
        ("notes", request.min_pairs), lambda: notes_of(sums, n_heads, request.min_pairs, reader.config.pipeline)
    )


def _is_shown(role: Role) -> bool:
    return role.q_value < SIGNIFICANT and role.mass > role.expected


def _is_causal(sums: Sequence[HeadSums]) -> bool:
    """Whether no row sees a token that is behind it."""
    return bool(sums) and not any(one.sees_ahead for one in sums)


def _words(reader: CorpusReader, sums: Sequence[HeadSums]) -> CorpusWords:
    return reader.cached(("words",), lambda: CorpusWords.of(reader, _is_causal(sums)))


def _run_repeats(reader: CorpusReader, model: CorpusModel, task: Task) -> list[RandomRepeats] | None:
    """Attention on random tokens that are repeated; ``None`` where corpus or model are too small for it."""
    (read,) = model.tokenize_many(["a"])
    before = read.ids[: int(np.argmin(read.is_special))]
    known = [segment.segment.array("token/id")[segment.row_token] for segment in reader.segments]
    allowed = np.unique(np.concatenate([np.zeros(0, np.int32), *known])).astype(np.int64)
    n = min(_REPEATED, (model.info.max_tokens - len(before)) // 2, len(allowed))
    if n < _LEAST_REPEATED:
        return None
    measured = []
    for seed in range(_TEXTS):
        task.check()
        task.report(Progress("reading random tokens twice", seed, _TEXTS))
        encoding = _encoding_of(np.concatenate([before, repeated_tokens(allowed, n, seed)]))
        (capture,) = model.capture_batch([encoding], hidden_layers=(), layers=(), attention_layers=reader.config.layers)
        measured.append(np.concatenate([measure_repeats(layer, len(before)) for layer in capture.attention]))
    return mean_repeats(measured)


def _encoding_of(ids: NDArray[np.int64]) -> Encoding:
    """Tokens that are of no text."""
    nothing, no = np.zeros(len(ids), np.int32), np.zeros(len(ids), bool)
    return Encoding("", None, ids, ("",) * len(ids), nothing, nothing, nothing, no, no)
