"""What heads do: whose findings they are, relation search, ablation of all heads; shares, times and bytes."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks.ablation import MODEL, TEXTS, measure_ablation
from benchmarks.ideal import Spent
from benchmarks.ideal import spent as spent_by
from benchmarks.models import minilm_folder
from benchmarks.planted import Specificity, specificity
from benchmarks.relations import HEADS, relation_shares
from benchmarks.rows import Row, at_least, at_most, reported
from benchmarks.scale import Scale
from benchmarks.store import NoAnnotators, built_corpus, documents_of, make_bench
from benchmarks.texts import sentences, source
from exbert_rpc.analysis.types import Control
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest, SearchRequest, SummarizeRequest
from exbert_rpc.engine.requests import AttendRequest, TextInput
from exbert_rpc.engine.search import summarize_kept
from exbert_rpc.tasks import Task

SECTION = "Insight"
_LAYERS, _HEADS = 6, 12
_TIMED = 7
_PLANTED_TOKENS = 12_000


def run(scale: Scale) -> list[Row]:
    """Specificity and relations on a real model and on planted heads, then time on the large corpus."""
    return [*_real(scale), *_planted(scale), *_relations(scale), *_ablation(), *_times(scale)]


def _real(scale: Scale) -> list[Row]:
    """Random tokens of sentences that are not in the corpus, random heads of MiniLM."""
    found, with_one, n_queries = Counter[str](), 0, max(20, 100 * scale.real // 100_000)
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder), default_model=str(minilm_folder()), device="cpu")
        documents = tuple((one.uri, one.text) for one in documents_of(scale.real))
        tokens = engine.index_corpus(IndexRequest("real", documents), Task()).tokens
        for query in _queries(engine, n_queries):
            verdicts = [one.verdict for one in engine.summarize(_summarize(query), Task()).summary.findings_detailed]
            found.update(verdicts)
            with_one += "head" in verdicts
        engine.close()
    total = found.total()
    detail = ", ".join(f"{verdict} {n}" for verdict, n in found.most_common())
    detail += f" of {total} findings; {tokens:,} tokens of {source()}"
    return [
        reported(
            SECTION, f"findings of the head, {n_queries} random queries", 100 * found["head"] / total, "%", detail
        ),
        reported(SECTION, "queries with a finding of the head", 100 * with_one / n_queries, "%", ""),
    ]


def _queries(engine: Engine, n: int) -> list[SearchRequest]:
    """Seeded; from the end of the corpus' source, which :func:`documents_of` does not reach."""
    rng = random.Random(20191011)
    pool = [one for one in sentences()[-4000:] if 8 <= len(one.split()) <= 30]
    queries = []
    while len(queries) < n:
        text = rng.choice(pool)
        read = engine.attend(AttendRequest("bench", TextInput(text), layers=(0,), heads=(0,), top_k=0), Task())
        tokens = read.tokens.encoding
        spans = zip(tokens.start.tolist(), tokens.end.tolist(), strict=True)
        words = [index for index, (start, end) in enumerate(spans) if text[start:end].isalpha()]
        if words:
            layer, head = rng.randrange(_LAYERS), rng.randrange(_HEADS)
            where = {"capture_id": read.capture_id, "token": rng.choice(words), "heads": (head,)}
            queries.append(SearchRequest("bench", "real", layer, distinct=True, **where))
    return queries


def _summarize(query: SearchRequest) -> SummarizeRequest:
    return SummarizeRequest("bench", search=query)


def _planted(scale: Scale) -> list[Row]:
    n_queries = min(40, scale.queries + 10)
    with tempfile.TemporaryDirectory() as folder:
        found: Specificity = specificity(
            Path(folder),
            documents_of(_PLANTED_TOKENS),
            [one for one in sentences()[-4000:] if len(one) > 30][:n_queries],
        )
    return [
        at_least(
            SECTION,
            "findings of a planted head that are said to be the head's",
            "",
            95,
            100 * found.planted_head / max(1, found.planted),
            "%",
            f"{found.planted_head} of {found.planted}",
        ),
        at_most(
            SECTION,
            "labels of the query's own word that are said to be the head's",
            "",
            5,
            100 * found.word_head / max(1, found.word),
            "%",
            f"{found.word_head} of {found.word}",
        ),
    ]


