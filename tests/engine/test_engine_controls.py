"""Controls of whole searches: rows are those of a look at every row, and planted heads get their verdicts."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from exbert_rpc.analysis import peaks as peaks_module
from exbert_rpc.analysis.base_rates import BaseRates, TargetChoice
from exbert_rpc.analysis.observe import observe_rows, observe_subjects, observe_targets
from exbert_rpc.analysis.peaks import AttentionPeaks, TablePeaks
from exbert_rpc.analysis.summary import summarize_hits
from exbert_rpc.corpus.search.filters import eligible_rows
from exbert_rpc.corpus.search.nearest import nearest_places
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.search.rerun import StoredAttention
from exbert_rpc.corpus.types import Filter
from exbert_rpc.engine.controls import own_sentences
from exbert_rpc.engine.corpus_requests import SummarizeRequest
from exbert_rpc.engine.requests import TokenAnnotations, TokenTable
from exbert_rpc.engine.search import _base_rates, summarize_kept
from exbert_rpc.errors import Cancelled
from exbert_rpc.tasks import Task
from exbert_rpc.text.types import AnnotatedText
from tests.oracles_corpus import similarities
from tests.store_faults import building
from tests.store_faults.building import build, open_folder, search_kept
from tests.store_faults.fakes import FakeModel, annotate_one

DEPS = ("nsubj", "obj", "ROOT")
WORDS = [f"{letter}{'o' * (n % 6)}{n}" for n, letter in enumerate("abcdefghijklmnopqrstuvwxyzabcdefghijklmn")]
QUERY = f"{WORDS[3]} {WORDS[7]} {WORDS[11]} {WORDS[5]} {WORDS[2]}."
TOKEN = 3


def dep_of(before: str, word: str) -> str:
    """A dependency that no word has by itself: it follows from the word and the one before it."""
    left = before if before.isalnum() else ""
    return DEPS[zlib.crc32(f"{left} {word}".encode()) % 3]


def annotate(texts: Iterable[str]) -> Iterator[AnnotatedText]:
    for text in texts:
        one = annotate_one(text)
        forms = [text[start:end] for start, end in zip(one.word_start, one.word_end, strict=True)]
        yield replace(one, dep=tuple(map(dep_of, ["", *forms], forms)))


class PlantedModel(FakeModel):
    """Head 0 knows dependencies and nothing else; the other heads and hidden layer 0 know the word and little else."""

    def heads(self, encoding, layer):
        plain = np.stack([self._words(encoding, head, self.info.head_size) for head in range(self.info.n_heads)])
        forms = [encoding.text[start:end] for start, end in zip(encoding.start, encoding.end, strict=True)]
        codes = np.random.default_rng(1).standard_normal((4, self.info.head_size))
        for at, form in enumerate(forms):
            code = 3 if encoding.is_special[at] else DEPS.index(dep_of(forms[at - 1], form))
            plain[0, at] = codes[code] + 0.2 * self._noise(encoding, at)
        return plain.astype(np.float32)

    def hidden(self, encoding, layer):
        return self._words(encoding, 50 + layer, self.info.hidden_size)

    def _words(self, encoding, salt, width):
        table = np.random.default_rng(100 + salt).standard_normal((1009, width))
        noise = np.stack([self._noise(encoding, at + 1000 * salt, width) for at in range(len(encoding.ids))])
        return (table[encoding.ids % 1009] + 0.2 * noise).astype(np.float32)

    def _noise(self, encoding, at, width=None):
        seed = zlib.crc32(f"{encoding.text} {at}".encode())
        return np.random.default_rng(seed).standard_normal(width or self.info.head_size)


MODEL = PlantedModel(n_layers=1, n_heads=4, head_size=16, hidden_size=24)


def texts() -> dict[str, str]:
    rng = np.random.default_rng(5)

    def sentence() -> str:
        return " ".join(WORDS[n] for n in rng.integers(0, len(WORDS), 8)) + "."

    paragraphs = [" ".join(sentence() for _ in range(4)) for _ in range(48)]
    paragraphs[7] += f" {QUERY}"  # its own sentence is in the corpus
    paragraphs[20] = paragraphs[3]  # copies
    return {f"{n}.txt": "\n\n".join(paragraphs[4 * n : 4 * n + 4]) for n in range(12)}


TEXTS = texts()


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    root = tmp_path_factory.mktemp("controls")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "annotate", annotate)
        build(root, TEXTS, model=MODEL)
    return CorpusReader(open_folder(root))


def search(reader, **fields):
    fields = {"layer": 0, "k": 40, "token": TOKEN, "distinct": True, "heads": (0,), **fields}
    return search_kept(reader, MODEL, QUERY, **fields)


def summarize(kept, **fields):
    return summarize_kept(kept, SummarizeRequest("s", **fields), Task())


def bins_of(summary, of, attribute):
    (histogram,) = (one for one in summary.histograms if (one.of, one.attribute) == (of, attribute))
    return {row.label: row for row in histogram.bins}


@dataclass
class SlowRow:
    """A row of the corpus, from the texts alone."""

    document: str
    sentence: str
    token: int
    pos: str
    dep: str
    hidden: np.ndarray
    heads: np.ndarray
    attention: np.ndarray
    exact: np.ndarray
    words: list[str]

    def exact_target(self, head: int) -> int:
        """By weights that were not rounded."""
        row = self.exact[head, self.token].copy()
        row[[0, -1]] = -1
        return int(row.argmax())

    def target(self, heads, *, outgoing=True) -> int:
        mean = self.attention[list(heads)].mean(axis=0)
        row = np.array(mean[self.token] if outgoing else mean[:, self.token])
        row[[0, -1]] = -1
        return int(row.argmax())


@pytest.fixture(scope="module")
def slow_rows(reader) -> list[SlowRow]:
    rows = []
    for document, text in TEXTS.items():
        for paragraph in text.split("\n\n"):
            (block,) = annotate([paragraph])
            for start, end in zip(block.sentence_start, block.sentence_end, strict=True):
                sentence = paragraph[start:end]
                encoding = MODEL.tokenize(sentence)
                (labels,) = annotate([sentence])
                # weights as they are stored: in steps of 1/255
                attention = np.rint(MODEL.attention(encoding, 0) * 255) / 255
                words = ["", *(sentence[a:b] for a, b in zip(labels.word_start, labels.word_end, strict=True)), ""]
                hidden, heads = MODEL.hidden(encoding, 0), MODEL.heads(encoding, 0)
                rows += [
                    SlowRow(
                        document,
                        sentence,
                        token,
                        labels.pos[token - 1],
                        labels.dep[token - 1],
                        hidden[token],
                        heads[:, token],
                        attention,
                        MODEL.attention(encoding, 0),
                        words,
                    )
                    for token in range(1, len(encoding.ids) - 1)
                ]
    return rows


def ranked(rows, scores) -> list[tuple[SlowRow, float]]:
    """The best row of each sentence, best first, but for the query's own."""
    best: dict[str, tuple[SlowRow, float]] = {}
    for index in np.argsort(-scores, kind="stable"):
        if rows[index].sentence != QUERY:
            best.setdefault(rows[index].sentence, (rows[index], scores[index]))
    return list(best.values())


