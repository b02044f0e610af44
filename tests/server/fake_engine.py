"""An engine that answers at once (or as slowly as it is told), so that the server can be tested without a model."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np

from exbert_rpc import errors
from exbert_rpc.analysis.ablation import Effect
from exbert_rpc.analysis.comparison import Comparison
from exbert_rpc.analysis.profile.types import AttractingWord, HeadProfile, Offset, RandomRepeats, Relation, Role
from exbert_rpc.analysis.types import Bin, Controls, ControlShare, Finding, Histogram, Peers, Summary
from exbert_rpc.corpus.types import CorpusDescription, Hit, Peak, SearchStats, SentenceTokens, TextPosition
from exbert_rpc.engine.corpus_requests import HeadExamples, IndexResult, ProfileResult, SearchResult, SummarizeResult
from exbert_rpc.engine.requests import (
    AblateResult,
    AnswerSize,
    AttendResult,
    CompareResult,
    DecomposeResult,
    HeadEffect,
    LensLayer,
    ModelListing,
    PredictionTarget,
    TokenAnnotations,
    TokenTable,
)
from exbert_rpc.model.contributions import Contributions
from exbert_rpc.model.query_key import QueryKeyRow
from exbert_rpc.model.types import Encoding, ModelDescription, Prediction
from exbert_rpc.tasks import Progress
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.positions import extent
from exbert_rpc.text.preview import preview

MODEL = ModelDescription(
    id="fake",
    architecture="FakeModel",
    kind="bidirectional",
    n_layers=2,
    n_heads=3,
    n_kv_heads=3,
    hidden_size=12,
    head_size=4,
    max_tokens=64,
    has_lm_head=True,
    mask_token="[MASK]",
    fingerprint="0" * 8,
    device="cpu",
)


def encoding_of(text: str, pair: str | None = None, mask: tuple[int, ...] = ()) -> Encoding:
    """Words at blanks, with a special token at each end."""
    spans, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        spans.append((at, at + len(word)))
        at += len(word)
    n = len(spans) + 2
    return Encoding(
        text=text,
        pair=pair,
        ids=np.arange(n, dtype=np.int64),
        tokens=("[CLS]", *(text[a:b] for a, b in spans), "[SEP]"),
        start=np.array([0, *(a for a, _ in spans), 0], dtype=np.int32),
        end=np.array([0, *(b for _, b in spans), 0], dtype=np.int32),
        segment=np.zeros(n, dtype=np.int32),
        is_special=np.array([True, *([False] * (n - 2)), True]),
        is_masked=np.array([index in mask for index in range(n)]),
    )


class FakeEngine:
    """Words in a text steer it: ``sleep:2``, ``raise:RuntimeError``, ``print``, ``nan``."""

    def __init__(self, settings=None) -> None:
        self.settings = settings
        self.sessions_closed: list[str] = []
        self.captures: dict[tuple[str, str], str] = {}
        self.searches: set[tuple[str, str]] = set()
        self.building: set[str] = set()

    def attend(self, request, task, check=None):
        if request.input is None:
            text = self.captures.get((request.session, request.capture_id))
            if text is None:
                raise errors.UnknownHandle("this captureId is unknown", hint="Send the text again.")
        else:
            text = request.input.text
        if not text.strip():
            raise errors.InvalidParams("text", "is empty")
        self._obey(text, task)
        table = self._table(text, request.input.mask if request.input else ())
        n = len(table.encoding.ids)
        layers = request.layers if request.layers is not None else (0, 1)
        heads = request.heads if request.heads is not None else (0, 1, 2)
        n = n * 1000 if "huge" in text else n * 100 if "large" in text else n
        if check is not None:
            check(AnswerSize(n, 0, len(layers), len(heads)))
        capture = object() if "unserialisable" in text else f"c{len(self.captures)}-{request.session[:6]}"
        self.captures[request.session, str(capture)] = text
        attention = np.full((len(layers), len(heads), n, n), 1 / n, dtype=np.float32)
        if "nan" in text:
            attention[:] = np.nan
        return AttendResult(capture, MODEL, table, attention, layers, heads)

    def search_contexts(self, request, task):
        text = request.input.text if request.input else self.captures[request.session, request.capture_id]
        self._obey(text, task)
        if request.corpus != "demo":
            raise errors.CorpusNotFound(f"no corpus {request.corpus!r}", hint="Index one.", corpora=["demo"])
        search = f"s{len(self.searches)}"
        self.searches.add((request.session, search))
        hits = tuple(self._hit(rank) for rank in range(min(request.k, 3)))
        token = 1 if request.token is None else request.token
        return SearchResult(search, MODEL, self._table(text), token, 0, (0,), hits, SearchStats(3, True, 0.1, "int8"))

    def search_relations(self, request, task):
        found = self.search_contexts(request.search, task)
        if request.head > 2:
            raise errors.InvalidParams("head", "there is no head 3", hint="Heads are 0 to 2.")
        hits = tuple(replace(hit, target=0) for hit in found.hits)
        return replace(found, hits=hits, target=request.target, weight=0.75)

    def ablate_heads(self, request, task):
        heads = (
            tuple((layer, head) for layer in (0, 1) for head in (0, 1, 2)) if request.heads is None else request.heads
        )
        if request.input is not None:
            self._obey(request.input.text, task)
        if any(layer > 1 or head > 2 for layer, head in heads):
            raise errors.InvalidParams("heads", "there is no layer 2", hint="Layers are 0 to 1.")
        capture_id = f"c{len(self.captures)}-{request.session[:6]}" if request.keep else None
        if request.against is not None:
            effects = tuple(HeadEffect(layer, head, Effect(0.25, -0.5)) for layer, head in heads)
            return AblateResult(request.mode, "cosine", 0.75, effects, model=MODEL, capture_id=capture_id)
        top = (Prediction("b", 2, 0.5),)
        effects = tuple(HeadEffect(layer, head, Effect(-2.5, -1.5, 0.25, top)) for layer, head in heads)
        target = PredictionTarget(2, 1, "a")
        return AblateResult(request.mode, "logProbability", -1.0, effects, target, top, capture_id, MODEL)

    def decompose(self, request, task):
        if request.input is not None:
            self._obey(request.input.text, task)
        heads, mlps = np.full((2, 3), 0.125), np.array([0.25, -0.5])
        parts = Contributions(1.0, 0.25, heads, mlps, 0.25)
        if request.against is not None:
            return DecomposeResult("cosine", parts, MODEL, token_pairs=np.full((2, 2), 0.25, dtype=np.float32))
        target = PredictionTarget(2, 1, "a")
        lens = tuple(LensLayer(layer, (Prediction("a", 1, 0.5),), 3 - layer, 0.5) for layer in range(3))
        return DecomposeResult("logit", parts, MODEL, target, None, None, lens)

    def query_key(self, request, task):
        if request.capture_id == "never":
            raise errors.UnknownHandle("this captureId is unknown", hint="Send the text again.")
        return QueryKeyRow(
            query=np.array([0.5, -1.0], np.float32),
            keys=np.array([[1.0, 0.25], [0.0, 2.0]], np.float32),
            scaling=0.5,
            softcap=None,
            bias=np.array([0.125, 0.0], np.float32),
            hidden=np.array([False, True]),
            sink=None,
            weights=np.array([1.0, 0.0], np.float32),
        )

    def compare_captures(self, request, task):
        for handle in (request.first, request.second):
            if (request.session, handle) not in self.captures:
                raise errors.UnknownHandle("this captureId is unknown", hint="Send the text again.")
        comparison = Comparison(np.full((2, 3), 0.25), np.full((3, 4), 0.75))
        return CompareResult(comparison, ((2, Prediction("a", 1, 0.5), Prediction("b", 2, 0.25)),))

    def summarize(self, request, task):
        if request.search_id is not None and (request.session, request.search_id) not in self.searches:
            raise errors.UnknownHandle("this searchId is unknown", hint="Search again.")
        asked = ("word", "echo", "peers") if request.controls is None else request.controls
        values = {"word": ControlShare(0.5, 4), "echo": ControlShare(0.25, 8), "peers": Peers(1, 3, 0.1)}
        controls = Controls(**{name: values[name] for name in asked})
        bins = (Bin("NOUN", 2, 1.0, 0.25, 4.0, 0.3, 1.0, 0.04, controls if asked else None),)
        histograms = (Histogram("subject", "pos", bins),)
        verdict, q_value = ("head", 0.01) if {"word", "echo"} <= set(asked) else ("unchecked", 1.0)
        detailed = (Finding("All are nouns.", "subject", "pos", "NOUN", verdict, q_value, controls),)
        summary = Summary("match", "outgoing", 2, 2, 9, histograms, ("All are nouns.",), detailed, ())
        return SummarizeResult("s0", summary)

    def profile_heads(self, request, task):
        self.describe_corpus(request.corpus)
        role = Role("det", "toHead", 0.46, 0.22, 2.1, 1.9, 2.3, 120, 0.0001, 0.002)
        relation = Relation("det", "toHead", 0.8, 0.75, 0.85, 1, 0.55, 120, 0.0001, 0.004)
        word = AttractingWord("lost", 29.0, 11.5, 40)
        finding = "Head 0.1: determiners look at their noun, 46 % of attention (22 % expected from its distances)."
        offsets = (Offset(-1, 0.25, 0.5),), (Offset(-9, 0.0, 0.0), Offset(9, 0.125, 0.0))
        repeats = RandomRepeats(0.25, 0.5, 0.75)
        head = HeadProfile(0, 1, 0.5, 0.25, 0.125, *offsets, (role,), (relation,), (word,), repeats, (finding,))
        hits = tuple(replace(self._hit(rank), target=0) for rank in range(min(request.examples, 1)))
        examples = (HeadExamples((hits,), (hits,)),) if request.examples else None
        return ProfileResult(request.corpus, "fake", 9, 1, (head,), examples)

    def index_corpus(self, request, task):
        if request.corpus in self.building:
            raise errors.Busy(f"{request.corpus} is being built", hint="Wait for it.")
        self.building.add(request.corpus)
        try:
            texts = " ".join(source[1] for source in request.sources if isinstance(source, tuple))
            total = 500 if "slow" in texts else 5
            for done in range(total):
                task.check()
                task.report(Progress("sentences", done, total, (total - done) * 0.01))
                time.sleep(0.01)
            return IndexResult(request.corpus, len(request.sources), 3, 9, 100, 0.1, 0, ())
        finally:
            self.building.discard(request.corpus)

    def preview_sources(self, sources, reading, task):
        return preview(sources, reading if reading is not None else ReadingOptions(), task=task)

    def list_corpora(self):
        return [self.describe_corpus("demo")]

    def describe_corpus(self, name):
        if name != "demo":
            raise errors.CorpusNotFound(f"no corpus {name!r}", hint="Index one.", corpora=["demo"])
        spaces = ("hiddenState", "headOutput")
        return CorpusDescription("demo", "fake", "blank:en", "int8", 1, 3, 9, 100, (0, 1), spaces, "0")

    def remove_corpus(self, name):
        self.describe_corpus(name)

    def list_models(self):
        return [ModelListing("fake", "tests", True, True)]

    def warm_up(self, task):
        pass

    def close(self):
        pass

    def describe_model(self, model, task):
        if model != "fake":
            raise errors.ModelNotFound(f"no model {model!r} in /opt/secret/models", hint="See /opt/secret/list.")
        return MODEL

    def close_session(self, session):
        self.captures = {key: value for key, value in self.captures.items() if key[0] != session}

    def _table(self, text, mask=()):
        encoding = encoding_of(text, None, mask)
        n = len(encoding.ids)
        words = tuple(None if special else "NOUN" for special in encoding.is_special)
        numbers = tuple(None if special else 0 for special in encoding.is_special)
        notes = TokenAnnotations(words, words, words, words, words, numbers, numbers, numbers)
        return TokenTable(encoding, notes, tuple((Prediction("a", 1, 0.5),) for _ in range(n)))

    def _hit(self, rank):
        text = "a 😀 cat"
        none = (None, None, None)
        tokens = SentenceTokens(
            np.array([0, 2, 4], dtype=np.int32),
            np.array([1, 3, 7], dtype=np.int32),
            np.array([False, False, False]),
            *(none,) * 5,
        )
        places = [TextPosition(3, extent(text[:column])) for column in (4, 7, 0, 7)]
        row = np.array([0.2, 0.3, 0.5], dtype=np.float32)
        peak = Peak(0, -2, 0.2)
        return Hit(
            rank, 0.9, "mem:1", None, *places, False, 0, text, 2, None, tokens, row, row, None, None, peak, peak, None
        )

    def _obey(self, text, task):
        for word in text.split():
            command, _, value = word.partition(":")
            if command == "sleep":
                end = time.monotonic() + float(value)
                while time.monotonic() < end:
                    task.check()
                    time.sleep(0.005)
            elif command == "block":  # computes without looking at the task
                time.sleep(float(value))
            elif command == "spin":  # holds the interpreter as Python code does
                end = time.monotonic() + float(value)
                while time.monotonic() < end:
                    pass
            elif command == "raise":
                if value == "UnicodeDecodeError":
                    b"\xff".decode()
                raise getattr(errors, value, getattr(builtins, value, RuntimeError))("/opt/secret/file")
            elif command == "print":
                print("Content-Length: 5\r\n\r\nhello")
                os.write(1, b"raw bytes on descriptor one\n")
                subprocess.run(["echo", "from a subprocess"], check=True)
                subprocess.run([sys.executable, "-c", "import sys; print(len(sys.stdin.read()))"], check=True)
            elif command == "report":
                for done in range(100):
                    task.report(Progress(f"step {done} of 100", done, 100, 1.0))
                    time.sleep(0.01)
