"""Clients of a socket read inside the named folders only, whatever they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest, SearchRequest
from exbert_rpc.engine.requests import AttendRequest, TextInput
from exbert_rpc.errors import ExbertError
from exbert_rpc.tasks import Task
from tests.samples import slow
from tests.trust.real import Real
from tests.trust.traversal import SECRET, names_that_climb, sources_that_climb

CODES = {-32602, -33001, -33002, -33003, -33005}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An allowed folder with links that lead out of it, and a secret beside it."""
    root = tmp_path_factory.mktemp("place")
    inside, outside = root / "inside", root / "outside"
    inside.mkdir()
    outside.mkdir()
    secret = outside / "secret-walrus.txt"
    secret.write_text(SECRET)
    (outside / "config.json").write_text('{"model_type": "bert"}')
    (inside / "plain.txt").write_text("A plain text for everybody.")
    (inside / "link.txt").symlink_to(secret)
    (inside / "out").symlink_to(outside, target_is_directory=True)
    return inside, secret


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path, place: tuple[Path, Path]) -> Iterator[Engine]:
    """What a socket server makes for ``--root inside``."""
    roots = (place[0], tiny_bert)
    made = Engine(
        tmp_path_factory.mktemp("store"),
        default_model=str(tiny_bert),
        device="cpu",
        allowed_roots=roots,
        pipeline="blank:en",
    )
    yield made
    made.close()


def refused(call, *arguments) -> str:
    """The words of the typed error that a call must end with."""
    with pytest.raises(ExbertError) as caught:
        call(*arguments)
    return caught.value.message + caught.value.hint


def test_there_are_at_least_five_hundred_strings(place):
    assert len(set(names_that_climb(place[1])) | set(sources_that_climb(*place))) >= 500


def test_no_name_of_a_corpus_leaves_the_store(engine, place, tmp_path_factory):
    before = sorted(path for path in place[0].parent.rglob("*"))
    for name in names_that_climb(place[1]):
        search = SearchRequest("s", name, space="hiddenState", input=TextInput("A text."), token=1, layer=1)
        for call, argument in ((engine.describe_corpus, name), (engine.remove_corpus, name)):
            assert SECRET not in refused(call, argument)
        refused(engine.search_contexts, search, Task())
    assert sorted(path for path in place[0].parent.rglob("*")) == before


def test_no_name_of_a_corpus_is_built_outside_of_the_store(engine, place):
    before = sorted(path for path in place[0].parent.rglob("*"))
    climbing = [name for name in names_that_climb(place[1]) if set(name) & set("./\\~\0\n: %")]
    for name in climbing:
        refused(engine.index_corpus, IndexRequest(name, (("mem:1", "A text."),)), Task())
    assert sorted(path for path in place[0].parent.rglob("*")) == before
    assert engine.list_corpora() == []


def test_no_name_of_a_model_is_read_outside_of_the_folders(engine, place):
    for name in [*names_that_climb(place[1]), str(place[0] / "out"), str(place[0] / "link.txt")]:
        assert SECRET not in refused(engine.describe_model, name)


def test_a_model_whose_files_are_links_that_lead_out_is_refused(engine, place):
    folder = place[0] / "model"
    folder.mkdir()
    (folder / "config.json").symlink_to(place[1].parent / "config.json")
    assert "lead out" in refused(engine.describe_model, str(folder))


@pytest.mark.parametrize("step", [5, slow(1)])
def test_no_name_of_a_pipeline_is_read_outside_of_the_folders(engine, place, step):
    for name in [*names_that_climb(place[1])[:-10:step], str(place[0] / "out")]:
        if name:  # without a name the default is meant
            request = AttendRequest("s", TextInput("A text."), pipeline=name)
            assert SECRET not in refused(engine.attend, request, Task())


def test_no_source_reads_or_lists_anything_outside_of_the_folders(engine, place):
    inside, secret = place
    for source in sources_that_climb(inside, secret):
        text = refused(engine.index_corpus, IndexRequest("all", (source,)), Task())
        assert SECRET not in text
        assert "config.json" not in text.replace(source, "")
        if "walrus" not in source and "*" not in source:
            assert "walrus" not in text.replace("link.txt", "")


@pytest.mark.slow
def test_a_walk_of_an_allowed_folder_follows_no_link_out_of_it(engine, place):
    report = engine.index_corpus(IndexRequest("walk", (str(place[0]),)), Task())
    engine.remove_corpus("walk")
    assert report.documents == 1
    assert not any("walrus" in skipped.uri for skipped in report.skipped)


def test_what_exists_outside_is_told_no_differently_from_what_does_not(engine, place):
    def answer(path: Path) -> str:
        return refused(engine.index_corpus, IndexRequest("all", (str(path),)), Task()).replace(str(path), "")

    there = [place[1], place[1].parent, place[1].parent.parent]
    assert len({answer(path) for path in [*there, place[1].with_name("nothing")]}) == 1


@pytest.mark.slow
@pytest.mark.parametrize("text", [SECRET, "Another guess altogether."])
def test_an_inline_text_under_the_uri_of_a_file_outside_tells_nothing_of_that_file(engine, place, text):
    engine.index_corpus(IndexRequest("guess", ((place[1].as_uri(), text),)), Task())
    request = SearchRequest("s", "guess", space="hiddenState", input=TextInput(text), token=1, layer=1)
    hits = engine.search_contexts(request, Task()).hits
    engine.remove_corpus("guess")
    assert hits and not any(hit.stale for hit in hits)


@pytest.mark.slow
def test_over_a_tcp_session_nothing_outside_is_read(tmp_path, tiny_bert, place):
    inside, secret = place
    with Real(tmp_path / "store", "--root", str(inside), model=tiny_bert, transport="tcp") as server:
        names, sources = names_that_climb(secret), sources_that_climb(inside, secret)
        asked = [("describeCorpus", {"corpus": name}) for name in names]
        asked += [("describeModel", {"model": name}) for name in names]
        asked += [("indexCorpus", {"corpus": "all", "sources": [source]}) for source in sources]
        uris = [source for source in sources if source.startswith("file:")]
        asked += [("attend", {"textDocument": {"uri": uri}, "range": _RANGE}) for uri in uris]
        for number, (method, params) in enumerate(asked):
            reply = server.ask(method, params, number)
            assert reply.get("error", {}).get("code") in CODES, (method, params, reply)
            assert SECRET not in str(reply)
        assert len(asked) >= 500
        good = {"corpus": "all", "sources": [str(inside / "plain.txt")]}
        assert server.ask("indexCorpus", good)["result"]["documents"] == 1


_RANGE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 9}}
