"""Positions and edits, against slow oracles that use Python's own encoders."""

from __future__ import annotations

import re
from pathlib import Path

import pygls
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from lsprotocol import types

from exbert_rpc.errors import InvalidParams
from exbert_rpc.protocol.positions import ENCODINGS, OffsetMap, code_points, units
from exbert_rpc.server import documents, lifecycle
from exbert_rpc.server.documents import OpenDocument
from tests import oracles_server as oracle
from tests.samples import slow
from tests.server.harness import notice

# what makes lines and positions hard: line ends, form feeds, separators that are no line ends, wide characters
texts = st.text(alphabet="ab \r\n\f\v\u2028\u0085\té😀א", max_size=30)
encodings = st.sampled_from(ENCODINGS)


def document(text, encoding="utf-16"):
    found = OpenDocument("mem:1", text)
    found.encoding = encoding
    return found


@seed(5)
@settings(max_examples=300, deadline=None)
@given(text=texts, encoding=encodings)
def test_units_and_offsets_agree_with_pythons_encoders(text, encoding):
    assert units(text, encoding) == oracle.units(text, encoding)
    wanted = [oracle.units(text[:index], encoding) for index in range(len(text) + 1)]
    assert OffsetMap(text, encoding)(range(len(text) + 1)) == wanted
    for index, count in enumerate(wanted):
        assert code_points(text, count, encoding) == index


@seed(6)
@settings(max_examples=300, deadline=None)
@given(text=texts, encoding=encodings, line=st.integers(0, 8), character=st.integers(0, 40))
def test_a_position_is_found_where_the_oracle_finds_it(text, encoding, line, character):
    assert document(text, encoding).offset_at(line, character) == oracle.offset_at(text, line, character, encoding)


@seed(7)
@settings(max_examples=300, deadline=None)
@given(text=texts, encoding=encodings, new=texts, data=st.data())
def test_an_edit_changes_what_the_oracle_says_it_changes(text, encoding, new, data):
    numbers = st.tuples(st.integers(0, 6), st.integers(0, 12))
    start, end = sorted((data.draw(numbers), data.draw(numbers)))
    found = document(text, encoding)
    found.apply_change(
        types.TextDocumentContentChangePartial(
            text=new, range=types.Range(types.Position(*start), types.Position(*end))
        )
    )
    first, last = (oracle.offset_at(text, *place, encoding) for place in (start, end))
    assert found.source == text[:first] + new + text[last:]


def test_form_feeds_and_unicode_separators_end_no_line():
    assert document("a\fb\u2028c\vd\u0085e\nf").lines == ("a\fb\u2028c\vd\u0085e\n", "f")


def test_a_range_that_ends_before_it_starts_is_refused():
    with pytest.raises(InvalidParams):
        document("abc").slice_of((0, 2), (0, 1))


def span(*numbers):
    return {
        "start": {"line": numbers[0], "character": numbers[1]},
        "end": {"line": numbers[2], "character": numbers[3]},
    }


def test_unsaved_edits_are_read_and_closed_documents_are_not(stdio):
    identity = {"uri": "file:///tmp/a%20b.txt"}
    stdio.send(notice("textDocument/didOpen", {"textDocument": {**identity, "text": "one 😀 two\nthree"}}))
    ask = {"textDocument": identity, "range": span(0, 4, 0, 10)}
    assert stdio.result("attend", ask)["text"] == "😀 two"
    change = {"range": span(0, 7, 0, 10), "text": "2"}
    stdio.send(
        notice("textDocument/didChange", {"textDocument": {**identity, "version": 2}, "contentChanges": [change]})
    )
    assert stdio.result("attend", ask)["text"] == "😀 2"
    stdio.send(notice("textDocument/didClose", {"textDocument": identity}))
    assert stdio.error("attend", ask)["code"] == -32602


def test_a_document_that_is_not_open_is_not_read_from_the_disk(stdio, tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text("secret words")
    error = stdio.error("attend", {"textDocument": {"uri": path.as_uri()}, "range": span(0, 0, 0, 6)})
    assert error["code"] == -32602 and "not open" in error["message"]


@pytest.mark.parametrize(("offered", "chosen", "start"), [
    (["utf-32", "utf-16"], "utf-32", 2),
    (["utf-8"], "utf-8", 5),
    slow(["utf-7", "utf-16"], "utf-16", 3),
    slow([], "utf-16", 3),
])  # fmt: skip
def test_offsets_count_in_the_negotiated_encoding(shared_servers, offered, chosen, start):
    peer = shared_servers("tcp").peer()
    answer = peer.initialize(capabilities={"general": {"positionEncodings": offered}})
    assert answer["capabilities"]["positionEncoding"] == chosen
    tokens = peer.result("attend", {"text": "😀 a"})["tokens"]
    assert tokens[2]["start"] == start
    hit = peer.result("searchContexts", {"corpus": "demo", "text": "a", "token": 1, "layer": 0})["hits"][0]
    expected = {"utf-32": 4, "utf-16": 5, "utf-8": 7}[chosen]
    assert hit["tokens"][2]["start"] == hit["range"]["start"]["character"] == expected


def test_a_change_without_a_range_is_the_whole_text():
    found = document("old\ntext")
    found.apply_change(types.TextDocumentContentChangeWholeDocument(text="new"))
    assert (found.source, found.lines) == ("new", ("new",))


def test_pygls_is_used_through_its_public_interface_only():
    """No private name of our classes on top of pygls is one that pygls uses, be it to call it or to override it."""
    private = re.compile(r"\b_[a-z]\w*")
    theirs = {
        name
        for file in Path(pygls.__file__).parent.rglob("*.py")
        for name in private.findall(file.read_text(encoding="utf-8"))
    }
    assert {"_source", "_text_documents", "_workspace", "_execute_handler", "_converter"} <= theirs
    for module in (documents, lifecycle):
        ours = private.findall(Path(module.__file__).read_text(encoding="utf-8"))
        assert set(ours) & theirs == set(), module.__name__
