"""A table of broken files for each format: what is whole is read, and of the rest a reason is given."""

import functools
import gzip
import io
import json
import struct
import zipfile

import pytest

from exbert_rpc.text.contents import FileContent
from exbert_rpc.text.files import read_content, read_file
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.formats.registry import FORMATS
from exbert_rpc.text.sources import read_sources
from exbert_rpc.text.types import Document, Skipped
from tests.samples import sizes

OPTIONS = ReadingOptions(text_field="text", comments=True)
BAD = "café".encode("cp1252")


def row(number: int, word: str, columns: int = 10) -> str:
    return "\t".join([str(number), word, "_", "NOUN", "NN", "_", "0", "root", "_", "_"][:columns]) + "\n"


def cell(source: object, kind: str = "markdown") -> dict[str, object]:
    return {"cell_type": kind, "source": source}


def notebook(*cells: object) -> bytes:
    return json.dumps({"nbformat": 4, "cells": cells}).encode()


# name, what is wrong, the file, the texts that are read, and a part of each reason
TABLE: list[tuple[str, str, bytes, list[str], list[str]]] = [
    ("a.txt", "truncated", "One.\n\nTwo é".encode()[:-1], [], ["byte 0xc3 in line 3"]),
    ("a.txt", "mixed encodings", "Ünder.\n".encode() + BAD + b".\n", [], ["byte 0xe9 in line 2"]),
    ("a.txt", "wrong type", b"PK\x03\x04\0\0", [], ["binary file"]),
    ("a.md", "truncated", b"---\ntitle: A\n\nOne.\n\n```\nTwo.", ["---\ntitle: A\n\nOne.\n\n```\nTwo."], []),
    ("a.md", "mixed encodings", "Ünder.\n".encode() + BAD, [], ["byte 0xe9 in line 2"]),
    ("a.md", "wrong type", b"%PDF-1.4", [], ["pdftotext"]),
    ("a.html", "truncated", b"<html><body><p>One.</p><p>Two.</p><a hre", ["One.\n\n\n\nTwo."], []),
    ("a.html", "mixed encodings", "<p>Ünder.\n".encode() + BAD, [], ["byte 0xe9 in line 2"]),
    ("a.html", "wrong type", b"\x89PNG\r\n\x1a\n\0\0", [], ["is a binary file"]),
    ("a.tex", "truncated", b"\\section{One}\nTwo.\n\\begin{quote}Three \\emph{fo", ["One\n\n\nTwo.\n\n\nThree fo"], []),
    ("a.tex", "mixed encodings", "Ünder.\n".encode() + BAD, [], ["byte 0xe9 in line 2"]),
    ("a.tex", "wrong type", b"\\newpage", [], ["has no prose"]),
    ("a.ipynb", "truncated", notebook(cell("One."))[:-9], [], ["is not a Jupyter notebook"]),
    (
        "a.ipynb",
        "wrong types",
        notebook(cell("One."), cell(7), 5, cell(["Two", "."])),
        ["One.", "Two."],
        ["cell 2", "cell 3"],
    ),
    (
        "a.ipynb",
        "field missing",
        notebook({"cell_type": "markdown"}, cell("Two.")),
        ["Two."],
        ["cell 1: is not a cell"],
    ),
    ("a.ipynb", "mixed encodings", notebook(cell("X"))[:-9] + BAD, [], ["byte 0xe9 in line 1"]),
    ("a.jsonl", "truncated", b'{"text": "One."}\n{"text": "Tw', ["One."], ["line 2: is not JSON"]),
    (
        "a.jsonl",
        "wrong types",
        b'{"text": "One."}\n{"text": 2}\n[]\n3\n',
        ["One."],
        ["line 2: 'text' is no text", "lines 3, 4"],
    ),
    (
        "a.jsonl",
        "field missing",
        b'{"text": "One."}\n{"id": 2}\n{"text": "Three."}\n',
        ["One.", "Three."],
        ["line 2: has no field"],
    ),
    (
        "a.jsonl",
        "mixed encodings",
        '{"text": "Ünder"}\n'.encode() + b'{"text": "' + BAD + b'"}\n',
        [],
        ["byte 0xe9 in line 2"],
    ),
    ("a.json", "truncated", b'[{"text": "One."}, {"text": "Tw', ["One."], ["line 1: is not JSON (Unterminated string"]),
    (
        "a.json",
        "wrong types",
        b'[{"text": "One."}, {"text": null}, 4]',
        ["One."],
        ["'text' is no text", "has no field"],
    ),
    ("a.json", "field missing", b'[{"text": "One."},\n{"id": 2}]', ["One."], ["line 2: has no field 'text'"]),
    ("a.json", "mixed encodings", '[{"text": "Ü"},\n{"text": "'.encode() + BAD + b'"}]', [], ["byte 0xe9 in line 2"]),
    ("a.csv", "truncated", b'id,text\n1,One.\n2,"Tw', ["One.", '"Tw'], []),
    ("a.csv", "field missing", b"id,text\n1,One.\n2\n3,Three.\n", ["One.", "Three."], ["line 3: has 1 fields"]),
    ("a.csv", "wrong types", b"id,text\n1,\n2,Two.\n", ["Two."], ["line 2: its text is empty"]),
    ("a.csv", "mixed encodings", "id,text\n1,Ünder\n2,".encode() + BAD, [], ["byte 0xe9 in line 3"]),
    ("a.tsv", "truncated", b"id\ttext\n1\tOne.\n2", ["One."], ["line 3: has 1 fields"]),
    ("a.tsv", "field missing", b"id\ttext\n1\tOne.\n2\n3\tThree.\n", ["One.", "Three."], ["line 3: has 1 fields"]),
    ("a.tsv", "mixed encodings", "id\ttext\n1\tÜ\n2\t".encode() + BAD, [], ["byte 0xe9 in line 3"]),
    ("a.conllu", "truncated", (row(1, "One") + "\n" + row(1, "Two", 4)).encode(), ["One"], ["line 3: has 4 columns"]),
    (
        "a.conllu",
        "field missing",
        (row(1, "One", 9) + "\n" + row(1, "Two")).encode(),
        ["Two"],
        ["line 1: has 9 columns"],
    ),
    (
        "a.conllu",
        "wrong types",
        (row(1, "One").replace("1\t", "x\t") + "\n" + row(1, "Two")).encode(),
        ["Two"],
        ["line 1"],
    ),
    (
        "a.conllu",
        "mixed encodings",
        (row(1, "Ü") + "\n").encode() + row(1, "X").encode().replace(b"X", BAD),
        [],
        ["line 3"],
    ),
    ("a.py", "truncated", b'"""One."""\nx = (', [], ["is not Python that can be read"]),
    ("a.py", "mixed encodings", "# Ünder\n# ".encode() + BAD, [], ["byte 0xe9 in line 2"]),
    ("a.py", "wrong type", b"x = 1\n", [], ["no comments"]),
]
IN_COLUMNS = ("parquet", "arrow")


