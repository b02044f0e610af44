"""recall@50 against float32, on real vectors of MiniLM, at every precision.

Corpora of the same vectors are built at each precision; queries are tokens of sentences that are not in them. A
re-ranking pass gives the numbers of the first pass again, so it is replayed; its time is measured with the real model.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import numpy as np
from numpy.typing import NDArray

from benchmarks.exact import mean_cosines, recall, unit_heads
from benchmarks.fake import config_of
from benchmarks.models import MINILM
from benchmarks.replay import Replay, annotate_sentences
from benchmarks.rows import Row, at_least, reported
from benchmarks.scale import Scale
from benchmarks.texts import sentences, source
from exbert_rpc.corpus.build.builder import Builder
from exbert_rpc.corpus.search.hits import FoundRow
from exbert_rpc.corpus.search.nearest import nearest_places
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.folders import Store
from exbert_rpc.corpus.types import CorpusModel, Precision, Space
from exbert_rpc.corpus.vectors import Query, make_query
from exbert_rpc.engine.corpus_requests import SearchRequest
from exbert_rpc.engine.plan import make_plan
from exbert_rpc.model.loading import load_model
from exbert_rpc.tasks import Task
from exbert_rpc.text.calibration import calibration_texts
from exbert_rpc.text.types import Document

SECTION = "Recall"
K = 50
_LAYERS = (2, 4)
_HIDDEN = (2, 4)
_SIZES = (1, 3, 6, 12)
_TOKENS_A_SENTENCE = 25
_TIMED = 2


@dataclass(frozen=True, slots=True)
class Probe:
    """A query and how good every row of the corpus is for it.

    Attributes:
        space: What is compared.
        layer: Layer of that space.
        heads: Heads that count; ``None`` for a hidden state.
        vector: float32 ``[P, d]``, the query as a model gives it.
        truth: float32 ``[N]``.
    """

    space: Space
    layer: int
    heads: tuple[int, ...] | None
    vector: NDArray[np.float32]
    truth: NDArray[np.float32]

    @property
    def kind(self) -> str:
        """In words."""
        if self.heads is None:
            return "hidden states"
        return f"{len(self.heads)} head{'s' if len(self.heads) > 1 else ''}"

    @property
    def query(self) -> Query:
        """As a search makes it."""
        return make_query(self.vector, None if self.heads is None else np.array(self.heads), by_norm=False)


def run(scale: Scale) -> list[Row]:
    """One forward pass over the text, then three corpora."""
    with tempfile.TemporaryDirectory() as folder:
        model = load_model(MINILM, cache_dir=Path(folder) / "models")
        count = scale.real // _TOKENS_A_SENTENCE
        texts = list(sentences()[:count])
        asked = list(sentences()[count : count + 2 * scale.queries])
        replay = Replay(model, _HIDDEN, _LAYERS)
        replay.learn([*texts, *asked])
        probes = _probes(replay, texts, asked, scale.queries)
        rows: list[Row] = []
        for precision in ("int8", "int4", "binary"):
            corpus = _build(Path(folder), precision, replay, texts)
            rows += _rows(corpus, replay, probes, rerank=None, n_tokens=scale.real)
            if precision == "int8":
                rows += _rows(corpus, replay, probes, rerank=True, n_tokens=scale.real)
            else:
                rows.append(_real_time(corpus, model, probes))
        return rows


def _build(root: Path, precision: Precision, replay: Replay, texts: Sequence[str]) -> CorpusReader:
    """A corpus in which each sentence is a block, so that rows come in the order of the texts."""
    config = config_of(replay.info, precision, _LAYERS)
    folder = Store(root).create(precision)
    document = Document("bench:/recall.txt", "\n\n".join(texts))
    with folder.locked():
        Builder(folder, config, replay, annotate_sentences, calibration_texts(), Task()).build([document], 1)
    return CorpusReader(folder)


def _probes(replay: Replay, texts: Sequence[str], asked: Sequence[str], count: int) -> list[Probe]:
    """``count`` queries for each layer and number of heads, each with its truth."""
    rng = np.random.default_rng(3)
    queries = []
    for number in range(count):
        capture = replay.known(asked[number])
        plain = np.flatnonzero(~capture.encoding.is_special)
        queries.append((capture, int(rng.choice(plain))))
    probes = []
    for at, layer in enumerate(_HIDDEN):
        corpus = unit_heads(_stacked(replay, texts, lambda one, at=at: one.hidden_states[at]), 1)
        for capture, token in queries:
            vector = capture.hidden_states[at][token][None, :]
            truth = mean_cosines(corpus, unit_heads(vector, 1)[0], (0,))
            probes.append(Probe("hiddenState", layer, None, vector, truth))
    n_heads = replay.info.n_heads
    for at, layer in enumerate(_LAYERS):
        flat = _stacked(
            replay,
            texts,
            lambda one, at=at: one.head_outputs[at].transpose(1, 0, 2).reshape(len(one.head_outputs[at][0]), -1),
        )
        corpus = unit_heads(flat, n_heads)
        for size in _SIZES:
            for capture, token in queries:
                heads = tuple(sorted(rng.choice(n_heads, size, replace=False).tolist()))
                vector = capture.head_outputs[at][:, token]
                truth = mean_cosines(corpus, unit_heads(vector.reshape(1, -1), n_heads)[0], heads)
                probes.append(Probe("headOutput", layer, heads, vector, truth))
    return probes


def _stacked(replay: Replay, texts: Sequence[str], pick: object) -> NDArray[np.float32]:
    """float32 ``[N, D]``: vectors of all tokens that are not special, in order."""
    assert callable(pick)
    return np.concatenate([pick(one)[~one.encoding.is_special] for one in map(replay.known, texts)])


def _rows(
    corpus: CorpusReader, replay: Replay, probes: Sequence[Probe], *, rerank: bool | None, n_tokens: int
) -> list[Row]:
    precision = corpus.config.precision
    bases = np.cumsum([0, *(segment.n_rows for segment in corpus.segments)])
    assert bases[-1] == len(probes[0].truth), "rows of the corpus are not those of the texts"
    rows = []
    for kind in dict.fromkeys(probe.kind for probe in probes):
        some = [probe for probe in probes if probe.kind == kind]
        shares = []
        for probe in some:
            found, _ = _search(corpus, replay, probe, rerank)
            shares.append(recall(probe.truth, [int(bases[one.segment]) + one.row for one in found], K))
        rows.append(_row(precision, kind, shares, rerank, bases[-1]))
    del n_tokens
    return rows


def _row(precision: Precision, kind: str, shares: Sequence[float], rerank: bool | None, n_vectors: int) -> Row:
    again = precision != "int8" or rerank is True
    what = f"recall@{K}, {precision}{', re-ranked' if again else ''}, {kind}"
    detail = f"lowest of {len(shares)} queries {min(shares):.2f}; {n_vectors:,} vectors of {source()}"
    few = precision == "binary" and kind in ("1 head", "3 heads")
    if few:
        return reported(SECTION, what, mean(shares), "", f"{detail}; `stats.note` says that few heads are weak here")
    goal = (0.995 if again else 0.98) if precision == "int8" else 0.95
    return at_least(SECTION, what, "exact float32", goal, mean(shares), "", detail)


def _search(corpus: CorpusReader, model: CorpusModel, probe: Probe, rerank: bool | None) -> tuple[list[FoundRow], int]:
    request = SearchRequest("bench", corpus.name, probe.layer, probe.space, heads=probe.heads, k=K, rerank=rerank)
    return nearest_places(make_plan(request, corpus, model, probe.query), Task())


def _real_time(corpus: CorpusReader, model: CorpusModel, probes: Sequence[Probe]) -> Row:
    """How long a search takes when the candidates' sentences really are run again."""
    spent: dict[str, list[float]] = {}
    for kind in ("hidden states", "12 heads", "1 head"):
        for probe in [one for one in probes if one.kind == kind][:_TIMED]:
            started = time.perf_counter()
            _search(corpus, model, probe, None)
            spent.setdefault(kind, []).append(time.perf_counter() - started)
    detail = ", ".join(f"{kind} {median(times):.2f} s" for kind, times in spent.items())
    what = f"one search with its re-ranking pass, {corpus.config.precision}, hidden states"
    return reported(SECTION, what, median(spent["hidden states"]), "s", detail)
