import json
import os
from pathlib import Path

import pytest

from exbert_rpc.errors import InvalidParams
from exbert_rpc.text.contents import MAX_BYTES
from exbert_rpc.text.files import file_state, read_document
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.sources import read_sources


def write(path: Path, content: str | bytes = "Some text.\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def names(documents) -> list[str]:
    return [document.uri.rsplit("/", 1)[-1] for document in documents]


def only_reason(skipped) -> str:
    assert len(skipped) == 1, skipped
    return skipped[0].reason


def test_a_folder_gives_its_text_files_in_order_and_tells_what_it_left_out(tmp_path):
    for name in ("b.md", "a.txt", "sub/c.rst", "code.py", ".git/x.txt", "node_modules/y.md", ".hidden/z.md"):
        write(tmp_path / name)
    documents, skipped = read_sources([str(tmp_path)])
    assert names(documents) == ["a.txt", "b.md", "c.rst"]
    assert [document.is_markdown for document in documents] == [False, True, False]
    assert only_reason(skipped) == (
        "has below it, left out: 3 hidden or dependency folders (.git, .hidden, node_modules) "
        "and 1 file of other types (code.py)"
    )


def test_line_ends_and_tabs_are_kept(tmp_path):
    path = write(tmp_path / "a.txt", b"one\r\ntwo\rthree\n\tfour")
    assert read_sources([str(path)])[0][0].text == "one\r\ntwo\rthree\n\tfour"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_read_and_not_counted(tmp_path, encoding):
    path = write(tmp_path / "a.txt", "Grüße 😀\r\n".encode(encoding))
    assert read_sources([str(path)])[0][0].text == "Grüße 😀\r\n"


def test_globs_cross_folders_with_two_stars_only(tmp_path):
    for name in ("a.md", "x/b.md", "x/y/c.md", "x/y/d.txt", "x/.h/e.md"):
        write(tmp_path / name)
    assert names(read_sources(["*.md"], base=tmp_path)[0]) == ["a.md"]
    assert names(read_sources(["**/*.md"], base=tmp_path)[0]) == ["a.md", "b.md", "c.md"]
    assert names(read_sources(["x/*/[cd].*"], base=tmp_path)[0]) == ["c.md", "d.txt"]
    assert names(read_sources(["x/**"], base=tmp_path)[0]) == ["b.md", "c.md", "d.txt"]


def test_a_file_that_is_named_is_read_whatever_its_suffix(tmp_path):
    documents, skipped = read_sources([str(write(tmp_path / "code.note", "x = 1\n"))])
    assert [document.text for document in documents] == ["x = 1\n"]
    assert skipped == []


def test_one_file_by_several_names_is_one_document(tmp_path):
    path = write(tmp_path / "a b.txt")
    (tmp_path / "link.txt").symlink_to(path)
    sources = [str(path), path.as_uri(), str(tmp_path), str(tmp_path / "link.txt"), str(tmp_path / "*.txt")]
    for order in (sources, sources[::-1]):
        assert [document.uri for document in read_sources(order)[0]] == [path.as_uri()]


def test_a_link_that_leads_in_a_circle_is_walked_once(tmp_path):
    write(tmp_path / "sub" / "a.txt")
    (tmp_path / "sub" / "back").symlink_to(tmp_path, target_is_directory=True)
    assert names(read_sources([str(tmp_path)])[0]) == ["a.txt"]


def test_files_outside_the_allowed_folders_are_refused_also_behind_links(tmp_path):
    write(tmp_path / "in" / "a.txt")
    write(tmp_path / "out" / "secret.txt")
    (tmp_path / "in" / "link.txt").symlink_to(tmp_path / "out" / "secret.txt")
    sources = [str(tmp_path / "in"), str(tmp_path / "in" / ".." / "out" / "secret.txt")]
    documents, skipped = read_sources(sources, allowed_roots=(tmp_path / "in",))
    assert names(documents) == ["a.txt"]
    assert {one.reason for one in skipped} == {"lies outside the folders that may be read"}


def test_inline_texts_are_documents_and_win_over_the_file(tmp_path):
    path = write(tmp_path / "a.md", "saved")
    documents, skipped = read_sources([str(path), (path.as_uri(), "unsaved"), ("note:1", "other")])
    assert [(document.uri, document.text) for document in documents] == [
        (path.as_uri(), "unsaved"),
        ("note:1", "other"),
    ]
    assert documents[0].is_markdown
    assert not documents[1].is_markdown
    assert skipped == []


def test_the_uri_of_an_inline_text_may_be_anything():
    uris = ["", "http://[bad", "a b", "x" * 5000, "untitled:Untitled-1", "note.MD?x=1#y"]
    documents, skipped = read_sources([(uri, "text") for uri in uris])
    assert [document.uri for document in documents] == sorted(uris)
    assert [document.uri for document in documents if document.is_markdown] == ["note.MD?x=1#y"]
    assert skipped == []


def test_two_texts_of_one_uri_are_told(tmp_path):
    documents, skipped = read_sources([("n", "one"), ("n", "two"), ("m", "same"), ("m", "same")])
    assert [document.text for document in documents] == ["same", "two"]
    assert "given twice" in only_reason(skipped)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff", "is a picture"),
        (b"\x7fELF\x02\x00\x00\xff", "is a binary file"),
        (b"text\x00with nul", "is a binary file"),
        ("Grüße".encode("latin-1"), "is not UTF-8 text"),
        (b"\xff\xfea", "is not UTF-16 text"),
    ],
)
def test_what_is_no_text_is_skipped_with_its_reason(tmp_path, content, reason):
    documents, skipped = read_sources([str(write(tmp_path / "a.txt", content)), ("ok", "fine")])
    assert [document.uri for document in documents] == ["ok"]
    assert reason in only_reason(skipped)


