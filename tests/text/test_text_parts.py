"""Prose of any size: read in parts, it has the blocks and places that it has as a whole, in bounded memory."""

import io
import random
import re
import tracemalloc

import pytest

from exbert_rpc.corpus.build.places import block_places
from exbert_rpc.corpus.search.places import position
from exbert_rpc.text.blocks import split_blocks
from exbert_rpc.text.contents import FileContent
from exbert_rpc.text.files import read_content
from exbert_rpc.text.formats import parts as parts_module
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.formats.markdown import _FRONT_MATTER
from exbert_rpc.text.positions import LineIndex
from exbert_rpc.text.types import Document, Skipped
from tests.samples import sizes

BLANK = ("", " \t", "\u3000")
LINES = [
    *("She ran.", "Über “das” 日本 😀", "# Head", "- item", "> quote", ">", "| a | b |", "|---|---|", "1. one"),
    *("```python", "```", "~~~", "code = '<!--'", "<!-- hidden", "-->", "---", "a: b", "\x0c"),
]
PLAIN = ReadingOptions()
LEFT_OUT = ReadingOptions(leave_out=("code", "html", "frontMatter"))


def read(name: str, data: bytes, options: ReadingOptions = PLAIN) -> list[Document | Skipped]:
    return list(read_content(FileContent(f"file:///{name}", lambda: io.BytesIO(data), options), data[:4096], options))


def without_notes(found: list[Document | Skipped]) -> list[Document | Skipped]:
    """Without the question whether lines are sentences."""
    return [one for one in found if isinstance(one, Document) or "--lines" not in one.reason]


def placed(documents: list[Document]) -> list[tuple[str, str, int, int, int, int]]:
    """Each block, its variant, and the line and column of its first and last characters."""
    found = []
    for document in documents:
        blocks = split_blocks(document)
        for block, place in zip(blocks, block_places(document, blocks), strict=True):
            lines = LineIndex(block.text)
            first = position(place, block.text, lines, 0)
            last = position(place, block.text, lines, len(block.text), is_end=True)
            found.append((block.text, block.variant, first.line, first.column, last.line, last.column))
    return found


def text_of(seed: int) -> str:
    rng = random.Random(seed)
    end = rng.choice(("\n", "\r\n", "\r"))
    lines = [rng.choice(LINES if rng.random() < 0.7 else BLANK) for _ in range(rng.randint(1, 300))]
    return end.join(lines) + rng.choice(("", end))


@pytest.mark.parametrize("count", sizes(150, 3000))
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.txt", ReadingOptions()),
        ("a.txt", ReadingOptions(lines=True)),
        ("a.md", ReadingOptions()),
        ("a.md", LEFT_OUT),
    ],
)
def test_a_text_in_parts_has_the_blocks_and_places_of_the_whole(name, options, count, monkeypatch):
    cut = 0
    for seed in range(count):
        data = text_of(seed).encode()
        if options == LEFT_OUT:  # what is left out is found by line feeds
            data = b"---\ntitle: A\n---\n" + data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        whole = without_notes(read(name, data, options))
        with monkeypatch.context() as patch:
            patch.setattr(parts_module, "PART", part := random.Random(seed).choice((150, 400, 1000)))
            patch.setattr("exbert_rpc.text.contents._CHUNK", random.Random(seed).choice((7, 64, 1000)))
            found = without_notes(read(name, data, options))
        if any(isinstance(one, Skipped) for one in whole):
            assert found == whole
            continue
        if options == PLAIN and any(len(one) > part // 2 for one in re.split(r"\n\s*?\n|\r\s*?\r", whole[0].text)):
            continue  # a paragraph longer than a part is cut at a line
        assert placed(found) == placed(whole), seed
        opening = _FRONT_MATTER.match(data.decode())
        # front matter that is cut is none
        if opening is None or options == LEFT_OUT or opening.end() <= len(found[0].text):
            assert all(one.metadata == whole[0].metadata for one in found), seed
        cut += len(found) > 1
    assert cut > count // 4


def test_a_text_without_blank_lines_is_cut_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(parts_module, "PART", 100)
    monkeypatch.setattr("exbert_rpc.text.contents._CHUNK", 64)
    for raw in ("word " * 200, "x" * 1000, "a\r\nb\r\n" * 200, "\r" * 150 + "é" * 300):
        documents = [one for one in read("a.txt", raw.encode()) if isinstance(one, Document)]
        assert "".join(one.text for one in documents).split() == raw.split() or "".join(
            one.text for one in documents
        ).replace("\r", "") == raw.replace("\r", "")
        starts = [0]
        for line in raw.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        for text, _, line, column, last_line, last_column in placed(documents):
            assert raw[starts[line] + column : starts[last_line] + last_column] == text


def test_code_that_never_ends_is_refused_by_name_and_what_stands_before_is_read(monkeypatch):
    monkeypatch.setattr(parts_module, "PART", 100)
    monkeypatch.setattr(parts_module, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr("exbert_rpc.text.contents._CHUNK", 1 << 16)
    raw = "Prose.\n\n" * 50 + "```\n" + "code\n\n" * 300_000
    *documents, skipped = read("a.md", raw.encode())
    assert "Prose." in documents[0].text
    assert skipped.reason == "has code or a comment of more than 1 MiB in line 100 and below"


def test_a_nul_late_in_a_text_is_met_before_any_of_it_is_indexed():
    (skipped,) = read("a.txt", b"Good line.\n\n" * 500_000 + b"\0")
    assert skipped.reason == "is a binary file: it contains NUL characters"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_memory_is_flat_in_the_size_of_a_text(name):
    paragraph = ("She drank coffee at the café by the sea and read a long letter. " * 4 + "\n\n").encode()
    peaks = []
    for copies in (35_000, 105_000):  # 9 and 27 MB
        data = paragraph * copies
        options = ReadingOptions()
        tracemalloc.start()
        count = 0
        for one in read_content(
            FileContent(f"file:///{name}", lambda d=data: io.BytesIO(d), options), data[:9], options
        ):
            count += len(split_blocks(one))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == copies
    assert peaks[1] < 1.2 * peaks[0]
