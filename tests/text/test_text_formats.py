"""Each format: what is read of it, where that stands in the file, and what is said of broken files."""

import csv
import gzip
import importlib.util
import io
import json
import random
import zipfile
from dataclasses import replace

import pytest

from exbert_rpc.corpus.build.places import block_places
from exbert_rpc.corpus.search.places import position
from exbert_rpc.text.blocks import split_blocks
from exbert_rpc.text.files import read_file, read_inline
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.formats.registry import FORMATS, choose, in_folders
from exbert_rpc.text.positions import LineIndex
from exbert_rpc.text.types import Document
from tests.text.writers import WRITERS, as_conllu, as_csv, sentence, unescaped

TEXT = ReadingOptions(text_field="text")
HAS_PYARROW = importlib.util.find_spec("pyarrow") is not None


def read(name: str, text: str, options: ReadingOptions = TEXT) -> tuple[list[Document], list[str]]:
    found = list(read_inline(name, text, options))
    documents = [one for one in found if isinstance(one, Document)]
    return documents, [one.reason for one in found if not isinstance(one, Document)]


def texts(name: str, text: str, options: ReadingOptions = TEXT) -> list[str]:
    return [document.text for document in read(name, text, options)[0]]


def places(document: Document, raw: str) -> list[tuple[str, str]]:
    """Each word of each block, and what stands in the file between the places that a hit of it would have."""
    starts = [0]
    for line in raw.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    blocks, found = split_blocks(document), []
    for block, place in zip(blocks, block_places(document, blocks), strict=True):
        at, lines = 0, LineIndex(block.text)
        for word in block.text.split():
            start = block.text.index(word, at)
            at = start + len(word)
            ends = [position(place, block.text, lines, start), position(place, block.text, lines, at, is_end=True)]
            first, last = (starts[one.line] + one.column for one in ends)
            for one in ends:  # whatever units a client counts in
                before = raw[starts[one.line] : starts[one.line] + one.column]
                assert one.before == (len(before), len(before.encode("utf-16-le")) // 2, len(before.encode()))
            found.append((word, raw[first:last]))
    return found


def check_places(name: str, n: int, seed: int) -> int:
    if name.endswith("tex"):
        pytest.importorskip("pylatexenc")
    rng = random.Random(seed)
    raw = WRITERS[name]([sentence(rng) for _ in range(n)])
    documents, reasons = read(name, raw, replace(TEXT, comments=True))
    assert documents and reasons == []
    pairs = [pair for document in documents for pair in places(document, raw)]
    for word, found in pairs:
        assert unescaped(name, found) == word or word == "![i]()"  # what was in between is left out
    return len(pairs)


@pytest.mark.parametrize("name", WRITERS)
def test_every_word_stands_where_its_place_in_the_file_says(name):
    assert check_places(name, 12, 5) > 40


@pytest.mark.slow
def test_thousands_of_words_of_all_formats_stand_where_their_places_say():
    assert sum(check_places(name, 12, seed) for name in WRITERS for seed in range(20)) > 5000


def test_a_very_long_line_is_placed_without_its_beginning():
    raw = " ".join(["word"] * 30_000)
    (document,), _ = read("a.txt", raw)
    blocks = split_blocks(document)
    stored = block_places(document, blocks)
    assert sum(len(place.prefix) for place in stored) < 10_000
    last = position(stored[-1], blocks[-1].text, LineIndex(blocks[-1].text), len(blocks[-1].text), is_end=True)
    assert (last.line, last.column) == (0, len(raw))


def test_other_fields_of_a_record_are_its_metadata():
    raw = '{"meta": {"genre": "news", "n": 3, "ok": true}, "body": {"en": "A text."}, "tags": ["a"], "none": null}\n'
    (document,), _ = read("a.jsonl", raw, ReadingOptions(text_field="body.en"))
    assert document.metadata == (("meta.genre", "news"), ("meta.n", "3"), ("meta.ok", "true"))
    assert (document.text, document.record) == ("A text.", 0)


def test_a_field_with_a_dot_in_its_name_is_taken_literally_first():
    assert texts("a.jsonl", '{"a.b": "One.", "a": {"b": "Two."}}', ReadingOptions(text_field="a.b")) == ["One."]


def test_which_field_is_the_text_is_asked_where_it_is_not_obvious():
    documents, reasons = read("a.jsonl", '{"title": "T", "body": "B"}\n', ReadingOptions())
    assert documents == []
    assert "'title', 'body'" in reasons[0] and "--text-field" in reasons[0]
    assert texts("a.jsonl", '{"id": 1, "body": "B"}\n', ReadingOptions()) == ["B"]
    assert texts("a.csv", "id,text\n1,B\n", ReadingOptions()) == ["B"]


def test_cells_of_tables_are_those_of_the_csv_module():
    rng = random.Random(3)
    for _ in range(200):
        cells = ["".join(rng.choice('ab",\n \té') for _ in range(rng.randint(1, 8))) or "x" for _ in range(6)]
        raw = as_csv(cells)
        expected = [row[1] for row in list(csv.reader(io.StringIO(raw)))[1:] if row[1].strip()]
        assert texts("a.csv", raw) == expected


def test_a_column_is_chosen_by_number_in_a_table_without_a_header():
    assert texts("a.tsv", '1\tOne\n2\tTwo "quoted\n', ReadingOptions(text_field="2")) == ["One", 'Two "quoted']


def test_an_open_quote_does_not_eat_the_rest_of_a_table():
    documents, _ = read("a.csv", 'id,text\n1,"never closed\n2,fine\n3,also fine\n')
    assert [document.text for document in documents] == ['"never closed', "fine", "also fine"]


CONLLU = """# newdoc id = d1
# sent_id = s1
# text = Vámonos al mar.
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\tV\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\tP\t_\t1\tobj\t_\t_
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\tA\t_\t5\tcase\t_\t_
4\tel\tel\tDET\tD\t_\t5\tdet\t_\t_
5\tmar\tmar\tNOUN\tN\t_\t1\tobl\t_\tSpaceAfter=No
5.1\tghost\tghost\tVERB\tV\t_\t_\t_\t_\t_
6\t.\t.\tPUNCT\tF\t_\t1\tpunct\t_\t_

# sent_id = s2
1\tdo\tdo\tAUX\tVB\t_\t2\taux\t_\tSpaceAfter=No
2\tn't\tnot\tPART\tRB\t_\t0\troot\t_\t_

"""


def test_a_treebank_brings_its_own_annotations():
    first, second = read("a.conllu", CONLLU)[0]
    assert first.text == "Vámonos al mar."
    assert second.text == "don't"
    assert first.metadata == (("newdoc id", "d1"), ("sent_id", "s1"), ("annotation", "gold"))
    assert {first.group, second.group} == {"d1"}
    gold = first.gold[0].annotated
    assert gold.pos == ("VERB", "PRON", "ADP", "DET", "NOUN", "PUNCT")
    assert gold.tag == ("V", "P", "A", "D", "N", "F")
    assert gold.dep == ("root", "obj", "case", "det", "obl", "punct")
    assert gold.syntactic_head.tolist() == [0, 0, 4, 4, 0, 0]
    spans = zip(gold.word_start.tolist(), gold.word_end.tolist(), strict=True)
    assert [first.text[start:end] for start, end in spans] == ["Vám", "onos", "a", "l", "mar", "."]


def test_a_treebank_is_there_twice_where_both_annotations_are_asked_for():
    documents = read("a.conllu", CONLLU, ReadingOptions(annotations="both"))[0]
    assert [dict(one.metadata)["annotation"] for one in documents] == ["gold", "automatic"] * 2
    assert [one.gold is not None for one in documents] == [True, False] * 2
    variants = {(block.text, block.variant) for one in documents for block in split_blocks(one)}
    assert len(variants) == 4


def test_a_page_shows_what_a_browser_shows():
    raw = (
        "<!doctype html><html lang=en><head><title>My&nbsp;page</title><style>p{}</style></head><body>"
        "<h1>Head</h1><script>var x = '<p>no</p>'</script><p>She  ran\n to <b>a</b> pub&mdash;fast.</p>"
        "<div hidden>secret <div>too</div></div><ul><li>one<li>two</ul><pre>a\n  b</pre></body></html>"
    )
    (document,), reasons = read("a.html", raw)
    assert [block.text for block in split_blocks(document)] == [
        "Head",
        "She ran to a pub—fast.",
        "one",
        "two",
        "a\n  b",
    ]
    assert document.metadata == (("title", "My page"), ("lang", "en"))
    assert reasons == []


def test_the_prose_of_tex_is_read_without_its_commands():
    pytest.importorskip("pylatexenc")
    raw = (
        "\\documentclass{article}\\title{On \\emph{lists}}\n\\newcommand{\\x}{no}\n\\begin{document}\n\\maketitle\n"
        "\\section[Short]{A caf\\'e \\& more}\\label{s}\nShe \\textbf{ran}~to Stra\\ss e 5--7 % no\n"
        "and ``read'' $x^2$.\n\n"
        "\\begin{itemize}\\item one\\item two \\cite{a}\\end{itemize}\n\\begin{equation}y\\end{equation}\n"
        "\\[z\\]\\begin{verbatim}code\\end{verbatim}\n\\begin{quote}Last.\\footnote{no}\\end{quote}\n\\end{document}\nno"
    )
    (document,), reasons = read("a.tex", raw)
    assert reasons == []
    assert document.metadata == (("title", "On lists"),)
    assert [" ".join(block.text.split()) for block in split_blocks(document)] == [
        "A café & more",
        "She ran to Straß e 5–7 and “read” $x^2$.",
        "one",
        "two",
        "Last.",
    ]


def test_markdown_without_what_is_left_out():
    raw = "---\ntitle: A b\nnested:\n  x: 1\n---\n# Head\n\n```py\ncode()\n```\n\nSee <b>this</b>.\n"
    (whole,), _ = read("a.md", raw)
    assert whole.text == raw
    assert whole.metadata == (("title", "A b"),)
    (document,), _ = read("a.md", raw, ReadingOptions(leave_out=("code", "frontMatter", "html")))
    assert [block.text for block in split_blocks(document)] == ["# Head", "See this."]


def test_outputs_of_notebooks_are_read_on_request():
    output = [
        {"output_type": "stream", "text": ["a ", "b"]},
        {"output_type": "execute_result", "data": {"text/plain": "c", "image/png": "x"}},
    ]
    cells = [{"cell_type": "code", "source": "1", "outputs": output}, {"cell_type": "markdown", "source": "d"}]
    raw = json.dumps({"nbformat": 4, "cells": cells})
    assert texts("a.ipynb", raw) == ["d"]
    documents = read("a.ipynb", raw, ReadingOptions(outputs=True))[0]
    assert [(one.cell, one.record, one.text) for one in documents] == [(0, 0, "a b"), (0, 1, "c"), (1, None, "d")]


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("as a reader\nI want\na list\nof modules\n", True),
        ("a title\n\nas a reader\nI want\na list\nof modules\n", True),
        ("as a reader\nI want\n\na list\nof modules\n", False),
        ("as a reader\nI want. A\nlist\nof modules\n", False),
        ("猫が\n走る。\n犬が\n走る\n", False),
    ],
)
def test_lines_without_full_stops_are_read_and_told(text, is_told):
    documents, reasons = read("a.txt", text)
    assert [one.text for one in documents] == [text]
    assert ["--lines" in reason for reason in reasons] == [True] * is_told
    assert read("a.txt", text, replace(TEXT, lines=True))[1] == []


