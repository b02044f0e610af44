"""Texts of all kinds through a corpus: places, metadata, gold annotations, builds that keep what was there."""

import gzip
import json
import os
import random
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from exbert_rpc.corpus.store.document_rows import DocumentRows
from exbert_rpc.corpus.types import Filter
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest, SearchRequest, SummarizeRequest
from exbert_rpc.engine.requests import TextInput
from exbert_rpc.errors import CorpusMismatch, InvalidParams
from exbert_rpc.methods.search_contexts import encode_result
from exbert_rpc.tasks import Task
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.positions import LineIndex
from tests.model import zoo
from tests.text.writers import WRITERS, sentence, unescaped

WORDS = ("The", "girl", "ran", "to", "a", "local", "pub", "fox", "jumps", "over", "the", "lazy", "dog")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(zoo.make_model("bert", tmp_path_factory.mktemp("texts") / "tiny"))


@pytest.fixture(scope="module")
def other_model(tmp_path_factory):
    return str(zoo.make_model("roberta", tmp_path_factory.mktemp("texts") / "other"))


@pytest.fixture
def engine(tmp_path):
    made = Engine(tmp_path / "store")
    yield made
    made.close()


def index(engine, name, *sources, model, **fields):
    request = IndexRequest(name, tuple(map(str, sources)), model=model, **{"pipeline": "blank:en", **fields})
    return engine.index_corpus(request, Task())


def search(engine, name, text="The girl ran.", **fields):
    request = SearchRequest("s", name, 1, input=TextInput(text), token=2, **{"k": 1000, **fields})
    return engine.search_contexts(request, Task())


def line(rng):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(3, 7))) + "."


def records(path: Path, n: int, seed: int) -> Path:
    rng = random.Random(seed)
    rows = [
        {"id": i, "genre": "news" if i % 4 else "fiction", "text": f"{line(rng)} “é” {line(rng)}"} for i in range(n)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


TEXT = ReadingOptions(text_field="text")


def check_hits_of_records(engine, path, encoding):
    lines = path.read_text(encoding="utf-8").splitlines()
    hits = encode_result(search(engine, "c"), encoding).hits
    for hit in hits:
        row = json.loads(lines[hit.record])
        assert hit.range.start.line == hit.record
        assert hit.metadata == {"id": str(row["id"]), "genre": row["genre"]}
        assert hit.sentence.text in row["text"]
        raw = lines[hit.range.start.line].encode("utf-16-le")
        found = raw[2 * hit.range.start.character : 2 * hit.range.end.character].decode("utf-16-le")
        assert json.loads(f'"{found}"') == hit.tokens[hit.match].text
    return len(hits)


def test_hits_of_records_stand_in_the_file_where_they_say(engine, model, tmp_path):
    path = records(tmp_path / "a.jsonl", 12, 1)
    report = index(engine, "c", path, model=model, reading=TEXT)
    assert (report.documents, report.skipped) == (12, ())
    assert check_hits_of_records(engine, path, "utf-16") > 100


@pytest.mark.slow
def test_five_thousand_hits_of_records_stand_in_the_file_where_they_say(engine, model, tmp_path):
    found = 0
    for seed in range(8):
        path = records(tmp_path / f"{seed}.jsonl", 70, seed)
        index(engine, "c", path, model=model, reading=TEXT)
        found += check_hits_of_records(engine, path, "utf-16")
    assert found > 5000


ENCODINGS = {"utf-16": ("utf-16-le", 2), "utf-8": ("utf-8", 1), "utf-32": ("utf-32-le", 4)}
ONE_LINE_END = ("a.py", "a.csv", "b.csv", "a.conllu")


def files_of_all_formats(folder: Path, seed: int) -> dict[str, str]:
    """Files with sentences in all formats, some packed, some in UTF-16, some with CRLF: by name, what they hold."""
    rng, held = random.Random(seed), {}
    folder.mkdir()
    for name, write in WRITERS.items():
        raw = write([sentence(rng) for _ in range(12)])
        if name not in ONE_LINE_END and rng.random() < 0.5:
            raw = raw.replace("\n", "\r\n")
        data = raw.encode(rng.choice(("utf-8", "utf-8-sig", "utf-16")))
        packed = rng.random() < 0.3
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(data) if packed else data)
        held[name + ".gz" * packed] = raw
    with zipfile.ZipFile(folder / "z.zip", "w") as archive:
        for name, write in WRITERS.items():
            held[f"z-{name}"] = write([sentence(rng) for _ in range(3)])
            archive.writestr(f"d/z-{name}", held[f"z-{name}"])
    prose = "\n\n".join(sentence(rng) for _ in range(6))
    cells = [{"cell_type": "markdown", "source": prose.splitlines(keepends=True)}]
    (folder / "n.ipynb").write_text(json.dumps({"nbformat": 4, "cells": cells}))
    return held | {"n.ipynb": prose}


