"""What a refusal says: which field, what was wrong, and what it may be."""

from __future__ import annotations

import json

import pytest

from exbert_rpc.errors import InvalidParams
from exbert_rpc.server import protocol as wire
from exbert_rpc.server.documents import SessionWorkspace
from exbert_rpc.server.expected import expected_at
from exbert_rpc.server.failures import Failure, error_kinds
from exbert_rpc.server.inputs import Inputs, validate
from exbert_rpc.server.options import ServerOptions


@pytest.mark.parametrize(
    ("params_type", "path", "words"),
    [
        (wire.SearchParams, "k", "an integer from 1 to 1000"),
        (wire.SearchParams, "heads[2]", "an integer, 0 or more"),
        (wire.SearchParams, "filter.pos", "a string or a list (each member a string)"),
        (wire.SearchParams, "filter.pos[...]", "a string"),
        (wire.SearchParams, "space", "one of headOutput, hiddenState"),
        (wire.SearchParams, "distinct", "true or false"),
        (wire.AttendParams, "range.start.line", "an integer, 0 or more"),
        (wire.AttendParams, "topK", "an integer from 0 to 100"),
        (wire.IndexParams, "sources[0]", "a string or an object with uri, text"),
        (wire.IndexParams, "sources[0].text", "a string"),
        (wire.IndexParams, "nowhere", ""),
    ],
)
def test_what_a_field_may_hold_is_read_off_its_type(params_type, path, words):
    assert expected_at(params_type, path) == words


@pytest.mark.parametrize(
    ("params_type", "params", "field", "hint"),
    [
        (wire.SearchParams, {"corpus": "a", "k": 0}, "k", "`k` is an integer from 1 to 1000."),
        (wire.SearchParams, {"corpus": "a", "k": 1001}, "k", "`k` is an integer from 1 to 1000."),
        (wire.SearchParams, {}, "corpus", "Give `corpus`, a string."),
        (wire.SearchParams, {"corpus": "a", "heads": [0, -1]}, "heads[1]", "`heads[1]` is an integer, 0 or more."),
        (
            wire.SearchParams,
            {"corpus": "a", "filter": {"word": "x"}},
            "filter.word",
            "`filter` is an object with pos, dep, entity, token, documents.",
        ),
        (wire.AttendParams, {"txt": "a"}, "txt", "Did you mean `text`?"),
        (wire.AttendParams, {"text": "a", "annotate": 1}, "annotate", "`annotate` is true or false."),
    ],
)
def test_a_wrong_field_is_named_with_what_it_may_be(params_type, params, field, hint):
    with pytest.raises(InvalidParams) as refusal:
        validate(params_type, params)
    assert (refusal.value.data["field"], refusal.value.hint) == (field, hint)


def inputs() -> Inputs:
    return Inputs("s", SessionWorkspace(None), ServerOptions())


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
        inputs().search(validate(wire.SearchParams, {"corpus": "a", "text": "b", "token": 1, **given}))
    assert (refusal.value.data["field"], refusal.value.hint) == (field, hint)


@pytest.mark.parametrize("name", ["pos", "dep", "entity", "token", "documents"])
@pytest.mark.parametrize("nothing", ["", [], [""]])
def test_a_filter_that_names_nothing_is_refused_and_not_taken_for_all_or_none(name, nothing):
    params = validate(
        wire.SearchParams, {"corpus": "a", "text": "b", "token": 1, "layer": 0, "filter": {name: nothing}}
    )
    with pytest.raises(InvalidParams, match=f"filter.{name}: names nothing"):
        inputs().search(params)


@pytest.mark.parametrize(
    ("second", "told"),
    [({"uri": "a", "text": "other"}, "sources\\[1\\].uri: 'a' is another"), ({"uri": " ", "text": "x"}, "is empty")],
)
def test_inline_texts_that_would_be_lost_or_have_no_name_are_refused(second, told):
    params = validate(wire.IndexParams, {"corpus": "c", "sources": [{"uri": "a", "text": "one"}, second]})
    with pytest.raises(InvalidParams, match=told):
        inputs().index(params)


def test_an_inline_text_may_be_named_twice():
    same = {"uri": "a", "text": "one"}
    assert inputs().index(validate(wire.IndexParams, {"corpus": "c", "sources": [same, same]})).corpus == "c"


@pytest.mark.parametrize(
    "extra",
    [{"k": 3}, {"layer": 1}, {"token": 0}, {"corpus": "a"}, {"text": "b"}, {"captureId": "c"}, {"distinct": True}],
)
def test_fields_of_a_search_beside_a_search_id_are_refused_and_not_ignored(extra):
    with pytest.raises(InvalidParams, match="searchId") as refusal:
        inputs().summarize(validate(wire.SummarizeParams, {"searchId": "x", **extra}))
    assert refusal.value.data["field"] == next(iter(extra))


def test_what_a_summary_counts_may_be_chosen_beside_a_search_id():
    params = {"searchId": "x", "subject": "next", "attention": "incoming", "includeSpecial": True, "workDoneToken": 1}
    request = inputs().summarize(validate(wire.SummarizeParams, params))
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
