"""Control rows of a search: what its hits are compared with to tell the head's part from the word's.

1. *word*: the same search in hidden layer 0, exact, one hit for each distinct sentence.
2. *echo*: for each hit ``ECHO_ROWS`` seeded rows, not hits themselves, whose strongest attention goes to the same word.
3. *peers*: the same search with each other head of the layer; one scan compares all their queries.

All obey the filter of the search, and the query's own sentence is left out of all of them: it would be found by any of
these searches, whatever the head does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from exbert_rpc.analysis.base_rates import TargetChoice
from exbert_rpc.analysis.contrast import Sampled
from exbert_rpc.analysis.controls import ControlRows, LabeledRows
from exbert_rpc.analysis.observe import observe_rows
from exbert_rpc.analysis.peaks import AttentionPeaks, PeakSource, RowKey, TablePeaks
from exbert_rpc.analysis.types import CONTROLS, Control
from exbert_rpc.corpus.search.exact import find_exactly, scan
from exbert_rpc.corpus.search.finding import Candidates, Find, Scope
from exbert_rpc.corpus.search.hits import FoundRow
from exbert_rpc.corpus.search.nearest import nearest_places, places_of
from exbert_rpc.corpus.search.plan import SearchPlan
from exbert_rpc.corpus.types import Filter, Hit, Space
from exbert_rpc.corpus.vectors import Query
from exbert_rpc.engine.corpus_requests import SearchRequest
from exbert_rpc.engine.plan import make_plan, query_of
from exbert_rpc.engine.requests import TokenTable
from exbert_rpc.model.types import Capture
from exbert_rpc.tasks import Progress, Task

ECHO_ROWS = 4
"""Control rows for each hit."""

_MORE_ROWS = 2  # times the rows that are needed, so that the draw is one
_PEER_CANDIDATES = 4  # times the hits of each head; shares do not depend on the last of them
_MOSTLY = 0.8  # of the hits attend to one word: then it is named
_SEED = 20191011  # any fixed number makes answers repeatable

_NO_LAYER_0 = (
    "the word was not checked: this corpus does not hold hidden layer 0; index it again with space hiddenState and "
    "with layer 0 to add it"
)
_NOT_IN_SPACE = "{} applies to head outputs only, and this search compared hidden states"
_NOT_ONE_HEAD = "peers compares single heads, and this search used {} heads: search with one head to see its peers"
_SAMPLED = (
    "echo was drawn from a sample of the sentences that hold the words attended to; some words have fewer control rows"
)
_NOT_RERANKED = (
    "hits of the other heads were ranked by this corpus' {} codes, without a rerun of their sentences: the nearest of "
    "them are approximate"
)


@dataclass(frozen=True, slots=True)
class Searched:
    """A search that has been run, as far as its controls need it.

    Attributes:
        plan: What was searched, and how.
        where: The filter that was asked for.
        capture: The query's pass.
        tokens: What is looked for of it.
        own: Texts that count as the query's own sentence.
        hits: Best first, without those from the query's own sentence.
    """

    plan: SearchPlan
    where: Filter
    capture: Capture
    tokens: tuple[int, ...]
    own: frozenset[str]
    hits: Sequence[Hit]


def own_sentences(table: TokenTable, token: int) -> frozenset[str]:
    """What the query's sentence may read like in a corpus: the text, or the sentence of it that holds the token."""
    encoding, annotations = table.encoding, table.annotations
    segment = int(encoding.segment[token])
    text = encoding.pair or "" if segment == 1 else encoding.text
    texts = {text.strip()}
    number = None if annotations is None else annotations.sentence[token]
    if annotations is not None and number is not None:
        tokens = [index for index, other in enumerate(annotations.sentence) if other == number]
        texts.add(text[int(encoding.start[tokens].min()) : int(encoding.end[tokens].max())].strip())
    return frozenset(texts)