def test_lines_are_sentences_where_that_is_asked_for():
    (document,), _ = read("a.txt", "one. two\n\nthree\r\nfour", ReadingOptions(lines=True))
    assert [(block.text, block.is_sentence) for block in split_blocks(document)] == [
        ("one. two", True),
        ("three", True),
        ("four", True),
    ]


def test_comments_of_source_code_are_read_on_request():
    documents, reasons = read("a.py", "x = 1  # why\n", ReadingOptions())
    assert documents == [] and "--comments" in reasons[0]
    raw = '"""Module."""\n# one\n# two\nx = "no"\nclass A:\n    \'\'\'Doc\n    more.\'\'\'\n'
    (document,), _ = read("a.py", raw, ReadingOptions(comments=True))
    assert [block.text for block in split_blocks(document)] == ["Module.\none\ntwo", "Doc\n    more."]
    pytest.importorskip("pygments")
    raw = "/* Long\n * comment */\nint x; // short\n#define Y 1\n"
    assert "".join(texts("a.c", raw, ReadingOptions(comments=True))).split() == ["Long", "comment", "short"]


@pytest.mark.parametrize("name", ["a.py", "A.PY", "d%20e/a.py.gz", "z.zip#/d/a.py", "z.zip#/a.pyi"])
def test_comments_of_python_are_read_wherever_the_file_lies(name):
    assert texts(f"file:///{name}", "x = 1  # why\n", ReadingOptions(comments=True, format="code")) == ["why"]