def clear_k(*rankings) -> int:
    """How many rows from 30 on, so that in no ranking the next one is nearly as good: codes are rounded."""
    gaps = np.min([-np.diff([score for _, score in one])[29:60] for one in rankings], axis=0)
    assert gaps.max() > 2e-3
    return 30 + int(gaps.argmax())


def assert_shares(bins, counts: Counter, control: str) -> None:
    for label, row in bins.items():
        found = getattr(row.controls, control)
        assert found.n == counts.total()
        assert found.share == pytest.approx(counts[label] / counts.total())


# ---- the rows are the right ones


@pytest.mark.parametrize("where", [Filter(), Filter(pos=("NOUN",))], ids=["all", "nouns"])
def test_the_words_control_is_the_nearest_rows_of_hidden_layer_0(reader, slow_rows, where):
    passing = [row for row in slow_rows if where.pos is None or row.pos in where.pos]
    query = MODEL.hidden(MODEL.tokenize(QUERY), 0)[TOKEN]
    scores = similarities(query[None], np.stack([row.hidden[None] for row in passing]), [0])
    everything = ranked(passing, scores)
    k = clear_k(everything)
    found = [row for row, _ in everything[:k]]
    summary = summarize(search(reader, filter=where, k=k), controls=("word",))
    assert_shares(bins_of(summary, "subject", "dep"), Counter(row.dep for row in found), "word")
    offsets = Counter(str(row.target((0,)) - row.token) for row in found)
    assert_shares(bins_of(summary, "maxAttention", "offset"), offsets, "word")


