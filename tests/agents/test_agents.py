"""``exbert-rpc mcp``: tools for agents, asked through the official client."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mcp")

from mcp import Client, ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from msgspec import structs

from exbert_rpc import client as exbert_client
from exbert_rpc.agents import words
from exbert_rpc.agents.tools import make_server, token_named
from exbert_rpc.client import AsyncClient
from exbert_rpc.protocol.types.attend import AttendResult
from exbert_rpc.protocol.types.base import Tensor
from exbert_rpc.protocol.types.tokens import Token
from tests.server.harness import ROOT
from tests.server.test_server_editors import MODEL

FAKE = [sys.executable, "-m", "tests.server.fake_server"]
TEXT = "The girl ran to a pub"
QUERY = {"corpus": "demo", "text": TEXT, "token": "ran", "layer": 1}


@pytest.fixture(scope="module")
def exbert():
    with exbert_client.Client.spawn(command=FAKE) as client:
        yield AsyncClient(client)


class Agent:
    """Asks the tools; a client of the protocol lives in one task, so each question has its own."""

    def __init__(self, exbert):
        self.server = make_server(exbert)

    async def tools(self):
        async with Client(self.server) as client:
            return (await client.list_tools()).tools

    async def say(self, tool, **arguments):
        async with Client(self.server) as client:
            answer = await client.call_tool(tool, arguments)
        [content] = answer.content
        return answer.is_error, content.text


@pytest.fixture
def agent(exbert):
    return Agent(exbert)


async def test_each_tool_says_what_it_does_and_what_it_takes(agent):
    tools = {one.name: one for one in await agent.tools()}
    assert tools.keys() == {"corpora", "models", "index", "attend", "search", "summarize", "profile", "ablate"}
    assert all(one.description for one in tools.values())
    fields = tools["search"].input_schema["properties"]
    assert fields.keys() == {"corpus", "text", "token", "layer", "heads", "k"}
    assert all(one["description"] for one in fields.values())
    assert tools["search"].input_schema["required"] == ["corpus", "text", "token", "layer"]


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("corpora", {}, "demo: "),
        ("models", {}, "fake"),
        ("index", {"name": "notes", "sources": ["."]}, "notes holds"),
        ("attend", {"text": TEXT, "token": "ran"}, r"head \d\.\d: 'ran' \(3\) looks at '\w+' \(\d\), 12%"),
        ("search", QUERY, r"\d\.\d\d \S+:\d+: .*\[.*\]"),
        ("summarize", QUERY, "different sentences"),
        ("profile", {"corpus": "demo"}, "documents"),
        ("ablate", {"text": TEXT, "against": "The boy ran"}, "without one head"),
    ],
)
async def test_each_tool_answers_in_at_most_two_kilobytes(agent, tool, arguments, expected):
    failed, text = await agent.say(tool, **arguments)
    assert not failed, text
    assert re.search(expected, text), text
    assert len(text.encode()) <= words.MAX_BYTES


@pytest.mark.parametrize("tool", ["attend", "search", "summarize"])
async def test_answers_end_with_a_way_to_look(agent, tool):
    _, text = await agent.say(tool, **(QUERY if tool != "attend" else {"text": "it's"}))
    last = text.splitlines()[-1]
    assert last.startswith("look: exbert-rpc report ") and last.endswith("--output page.html")
    assert ("'it'\"'\"'s'" in last) == (tool == "attend")


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("search", QUERY | {"corpus": "nots"}, "there is no corpus 'nots'; there are: demo"),
        ("search", QUERY | {"token": "dog"}, "'dog' is no word of the text; the tokens are 0:[CLS] 1:The"),
        ("attend", {"text": "raise:RuntimeError"}, ""),
        ("attend", {"text": " "}, "empty"),
        ("search", QUERY | {"k": 0}, "greater than or equal to 1"),
    ],
)
async def test_a_wrong_question_is_answered_with_what_was_wrong(agent, tool, arguments, expected):
    failed, text = await agent.say(tool, **arguments)
    assert failed and expected in text
    assert "Traceback" not in text


@pytest.mark.parametrize("text", ["word " * 400, "One line.\nAnother."])
async def test_a_text_that_no_command_line_repeats_is_left_to_standard_input(agent, text):
    for tool, arguments in (("attend", {}), ("ablate", {"against": "The boy ran"})):
        failed, answer = await agent.say(tool, text=text, **arguments)
        assert not failed, answer
        assert len(answer.encode()) <= words.MAX_BYTES
        last = answer.splitlines()[-1]
        assert " - " in last and "standard input" in last


async def test_the_command_names_the_model_that_answered(agent):
    _, answer = await agent.say("ablate", text="The girl ran", against="The boy ran", model="fake")
    assert "--model fake" in answer.splitlines()[-1]


def test_as_many_lines_as_fit_are_kept_and_the_rest_is_counted():
    lines = [f"line {number} " + "é" * 30 for number in range(100)]
    text = words.fit(lines, "last")
    assert len(text.encode()) <= words.MAX_BYTES
    kept = text.splitlines()
    assert kept[-1] == "last" and kept[:-2] == lines[: len(kept) - 2]
    assert kept[-2] == f"({100 - (len(kept) - 2)} more left out)"
    assert words.fit(["é" * 5000]).encode().__len__() <= words.MAX_BYTES
    assert words.fit(["a", "b"], "c") == "a\nb\nc"
    assert words.fit([]) == ""


def tokens_of(*texts):
    return [
        Token(
            index=i, id=i, token=text, text=text.strip("#"), start=i, end=i + 1, segment=0, is_masked=False,
            is_special=text.startswith("["), word=None if text.startswith("[") else i - text.startswith("##"),
        )
        for i, text in enumerate(texts)
    ]  # fmt: skip


def test_a_word_names_its_first_piece_and_a_number_a_token():
    text = "Undoing undo"
    spans = [(0, 0), (0, 2), (2, 7), (8, 12), (0, 0)]
    tokens = [
        structs.replace(token, start=start, end=end)
        for token, (start, end) in zip(tokens_of("[CLS]", "Un", "##doing", "undo", "[SEP]"), spans, strict=True)
    ]
    answer = AttendResult(
        capture_id="c", model=MODEL, tokens=tokens, text=text, layers=[0], heads=[0], notes=[],
        attention=Tensor(dtype="float32", shape=[1, 1, 5, 5], encoding="list", data=[]),
    )  # fmt: skip
    assert token_named(answer, "undoing") == 1
    assert token_named(answer, "undo") == 3
    assert token_named(answer, "2") == 2


def test_the_strongest_attention_is_that_of_a_slow_search():
    rng = np.random.default_rng(4)
    tokens = tokens_of("[CLS]", "a", "b", "c", "d", "[SEP]")
    weights = rng.random((2, 3, 6, 6)).astype(np.float32)
    answer = AttendResult(
        capture_id="c", model=MODEL, tokens=tokens, text="", layers=[4, 7], heads=[0, 2, 5], notes=[],
        attention=Tensor(dtype="float32", shape=[2, 3, 6, 6], encoding="list", data=weights.tolist()),
    )  # fmt: skip
    for token in (None, 2):
        slow = [
            (float(weights[at, number, row, column]), layer, head, row, column)
            for at, layer in enumerate([4, 7])
            for number, head in enumerate([0, 2, 5])
            for row in range(1, 5)
            for column in range(1, 5)
            if row != column and token in (None, row)
        ]
        assert words._strongest(answer, token) == sorted(slow, reverse=True)[: words._STRONGEST]


@pytest.mark.slow
async def test_the_command_serves_an_agent_and_reads_only_below_its_folders(tmp_path: Path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "notes.txt").write_text("The girl ran to a pub. A dog ran to the girl.\n")
    (tmp_path / "secret.txt").write_text("The secret ran.\n")
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "exbert_rpc", "mcp", "--root", str(tmp_path / "inside"), "--store", str(tmp_path / "store")],
        env={"PYTHONPATH": str(ROOT)},
    )
    async with stdio_client(command) as streams, ClientSession(*streams) as session:
        await session.initialize()
        refused = await session.call_tool("index", {"name": "bad", "sources": [str(tmp_path / "secret.txt")]})
        assert refused.is_error and "secret.txt" in refused.content[0].text
        made = await session.call_tool("index", {"name": "notes", "sources": [str(tmp_path / "inside")]})
        assert not made.is_error, made
        answer = await session.call_tool("summarize", QUERY | {"corpus": "notes", "heads": [3], "k": 5})
        assert not answer.is_error, answer
        assert "[ran]" in answer.content[0].text
