"""Every example of docs/corpora.md is read, and gives what the page says."""

import re
import shlex
from pathlib import Path

import pytest

from exbert_rpc.cli.arguments import make_parser
from exbert_rpc.cli.indexing import reading_options
from exbert_rpc.corpus.build.places import block_places
from exbert_rpc.corpus.search.places import position
from exbert_rpc.text.blocks import split_blocks
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.formats.registry import FORMATS
from exbert_rpc.text.positions import LineIndex
from exbert_rpc.text.sources import read_sources

PAGE = Path(__file__).parents[2] / "docs" / "corpora.md"
EXAMPLE = re.compile(
    r'^(?P<fence>`{3,})text title="(?P<name>[^"]+)"\n(?P<body>.*?)^(?P=fence)\n\n'
    r"```console\n\$ exbert-rpc (?P<command>[^\n]+)\n```\n\n"
    r"\| text \| place \| metadata \|\n\|---\|---\|---\|\n(?P<rows>(?:\|[^\n]*\n)+)",
    re.DOTALL | re.MULTILINE,
)
EXAMPLES = list(EXAMPLE.finditer(PAGE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda match: match["name"])
def test_an_example_is_read_as_the_page_says(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / example["name"]).write_text(example["body"], encoding="utf-8")
    options = make_parser(["index"]).parse_args(shlex.split(example["command"]))
    documents, skipped = read_sources(options.sources, reading_options(options) or ReadingOptions())
    rows = []
    for document in documents:
        blocks = split_blocks(document)
        for block, place in zip(blocks, block_places(document, blocks), strict=True):
            at = position(place, block.text, LineIndex(block.text), 0)
            known = ", ".join(f"{key}={value}" for key, value in document.metadata)
            text = " ".join(block.text.split())
            rows.append(f"| {text} | {at.line + 1}:{at.column + 1} | {known + ' ' if known else ''}|")
    assert rows == example["rows"].splitlines()
    assert skipped == []


def test_there_is_an_example_of_every_format_that_is_text():
    shown = {Path(match["name"]).suffix for match in EXAMPLES}
    without = {"json", "tsv", "parquet", "arrow"}  # told beside their relatives
    assert [one.name for one in FORMATS if not shown & set(one.suffixes) and one.name not in without] == []
