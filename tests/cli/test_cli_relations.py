"""``relations``: a table of pairs, JSON, and usage errors, on a tiny model."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import pytest

from exbert_rpc.protocol.types.search_relations import SearchRelationsResult
from tests.cli.conftest import TEXT, Run


@pytest.fixture
def pair(tiny_model: str, built: Path) -> list[str]:
    common = ["notes", TEXT, "--source", "escape", "--target", "to", "--layer", "1", "--head", "2"]
    common[common.index("to")] = "pub"
    return [*common, "--model", tiny_model, "--store", str(built)]


def test_relations_shows_each_pair_with_its_weight_and_its_context(run: Run, pair: list[str]) -> None:
    done = run("relations", *pair, "--k", "8")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].endswith("of the head's attention in the query")
    rows = [line for line in lines if ".txt:" in line or ".md:" in line]
    assert len(rows) == 8
    assert all(" → " in row and "%" in row for row in rows)
    assert len({row.index("[") for row in rows}) == 1  # matches stand under each other
    scores = [float(row.split()[0]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert "pairs compared exactly" in done.out


def test_relations_are_rows_of_plain_values_with_their_targets(run: Run, pair: list[str]) -> None:
    answer = msgspec.json.decode(run("relations", *pair, "--k", "5", "--json").out.encode(), type=SearchRelationsResult)
    rows = list(csv.DictReader(run("relations", *pair, "--k", "5", "--format", "csv").out.splitlines()))
    assert [float(row["score"]) for row in rows] == [hit.score for hit in answer.hits]
    assert [row["target"] for row in rows] == [hit.tokens[hit.target].text for hit in answer.hits]
    assert [float(row["target_weight"]) for row in rows] == [hit.attention.outgoing[hit.target] for hit in answer.hits]


def test_relations_json_is_the_protocols_answer(run: Run, pair: list[str]) -> None:
    done = run("relations", *pair, "--k", "5", "--json")
    answer = msgspec.json.decode(done.out.encode(), type=SearchRelationsResult)
    assert len(answer.hits) == 5
    for hit in answer.hits:
        plain = [
            weight if not token.is_special else -1
            for weight, token in zip(hit.attention.outgoing, hit.tokens, strict=True)
        ]
        assert hit.target is not None
        assert plain[hit.target] == max(plain)
        assert (hit.attention.layer, hit.attention.heads) == (1, [2])
    assert 0 <= answer.weight <= 1
    assert answer.source.index != answer.target.index


def test_relations_without_a_hit_says_why(run: Run, pair: list[str]) -> None:
    done = run("relations", *pair, "--min-weight", "1")
    assert done.code == 0
    assert "none gives a single token so much of this head's attention" in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--head", "9"], "there is no head 9"),
        (["--layer", "9"], "there is no layer 9"),
        (["--target", "zebra"], "'zebra' is no word of the text"),
        (["--target", "0"], "is a special token"),
        (["--min-weight", "2"], "0 to 1"),
        (["--k", "0"], "1 to 1000"),
    ],
)
def test_bad_input_of_relations_is_named(change: list[str], words: str, run: Run, pair: list[str]) -> None:
    done = run("relations", *pair, *change)
    assert done.code != 0
    assert words in " ".join(done.err.split())