def test_a_vanished_file_is_told_beside_the_others(tmp_path):
    documents, skipped = read_sources([str(tmp_path / "gone.txt"), ("ok", "fine")])
    assert len(documents) == 1
    assert skipped[0].uri.endswith("gone.txt")
    assert "no file" in only_reason(skipped)


@pytest.mark.parametrize("name", ["a.html", "a.ipynb", "a.py"])
def test_a_file_too_large_is_not_read_if_its_format_must_be_whole(tmp_path, name):
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(b"#")
        file.truncate(MAX_BYTES + 1)
    assert "at most 64 MiB" in only_reason(read_sources([str(path)], ReadingOptions(comments=True))[1])


def test_a_file_without_permission_is_skipped(tmp_path, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "a.txt")
    monkeypatch.setattr(Path, "open", refuse)  # root may read everything, so a mode would not do
    assert "permission" in only_reason(read_sources([str(path)])[1])


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    assert "not a regular file" in only_reason(read_sources([str(tmp_path / "pipe.txt")])[1])


def test_half_a_surrogate_pair_is_no_text():
    documents, skipped = read_sources([("bad", "a\ud800b"), ("ok", "fine")])
    assert [document.uri for document in documents] == ["ok"]
    assert "surrogate" in only_reason(skipped)


def test_an_address_on_the_web_is_not_fetched():
    assert "not a file" in only_reason(read_sources(["https://example.org/a.txt", ("ok", "fine")])[1])


@pytest.mark.parametrize(
    "sources",
    [
        ["nothing/here/*.md"],
        ["gone.txt"],
        ["https://example.org/"],
        ["bad\0name"],
        ["~nobody-at-all/a"],
        ["file://[/a"],
        ["x" * 5000],
    ],
    ids=range(7),
)
def test_sources_that_name_nothing_are_an_error_that_names_them(tmp_path, sources):
    with pytest.raises(InvalidParams) as caught:
        read_sources(sources, base=tmp_path)
    assert caught.value.data["field"] == "sources"
    assert sources[0] in caught.value.message


def test_no_sources_are_an_error():
    with pytest.raises(InvalidParams):
        read_sources([])


def notebook(*cells: tuple[str, object]) -> str:
    return json.dumps({"nbformat": 4, "cells": [{"cell_type": kind, "source": source} for kind, source in cells]})


def test_each_markdown_cell_of_a_notebook_is_a_document(tmp_path):
    text = notebook(("markdown", ["# Title\n", "text"]), ("code", "x = 1"), ("markdown", "more"), ("markdown", " "))
    documents, skipped = read_sources([str(write(tmp_path / "a.ipynb", text))])
    assert [(document.cell, document.text) for document in documents] == [(0, "# Title\ntext"), (2, "more")]
    assert all(document.is_markdown for document in documents)
    assert skipped == []


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "3",
        "null",
        '{"cells": 3}',
        '{"cells": [{}]}',
        '{"cells": [{"cell_type": "markdown", "source": [1]}]}',
        "[" * 100000,
        notebook(("code", "x = 1")),
        notebook(("markdown", "\ud800")),
    ],
    ids=range(10),
)
def test_a_broken_notebook_is_skipped(text):
    documents, skipped = read_sources([("a.ipynb", text), ("ok", "fine")])
    assert [document.uri for document in documents] == ["ok"]
    assert only_reason(skipped)


