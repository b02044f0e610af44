"""Corpora of all kinds of texts from the command line."""

import csv
import io
import json

import pytest


@pytest.fixture
def reviews(tmp_path):
    rows = [{"stars": number % 2, "body": f"The girl ran to a local pub {number}."} for number in range(6)]
    path = tmp_path / "reviews.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def indexed(run, reviews, tiny_model):
    done = run("index", "r", reviews, "--text-field", "body", "--model", tiny_model, "--pipeline", "blank:en")
    assert done.code == 0, done.err
    return reviews


QUERY = ("r", "The girl ran.", "--token", "1", "--layer", "1")


def test_hits_show_their_metadata_and_can_be_filtered_by_it(run, indexed):
    shown = run("search", *QUERY, "--where", "stars=1")
    assert "stars=1" in shown.out and "stars=0" not in shown.out
    assert "reviews.jsonl:2:" in shown.out
    wrong = run("search", *QUERY, "--where", "stars=9")
    assert wrong.code == 2 and "0, 1" in wrong.err
    assert run("search", *QUERY, "--where", "stars").code == 2


def test_hits_in_a_file_without_lines_show_their_row(run, tmp_path, tiny_model):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pa.table({"text": [f"The girl ran to pub {number}." for number in range(4)], "stars": [1, 2, 3, 4]})
    parquet.write_table(table, tmp_path / "pubs.parquet")
    index = ("index", "p", tmp_path / "pubs.parquet", "--text-field", "text")
    assert run(*index, "--model", tiny_model, "--pipeline", "blank:en").code == 0
    shown = run("search", "p", *QUERY[1:], "--where", "stars=3").out
    assert "pubs.parquet:row 3" in shown and "stars=3" in shown
    assert "pubs.parquet:1:1" not in shown


def test_a_summary_counts_hits_by_metadata(run, indexed):
    shown = run("summarize", *QUERY, "--by", "stars,folder", "--controls", "none")
    assert "stars of the documents" in shown.out
    assert "corpus 50%" in shown.out


def test_rows_are_csv_json_lines_or_parquet(run, indexed, tmp_path):
    answer = json.loads(run("search", *QUERY, "--k", "3", "--json").out)
    rows = list(csv.DictReader(io.StringIO(_file(run, tmp_path, "csv"))))
    assert [float(row["score"]) for row in rows] == [hit["score"] for hit in answer["hits"]]
    assert [row["metadata.stars"] for row in rows] == [hit["metadata"]["stars"] for hit in answer["hits"]]
    lines = [json.loads(line) for line in _file(run, tmp_path, "jsonl").splitlines()]
    assert [line["sentence"] for line in lines] == [hit["sentence"]["text"] for hit in answer["hits"]]
    parquet = pytest.importorskip("pyarrow.parquet")
    run("search", *QUERY, "--k", "3", "--format", "parquet", "--output", tmp_path / "rows.parquet")
    assert parquet.read_table(tmp_path / "rows.parquet").to_pylist() == lines


def _file(run, tmp_path, name):
    path = tmp_path / f"rows.{name}"
    done = run("search", *QUERY, "--k", "3", "--format", name, "--output", path)
    assert (done.code, done.out) == (0, "")
    return path.read_text()


def test_words_match_in_either_case_unless_case_is_asked_for(run, indexed):
    answer = json.loads(run("search", *QUERY, "--json").out)
    texts = {hit["tokens"][hit["match"]]["text"] for hit in answer["hits"]}
    word = next(text for text in sorted(texts) if text.upper() not in texts)
    assert f"[{word}]" in run("search", *QUERY, "--words", word.upper()).out
    assert "nothing" in run("search", *QUERY, "--words", word.upper(), "--match-case").out
    assert f"[{word}]" in run("search", *QUERY, "--words", word, "--match-case").out
    assert run("search", *QUERY, "--match-case").code == 2


def test_rows_and_other_forms_exclude_each_other(run):
    assert run("search", *QUERY, "--format", "csv", "--json").code == 2
    assert run("search", *QUERY, "--output", "x.csv").code == 2


def test_a_build_that_reads_nothing_ends_with_one_and_keeps_the_corpus(run, indexed):
    indexed.write_bytes(b"\xff\xff\xff")
    done = run("index", "r", indexed)
    assert done.code == 1
    assert "stays as it was" in done.out and "line 1" in done.out
    assert "reviews.jsonl" in run("search", *QUERY).out


def test_formats_are_listed(run):
    shown = run("formats").out
    assert "jsonl" in shown and ".conllu" in shown
    listed = json.loads(run("formats", "--json").out)
    assert {"text", "markdown", "notebook", "html", "csv", "parquet", "code"} <= {one["name"] for one in listed}


def test_a_part_of_markdown_that_there_is_not_is_told(run, tiny_model, tmp_path):
    done = run("index", "c", tmp_path, "--leave-out", "poems", "--model", tiny_model)
    assert done.code == 2 and "frontMatter" in done.err
