"""Names of documents and their metadata, as people type them."""

import os
from pathlib import Path

import pytest

from exbert_rpc.corpus.search.names import matches_name, matches_value, value_of


@pytest.mark.parametrize(
    "name",
    ["plain.txt", "with space.txt", "Ärger.txt", "A\u0308rger.txt", "100%.txt", "[draft] a.txt", "a#b?.txt", "*.txt"],
)
def test_a_document_is_found_by_its_name_as_it_is_typed(name):
    uri = Path("/home/some one/x", name).as_uri()
    for typed in (name, f"x/{name}", f"/home/some one/x/{name}", uri, "*.txt", "*/some one/*"):
        assert matches_name(uri, typed), typed
    for typed in ("other.txt", name[1:], f"y/{name}"):
        assert typed == "*.txt"[1:] or not matches_name(uri, typed), typed


def test_composed_and_decomposed_names_are_the_same():
    for stored, typed in (("Ä.txt", "A\u0308.txt"), ("A\u0308.txt", "Ä.txt")):
        assert matches_name(Path("/x", stored).as_uri(), typed)


def test_a_name_is_taken_literally_before_it_is_a_glob():
    assert matches_name(Path("/x/[ab].txt").as_uri(), "[ab].txt")
    assert matches_name(Path("/x/a.txt").as_uri(), "[ab].txt")


def test_a_name_that_is_no_unicode_is_found_by_its_bytes():
    name = os.fsdecode(b"caf\xe9.txt")
    assert matches_name(Path("/x", name).as_uri(), name)
    assert matches_name(Path("/x", name).as_uri(), "caf?.txt")


def test_a_file_in_an_archive_is_found_by_its_name():
    assert matches_name("file:///x/a.zip#/d/%C3%BC.txt", "ü.txt")


def test_a_value_is_taken_literally_before_it_is_a_glob():
    assert matches_value("a*", "a*") and matches_value("ab", "a*") and not matches_value("b", "a*")
    assert matches_value("Ä", "A\u0308")


def test_the_folder_of_a_file_is_metadata_unless_it_has_its_own():
    assert value_of("file:///x/my%20drafts/a.txt", (), "folder") == "my drafts"
    assert value_of("file:///x/drafts/a.txt", (("folder", "y"),), "folder") == "y"
    assert value_of("note:1", (), "folder") is None
    assert value_of("file:///x/a.txt", (), "genre") is None