def test_file_state_changes_with_the_file_and_is_none_without_it(tmp_path):
    path = write(tmp_path / "a.txt", "one")
    before = file_state(path.as_uri())
    assert before is not None
    assert before[0] == 3
    write(path, "other")
    assert file_state(path.as_uri()) != before
    path.unlink()
    assert file_state(path.as_uri()) is None
    assert file_state("note:1") is None
    assert file_state(tmp_path.as_uri()) is None


def test_a_document_is_read_again_by_its_uri(tmp_path):
    path = write(tmp_path / "a ü#.md", "text")
    assert read_document(path.as_uri()) == read_sources([str(path)])[0]
    path.unlink()
    assert "exist" in read_document(path.as_uri()).reason


def test_folders_of_dependencies_and_caches_are_left_out_and_named(tmp_path):
    for name in (
        "a.txt",
        "mine/pyvenv.cfg",
        "mine/b.txt",
        "venv/c.txt",
        "vendor/d.txt",
        "cache/CACHEDIR.TAG",
        "cache/e.txt",
    ):
        write(tmp_path / name)
    documents, skipped = read_sources([str(tmp_path)])
    assert names(documents) == ["a.txt"]
    assert "4 hidden or dependency folders (cache, mine, vendor, venv)" in only_reason(skipped)


def test_what_gitignore_names_is_left_out_on_request(tmp_path):
    write(tmp_path / ".gitignore", "*.log.txt\n/build/\n!keep.log.txt\n")
    write(tmp_path / "sub" / ".gitignore", "!a.log.txt\nsecret.txt\n")
    for name in (
        "a.txt",
        "a.log.txt",
        "keep.log.txt",
        "build/b.txt",
        "sub/a.log.txt",
        "sub/secret.txt",
        "sub/build/c.txt",
    ):
        write(tmp_path / name)
    assert len(read_sources([str(tmp_path)])[0]) == 7
    documents, skipped = read_sources([str(tmp_path)], ReadingOptions(gitignore=True))
    assert names(documents) == ["a.txt", "keep.log.txt", "a.log.txt", "c.txt"]
    assert "2 files that .gitignore names (a.log.txt, sub/secret.txt)" in only_reason(skipped)


def test_what_was_left_out_is_named_up_to_twenty_then_counted_by_type(tmp_path):
    write(tmp_path / "a.txt")
    for number in range(40):
        write(tmp_path / f"{number:02}.{'py' if number < 30 else 'png'}")
    reason = only_reason(read_sources([str(tmp_path)])[1])
    assert "40 files of other types (00.py, 01.py" in reason
    assert reason.endswith("19.py and 20 more: 10 .py, 10 .png)")


@pytest.mark.parametrize(("stored", "typed"), [("\u00e9.txt", "e\u0301.txt"), ("e\u0301.txt", "\u00e9.txt")])
def test_a_source_is_found_however_its_accents_are_typed(tmp_path, stored, typed):
    path = write(tmp_path / stored)
    assert [document.uri for document in read_sources([str(tmp_path / typed)])[0]] == [path.as_uri()]


def test_a_name_that_looks_like_a_glob_is_a_name_first(tmp_path):
    write(tmp_path / "[ab].txt", "brackets")
    write(tmp_path / "a.txt", "letter")
    assert [document.text for document in read_sources([str(tmp_path / "[ab].txt")])[0]] == ["brackets"]


def test_names_with_line_ends_and_links_in_circles_are_read_once(tmp_path):
    write(tmp_path / "new\nline.txt")
    (tmp_path / "loop").symlink_to(tmp_path)
    documents, skipped = read_sources([str(tmp_path)])
    assert names(documents) == ["new%0Aline.txt"]
    assert skipped == []


def test_a_format_or_encoding_that_there_is_not_is_told(tmp_path):
    path = write(tmp_path / "a.txt")
    with pytest.raises(InvalidParams, match="no format"):
        read_sources([str(path)], ReadingOptions(format="poem"))
    for name in ("klingon", "hex", "utf-8\0"):
        assert "no encoding" in only_reason(read_sources([str(path)], ReadingOptions(encoding=name))[1])