def check_hits_of_all_formats(engine, model, tmp_path, seed):
    """How many hits stand in which file; each is opened at its place."""
    folder = tmp_path / f"all-{seed}"
    held = files_of_all_formats(folder, seed)
    reading = ReadingOptions(text_field="text", comments=True)
    report = index(engine, "c", folder, folder / "z.zip", model=model, reading=reading)
    assert not [one for one in report.skipped if "left out" not in one.reason]
    counts = Counter()
    for name, raw in held.items():
        unit = ("utf-16", "utf-8", "utf-32")[(seed + len(counts)) % 3]
        codec, width = ENCODINGS[unit]
        index_of = LineIndex(raw)
        found = search(engine, "c", filter=Filter(documents=(name,)))
        for hit in encode_result(found, unit).hits:
            start, end = hit.range.start, hit.range.end
            assert start.line == end.line
            line = index_of.line_text(start.line).encode(codec)
            there = line[width * start.character : width * end.character].decode(codec)
            assert unescaped(name.removesuffix(".gz"), there) == hit.tokens[hit.match].text, (name, hit.range)
            counts[name] += 1
    return counts


def test_hits_of_every_format_open_at_their_place_in_the_file(engine, model, tmp_path):
    pytest.importorskip("pylatexenc")
    counts = check_hits_of_all_formats(engine, model, tmp_path, 1)
    assert len(counts) == 2 * len(WRITERS) + 1
    assert min(counts.values()) > 3 and counts.total() > 1000


@pytest.mark.slow
def test_thousands_of_hits_of_every_format_open_at_their_place_in_the_file(engine, model, tmp_path):
    pytest.importorskip("pylatexenc")
    counts = sum((check_hits_of_all_formats(engine, model, tmp_path, seed) for seed in range(2, 8)), Counter())
    assert counts.total() > 5000


def test_metadata_filters_a_search_and_is_counted_in_a_summary(engine, model, tmp_path):
    path = records(tmp_path / "a.jsonl", 40, 2)
    index(engine, "c", path, model=model, reading=TEXT)
    fiction = search(engine, "c", filter=Filter(metadata=(("genre", ("fiction",)),)))
    assert {dict(hit.metadata)["genre"] for hit in fiction.hits} == {"fiction"}
    request = SummarizeRequest(
        "s", search_id=search(engine, "c", k=60).search_id, controls=(), metadata=("genre", "id")
    )
    genre, ids = engine.summarize(request, Task()).summary.metadata
    hits = search(engine, "c", k=60).hits
    counted = {row.label: row.count for row in genre.bins}
    assert counted == {
        label: sum(dict(hit.metadata)["genre"] == label for hit in hits) for label in ("fiction", "news")
    }
    everything = search(engine, "c").stats.searched
    few = search(engine, "c", filter=Filter(metadata=(("genre", ("fiction",)),))).stats.searched
    (row,) = (row for row in genre.bins if row.label == "fiction")
    assert row.baseline == pytest.approx(few / everything)
    assert sum(row.count for row in ids.bins) == 60