def read(name: str, data: bytes, options: ReadingOptions = OPTIONS) -> tuple[list[str], list[str]]:
    found = list(read_content(FileContent(f"file:///{name}", lambda: io.BytesIO(data), options), data[:4096], options))
    texts = [one.text for one in found if isinstance(one, Document)]
    return texts, [one.reason for one in found if isinstance(one, Skipped)]


@pytest.mark.parametrize(
    ("name", "fault", "data", "texts", "reasons"), TABLE, ids=[f"{one[0]} {one[1]}" for one in TABLE]
)
def test_what_is_whole_in_a_broken_file_is_read_and_the_rest_has_a_reason(name, fault, data, texts, reasons):
    if name.endswith(".tex"):
        pytest.importorskip("pylatexenc")
    found, told = read(name, data)
    assert [text.strip() for text in found] == texts
    assert len(told) == len(reasons)
    assert all(reason in one for reason, one in zip(reasons, told, strict=True))


def test_every_format_has_its_rows_in_the_table():
    names = {one.name for one in FORMATS}
    of = {suffix: one.name for one in FORMATS for suffix in one.suffixes}
    faults = {name: {row[1] for row in TABLE if of["." + row[0].rpartition(".")[2]] == name} for name in names}
    assert [
        name for name in names if not {"truncated", "mixed encodings"} <= faults[name] and name not in IN_COLUMNS
    ] == []


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.jsonl", "a.csv", "a.tsv", "a.conllu", "a.json"])
def test_a_wrong_byte_is_replaced_where_that_is_asked_for(name):
    data = next(row[2] for row in TABLE if row[:2] == (name, "mixed encodings"))
    texts, told = read(name, data, ReadingOptions(text_field="text", errors="replace"))
    assert "\ufffd" in "".join(texts)
    assert len(told) == 1 and "were replaced" in told[0]


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_broken_columns_lose_only_what_is_broken(tmp_path, name):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def write(table: object) -> bytes:
        if name == "a.parquet":
            parquet.write_table(table, path)
        else:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table, max_chunksize=1)
        return path.read_bytes()

    def found() -> tuple[list[str], list[str]]:
        all_of_it = list(read_file(path.as_uri(), path, OPTIONS))
        texts = [one.text for one in all_of_it if isinstance(one, Document)]
        return texts, [one.reason for one in all_of_it if isinstance(one, Skipped)]

    path = tmp_path / name
    whole = write(pa.table({"text": ["One.", None, " ", "Four."]}))
    assert found() == (["One.", "Four."], ["row 2: 'text' is no text", "row 3: its text is empty"])
    path.write_bytes(whole[: len(whole) - 40])
    texts, reasons = found()
    assert texts in ([], ["One.", "Four."], ["One."]) and reasons
    write(pa.table({"text": [1, 2]}))
    assert found() == ([], ["has no row with a text: rows 1, 2: 'text' is no text"])
    write(pa.table({"other": ["a"]}))
    texts, (reason,) = found()
    assert texts == [] and "'text'" in reason