@pytest.mark.parametrize("head", [0, 2])
def test_peers_are_the_same_search_in_every_other_head_read_with_that_head(reader, slow_rows, head):
    query = MODEL.heads(MODEL.tokenize(QUERY), 0)[:, TOKEN]
    vectors = np.stack([row.heads for row in slow_rows])
    rankings = [ranked(slow_rows, similarities(query, vectors, [one])) for one in range(4)]
    k = clear_k(*rankings[1:])  # where head 0 is a peer, its hits are alike on both sides of the cut
    found = [[row for row, _ in one[:k]] for one in rankings]
    found[head].pop()  # its own sentence is one of its k hits
    summary = summarize(search(reader, heads=(head,), k=k), controls=("peers",))
    for label, row in bins_of(summary, "subject", "dep").items():
        shares = [np.mean([hit.dep == label for hit in found[one]]) for one in range(4)]
        others = [share for one, share in enumerate(shares) if one != head]
        assert row.controls.peers.median == pytest.approx(np.median(others))
        ahead = sum(share >= shares[head] if row.share > row.baseline else share <= shares[head] for share in others)
        assert (row.controls.peers.rank, row.controls.peers.of) == (1 + ahead, 4)
    if head != 0:
        return  # hits of head 0 have one dependency on both sides of the cut, but not one offset
    for label, row in bins_of(summary, "maxAttention", "offset").items():
        shares = [
            np.mean([str(hit.target((one,)) - hit.token) == label for hit in found[one]])
            for one in range(4)
            if one != head
        ]
        assert row.controls.peers.median == pytest.approx(np.median(shares))


class NoAttention:
    """Stands for attention where none may be read."""

    def attention(self, sentences, layer, task):
        raise AssertionError


def attention_peaks(reader, eligible):
    return AttentionPeaks(reader, eligible, StoredAttention(reader))


def table_peaks(reader, eligible):
    return TablePeaks(reader, eligible, AttentionPeaks(reader, eligible, NoAttention()))


@pytest.mark.parametrize(
    ("source", "heads"), [(attention_peaks, (0,)), (attention_peaks, (1, 3)), (table_peaks, (0,)), (table_peaks, (2,))]
)
def test_rows_that_attend_to_a_word_are_those_of_a_look_at_every_row(reader, slow_rows, source, heads):
    found, is_sample = source(reader, eligible_rows(reader, Filter())).attending_to(
        dict.fromkeys(WORDS, 10000), 0, heads, Task()
    )
    assert not is_sample
    segment = reader.segments[0]
    for word in WORDS:
        expected = {(row.sentence, row.token) for row in slow_rows if row.words[row.target(heads)].lower() == word}
        keys = {
            (segment.sentence_text(at), int(segment.row_token[row] - segment.first_token[at]))
            for _, row in found[word]
            for at in (int(segment.row_sentence[row]),)
        }
        assert keys == expected
        assert len(found[word]) == len(set(found[word]))


@pytest.mark.parametrize("source", [attention_peaks, table_peaks])
def test_only_rows_that_pass_the_filter_attend_to_a_word(reader, source):
    eligible = eligible_rows(reader, Filter(pos=("NOUN",)))
    found, _ = source(reader, eligible).attending_to({WORDS[4]: 50}, 0, (0,), Task())
    assert found[WORDS[4]]
    assert all(eligible.weights[segment][row] > 0 for segment, row in found[WORDS[4]])