def test_archives_hold_files_of_all_formats(tmp_path):
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(b'{"text": "One.", "id": 1}\n'))
    assert [one.text for one in read_file(packed.as_uri(), packed, TEXT)] == ["One."]
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("d/ü.txt", "Two.")
        writer.writestr("x.exe", b"MZ")
        writer.writestr(".hidden/a.txt", "no")
    found = list(read_file(archive.as_uri(), archive, TEXT))
    assert [one.text for one in found if isinstance(one, Document)] == ["Two."]
    assert found[0].uri == f"{archive.as_uri()}#/d/%C3%BC.txt"
    assert [one.reason for one in found if not isinstance(one, Document)] == [
        "has files of other types, left out: x.exe"
    ]


def test_columns_of_parquet_and_of_saved_data_sets_are_texts(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pa.table({"text": ["One.", None, "Two."], "label": [1, 2, 3]})
    parquet.write_table(table, tmp_path / "a.parquet")
    for name, new in (("a.arrow", pa.ipc.new_stream), ("a.feather", pa.ipc.new_file)):
        with pa.OSFile(str(tmp_path / name), "wb") as sink, new(sink, table.schema) as writer:
            writer.write_table(table)
    for name in ("a.parquet", "a.arrow", "a.feather"):
        found = list(read_file((tmp_path / name).as_uri(), tmp_path / name, TEXT))
        assert [(one.text, one.record, one.metadata) for one in found[:2]] == [
            ("One.", 0, (("label", "1"),)),
            ("Two.", 2, (("label", "3"),)),
        ]
        assert found[2].reason == "row 2: 'text' is no text"


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("a.jsonl", '{"text": "a"\n', "line 1: is not JSON"),
        ("a.jsonl", '{"id": 1}\n', "line 1: has no field 'text'"),
        ("a.jsonl", '{"text": 3}\n', "line 1: 'text' is no text"),
        ("a.jsonl", '{"text": "\\ud800"}\n', "no Unicode text"),
        ("a.jsonl", "[" * 100_000, "is not JSON"),
        ("a.json", '{"a": 1}', "no list of records"),
        ("a.json", "[]", "has no records"),
        ("a.csv", "id,text\n", "has no rows"),
        ("a.csv", "id,body\n1,b\n", "has no column 'text'"),
        ("a.csv", "id,text\n1\n", "line 2: has 1 fields"),
        ("a.conllu", "1\tonly\n\n", "line 1: has 2 columns instead of 10"),
        ("a.conllu", "# text = a\n", "has no sentences"),
        ("a.conllu", "2\ta\t_\t_\t_\t_\t0\t_\t_\t_\n", "word 2 stands where word 1 should"),
        ("a.conllu", "1-9\ta\t_\t_\t_\t_\t0\t_\t_\t_\n1\ta\t_\t_\t_\t_\t0\t_\t_\t_\n", "words up to 9"),
        ("a.html", "<html><head><title>x</title></head></html>", "shows no text"),
        ("a.ipynb", '{"worksheets": 3}', "is not a Jupyter notebook"),
        ("a.yaml", "a: 1", "is YAML, not prose"),
        ("a.sty", "\\section{A}", "is TeX, not prose"),
        ("a.docx", "PK", "pandoc a.docx"),
        ("a.pdf", "%PDF", "pdftotext"),
        ("a.parquet", "PAR1", "is a format of bytes" if HAS_PYARROW else "needs pyarrow"),
    ],
)
def test_a_broken_file_is_left_out_with_a_reason(name, raw, reason):
    documents, reasons = read(name, raw)
    assert documents == []
    assert len(reasons) == 1 and reason in reasons[0]


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        (
            "a.jsonl",
            '{"text": "a"}\nno\n\n{"text": "b"}\n{"x": 1}\n',
            ["line 2: is not JSON", "line 5: has no field 'text'"],
        ),
        ("a.csv", "id,text\n1,a\n2\n3,b\n", ["line 3: has 1 fields, and the text should be in number 2"]),
        ("a.conllu", as_conllu(["a"]) + "1\tx\n\n" + as_conllu(["b"]), ["line 5: has 2 columns instead of 10"]),
    ],
)
def test_what_is_broken_in_a_file_does_not_lose_the_rest(name, raw, reason):
    documents, reasons = read(name, raw)
    assert [document.text for document in documents] == ["a", "b"]
    assert reasons == reason