def test_an_offset_that_leads_out_of_a_file_is_met_before_it_is_followed(tmp_path):
    pa = pytest.importorskip("pyarrow")
    path = tmp_path / "a.arrow"
    table = pa.table({"text": ["One text.", "Two."]})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    offsets = struct.pack("<3i", 0, 9, 13)
    assert path.read_bytes().count(offsets) == 1
    path.write_bytes(path.read_bytes().replace(offsets, struct.pack("<3i", 0, 9, 0x7FFFFF00)))
    (skipped,) = read_file(path.as_uri(), path, OPTIONS)  # followed, it ends the process
    assert "cannot be read" in skipped.reason


def test_a_broken_file_of_an_archive_does_not_lose_the_others(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as writer:
        for name, text in (("a.txt", "One."), ("b.txt", "Two is broken."), ("c.txt", "Three.")):
            writer.writestr(name, text)
    archive.write_bytes(archive.read_bytes().replace(b"Two is broken.", b"Two is broke!!"))
    found = list(read_file(archive.as_uri(), archive, OPTIONS))
    assert [one.text for one in found if isinstance(one, Document)] == ["One.", "Three."]
    assert [one.reason for one in found if isinstance(one, Skipped) and one.uri.endswith("b.txt")] != []


def test_a_gzipped_file_that_says_more_than_it_has_is_left_out_with_a_reason(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    packed = gzip.compress(b'{"text": "One."}\n' * 1000)
    for broken in (packed[:-8], packed[:-4] + struct.pack("<I", 5), packed[: len(packed) // 2]):
        path.write_bytes(broken)
        (skipped,) = read_file(path.as_uri(), path, OPTIONS)
        assert "damaged" in skipped.reason


def test_broken_files_in_a_folder_do_not_lose_the_whole_ones(tmp_path):
    for number, (name, _, data, _, _) in enumerate(TABLE):
        (tmp_path / f"{number:02}-{name}").write_bytes(data)
    (tmp_path / "zz.txt").write_text("The last one.")
    documents, skipped = read_sources([str(tmp_path)], OPTIONS)
    assert documents[-1].text == "The last one."
    left_out = {one.uri.rpartition("/")[2] for one in skipped}
    named = {f"{number:02}-{row[0]}" for number, row in enumerate(TABLE) if row[4] and not row[0].endswith(".tex")}
    assert named <= left_out


@pytest.mark.parametrize("count", sizes(1000, 10_000))
def test_thousands_of_tiny_files_are_all_read(tmp_path, count):
    for number in range(count):
        folder = tmp_path / f"d{number % 10}"
        folder.mkdir(exist_ok=True)
        (folder / f"n\n{number:05}.txt").write_bytes(b"\xff" if number % 1000 == 7 else b"Word %d." % number)
    documents, skipped = read_sources([str(tmp_path)])
    broken = len(range(7, count, 1000))
    assert len(documents) == count - broken
    assert {one.text for one in documents} == {f"Word {number}." for number in range(count) if number % 1000 != 7}
    assert len(skipped) == broken


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "first", "last", "size"),
    [
        ("a.jsonl", b'{"text": "She ran."}\n', b'{"text": "She ran."}\n', 1 << 30),
        ("a.json", b'[{"text": "She ran."},', b'{"text": "She ran."}]', 1 << 30),
        ("a.csv", b"She ran.\n", b"She ran.\n", 1 << 30),
        ("a.txt", b"She ran.\n\n", b"She ran.\n\n", 1 << 30),
        ("a.md", b"She ran.\n\n", b"She ran.\n\n", 1 << 27),  # a gigabyte takes four minutes
    ],
)
def test_a_large_file_is_read_a_piece_at_a_time(name, first, last, size):
    options = ReadingOptions(text_field="1" if name == "a.csv" else "text")
    simulated = functools.partial(Simulated, first, size, last)
    content = FileContent(f"file:///{name}", lambda: io.BufferedReader(simulated(), 1 << 20), options)
    found = list(read_content(content, first, options))
    documents = [one for one in found if isinstance(one, Document)]
    assert documents[0].text.strip() == documents[-1].text.strip() == "She ran."
    assert max(len(one.text) for one in documents) < 8 << 20
    assert len(found) == len(documents)
    # a part of prose begins some megabytes before its last line
    assert documents[-1].excerpt.line > 2 * (size >> 20) - 48


class Simulated(io.RawIOBase):
    """A file that has lines at its beginning and its end, and much white space in between."""

    def __init__(self, first: bytes, size: int, last: bytes) -> None:
        self._parts = iter([first, *[b" " * ((1 << 20) - 2) + b"\n\n"] * (size >> 20), last])
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, into: memoryview) -> int:
        self._rest = self._rest or next(self._parts, b"")
        n = min(len(into), len(self._rest))
        into[:n], self._rest = self._rest[:n], self._rest[n:]
        return n