def test_a_bounded_sample_says_so_and_is_the_same_each_time(reader, monkeypatch):
    monkeypatch.setattr(peaks_module, "MAX_SENTENCES", 16)
    source = AttentionPeaks(reader, eligible_rows(reader, Filter()), StoredAttention(reader))
    first, again = (source.attending_to(dict.fromkeys(WORDS, 99), 0, (0,), Task()) for _ in range(2))
    assert first == again
    assert first[1]
    assert any("sample" in note for note in summarize(search(reader, heads=(0, 1)), controls=("echo",)).notes)


def test_rows_drawn_from_the_peak_table_are_as_many_as_wanted_and_the_same_each_time(reader):
    source = table_peaks(reader, eligible_rows(reader, Filter()))
    everything, _ = source.attending_to({WORDS[4]: 10000}, 0, (0,), Task())
    (first, _), (again, _) = (source.attending_to({WORDS[4]: 7}, 0, (0,), Task()) for _ in range(2))
    assert first == again
    assert len(first[WORDS[4]]) == 7 < len(everything[WORDS[4]])
    assert set(first[WORDS[4]]) <= set(everything[WORDS[4]])


@pytest.mark.parametrize("source", [attention_peaks, table_peaks])
def test_a_word_that_nothing_attends_to_has_no_rows(reader, source):
    peaks = source(reader, eligible_rows(reader, Filter()))
    assert peaks.attending_to({"never": 5}, 0, (0,), Task()) == ({"never": []}, False)


@pytest.mark.parametrize("subject", ["match", "next"])
def test_targets_of_the_peak_table_are_those_of_a_look_at_every_row(reader, slow_rows, subject):
    segment = reader.segments[0]
    rows, heads = list(range(0, segment.n_rows, 7)), [number % 4 for number in range(segment.n_rows)]
    choice = TargetChoice(0, (0,), subject, True, False)
    found = table_peaks(reader, eligible_rows(reader, Filter())).targets(
        [(0, row) for row in rows], choice, [(heads[row],) for row in rows], Task()
    )
    slow = {(row.sentence, row.token): row for row in slow_rows}
    for row, target in zip(rows, found, strict=True):
        sentence = int(segment.row_sentence[row])
        token = int(segment.row_token[row] - segment.first_token[sentence]) + (subject == "next")
        expected = slow.get((segment.sentence_text(sentence), token))
        assert target == (None if expected is None else expected.exact_target(heads[row]))


@pytest.mark.parametrize("control", ["word", "echo", "peers"])
def test_controls_of_one_head_read_no_attention_where_the_corpus_has_a_peak_table(reader, monkeypatch, control):
    kept = search(reader)
    summary = summarize(kept, controls=(control,))
    monkeypatch.setattr(StoredAttention, "attention", NoAttention.attention)
    assert summarize(kept, controls=(control,)) == summary


def test_the_echo_attends_to_the_words_that_hits_attend_to_and_holds_no_hit(reader, monkeypatch):
    drawn = []
    real = observe_rows

    def spy(reader, rows, targets, choice):
        drawn.append((rows, targets))
        return real(reader, rows, targets, choice)

    monkeypatch.setattr("exbert_rpc.engine.controls.observe_rows", spy)
    kept = search(reader)
    summarize(kept, controls=("echo",))
    ((rows, targets),) = drawn
    segment = reader.segments[0]
    places = [(segment.sentence_text(int(segment.row_sentence[one.row])), one.row) for one in rows]
    tokens = [int(segment.row_token[row] - segment.first_token[segment.row_sentence[row]]) for _, row in places]
    hits = [hit for hit in kept.hits if hit.sentence_text != QUERY]
    assert not {(hit.sentence_text, hit.match) for hit in hits} & {
        (text, token) for (text, _), token in zip(places, tokens, strict=True)
    }
    assert QUERY not in {text for text, _ in places}
    words = Counter(
        peaks_module.words_of(segment, int(segment.row_sentence[one.row]))[at]
        for one, at in zip(rows, targets, strict=True)
    )
    of_hits = Counter(
        hit.sentence_text[hit.tokens.start[at] : hit.tokens.end[at]].lower()
        for hit in hits
        for at in (hit.peak_outgoing.index,)
    )
    assert set(words) <= set(of_hits)
    assert all(count <= 4 * of_hits[word] for word, count in words.items())
    assert words.total() > 3 * of_hits.total()  # there are nearly always enough rows