def test_a_list_that_was_cut_off_is_read_up_to_there():
    documents, reasons = read("a.json", '[{"text": "a"}, {"text": "b"}, {"te')
    assert [document.text for document in documents] == ["a", "b"]
    told = "line 1: is not JSON (Unterminated string starting at), and nothing is read from there on"
    assert reasons == [told]


def test_many_problems_of_one_kind_are_one_sentence():
    _, reasons = read("a.jsonl", '{"text": "a"}\n' + "no\n" * 300)
    assert reasons == ["lines 2, 3, 4, 5, 6 and 295 more: is not JSON"]


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut", b"", b"PK\x05\x06" + b"\0" * 18])
def test_a_broken_archive_is_left_out_with_a_reason(tmp_path, content):
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    (skipped,) = read_file(path.as_uri(), path)
    assert skipped.reason
    packed = tmp_path / "a.txt.gz"
    packed.write_bytes(gzip.compress(b"text " * 1000)[:-20])
    (skipped,) = read_file(packed.as_uri(), packed)
    assert "damaged" in skipped.reason


@pytest.mark.parametrize(
    ("text", "encoding", "is_read"),
    [
        ("Интерпретатор хранит список модулей, чтобы не загружать их дважды. Девочка побежала в паб.", "cp1251", True),
        ("Die Bücher über Ärzte wären für uns größer gewesen, als wir früher dachten.", "cp1252", True),
        ("The interpreter keeps a list.", "utf-16-le", True),
        ("The interpreter keeps a list.", "utf-16-be", True),
        ("The interpreter keeps “a list”.", "cp1252", False),
        ("インタプリタはモジュールの一覧を持っています。", "shift_jis", False),
        ("Интерпретатор хранит список модулей, чтобы не загружать их дважды.", "koi8-r", False),
    ],
)
def test_an_encoding_is_read_where_there_is_no_doubt_about_it(tmp_path, text, encoding, is_read):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    found = list(read_file(path.as_uri(), path))
    documents = [one.text for one in found if isinstance(one, Document)]
    assert documents == ([text] if is_read else [])
    if not is_read:
        assert "in line 1" in found[0].reason and "--encoding" in found[0].reason
    named = list(read_file(path.as_uri(), path, ReadingOptions(encoding=encoding)))
    assert [one.text for one in named] == [text]


