"""Whatever is wrong is one line on standard error with the fix; never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from exbert_rpc.corpus.store.folders import Store
from tests.cli.conftest import TEXT, Outcome, Run


def _said(done: Outcome, code: int, *words: str) -> None:
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.startswith("exbert-rpc: ") and done.err.count("\n") == 1, done.err
    for word in words:
        assert word in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["COMMAND"]),
        (["attnd", "x"], ["attnd", "did you mean attend"]),
        (["attend"], ["text", "--messages FILE"]),
        (["attend", "x", "--heads", "a-b"], ["--heads", "0,3,5-7"]),
        (["attend", "x", "--no-such-option"], ["--no-such-option"]),
        (["search", "notes", "x", "--token", "x"], ["--layer", "--hidden-layer"]),
        (["search", "notes", "x", "--token", "x", "--layer", "0", "--hidden-layer", "0"], ["not allowed with"]),
        (["index", "notes"], ["SOURCE"]),
        (["index", "notes", "x", "--spaces", "sky"], ["hiddenState"]),
        (["index", "notes", "x", "--precision", "int7"], ["int8"]),
        (["index", "notes", "x", "--graph", "4"], ["--graph", "4:headOutput"]),
        (["index", "notes", "--graph", "x:headOutput"], ["--graph", "4:headOutput"]),
        (["corpora", "describe"], ["needs a name"]),
        (["corpora", "list", "notes"], ["one too many", "corpora describe notes"]),
        (["corpora", "desribe", "notes"], ["not 'desribe'", "did you mean corpora describe notes?"]),
        (["corpora", "notes", "remove"], ["not 'notes'", "did you mean corpora remove notes?"]),
        (["models", "remove", "notes"], ["can list, describe, not 'remove'"]),
        (["serve", "--tcp", "nonsense"], ["127.0.0.1:8765"]),
        (["serve", "--tcp", "127.0.0.1:0"], ["EXBERT_RPC_TOKEN", "--token-file"]),
        (["serve", "--ws", "0.0.0.0:0", "--port-file", "x"], ["reachable from other machines"]),
    ],
)
def test_arguments_that_cannot_be_understood(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: list[str]
) -> None:
    monkeypatch.delenv("EXBERT_RPC_TOKEN", raising=False)
    _said(run(*arguments), 2, *words)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("", [], ["empty or blank", "visible"]),
        ("  \n\t ", [], ["empty or blank"]),
        ("half \ud83d a pair", [], ["surrogate"]),
        (TEXT, ["--layer", "3"], ["3 is out of range", "0 to 2"]),
        (TEXT, ["--heads", "4"], ["4 is out of range", "0 to 3"]),
        (TEXT, ["--token", "99"], ["99 is out of range"]),
        (TEXT, ["--token", "giraffe"], ["no word of the text", "1:The"]),
        (TEXT, ["--token", "to"], ["2 times", "its number"]),
        (TEXT, ["--mask", "99"], ["not a token of this text"]),
        (TEXT, ["--mask", "0"], ["[CLS]"]),
        (TEXT, ["--pipeline", "no_such_pipeline"], ["no_such_pipeline", "blank:xx"]),
        (TEXT, ["--device", "abacus"], ["abacus", "cpu"]),
    ],
)
def test_texts_and_fields_that_cannot_be_read(
    run: Run, tiny_model: str, text: str, options: list[str], words: list[str]
) -> None:
    pipeline = [] if "--pipeline" in options else ["--pipeline", "blank:en"]
    _said(run("attend", text, "--model", tiny_model, *pipeline, *options), 2, *words)


def test_a_text_too_long_is_told_both_lengths(run: Run, tiny_model: str) -> None:
    _said(run("attend", "word " * 200, "--model", tiny_model), 1, "at most 128", "shorter")


def test_more_than_a_million_characters_are_refused(run: Run, tiny_model: str) -> None:
    _said(run("attend", "a" * 1_000_001, "--model", tiny_model), 1, "1000001", "1000000")


def test_a_nul_character_is_text_like_any_other(run: Run, tiny_model: str) -> None:
    assert run("attend", "a \x00 cat", "--model", tiny_model, "--pipeline", "blank:en").code == 0


def test_an_unknown_model_lists_those_at_hand(run: Run) -> None:
    _said(run("attend", TEXT, "--model", "no/such-model"), 1, "no/such-model", "--allow-network", "available models")


def test_an_unknown_corpus_is_told_before_a_model_is_loaded(run: Run, built: Path) -> None:
    done = run("search", "note", TEXT, "--token", "escape", "--layer", "1", "--store", built, "--model", "no/such")
    _said(done, 1, "no/such")
    done = run("search", "note", TEXT, "--token", "escape", "--layer", "1", "--store", built)
    _said(done, 1, "there is no corpus 'note'", "notes")


def test_a_corpus_of_another_model_is_refused(run: Run, built: Path, query: list[str], tmp_path: Path) -> None:
    from tests.model import zoo

    other = str(zoo.make_model("distilbert", tmp_path / "other"))
    _said(run("search", *query[:-1], other, "--store", built), 1, "built by another model", "index the corpus again")


@pytest.mark.parametrize("harmed", ["manifest.json", "documents-*.json", "segment-*.exb"])
@pytest.mark.parametrize("harm", ["cut", "missing", "flipped"])
def test_a_damaged_corpus_is_named_and_never_served(
    run: Run, copied: Path, query: list[str], harmed: str, harm: str
) -> None:
    path = next((copied / "notes").glob(harmed))
    data = path.read_bytes()
    if harm == "missing":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(data[: len(data) // 2])
    else:
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    done = run("search", *query, "--store", copied)
    _said(done, 1, path.name)


def test_sources_that_name_nothing(run: Run, tiny_model: str, tmp_path: Path) -> None:
    _said(run("index", "x", tmp_path / "nothing.txt", "--model", tiny_model), 2, "nothing.txt", "Check the paths")


def test_a_graph_of_a_layer_that_is_not_stored(run: Run, built: Path) -> None:
    _said(
        run("index", "notes", "--graph", "9:headOutput", "--store", built),
        2,
        "headOutput 9 is not stored",
        "hiddenState:0",
    )


def test_a_name_that_no_corpus_can_have(run: Run, notes: Path) -> None:
    _said(run("index", "../x", notes), 2, "'../x'", "letters, digits")


def test_a_second_build_of_the_same_corpus(run: Run, copied: Path, notes: Path, tiny_model: str) -> None:
    with Store(copied).create("notes").locked():
        _said(run("index", "notes", notes, "--store", copied, "--model", tiny_model), 1, "another build", "wait")


def test_a_store_that_cannot_be_written(run: Run, notes: Path, tiny_model: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    _said(run("index", "x", notes, "--store", tmp_path / "file", "--model", tiny_model), 1, "--store DIR")


def test_with_json_the_error_is_the_protocols_object(run: Run, built: Path) -> None:
    import json

    done = run("corpora", "describe", "nope", "--store", built, "--json")
    error = json.loads(done.out)["error"]
    assert (done.code, error["code"], error["data"]["kind"]) == (1, -33003, "corpusNotFound")
    assert done.err.count("\n") == 1


def test_a_fault_of_ours_is_one_line_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr("exbert_rpc.engine.facade.Engine.list_corpora", fail)
    _said(run("corpora"), 1, "RuntimeError: first line second line", "EXBERT_RPC_LOG=debug")


def test_a_word_that_the_text_does_not_have_is_told_with_every_token_there_is(run: Run, tiny_model: str) -> None:
    done = run(
        "attend", "She sings.", "--model", tiny_model, "--pipeline", "blank:en", "--layer", "0", "--token", "cat"
    )
    assert done.code == 2
    assert ":. or give a number" in done.err
