"""The docs site: its links work, it shows the whole protocol, and it loads nothing from other hosts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import exbert_rpc.client
from exbert_rpc import errors
from exbert_rpc.engine import Engine
from scripts.site import hooks, openrpc
from scripts.site.links import rewrite

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://example.org/repository"
PAGES = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "protocol/README.md": "protocol.md",
    "clients/vscode/README.md": "editors/vscode.md",
    "docs/guide.md": "guide.md",
    "docs/images/overview.svg": "images/overview.svg",
}


@pytest.mark.parametrize(
    ("source", "before", "after"),
    [
        ("README.md", "[a](docs/guide.md)", "[a](guide.md)"),
        ("README.md", "[a](docs/guide.md#how-to)", "[a](guide.md#how-to)"),
        ("README.md", '![a "b" c](docs/images/overview.svg "title")', '![a "b" c](images/overview.svg "title")'),
        ("README.md", '<img src="docs/images/overview.svg">', '<img src="images/overview.svg">'),
        ("README.md", "[`docs/guide.md`](docs/guide.md)", "[`docs/guide.md`](guide.md)"),
        ("README.md", "[a][b]\n\n[b]: docs/guide.md", "[a][b]\n\n[b]: guide.md"),
        ("README.md", "[a](protocol/)", "[a](protocol.md)"),
        ("docs/guide.md", "[a](../README.md)", "[a](index.md)"),
        ("docs/guide.md", "[a](../SECURITY.md)![b](images/overview.svg)", "[a](security.md)![b](images/overview.svg)"),
        ("clients/vscode/README.md", "[a](../../docs/guide.md#x)", "[a](../guide.md#x)"),
    ],
)  # fmt: skip
def test_a_link_to_what_is_on_the_site_leads_there(source, before, after):
    assert rewrite(before, source, PAGES[source], PAGES, ROOT, REPOSITORY) == after


@pytest.mark.parametrize(
    ("target", "kind"),
    [("CITATION.cff", "blob"), ("clients/vscode/package.json", "blob"), ("clients", "tree"), ("Makefile#L1", "blob")],
)
def test_a_link_to_another_file_leads_to_the_repository(target, kind):
    text = rewrite(f"[a](../{target})", "docs/guide.md", "guide.md", PAGES, ROOT, REPOSITORY)
    assert text == f"[a]({REPOSITORY}/{kind}/main/{target})"


@pytest.mark.parametrize(
    "text",
    [
        "[a](docs/no-such-page.md)",  # stays, so that the strict build names it
        "[a](../outside.md)",
        "[a](https://example.org/docs/guide.md)",
        "[a](#anchor) [b](mailto:x@example.org)",
        "`[a](docs/guide.md)`",
        "``a ` [a](docs/guide.md)``",
        "```text\n[a](docs/guide.md)\n```",
        "    text (docs/guide.md)",
    ],
)
def test_other_links_and_code_stay_as_they_are(text):
    assert rewrite(text, "README.md", "index.md", PAGES, ROOT, REPOSITORY) == text


def test_every_page_from_elsewhere_is_a_file():
    assert [source for source in hooks.ELSEWHERE if not (ROOT / source).is_file()] == []


def test_the_openrpc_page_shows_every_method_field_type_and_error():
    document = json.loads((ROOT / hooks.OPENRPC).read_text(encoding="utf-8"))
    page = openrpc.page(document)
    sections = dict(re.findall(r"^### `(\w+)` \{[^}]*\}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL))
    fields = {method["name"]: [field["name"] for field in method["params"]] for method in document["methods"]}
    fields |= {name: list(one.get("properties", ())) for name, one in document["components"]["schemas"].items()}
    assert sections.keys() == fields.keys()
    for name, names in fields.items():
        assert re.findall(r"^\| `(\w+)` \|", sections[name], re.MULTILINE) == names
    for error in document["methods"][0]["errors"]:
        assert f"| {error['code']} | {error['message']} |" in page


def test_every_type_that_the_openrpc_page_names_is_described_on_it():
    page = openrpc.page(json.loads((ROOT / hooks.OPENRPC).read_text(encoding="utf-8")))
    there = re.findall(r"\{ #([\w-]+) \}", page)
    assert len(there) == len(set(there))
    named = re.findall(r"\]\(#([\w-]+)\)", page)
    assert len(named) > 20 and set(named) <= set(there)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 0}, "integer (at least 0)"),
        ({"type": "number", "minimum": -1, "maximum": 1}, "number (-1 to 1)"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}, "string or null"),
        ({"enum": ["int4", "int8"]}, '`"int4"` or `"int8"`'),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Hit"}}, "array of [`Hit`](#type-hit)"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "object of number"),
        ({}, "any JSON value"),
    ],
)
def test_types_are_put_into_words(schema, words):
    assert openrpc.type_of(schema) == words


@pytest.mark.parametrize("schema", [{"type": "integer", "multipleOf": 2}, {"allOf": []}, {"type": "spaceship"}])
def test_a_schema_without_words_is_an_error(schema):
    with pytest.raises(ValueError, match="has no words for"):
        openrpc.type_of(schema)


@pytest.mark.slow
def test_docstrings_are_made_readable():
    import griffe  # a part of the docs extra

    from scripts.site.docstrings import readable

    def resolve(name: str) -> str:
        if name != "InvalidParams":
            raise griffe.NameResolutionError(name)
        return "exbert_rpc.errors.InvalidParams"

    def link(path: str, shown: str) -> str:
        return f'<autoref identifier="{path}" optional><code>{shown}</code></autoref>'

    assert readable("A :class:`~a.b.C`, a :meth:`d`.", resolve) == f"A {link('a.b.C', 'C')}, a {link('d', 'd')}."
    listed = readable("Do.\n\nRaises:\n    InvalidParams,\n    Busy\n\nMore.", resolve)
    assert (
        listed
        == f"Do.\n\nRaises {link('exbert_rpc.errors.InvalidParams', 'InvalidParams')}, {link('Busy', 'Busy')}.\n\nMore."
    )
    described = "Do.\n\nRaises:\n    InvalidParams: A field is wrong.\n"
    assert readable(described, resolve) == described


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make docs`` builds it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_the_api_reference_shows_every_public_name(site):
    client = (site / "reference/client/index.html").read_text(encoding="utf-8")
    engine = (site / "reference/engine/index.html").read_text(encoding="utf-8")
    raised = (site / "reference/errors/index.html").read_text(encoding="utf-8")
    assert [name for name in exbert_rpc.client.__all__ if f'id="exbert_rpc.client.{name}"' not in client] == []
    methods = [name for name in vars(Engine) if not name.startswith("_")]
    assert len(methods) >= 8
    assert [
        name for name in methods if not re.search(rf'id="exbert_rpc\.engine\.(\w+\.)*Engine\.{name}"', engine)
    ] == []
    kinds = [
        name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, errors.ExbertError)
    ]
    assert len(kinds) >= 12
    assert [name for name in kinds if f'id="exbert_rpc.errors.{name}"' not in raised] == []


@pytest.mark.slow
def test_no_page_loads_anything_from_another_host(site):
    loaded = [(page.name, one) for page in site.rglob("*.html") for one in Loads.of(page.read_text(encoding="utf-8"))]
    assert len(loaded) > 100
    assert [one for one in loaded if re.match(r"(https?:)?//", one[1])] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)\"']+", styles) == []


def test_what_a_page_loads_is_found():
    page = '<link rel="stylesheet" href="https://a/x.css"><link rel="canonical" href="https://b/"><a href="https://c/">c</a>'
    assert Loads.of(page + '<script src="//d/x.js"></script><img src="e.png">') == [
        "https://a/x.css",
        "//d/x.js",
        "e.png",
    ]


class Loads(HTMLParser):
    """Addresses that a browser loads by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @classmethod
    def of(cls, page: str) -> list[str]:
        parser = cls()
        parser.feed(page)
        return parser.found

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "link" and not {"canonical", "prev", "next", "alternate"}.intersection(
            (given.get("rel") or "").split()
        ):
            self.found.append(given.get("href") or "")
        elif tag in {"script", "img", "iframe", "source", "video", "audio", "embed"} and given.get("src"):
            self.found.append(given["src"] or "")