def test_one_wrong_byte_does_not_lose_a_log(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"Good line.\n" * 1000 + b"bad \xff byte\n")
    (skipped,) = read_file(path.as_uri(), path)
    assert "byte 0xff in line 1001" in skipped.reason
    document, note = read_file(path.as_uri(), path, ReadingOptions(errors="replace"))
    assert document.text.endswith("bad \ufffd byte\n")
    assert "line 1001" in note.reason


def test_folders_are_searched_for_prose_and_for_what_was_asked_for():
    names = (
        "a.txt",
        "a.Rmd",
        "a.html",
        "a.conllu",
        "a.ipynb",
        "a.jsonl",
        "a.csv.gz",
        "a.py",
        "a.pdf",
        "a.zip",
        "a.yaml",
    )
    assert [name for name in names if in_folders(name, ReadingOptions())] == list(names[:5])
    asked = ReadingOptions(text_field="text", comments=True)
    assert [name for name in names if in_folders(name, asked)] == list(names[:8])


def test_content_decides_where_there_is_no_known_ending():
    def name(beginning: bytes) -> str:
        return choose("file:///x", beginning, ReadingOptions()).name

    assert name(b"<!DOCTYPE html>\n<p>x") == "html"
    assert name(b'{"text": "a"}\n{"text": "b"}\n') == "jsonl"
    assert name(CONLLU.encode()) == "conllu"
    assert name(b"1 plain { text\n") == "text"


def test_every_format_says_what_it_reads():
    assert len({one.name for one in FORMATS}) == len(FORMATS)
    assert all(one.about and one.suffixes for one in FORMATS)
