"""Each command's table and JSON, on a tiny model."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec
import numpy as np
import pytest

from exbert_rpc.protocol.fields import wire_fields
from exbert_rpc.protocol.schema import json_schema
from exbert_rpc.protocol.types import signatures
from exbert_rpc.protocol.types.attend import AttendResult
from exbert_rpc.protocol.types.describe_model import ModelDescription
from exbert_rpc.protocol.types.index_corpus import IndexResult
from exbert_rpc.protocol.types.search_contexts import SearchParams, SearchResult
from exbert_rpc.protocol.types.summarize import SummarizeResult
from tests.cli.conftest import TEXT, Run
from tests.model import zoo


def test_attend_lists_every_token_with_its_strongest_attention(run: Run, tiny_model: str) -> None:
    done = run("attend", TEXT, "--model", tiny_model, "--pipeline", "blank:en", "--layer", "1", "--heads", "0,2")
    assert done.code == 0
    assert "head 1.0 looks at" in done.out and "head 1.2 looks at" in done.out
    assert "The" in done.out and "[CLS]" in done.out
    assert "expected here" in done.out


def test_attend_shows_one_token_head_by_head(run: Run, tiny_model: str) -> None:
    done = run("attend", TEXT, "--model", tiny_model, "--pipeline", "blank:en", "--layer", "1", "--token", "escape")
    lines = done.out.splitlines()
    names = [line.split()[0] for line in lines if line.strip().startswith("1.")]
    assert names[:4] == ["1.0", "1.1", "1.2", "1.3"]


def test_of_a_hybrid_layers_that_attend_are_shown_and_named(run: Run, tmp_path: Path) -> None:
    model = str(zoo.make_model("lfm2", tmp_path / "hybrid"))
    plain = ("--model", model, "--pipeline", "blank:en")
    shown = run("attend", TEXT, *plain)
    assert shown.code == 0, shown.err
    assert "layer 3 of 0-3" in shown.out
    described = msgspec.json.decode(run("attend", TEXT, *plain, "--json", "--heads", "0").out, type=AttendResult)
    assert (described.layers, described.model.attention_layers, described.model.n_layers) == ([1, 3], [1, 3], 4)
    refused = run("attend", TEXT, *plain, "--layer", "2")
    assert refused.code != 0
    assert "layer 2" in refused.err and "1, 3" in refused.err
    effects = run("ablate", TEXT, "--model", model)
    assert effects.code == 0, effects.err


@pytest.mark.parametrize("token", [(), ("--token", "1")])
def test_attend_says_beside_the_table_what_must_be_known_of_the_weights(
    run: Run, tmp_path: Path, token: tuple[str, ...]
) -> None:
    model = str(zoo.make_model("gpt_oss", tmp_path / "sinks"))
    done = run("attend", zoo.TEXT, "--model", model, "--pipeline", "blank:en", "--layer", "0", *token)
    assert done.code == 0, done.err
    assert "Note: rows of attention sum to less than 1: this model has attention sinks" in " ".join(done.out.split())


def test_attend_json_is_the_protocols_answer(run: Run, tiny_model: str) -> None:
    done = run("attend", TEXT, "--model", tiny_model, "--pipeline", "blank:en", "--json")
    answer = msgspec.json.decode(done.out.encode(), type=AttendResult)
    weights = np.array(answer.attention.data)
    n = len(answer.tokens)
    assert weights.shape == tuple(answer.attention.shape) == (3, 4, n, n)
    assert np.allclose(weights.sum(axis=-1), 1, atol=1e-4)
    assert answer.text == TEXT


def test_attend_reads_standard_input(run: Run, tiny_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("A cat sleeps."))
    done = run("attend", "-", "--model", tiny_model, "--pipeline", "blank:en", "--json")
    assert json.loads(done.out)["text"] == "A cat sleeps."


def test_masked_tokens_are_marked(run: Run, tiny_model: str) -> None:
    done = run("attend", TEXT, "--model", tiny_model, "--pipeline", "blank:en", "--mask", "1", "--json")
    assert [token["isMasked"] for token in json.loads(done.out)["tokens"]][:3] == [False, True, False]


def test_index_lists_what_it_skipped(run: Run, notes: Path, tiny_model: str) -> None:
    done = run("index", "notes", notes, "--model", tiny_model, "--pipeline", "blank:en")
    assert done.code == 0
    assert "2 documents" in done.out
    assert "picture.txt" in done.out and "binary" in done.out


def test_indexing_again_finds_everything_unchanged(run: Run, notes: Path, tiny_model: str, copied: Path) -> None:
    done = run("index", "notes", notes, "--store", copied, "--model", tiny_model, "--json")
    answer = msgspec.json.decode(done.out.encode(), type=IndexResult)
    assert answer.unchanged == answer.documents == 2


def test_a_sentence_of_the_corpus_is_its_own_first_hit(run: Run, built: Path, query: list[str]) -> None:
    done = run("search", *query, "--store", built, "--json")
    answer = msgspec.json.decode(done.out.encode(), type=SearchResult)
    best = answer.hits[0]
    assert best.score >= 0.99
    assert best.sentence.text.strip() == TEXT


def test_a_hits_line_and_column_lead_to_the_match(run: Run, built: Path, query: list[str]) -> None:
    hits = msgspec.json.decode(run("search", *query, "--store", built, "--json").out.encode(), type=SearchResult)
    for hit in hits.hits:
        line = Path(unquote(urlsplit(hit.document).path)).read_text(encoding="utf-8").splitlines()[hit.range.start.line]
        assert line[hit.range.start.character : hit.range.end.character] == hit.tokens[hit.match].text


def test_search_boxes_matches_under_each_other(run: Run, built: Path, query: list[str]) -> None:
    done = run("search", *query, "--store", built)
    rows = [line for line in done.out.splitlines() if ".txt:" in line or ".md:" in line]
    assert f"pub.txt:2:{TEXT.index('escape') + 1}" in rows[0]
    assert len({row.index("[") for row in rows}) == 1


def test_search_in_hidden_states_takes_the_hidden_layer(run: Run, built: Path, tiny_model: str) -> None:
    common = ["notes", TEXT, "--token", "escape", "--model", tiny_model, "--store", built, "--json"]
    answer = json.loads(run("search", *common, "--hidden-layer", "3", "--k", "1").out)
    assert len(answer["hits"]) == 1
    assert answer["hits"][0]["score"] >= 0.99


def test_summarize_says_how_many_contexts_it_counted(run: Run, built: Path, query: list[str]) -> None:
    done = run("summarize", *query, "--store", built, "--k", "5")
    assert done.code == 0
    assert done.out.startswith("5 contexts")
    assert "part of speech of the match" in done.out


def test_summarize_json_is_the_protocols_answer(run: Run, built: Path, query: list[str]) -> None:
    done = run("summarize", *query, "--store", built, "--k", "5", "--json")
    answer = msgspec.json.decode(done.out.encode(), type=SummarizeResult)
    assert answer.n_hits == 5
    assert all(row.controls is not None for one in answer.histograms for row in one.bins)


def test_summarize_without_controls_has_none(run: Run, built: Path, query: list[str]) -> None:
    done = run("summarize", *query, "--store", built, "--k", "5", "--json", "--controls", "none")
    answer = msgspec.json.decode(done.out.encode(), type=SummarizeResult)
    assert all(row.controls is None for one in answer.histograms for row in one.bins)


def test_summarize_refuses_a_control_that_does_not_exist(run: Run, built: Path, query: list[str]) -> None:
    done = run("summarize", *query, "--store", built, "--controls", "luck")
    assert done.code == 2
    assert "word, echo, peers" in done.err


def test_graphs_are_made_beside_a_corpus_that_is_there_and_shown(run: Run, copied: Path, query: list[str]) -> None:
    asked = run("index", "notes", "--graph", "1:headOutput", "--graph", "2:hiddenState", "--store", copied)
    assert asked.code == 0, asked.err
    assert "search graph of 1:headOutput: " in asked.out and "it finds 100.0% with 4 heads" in asked.out
    described = json.loads(run("corpora", "describe", "notes", "--store", copied, "--json").out)
    assert [(one["space"], one["layer"]) for one in described["graphs"]] == [("hiddenState", 2), ("headOutput", 1)]
    assert described["graphs"][0]["recall"] == [{"heads": 1, "recall": 1.0}] and described["damaged"] == []
    assert "graph 2:hiddenState" in run("corpora", "describe", "notes", "--store", copied).out
    assert "by graph" in run("search", *query, "--no-exact", "--store", copied).out


def test_corpora_are_listed_described_and_removed(run: Run, copied: Path) -> None:
    assert "notes" in run("corpora", "--store", copied).out
    described = json.loads(run("corpora", "describe", "notes", "--store", copied, "--json").out)
    assert described["pipeline"] == "blank:en" and described["damaged"] == []
    assert run("corpora", "remove", "notes", "--store", copied).code == 0
    assert json.loads(run("corpora", "--store", copied, "--json").out) == {"corpora": []}


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_corpus_is_described_when_only_its_name_is_given(run: Run, built: Path, form: list[str]) -> None:
    short = run("corpora", "notes", "--store", built, *form)
    assert short == run("corpora", "describe", "notes", "--store", built, *form)
    assert short.code == 0 and "blank:en" in short.out


def test_a_name_that_is_no_corpus_is_told_those_there_are(run: Run, built: Path) -> None:
    done = run("corpora", "nots", "--store", built)
    assert done.code == 1
    assert "there is no corpus 'nots'; corpora: notes" in done.err


def test_a_corpus_called_like_an_action_is_reached_through_the_long_form(run: Run, copied: Path) -> None:
    (copied / "notes").rename(copied / "remove")
    assert run("corpora", "remove", "--store", copied).code == 2
    assert json.loads(run("corpora", "describe", "remove", "--store", copied, "--json").out)["corpus"] == "remove"
    assert run("corpora", "remove", "remove", "--store", copied).code == 0


def test_models_are_listed_and_described(run: Run, tiny_model: str) -> None:
    listed = json.loads(run("models", "--json").out)
    assert any(model["isDefault"] for model in listed["models"])
    described = msgspec.json.decode(run("models", "describe", tiny_model, "--json").out.encode(), type=ModelDescription)
    assert (described.n_layers, described.n_heads) == (3, 4)
    assert run("models", tiny_model).out == run("models", "describe", tiny_model).out != ""


def test_schema_prints_what_the_server_defines(run: Run, tmp_path: Path) -> None:
    assert json.loads(run("schema").out) == json_schema()
    assert run("schema", "--write", tmp_path / "protocol").code == 0
    assert run("schema", "--write", tmp_path / "protocol").out == "nothing has changed\n"


def test_the_doctor_finds_nothing_wrong(run: Run, built: Path, tiny_model: str) -> None:
    done = run("doctor", "--store", built, "--model", tiny_model, "--pipeline", "blank:en", "--json")
    report = json.loads(done.out)
    assert done.code == 0 and report["ok"], [check for check in report["checks"] if check["state"] == "broken"]
    assert "corpus notes" in [check["name"] for check in report["checks"]]


@pytest.mark.slow
def test_the_doctor_names_a_damaged_corpus_and_its_cure(run: Run, copied: Path, tiny_model: str) -> None:
    segment = next((copied / "notes").glob("segment-*.exb"))
    segment.write_bytes(segment.read_bytes()[:-100])
    done = run("doctor", "--store", copied, "--model", tiny_model, "--pipeline", "blank:en")
    assert done.code == 1
    assert segment.name in done.out and "exbert-rpc index notes" in done.out


def test_any_method_can_be_called_with_json(run: Run, built: str) -> None:
    answer = json.loads(run("call", "describeCorpus", '{"corpus": "notes"}', "--store", built).out)
    assert answer["corpus"] == "notes" and answer["damaged"] == []


def test_call_lists_the_methods_and_says_what_each_field_means(run: Run) -> None:
    listed = run("call").out
    assert all(name in listed for name in signatures())
    fields = run("call", "searchContexts", "--fields").out
    for name, _, meaning in wire_fields(SearchParams):
        assert name in fields and meaning in fields


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("call", "atend"), "did you mean attend?"),
        (("call", "attend", "{text}"), "not JSON"),
        (("call", "attend", '{"txt": "a"}'), "Did you mean `text`?"),
    ],
)
def test_a_wrong_call_says_what_was_meant(run: Run, arguments: tuple[str, ...], told: str) -> None:
    done = run(*arguments)
    assert done.code == 2 and told in done.err
