"""Results draw themselves as static HTML that says what they hold, is small, and survives what notebooks do to it."""

from __future__ import annotations

import html.parser
import json
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import pytest

from exbert_rpc.protocol.arrays import to_array
from exbert_rpc.protocol.html.parts import MAX_BYTES
from exbert_rpc.protocol.types.attend import AttendResult
from exbert_rpc.protocol.types.base import Result
from exbert_rpc.protocol.types.profile_heads import ProfileResult
from exbert_rpc.protocol.types.search_contexts import SearchResult
from exbert_rpc.protocol.types.summarize import SummarizeResult

FIXTURES = Path(__file__).parents[2] / "clients" / "view" / "test" / "fixtures"
HOSTILE = '<img src=x onerror="alert(1)">$x$'
KINDS: dict[str, type[Result]] = {
    "attend.json": AttendResult,
    "search.json": SearchResult,
    "summarize.json": SummarizeResult,
    "smollm-heads.json": ProfileResult,
}
R = TypeVar("R", bound=Result)


def recorded(name: str, kind: type[R]) -> R:
    return msgspec.json.decode((FIXTURES / name).read_bytes(), type=kind)


def with_texts(value: object, said: str) -> object:
    """A plain value in which every text that people or models write is another one."""
    if isinstance(value, list):
        return [with_texts(one, said) for one in value]
    if not isinstance(value, dict):
        return value
    free = {"text", "token", "pos", "dep", "document", "id", "label", "sentence", "word", "corpus", "model", "notes"}
    return {key: said if key in free and isinstance(one, str) else with_texts(one, said) for key, one in value.items()}


class Elements(html.parser.HTMLParser):
    """Every element and attribute, and the text; elements must be closed in their order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _value in attrs}
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_a_result_is_small_static_html_without_anything_that_runs_or_loads(name: str, kind: type[Result]) -> None:
    drawn = recorded(name, kind)._repr_html_()
    found = Elements(drawn)
    assert len(drawn.encode()) <= MAX_BYTES
    assert found.open == []
    assert found.tags <= {"div", "p", "b", "br", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "span"}
    assert found.attributes <= {"style", "class"}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_no_text_becomes_an_element(name: str, kind: type[Result]) -> None:
    plain = with_texts(json.loads((FIXTURES / name).read_bytes()), HOSTILE)
    drawn = msgspec.convert(plain, kind)._repr_html_()
    assert "&lt;img" in drawn
    assert "img" not in Elements(drawn).tags
    assert "mathjax_ignore" in drawn


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_texts_of_any_length_keep_it_small(name: str, kind: type[Result]) -> None:
    plain = json.loads((FIXTURES / name).read_bytes())
    for field in ("hits", "heads", "tokens", "histograms"):
        if isinstance(plain.get(field), list) and name != "attend.json":
            plain[field] = plain[field] * 40
    drawn = msgspec.convert(with_texts(plain, "é<" * 500), kind)._repr_html_()
    assert 1_000 < len(drawn.encode()) <= MAX_BYTES


def test_a_pass_shows_its_attention_in_percent_and_what_each_token_attends_to_most() -> None:
    result = recorded("attend.json", AttendResult)
    mean = to_array(result.attention)[-1].mean(axis=0)
    drawn = result._repr_html_()
    rows = drawn.partition("<tbody>")[2].partition("</tbody>")[0].split("</tr>")
    shown = [[float(cell.rpartition(">")[2]) for cell in row.split("</td>")[1:-1]] for row in rows[:-1]]
    n = min(20, len(result.tokens))
    np.testing.assert_allclose(shown, 100 * mean[:n, :n], atol=0.51)
    plain = [not token.is_special for token in result.tokens]
    at = next(i for i, token in enumerate(result.tokens) if token.text == "escape")
    target = max((weight, j) for j, weight in enumerate(mean[at]) if plain[j])[1]
    line = next(row for row in drawn.split("<tr>") if ">escape</td>" in row and f">{at}</td>" in row)
    assert f">{result.tokens[target].text} {100 * mean[at, target]:.0f} %<" in line


def test_hits_show_their_match_between_its_neighbors_and_only_the_end_of_their_path() -> None:
    plain = json.loads((FIXTURES / "search.json").read_bytes())
    plain["model"]["id"] = "/home/ann/models/mine"
    plain["hits"][0]["document"] = "file:///home/ann/secret%20place/notes/a%20b.md"
    result = msgspec.convert(plain, SearchResult)
    hit, drawn = result.hits[0], result._repr_html_()
    text = Elements(drawn).text
    match = hit.tokens[hit.match]
    after = hit.sentence.text[match.end :][:45]
    assert f"{hit.score:.3f}" in text
    assert " ".join(f"{match.text} {after}".split()) in text
    assert f"notes/a b.md:{hit.range.start.line + 1}" in text
    assert "tokens (exact, mine)" in text
    assert "ann" not in text and "secret" not in text


def test_a_summary_names_its_findings_and_a_search_without_hits_says_so() -> None:
    summary = recorded("summarize.json", SummarizeResult)
    text = Elements(summary._repr_html_()).text
    assert summary.findings_detailed and summary.findings_detailed[0].sentence[:80] in text
    search = msgspec.structs.replace(recorded("search.json", SearchResult), hits=[])
    assert Elements(search._repr_html_()).text.startswith("0 contexts")


@pytest.mark.parametrize("sanitize", [False, True])
def test_nbconvert_keeps_them(sanitize: bool) -> None:
    nbformat, nbconvert = pytest.importorskip("nbformat"), pytest.importorskip("nbconvert")
    v4 = nbformat.v4
    results = [recorded(name, kind) for name, kind in KINDS.items()]
    outputs = [v4.new_output("display_data", data={"text/html": one._repr_html_()}) for one in results]
    notebook = v4.new_notebook(cells=[v4.new_code_cell("", outputs=[one]) for one in outputs])
    page, _resources = nbconvert.HTMLExporter(sanitize_html=sanitize).from_notebook_node(notebook)
    for output in outputs:
        kept = Elements(output["data"]["text/html"])
        said = [one.strip() for one in kept.texts if len(one.strip()) > 12][:20]
        assert said
        for words in said:
            assert words in html.unescape(page)
    assert page.count("<table") >= 4
