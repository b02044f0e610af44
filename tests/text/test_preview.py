"""What sources hold, before they are indexed."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest

from exbert_rpc.errors import Cancelled, InvalidParams
from exbert_rpc.tasks import Task
from exbert_rpc.text.contents import FileContent
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.preview import preview
from exbert_rpc.text.sources import read_sources

RECORDS = [{"id": 1, "title": "A", "body": "The girl ran."}, {"id": 2, "title": "B", "body": "It rained."}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two texts, a page, records in four forms, a picture, an archive, and what folders leave out."""
    (tmp_path / "a.txt").write_text("One.\n")
    (tmp_path / "b.txt").write_text("Two.\n")
    (tmp_path / "page.md").write_text("# Three\n")
    lines = "".join(json.dumps(record) + "\n" for record in RECORDS)
    (tmp_path / "r.jsonl").write_text(lines)
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "t.csv").write_text("id,title,body,score\n1,A,The girl ran.,3\n")
    (tmp_path / "t.json").write_text(json.dumps(RECORDS))
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n")
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("inside.txt", "Four.")
    return tmp_path


def test_files_are_counted_by_format_with_the_fields_of_records(folder: Path) -> None:
    found = preview([str(folder), str(folder / "z.zip")])
    counts = {one.format: (one.files, one.nbytes, one.fields) for one in found.formats}
    size = {path.name: path.stat().st_size for path in folder.iterdir()}
    names = ("id", "title", "body")
    assert counts == {
        "text": (2, size["a.txt"] + size["b.txt"], ()),
        "markdown": (1, size["page.md"], ()),
        "jsonl": (2, size["r.jsonl"] + size["packed.jsonl.gz"], names),
        "json": (1, size["t.json"], names),
        "csv": (1, size["t.csv"], (*names, "score")),
        "zip": (1, size["z.zip"], ()),
    }
    assert [one.files for one in found.formats] == [2, 2, 1, 1, 1, 1]


def test_what_is_left_out_is_named_with_its_reason(folder: Path) -> None:
    found = preview([str(folder), str(folder / "x.png"), str(folder / "none.txt")])
    reasons = {one.uri: one.reason for one in found.skipped}
    assert "names no file" in reasons[str(folder / "none.txt")]
    assert any(uri.endswith("x.png") for uri in reasons)
    assert "venv" in reasons[str(folder)]


def test_a_field_that_was_chosen_is_all_that_a_build_needs(folder: Path) -> None:
    """Each format of the preview is read once its field is named, and no other."""
    chosen = ReadingOptions(text_field="body")
    documents, _ = read_sources([str(folder)], chosen)
    read = {document.uri for document in documents}
    previewed = preview([str(folder)], chosen)
    assert sum(one.files for one in previewed.formats) == len(read)
    assert {"r.jsonl", "packed.jsonl.gz", "t.csv", "t.json"} < {uri.rsplit("/", 1)[1] for uri in read}
    # without one, folders are searched for texts only
    documents, _ = read_sources([str(folder)])
    without = [one for one in preview([str(folder)]).formats if not one.fields]
    assert sum(one.files for one in without) == len({document.uri for document in documents})


def test_a_broken_table_is_told_and_the_others_are_counted(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("a,b\n1,2\n")
    (tmp_path / "broken.jsonl").write_text("{not json\n")
    (tmp_path / "gone.parquet").write_bytes(b"no parquet")
    found = preview([str(tmp_path)])
    assert {one.format: one.fields for one in found.formats}["csv"] == ("a", "b")
    assert any("gone.parquet" in one.uri for one in found.skipped)


def test_folders_outside_the_allowed_ones_are_not_looked_at(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    inside = tmp_path_factory.mktemp("inside")
    (inside / "a.txt").write_text("One.")
    found = preview([str(inside), str(folder)], allowed_roots=(inside,))
    assert [(one.format, one.files) for one in found.formats] == [("text", 1)]
    assert any("outside" in one.reason for one in found.skipped)


def test_no_sources_are_refused() -> None:
    with pytest.raises(InvalidParams):
        preview([])


def test_texts_by_value_count_by_their_names() -> None:
    found = preview([("mem:a.txt", "Öl."), ("mem:t.csv", "id,body\n1,One.\n"), ("mem:empty.csv", "")])
    assert [(one.format, one.files, one.nbytes, one.fields) for one in found.formats] == [
        ("csv", 1, 15, ("id", "body")),
        ("text", 1, 4, ()),
    ]
    assert [one.uri for one in found.skipped] == ["mem:empty.csv"]


class Counting(Task):
    """Is cancelled from inside, once it was asked so often."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.left = most

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            self.cancel()
        super().check()


def test_a_cancel_ends_a_preview_before_the_next_file_or_folder(tmp_path: Path, monkeypatch) -> None:
    for number in range(30):
        (tmp_path / f"d{number % 3}" / "empty").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"d{number % 3}" / f"{number}.csv").write_text("text,n\na,1\n")
    opened = []
    known = FileContent.beginning
    monkeypatch.setattr(FileContent, "beginning", lambda self: opened.append(self.uri) or known(self))
    whole = Counting(10_000)
    assert preview([str(tmp_path)], task=whole).formats[0].files == len(opened) == 30
    n_checks = 10_000 - whole.left
    assert n_checks >= 30 + 30 + 7  # each file when it is met and when it is looked at, each folder
    for most in range(n_checks):
        opened.clear()
        with pytest.raises(Cancelled):
            preview([str(tmp_path)], task=Counting(most))
        assert len(opened) == max(0, most - (n_checks - 30))


def test_of_a_large_table_no_more_is_read_than_its_beginning(tmp_path: Path, monkeypatch) -> None:
    row = '{"id": 1, "text": "She ran."}'
    large = {
        "a.jsonl": f"{row}\n" * 300_000,
        "b.json": f"[{row}" + f",\n{row}" * 300_000 + "]",
        "c.csv": "id,text\n" + "1,She ran.\n" * 900_000,
    }
    read = []

    class Counted(io.BytesIO):
        def read(self, size=-1, /):
            read.append(len(found := super().read(size)))
            return found

        def read1(self, size=-1, /):
            read.append(len(found := super().read1(size)))
            return found

    def counted(uri, path, options, most):
        return FileContent(uri, lambda: Counted(large[path.name].encode()), options, None, most)

    monkeypatch.setattr("exbert_rpc.text.preview.file_content", counted)
    for name, text in large.items():
        (tmp_path / name).touch()
        read.clear()
        (found,) = preview([str(tmp_path / name)]).formats
        assert found.fields == ("id", "text")
        assert 0 < sum(read) < 4 << 20 < len(text)