@pytest.mark.parametrize("subject", ["match", "next"])
@pytest.mark.parametrize("outgoing", [True, False])
@pytest.mark.parametrize("special", [True, False])
def test_rows_are_labeled_as_hits_are(reader, subject, outgoing, special):
    kept = search(reader, heads=(1, 2), k=60)
    found, _ = nearest_places(kept.plan, Task())
    choice = TargetChoice(0, (1, 2), subject, outgoing, special)
    source = AttentionPeaks(reader, kept.plan.scope.eligible, StoredAttention(reader))
    rows = [(one.segment, one.row) for one in found]
    targets = source.targets(rows, choice, [choice.heads] * len(rows), Task())
    labeled = observe_rows(reader, found, targets, choice)
    direction = "outgoing" if outgoing else "incoming"
    none = BaseRates()
    for mine, theirs in (
        (labeled.subjects, observe_subjects(kept.hits, subject, none)),
        (labeled.targets, observe_targets(kept.hits, subject, direction, special, none)),
    ):
        assert np.array_equal(mine.exists, theirs.exists)
        assert set(mine.labels) == set(theirs.labels)
        for attribute, values in mine.labels.items():
            pairs = zip(values, theirs.labels[attribute], theirs.exists, strict=True)
            assert all(one == other for one, other, exists in pairs if exists)
    assert labeled.keys == [hit.sentence_text for hit in kept.hits]
    assert labeled.documents == [hit.document for hit in kept.hits]


# ---- verdicts of planted heads


def verdicts(summary) -> dict[tuple[str, str, str], str]:
    return {(one.of, one.attribute, one.label): one.verdict for one in summary.findings_detailed}


def test_a_planted_head_gets_its_finding_and_is_the_first_of_its_layer(reader):
    summary = summarize(search(reader))
    label = dep_of(WORDS[7], WORDS[11])
    assert verdicts(summary) == {("subject", "dep", label): "head"}
    (only,) = summary.findings_detailed
    assert only.controls.peers.rank == 1
    assert only.controls.word.share < 0.6 < 0.95 < bins_of(summary, "subject", "dep")[label].share
    assert only.sentence.endswith("(this head is 1st of 4).")


@pytest.mark.parametrize("head", [1, 2, 3])
def test_the_same_word_through_another_head_is_explained_by_the_word(reader, head):
    summary = summarize(search(reader, heads=(head,), k=25))  # fewer than the word occurs
    assert verdicts(summary)
    assert set(verdicts(summary).values()) == {"word"}, summary.findings


def test_a_search_in_hidden_states_is_compared_with_the_word_only(reader):
    summary = summarize(search(reader, space="hiddenState", heads=None, layer=1))
    assert {one.verdict for one in summary.findings_detailed} == {"word"}
    for histogram in summary.histograms:
        for row in histogram.bins:
            assert row.controls.word is not None
            assert (row.controls.echo, row.controls.peers) == (None, None)
    assert summary.notes == ()


# ---- what is asked for


def test_without_controls_the_answer_is_what_it_was(reader):
    kept = search(reader, distinct=False)
    summary = summarize(kept, controls=())
    with_all = summarize(kept)
    assert all(row.controls is None for one in summary.histograms for row in one.bins)
    assert {one.verdict for one in summary.findings_detailed} <= {"unchecked"}
    assert [one.sentence for one in summary.findings_detailed] == list(summary.findings)
    assert (summary.n_hits, summary.n_distinct) == (with_all.n_hits, with_all.n_distinct)
    assert len(kept.hits) == summary.n_hits
    choice = TargetChoice(0, (0,), "match", outgoing=True, include_special=False)
    subjects, targets = _base_rates(kept, choice, Task())
    plain = summarize_hits(
        [hit.sentence_text for hit in kept.hits],
        observe_subjects(kept.hits, "match", subjects),
        observe_targets(kept.hits, "match", "outgoing", False, targets),
        subject="match",
        attention="outgoing",
    )
    assert summary == plain