def read_controls(searched: Searched, asked: Sequence[Control] | None, choice: TargetChoice, task: Task) -> ControlRows:
    """Control rows, labeled as the hits are.

    Args:
        searched: The search.
        asked: Controls that are wanted; ``None``: all that apply.
        choice: What is counted of each row.
        task: Reported to and obeyed.
    """
    reading = _Reading(searched, choice, task)
    wanted = CONTROLS if asked is None else asked
    notes = [] if asked is None else _why_not(searched.plan, asked)
    in_heads = searched.plan.scope.space == "headOutput"
    word = echo = peers = attended = None
    if "word" in wanted:
        word = reading.word() if reading.has_words else None
        notes += [] if reading.has_words else [_NO_LAYER_0]
    if in_heads and "echo" in wanted:
        echo, attended, is_sample = reading.echo()
        notes += [_SAMPLED] if is_sample else []
    if in_heads and "peers" in wanted and len(searched.plan.heads) == 1 and reading.n_heads > 1:
        peers = reading.peers()
        precision = searched.plan.reader.config.precision
        notes += [] if precision == "int8" else [_NOT_RERANKED.format(precision)]
    needed: tuple[Sampled, ...] = ("word", "echo") if in_heads else ("word",)
    return ControlRows(word, echo, peers, needed, attended, tuple(notes))


def _why_not(plan: SearchPlan, asked: Sequence[Control]) -> list[str]:
    """Why controls that were asked for by name do not apply."""
    if plan.scope.space == "hiddenState":
        return [_NOT_IN_SPACE.format(name) for name in ("echo", "peers") if name in asked]
    return [_NOT_ONE_HEAD.format(len(plan.heads))] if "peers" in asked and len(plan.heads) != 1 else []