def test_hits_of_one_kind_of_documents_alone_are_a_finding(engine, model, tmp_path):
    rows = [
        {"kind": f"k{i % 2}", "text": ("to to to to" if i % 2 else "a a a") + f" {line(random.Random(i))}"}
        for i in range(80)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    index(engine, "c", path, model=model, reading=TEXT)
    kept = search(engine, "c", text="to to to to The girl ran.", k=40)
    request = SummarizeRequest("s", search_id=kept.search_id, controls=(), metadata=("kind",))
    (kind,) = engine.summarize(request, Task()).summary.metadata
    assert sum(row.baseline for row in kind.bins) == pytest.approx(1.0)
    shares = {row.label: row.share for row in kind.bins}
    if shares["k1"] > 0.9:  # what a random model finds alike is its own affair; what follows from it is not
        assert kind.findings and "'k1'" in " ".join(kind.findings)
    assert all((row.q_value < 0.05) <= (abs(row.share - row.baseline) > 0.1) for row in kind.bins)


def test_a_key_or_value_that_there_is_not_is_an_error_with_those_there_are(engine, model, tmp_path):
    index(engine, "c", records(tmp_path / "a.jsonl", 4, 3), model=model, reading=TEXT)
    with pytest.raises(InvalidParams) as caught:
        search(engine, "c", filter=Filter(metadata=(("year", ("1",)),)))
    assert "genre" in caught.value.hint
    with pytest.raises(InvalidParams) as caught:
        search(engine, "c", filter=Filter(metadata=(("genre", ("poem",)),)))
    assert "fiction, news" in caught.value.hint
    assert search(engine, "c", filter=Filter(metadata=(("folder", (tmp_path.name,)),))).hits


def treebank(path: Path) -> Path:
    rows = [("The", "DET", "DT", 2, "det"), ("girl", "NOUN", "NN", 3, "nsubj"), ("ran", "VERB", "VBD", 0, "root")]
    body = "".join(f"{n}\t{w}\t_\t{p}\t{t}\t_\t{h}\t{d}\t_\t_\n" for n, (w, p, t, h, d) in enumerate(rows, 1))
    path.write_text(f"# sent_id = 1\n# text = The girl ran\n{body}\n")
    return path


def test_gold_annotations_take_the_place_of_a_pipelines(engine, model, tmp_path):
    report = index(engine, "c", treebank(tmp_path / "a.conllu"), model=model, pipeline="none")
    assert report.sentences == 1
    hits = {hit.tokens.pos[hit.match]: hit for hit in sorted(search(engine, "c").hits, key=lambda hit: -hit.match)}
    assert set(hits) == {"DET", "NOUN", "VERB"}
    noun = hits["NOUN"]  # its first token, if a tokenizer cuts it in pieces
    assert (noun.tokens.tag[noun.match], noun.tokens.dep[noun.match]) == ("NN", "nsubj")
    assert noun.tokens.syntactic_head[noun.match] == hits["VERB"].match
    assert dict(noun.metadata) == {"sent_id": "1", "annotation": "gold"}
    assert (noun.start.line, noun.start.column) == (3, 2)
    assert 2 < noun.end.column <= 6
    assert engine.describe_corpus("c").annotations == {"gold": 1}


@pytest.mark.slow  # spaCy starts twice
def test_gold_and_automatic_annotations_stand_side_by_side(engine, model, tmp_path):
    both = ReadingOptions(annotations="both")
    report = index(engine, "c", treebank(tmp_path / "a.conllu"), model=model, pipeline="none", reading=both)
    assert (report.documents, report.sentences) == (1, 2)
    for kind, labels in (("gold", {"DET", "NOUN", "VERB"}), ("automatic", {None})):
        hits = search(engine, "c", filter=Filter(metadata=(("annotation", (kind,)),))).hits
        assert {hit.tokens.pos[hit.match] for hit in hits} == labels
    assert engine.describe_corpus("c").annotations == {"gold": 1, "automatic": 1}


def test_lines_are_sentences_on_request_and_a_build_without_a_word_keeps_that(engine, model, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("The girl ran. A fox\nthe lazy dog\n")
    assert index(engine, "c", path, model=model).sentences == 2
    assert index(engine, "c", path, model=model, reading=ReadingOptions(lines=True)).sentences == 2
    texts = {hit.sentence_text for hit in search(engine, "c").hits}
    assert texts == {"The girl ran. A fox", "the lazy dog"}
    again = index(engine, "c", path, model=model)
    assert again.unchanged == 1
    assert {hit.sentence_text for hit in search(engine, "c").hits} == texts


def test_a_build_that_can_read_nothing_keeps_the_corpus_and_says_so(engine, model, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"The girl ran.\n")
    before = index(engine, "c", path, model=model)
    path.write_bytes(b"The girl ran \xff\n")
    report = index(engine, "c", path, model=model)
    assert report.kept
    assert (report.tokens, report.documents) == (before.tokens, 1)
    assert "line 1" in report.skipped[0].reason
    (hit, *_) = search(engine, "c").hits
    assert hit.sentence_text == "The girl ran."
    assert hit.stale


def test_sources_that_cannot_be_read_make_no_corpus(engine, model, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidParams, match=r"nothing could be read.*a\.txt"):
        index(engine, "c", tmp_path / "a.txt", model=model)
    assert engine.list_corpora() == []


def test_a_list_of_corpora_counts_a_table_once_and_again_when_its_file_changes(engine, model, tmp_path, monkeypatch):
    read = []
    labels = DocumentRows.labels
    monkeypatch.setattr(DocumentRows, "labels", lambda rows: read.append(1) or labels(rows))
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "The girl ran.", "year": 1}\n')
    reading = ReadingOptions(text_field="text")
    engine.index_corpus(IndexRequest("c", (str(source),), model=model, reading=reading), Task())
    assert [engine.list_corpora()[0].metadata for _ in range(3)] == [{"year": 1}] * 3
    assert len(read) == 1
    source.write_text('{"text": "The girl ran.", "year": 1}\n{"text": "She ran.", "year": 2}\n')
    engine.index_corpus(IndexRequest("c", (str(source),), model=model, reading=reading), Task())
    assert engine.list_corpora()[0].metadata == {"year": 2}
    (table,) = (engine._corpora.reader("c").folder._path).glob("documents-*")
    table.write_bytes(table.read_bytes()[:-5])
    assert engine.list_corpora()[0].damaged == (table.name,)


def test_a_corpus_behind_a_url_is_searched_exactly_and_refuses_a_graph_with_what_to_do(engine, model, tmp_path):
    (tmp_path / "a.txt").write_text("The girl ran. She went home.\n")
    index(engine, "c", tmp_path / "a.txt", model=model)
    url = f"file://{engine._corpora.reader('c').folder._path.parent}"
    reading = Engine(tmp_path / "copies", default_model=model, pipeline="blank:en", origin=url)
    approximate = search(reading, "c", exact=False)
    assert [hit.score for hit in approximate.hits] == [hit.score for hit in search(engine, "c", exact=True).hits]
    assert approximate.stats.exact
    assert "behind a URL" in approximate.stats.note
    with pytest.raises(InvalidParams, match="can have no search graph") as refusal:
        reading.index_corpus(IndexRequest("c", (), graphs=(("headOutput", 0),)), Task())
    assert "copy the corpus into a store of your own" in refusal.value.hint
    assert reading.list_corpora()[0].graphs == ()
    reading.close()


def test_a_corpus_of_another_model_is_replaced_only_where_somebody_says_so(engine, model, other_model, tmp_path):
    (tmp_path / "a.txt").write_text("The girl ran.\n")
    index(engine, "c", tmp_path / "a.txt", model=model)
    with pytest.raises(CorpusMismatch):
        index(engine, "c", tmp_path / "a.txt", model=other_model)
    assert engine.describe_corpus("c").model == model
    index(engine, "c", tmp_path / "a.txt", model=other_model, replace=True)
    assert engine.describe_corpus("c").model == other_model


def test_a_model_by_a_relative_path_is_stored_with_its_full_path(engine, model, tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("The girl ran.\n")
    monkeypatch.chdir(Path(model).parent)
    index(engine, "c", tmp_path / "a.txt", model=Path(model).name)
    assert engine.describe_corpus("c").model == model
    monkeypatch.chdir(tmp_path)
    assert search(engine, "c").hits


def test_hits_of_a_file_whose_name_is_no_unicode_know_when_they_are_stale(engine, model, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_text("The girl ran.\n")
    index(engine, "c", tmp_path, model=model)
    assert not any(hit.stale for hit in search(engine, "c").hits)
    path.write_text("The fox ran far away.\n")
    assert all(hit.stale for hit in search(engine, "c").hits)


def test_words_match_however_their_accents_are_stored(engine, model, tmp_path):
    (tmp_path / "a.txt").write_text("The \u00e9 ran.\n\nThe e\u0301 ran.\n", encoding="utf-8")
    index(engine, "c", tmp_path / "a.txt", model=model)
    for typed in ("\u00e9", "e\u0301", "\u00c9"):
        hits = search(engine, "c", filter=Filter(token=(typed,))).hits
        assert {hit.sentence_text for hit in hits} == {"The \u00e9 ran.", "The e\u0301 ran."}


def test_rows_of_a_search_are_its_hits(engine, model, tmp_path):
    index(engine, "c", records(tmp_path / "a.jsonl", 4, 3), model=model, reading=TEXT)
    answer = encode_result(search(engine, "c", k=5), "utf-16")
    rows = answer.to_rows()
    assert [(row["rank"], row["score"], row["match"]) for row in rows] == [
        (hit.rank, hit.score, hit.tokens[hit.match].text) for hit in answer.hits
    ]
    assert {row["metadata.genre"] for row in rows} <= {"news", "fiction"}
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    assert isinstance(answer.to_frame(), pandas.DataFrame)
    assert answer.to_frame()["score"].tolist() == [hit.score for hit in answer.hits]
    table = answer.to_arrow()
    assert isinstance(table, pyarrow.Table)
    assert table.to_pylist() == rows


def test_options_of_reading_belong_to_the_corpus(engine, model, tmp_path):
    path = records(tmp_path / "a.jsonl", 3, 3)
    index(engine, "c", path, model=model, reading=replace(TEXT, lines=True))
    path.write_text(path.read_text() + "\n")
    assert not any(hit.stale for hit in search(engine, "c").hits)