@pytest.mark.parametrize(
    ("controls", "expected"),
    [(("word",), "unchecked"), (("echo",), "unchecked"), (("peers",), "unchecked"), (("word", "echo"), "head")],
)
def test_a_finding_is_the_heads_only_if_both_samples_were_looked_at(reader, controls, expected):
    summary = summarize(search(reader), controls=controls)
    assert set(verdicts(summary).values()) == {expected}
    shown = {name for name in ("word", "echo", "peers") if getattr(summary.findings_detailed[0].controls, name)}
    assert shown == set(controls)


def test_a_corpus_without_hidden_layer_0_leaves_findings_unchecked_and_says_what_would_help(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "annotate", annotate)
    build(tmp_path, TEXTS, model=MODEL, config={"spaces": ("headOutput",), "hidden_layers": ()})
    summary = summarize(search(CorpusReader(open_folder(tmp_path))))
    assert set(verdicts(summary).values()) == {"unchecked"}
    (note,) = summary.notes
    assert "hidden layer 0" in note
    assert "index it again" in note


@pytest.mark.parametrize(
    ("fields", "controls", "told"),
    [
        ({"heads": (0, 1)}, ("peers",), "peers compares single heads"),
        ({"heads": None}, ("peers",), "used 4 heads"),
        ({"space": "hiddenState", "layer": 1, "heads": None}, ("echo", "peers"), "echo applies to head outputs only"),
        ({"space": "hiddenState", "layer": 1, "heads": None}, ("peers",), "peers applies to head outputs only"),
    ],
)
def test_a_control_that_was_asked_for_and_does_not_apply_says_why(reader, fields, controls, told):
    assert told in " ".join(summarize(search(reader, **fields), controls=controls).notes)


def test_several_heads_have_a_word_and_an_echo_and_no_peers(reader):
    summary = summarize(search(reader, heads=(0, 1)))
    rows = [row.controls for one in summary.histograms for row in one.bins]
    assert all(row.peers is None and row.word is not None and row.echo is not None for row in rows)
    assert summary.notes == ()


@pytest.mark.parametrize("control", ["word", "echo", "peers"])
def test_each_control_can_be_cancelled(reader, control):
    kept = search(reader)
    summarize(kept, controls=())  # base rates are counted
    task = Task()
    task._on_progress = lambda progress: task.cancel()
    with pytest.raises(Cancelled):
        summarize_kept(kept, SummarizeRequest("s", controls=(control,)), task)


def test_compact_corpora_have_all_controls_and_say_that_peers_are_approximate(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "annotate", annotate)
    build(tmp_path, TEXTS, model=MODEL, config={"precision": "int4"})
    summary = summarize(search(CorpusReader(open_folder(tmp_path))))
    assert set(verdicts(summary).values()) == {"head"}
    assert any("int4" in note for note in summary.notes)


# ---- the query's own sentence


def table_of(text: str, pair: str | None = None, sentences: tuple[int | None, ...] | None = None) -> TokenTable:
    encoding = MODEL.tokenize(text)
    n = len(encoding.ids)
    numbers = (None,) * n if sentences is None else sentences
    nothing = (None,) * n
    return TokenTable(replace(encoding, pair=pair), TokenAnnotations(*(nothing,) * 7, numbers))


def test_the_querys_own_sentence_is_its_text_or_the_part_of_it_that_holds_the_token():
    text = " One two. Three four. "
    table = table_of(text, sentences=(None, 0, 0, 0, 1, 1, 1, None))
    assert own_sentences(table, 2) == {"One two. Three four.", "One two."}
    assert own_sentences(table, 5) == {"One two. Three four.", "Three four."}
    assert own_sentences(table, 0) == {"One two. Three four."}


def test_a_hit_in_the_querys_own_sentence_is_counted_but_proves_nothing(reader):
    kept = search(reader)
    assert kept.hits[0].sentence_text == QUERY
    summary = summarize(kept)
    plain = summarize(kept, controls=())
    assert summary.n_hits == plain.n_hits == 40
    for one, other in zip(summary.histograms, plain.histograms, strict=True):
        counts = {row.label: row.count for row in one.bins if row.count}
        assert counts == {row.label: row.count for row in other.bins if row.count}