class _Reading:
    """Reads the controls of one search."""

    def __init__(self, searched: Searched, choice: TargetChoice, task: Task) -> None:
        self._searched = searched
        self._plan = searched.plan
        self._choice = choice
        self._task = task
        self._peaks = _peak_source(self._plan)
        config = self._plan.reader.config
        self.n_heads = config.n_heads
        self.has_words = "hiddenState" in config.spaces and 0 in config.hidden_layers

    def word(self) -> LabeledRows:
        """The nearest rows of hidden layer 0, read with the same heads."""
        self._task.report(Progress("reading what the word alone gives"))
        found, _ = nearest_places(self._planned("hiddenState", 0, None), self._task)
        return self._label(self._not_own(found))

    def echo(self) -> tuple[LabeledRows, str | None, bool]:
        """Rows that attend to the same words, the word that most hits attend to, and whether rows are missing."""
        self._task.report(Progress("reading what else attends to the same words"))
        hits, layer, heads = self._searched.hits, self._plan.attention_layer, self._plan.heads
        words = Counter(word for hit in hits if (word := _attended_word(hit)) is not None)
        wanted = {word: (1 + _MORE_ROWS * ECHO_ROWS) * n for word, n in words.items()}
        rows, is_sample = self._peaks.attending_to(wanted, layer, heads, self._task)
        taken = {(hit.sentence_text, hit.match) for hit in hits}
        rng = np.random.default_rng(_SEED)
        drawn: list[FoundRow] = []
        keys: list[tuple[str, int]] = []
        for word, n in sorted(words.items()):
            shuffled = rng.permutation(len(rows[word])).tolist()
            candidates = ((one, self._key(one)) for number in shuffled for one in (self._place(rows[word][number]),))
            others = ((one, key) for one, key in candidates if key not in taken and not self._is_own(key[0]))
            for one, key in islice(others, ECHO_ROWS * n):
                drawn.append(one)
                keys.append(key)
        most = words.most_common(1)
        attended = most[0][0] if most and most[0][1] >= _MOSTLY * len(hits) else None
        # several rows of one sentence count, but copies of a sentence do not
        return replace(self._label(drawn), keys=keys), attended, is_sample

    def peers(self) -> list[LabeledRows]:
        """Hits of the same query in each other head of the layer, each read with that head."""
        self._task.report(Progress("reading the other heads of the layer"))
        others = [head for head in range(self.n_heads) if head not in self._plan.heads]
        plans = [self._planned("headOutput", self._plan.scope.layer, head) for head in others]
        scope, count = plans[0].scope, _PEER_CANDIDATES * plans[0].k
        scanned = scan(scope, [plan.query for plan in plans], count, self._task)
        rows: list[FoundRow] = []
        heads: list[tuple[int, ...]] = []
        ends = []
        for plan, candidates in zip(plans, scanned, strict=True):
            found, _ = nearest_places(replace(plan, find=_already(candidates, count), candidates=count), self._task)
            rows += self._not_own(found)
            heads += [plan.heads] * (len(rows) - len(heads))
            ends.append(len(rows))
        targets = self._peaks.targets([(one.segment, one.row) for one in rows], self._choice, heads, self._task)
        return [
            observe_rows(self._plan.reader, rows[start:end], targets[start:end], self._choice)
            for start, end in zip([0, *ends], ends, strict=False)
        ]

    def _planned(self, space: Space, layer: int, head: int | None) -> SearchPlan:
        """The same query elsewhere; one place more, as the query's own sentence may be one."""
        request = SearchRequest(
            session="",
            corpus=self._plan.reader.name,
            space=space,
            layer=layer,
            heads=None if head is None else (head,),
            k=self._plan.k + 1,
            rerank=None if head is None else False,
            distinct=True,
            filter=self._searched.where,
        )
        query = query_of(request, self._searched.capture, self._searched.tokens)
        return make_plan(request, self._plan.reader, self._plan.model, query)

    def _not_own(self, found: Sequence[FoundRow]) -> list[FoundRow]:
        """At most ``k`` rows that are not in the query's own sentence."""
        others = (one for one in found if not self._is_own(self._key(one)[0]))
        return list(islice(others, self._plan.k))

    def _is_own(self, sentence: str) -> bool:
        return sentence.strip() in self._searched.own

    def _label(self, rows: Sequence[FoundRow]) -> LabeledRows:
        keys = [(one.segment, one.row) for one in rows]
        targets = self._peaks.targets(keys, self._choice, [self._choice.heads] * len(rows), self._task)
        return observe_rows(self._plan.reader, rows, targets, self._choice)

    def _place(self, row: RowKey) -> FoundRow:
        """A row at the first place where it may be a hit."""
        return FoundRow(0.0, *row, next(places_of(self._plan.scope, *row)))

    def _key(self, one: FoundRow) -> tuple[str, int]:
        """Text of a row's sentence, and the row's token in it."""
        segment = self._plan.reader.segments[one.segment]
        sentence = int(segment.row_sentence[one.row])
        return segment.sentence_text(sentence), int(segment.row_token[one.row] - segment.first_token[sentence])


def _peak_source(plan: SearchPlan) -> PeakSource:
    """The peak table where the corpus has one, and attention for what it does not know."""
    reading = AttentionPeaks(plan.reader, plan.scope.eligible, plan.attention_source)
    known = plan.reader.has_head_tables and plan.attention_layer in plan.reader.config.layers
    return TablePeaks(plan.reader, plan.scope.eligible, reading) if known else reading


def _attended_word(hit: Hit) -> str | None:
    """The word that a match attends to most, in lower case."""
    if hit.peak_outgoing is None:
        return None
    index = hit.peak_outgoing.index
    return hit.sentence_text[int(hit.tokens.start[index]) : int(hit.tokens.end[index])].lower()


def _already(candidates: list[Candidates], n_found: int) -> Find:
    """Candidates that a scan for several queries has found; more of them take a scan of their own."""

    def find(scope: Scope, query: Query, count: int, task: Task) -> list[Candidates]:
        return candidates if count <= n_found else find_exactly(scope, query, count, task)

    return find
