"""Chat messages, special tokens and generated text on the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.model import zoo
from tests.model.chat_models import make_chat_model
from tests.model.test_model_chat import stock_ids

PAIRS = [("user", "Who ran?"), ("assistant", "The girl."), ("user", "Where to? 👩")]


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_chat_model("llama", tmp_path_factory.mktemp("chat"))


def written(form: str) -> str:
    messages = [{"role": role, "content": content} for role, content in PAIRS]
    return json.dumps(messages if form == "list" else {"messages": messages})


@pytest.mark.parametrize("form", ["list", "object"])
def test_messages_of_a_file_are_read_through_the_models_template(
    run: Run, chat_model: Path, tmp_path: Path, form: str
) -> None:
    file = tmp_path / "chat.json"
    file.write_text(written(form), encoding="utf-8")
    outcome = run("attend", "--messages", str(file), "--model", str(chat_model), "--pipeline", "blank:en", "--json")
    answer = json.loads(outcome.out)
    assert [one["id"] for one in answer["tokens"]] == stock_ids(chat_model, PAIRS, add_generation_prompt=True)
    assert [(one["role"], one["content"]) for one in answer["messages"]] == PAIRS
    for token in answer["tokens"]:
        if token["message"] is None:
            assert (token["start"], token["end"]) == (0, 0)
        else:
            content = PAIRS[token["message"]][1].encode("utf-16-le")
            assert content[2 * token["start"] : 2 * token["end"]].decode("utf-16-le") == token["text"]
    for number, (_role, content) in enumerate(PAIRS):  # a character of several bytes is covered by several tokens
        said = {one["start"]: one["text"] for one in answer["tokens"] if one["message"] == number}
        assert "".join(said[at] for at in sorted(said)).replace(" ", "") == content.replace(" ", "")


def test_the_table_names_who_says_what_and_marks_what_was_generated(
    run: Run, chat_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(written("list")))
    options = ("--model", str(chat_model), "--pipeline", "blank:en", "--generate", "3")
    outcome = run("attend", "--messages", "-", *options)
    assert outcome.code == 0, outcome.err
    rows = [line.split() for line in outcome.out.splitlines()]
    assert sum("user" in row[2:5] for row in rows) >= 4
    assert sum("model" in row[2:5] for row in rows) == 3
    assert sum(any(cell.startswith("+") for cell in row[1:2]) for row in rows) == 3


def test_a_typed_mask_token_masks_if_it_is_parsed(run: Run, tiny_model: str) -> None:
    options = ("--model", tiny_model, "--pipeline", "blank:en", "--json")
    for how, masked in (("literal", 0), ("parse", 1)):
        outcome = run("attend", "The girl [MASK] away.", "--special-tokens", how, *options)
        answer = json.loads(outcome.out)
        assert sum(one["isMasked"] for one in answer["tokens"]) == masked
        assert any("[MASK]" in note for note in answer["notes"]) == (not masked)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--messages", "-"), "messages: are no JSON"),
        (("--messages", "-", "text"), "may not be given together with --messages"),
        ((), "text: is missing"),
        (("--messages", "nowhere.json"), "cannot be read"),
        (("Hello", "--generate", "0"), "generate: 0 is out of range"),
        (("Hello", "--generate", "3"), "does not continue texts: it is bidirectional"),
    ],
)
def test_what_cannot_be_read_or_continued_is_said(
    run: Run, tiny_model: str, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("[{"))
    outcome = run("attend", *arguments, "--model", tiny_model, "--pipeline", "blank:en")
    assert outcome.code != 0
    assert said in outcome.err


def test_a_model_without_a_template_says_so(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(written("list")))
    folder = zoo.make_model("gpt2", tmp_path / "gpt2")
    outcome = run("attend", "--messages", "-", "--model", str(folder), "--pipeline", "blank:en")
    assert "this model has no chat template" in outcome.err