def _relations(scale: Scale) -> list[Row]:
    """Hits with the query's relation, by relation search and by head-output search, eight heads of MiniLM."""
    n, size = min(40, scale.queries + 10), min(20_000, scale.built)
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder), default_model=str(minilm_folder()), device="cpu")
        documents = tuple((one.uri, one.text) for one in documents_of(size))
        tokens = engine.index_corpus(IndexRequest("relations", documents, layers=(1, 2, 3)), Task()).tokens
        found = relation_shares(engine, engine._corpora.reader("relations"), HEADS, n)
        engine.close()
    shares = {
        name: 100 * sum(getattr(one, name) for one in found) / len(found) for name in ("by_relation", "by_output")
    }
    base = 100 * sum(one.base for one in found) / len(found)
    heads = ", ".join(f"{one.head[0]}.{one.head[1]}: {one.by_output:.2f} → {one.by_relation:.2f}" for one in found)
    return [
        reported(
            SECTION,
            "relation search: hits that draw the query's relation",
            shares["by_relation"],
            "%",
            f"head-output search {shares['by_output']:.0f} %, all rows {base:.0f} %; {n} queries of each of 8 heads, "
            f"50 sentences each, {tokens:,} tokens of {source()}; {heads}",
            against="head-output search",
        )
    ]


def _ablation() -> list[Row]:
    """All heads of SmolLM2 in one call, against one pass of the stock model a head."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder), default_model=MODEL, device="cpu")
        for text in TEXTS:
            found = measure_ablation(engine, text)
            what = f"{found.heads} heads of {MODEL}, {found.tokens} tokens"
            giga = [one / 1e9 for one in found.operations]
            rows += [
                at_most(SECTION, f"{what}: each ablated alone", "", 10, found.together, "s", "on one core"),
                at_least(
                    SECTION,
                    f"{what}: times faster",
                    "one pass a head",
                    20,
                    found.alone / found.together,
                    "×",
                    f"{found.together:.1f} s against {found.alone:.1f} s of processor time",
                ),
                reported(
                    SECTION,
                    "the same, if its matrix products ran at the rate of large ones and all else took no time",
                    found.alone / found.least,
                    "×",
                    f"{found.least:.1f} s; {giga[1]:,.0f} against {giga[0]:,.0f} billion operations",
                    against="one pass a head",
                ),
            ]
        engine.close()
    return rows


@dataclass(frozen=True, slots=True)
class _Spent:
    """Milliseconds: the search, and each control beyond the summary without any; ``peers`` by the clock, all else of
    processor time, which others on the machine change less."""

    search: float
    controls: dict[Control, float]


def _times(scale: Scale) -> list[Row]:
    built = built_corpus(scale.large)
    bench = make_bench(Path(built.root), NoAnnotators())
    request = SearchRequest("bench", built.name, 1, heads=(5,), token=3, distinct=True)
    spent = []
    for text in sentences()[100 : 100 + _TIMED]:
        query = replace(request, capture_id=bench.keep(text))
        started = time.process_time()
        kept = bench.searcher.search(query, Task())
        search = time.process_time() - started

        def spend(*controls: Control, kept=kept) -> Spent:
            return spent_by(lambda: summarize_kept(kept, SummarizeRequest("bench", controls=controls), Task()))

        spend("echo")  # base rates and the vocabulary are read once for a corpus
        plain, word, echo, peers = spend(), spend("word"), spend("echo"), spend("peers")
        beyond: dict[Control, float] = {"word": word.cpu - plain.cpu, "echo": echo.cpu - plain.cpu}
        beyond["peers"] = peers.wall - plain.wall
        spent.append(_Spent(1000 * search, {name: 1000 * value for name, value in beyond.items()}))
    search, word, echo, peers = (
        median(one.search for one in spent),
        *(median(one.controls[name] for one in spent) for name in ("word", "echo", "peers")),
    )
    detail = f"{built.tokens:,} tokens"
    return [
        at_most(SECTION, "peers: all heads of a layer", "", 400, peers, "ms", detail),
        at_most(
            SECTION,
            "word and echo, by the search before them",
            "the search",
            3,
            (word + echo) / search,
            "×",
            f"{word:.0f} and {echo:.0f} ms; the search {search:.0f} ms; processor time, targets from the peak table",
        ),
    ]
