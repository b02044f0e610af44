"""What a refusal says: which field, what was wrong, and what it may be."""

from __future__ import annotations

import json

import pytest

from exbert_rpc.errors import InvalidParams
from exbert_rpc.methods.validation import validate
from exbert_rpc.protocol.error_codes import Failure, error_kinds
from exbert_rpc.protocol.expected import expected_at
from exbert_rpc.protocol.types.attend import AttendParams
from exbert_rpc.protocol.types.index_corpus import IndexParams
from exbert_rpc.protocol.types.search_contexts import SearchParams
from exbert_rpc.protocol.types.summarize import SummarizeParams
from tests.server.requests import Requests


@pytest.mark.parametrize(
    ("params_type", "path", "words"),
    [
        (SearchParams, "k", "an integer from 1 to 1000"),
        (SearchParams, "heads[2]", "an integer, 0 or more"),
        (SearchParams, "filter.pos", "a string or a list (each member a string)"),
        (SearchParams, "filter.pos[...]", "a string"),
        (SearchParams, "space", "one of headOutput, hiddenState"),
        (SearchParams, "distinct", "true or false"),
        (AttendParams, "range.start.line", "an integer, 0 or more"),
        (AttendParams, "topK", "an integer from 0 to 100"),
        (IndexParams, "sources[0]", "a string or an object with uri, text"),
        (IndexParams, "sources[0].text", "a string"),
        (IndexParams, "nowhere", ""),
    ],
)
def test_what_a_field_may_hold_is_read_off_its_type(params_type, path, words):
    assert expected_at(params_type, path) == words


@pytest.mark.parametrize(
    ("params_type", "params", "field", "hint"),
    [
        (SearchParams, {"corpus": "a", "k": 0}, "k", "`k` is an integer from 1 to 1000."),
        (SearchParams, {"corpus": "a", "k": 1001}, "k", "`k` is an integer from 1 to 1000."),
        (SearchParams, {}, "corpus", "Give `corpus`, a string."),
        (SearchParams, {"corpus": "a", "heads": [0, -1]}, "heads[1]", "`heads[1]` is an integer, 0 or more."),
        (
            SearchParams,
            {"corpus": "a", "filter": {"word": "x"}},
            "filter.word",
            "`filter` is an object with pos, dep, entity, token, documents, metadata, matchCase.",
        ),
        (AttendParams, {"txt": "a"}, "txt", "Did you mean `text`?"),
        (AttendParams, {"text": "a", "annotate": 1}, "annotate", "`annotate` is true or false."),
    ],
)
def test_a_wrong_field_is_named_with_what_it_may_be(params_type, params, field, hint):
    with pytest.raises(InvalidParams) as refusal:
        validate(params_type, params)
    assert (refusal.value.data["field"], refusal.value.hint) == (field, hint)


@pytest.mark.parametrize(
    ("given", "field", "hint"),
    [
        ({}, "layer", "Name the attention layer, counted from 0."),
        ({"hiddenLayer": 3}, "layer", '`hiddenLayer` goes with `space: "hiddenState"`.'),
        ({"space": "hiddenState", "layer": 3}, "hiddenLayer", '`layer` goes with `space: "headOutput"`.'),
        ({"space": "hiddenState", "layer": 3, "hiddenLayer": 3}, "layer", "Give `hiddenLayer` only."),
    ],
)
def test_a_layer_of_the_other_space_is_told_where_it_belongs(given, field, hint):
    with pytest.raises(InvalidParams) as refusal:
        Requests().search(validate(SearchParams, {"corpus": "a", "text": "b", "token": 1, **given}))
    assert (refusal.value.data["field"], refusal.value.hint) == (field, hint)


@pytest.mark.parametrize("name", ["pos", "dep", "entity", "token", "documents"])
@pytest.mark.parametrize("nothing", ["", [], [""]])
def test_a_filter_that_names_nothing_is_refused_and_not_taken_for_all_or_none(name, nothing):
    params = validate(SearchParams, {"corpus": "a", "text": "b", "token": 1, "layer": 0, "filter": {name: nothing}})
    with pytest.raises(InvalidParams, match=f"filter.{name}: names nothing"):
        Requests().search(params)


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ({"uri": "a", "text": "other"}, "sources\\[1\\].uri: 'a' is already the uri of another"),
        ({"uri": " ", "text": "x"}, "is empty"),
    ],
)
def test_inline_texts_that_would_be_lost_or_have_no_name_are_refused(second, told):
    params = validate(IndexParams, {"corpus": "c", "sources": [{"uri": "a", "text": "one"}, second]})
    with pytest.raises(InvalidParams, match=told):
        Requests().index(params)


def test_an_inline_text_may_be_named_twice():
    same = {"uri": "a", "text": "one"}
    assert Requests().index(validate(IndexParams, {"corpus": "c", "sources": [same, same]})).corpus == "c"


@pytest.mark.parametrize(
    "extra",
    [{"k": 3}, {"layer": 1}, {"token": 0}, {"corpus": "a"}, {"text": "b"}, {"captureId": "c"}, {"distinct": True}],
)
def test_fields_of_a_search_beside_a_search_id_are_refused_and_not_ignored(extra):
    with pytest.raises(InvalidParams, match="searchId") as refusal:
        Requests().summarize(validate(SummarizeParams, {"searchId": "x", **extra}))
    assert refusal.value.data["field"] == next(iter(extra))


def test_what_a_summary_counts_may_be_chosen_beside_a_search_id():
    params = {"searchId": "x", "subject": "next", "attention": "incoming", "includeSpecial": True, "workDoneToken": 1}
    request = Requests().summarize(validate(SummarizeParams, params))
    assert (request.search_id, request.search, request.subject) == ("x", None, "next")


def test_every_kind_of_error_has_a_hint_even_if_the_place_that_failed_gave_none():
    for kind, (code, _) in error_kinds().items():
        told = json.loads(Failure(code, kind, "it failed").to_json())
        assert told["data"]["hint"].endswith("."), kind


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "id": 1, "method": "attend", "params": {"text": "a", "topK": "five"}},
        {"jsonrpc": "2.0", "id": 1, "method": "attend", "params": {}},
        {"jsonrpc": "2.0", "id": 1, "method": "searchContexts", "params": {"corpus": "demo", "text": "a", "token": 1}},
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}},
        {"jsonrpc": "2.0", "id": 1, "method": "nothing"},
        {"jsonrpc": "1.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "id": [], "method": "ping"},
    ],
)
def test_every_error_on_the_wire_says_what_to_do(stdio, message):
    stdio.send(message)
    data = stdio.reply()["error"]["data"]
    assert data["kind"] and data["hint"].strip()
