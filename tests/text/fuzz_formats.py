"""Broken files of every format, made from whole ones: what reading promises of any bytes, and how long it takes."""

from __future__ import annotations

import gc
import io
import random
import re
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from exbert_rpc.corpus.build.places import block_places
from exbert_rpc.corpus.search.places import position
from exbert_rpc.text.blocks import split_blocks
from exbert_rpc.text.contents import FileContent
from exbert_rpc.text.files import read_content
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.positions import LineIndex
from exbert_rpc.text.types import Document, Skipped


def columnar() -> list[tuple[str, bytes]]:
    """Small files of the formats of pyarrow, where that is installed."""
    if find_spec("pyarrow") is None:
        return []
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"text": ["One text.", "Two.", None], "n": [1, 2, 3], "body": [{"en": "a"}, {"en": "b"}, None]})
    streams = [io.BytesIO() for _ in range(3)]
    parquet.write_table(table, streams[0])
    for stream, new in zip(streams[1:], (pa.ipc.new_stream, pa.ipc.new_file), strict=True):
        with new(stream, table.schema) as writer:
            writer.write_table(table)
    names = ("a.parquet", "a.arrow", "a.feather")
    return [(name, stream.getvalue()) for name, stream in zip(names, streams, strict=True)]


PAGE = Path(__file__).parents[2] / "docs" / "corpora.md"
_EXAMPLE = re.compile(r'^(`{3,})text title="([^"]+)"\n(.*?)^\1', re.DOTALL | re.MULTILINE)
SEEDS = [(name, body.encode()) for _, name, body in _EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))] + [
    ("list.json", b'[{"text": "a \\ud83d\\ude00", "n": [1, {"b": null}]}, {"text": "b"}]'),
    ("a.tsv", b"id\ttext\n1\tx\n"),
    ("a.tex", b"\\section{A}\nB \\emph{c}~d\\'e -- $x$ % f\n\n\\begin{quote}g\\end{quote}\\verb|h|"),
    ("a.c", b"/* Long\n * comment */\nint x; // short\n"),
    *columnar(),
]
SPARKS = [
    *(
        b'"',
        b"'",
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"<",
        b">",
        b"&",
        b"&#",
        b"<!--",
        b"-->",
        b"<!",
        b"</",
        b"<pre>",
        b"\t",
    ),
    *(b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\\ud800", b"\\u00e9", b"data:a/b;base64,"),
    *(b"```", b"---\n", b"1-2\t", b"1.1\t", b"# newdoc", b"_", b"NaN", b"1e999", b"</script>", b'"""', b"\xe2\x80\xa8"),
    *(b"\\begin{a}", b"\\end{a}", b"\\[", b"\\", b"$", b"$$", b"%", b"\\item[", b"``", b"\\'"),
]
OPTIONS = [
    ReadingOptions(text_field="text", comments=True, outputs=True),
    ReadingOptions(text_field="body.en", comments=True, lines=True, leave_out=("code", "frontMatter", "html")),
    ReadingOptions(comments=True, errors="replace", annotations="both"),
]


NAMES = sorted({name for name, _ in SEEDS})


def broken(seed: int, of: str | None = None) -> tuple[str, bytes]:
    """A name and bytes that are nearly of its format; ``of``: of this name."""
    rng = random.Random(seed)
    name, data = rng.choice([one for one in SEEDS if of in (None, one[0])])
    for _ in range(rng.randint(1, 6)):
        at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        data = rng.choice(
            (
                lambda at=at, data=data: data[:at],
                lambda at=at, end=end, data=data: data[:at] + data[end:],
                lambda at=at, end=end, data=data: data[:end] + data[at:],
                lambda at=at, data=data: data[:at] + rng.choice(SPARKS) * rng.choice((1, 1, 3, 40)) + data[at:],
                lambda at=at, data=data: data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :],
            )
        )()
    return name, data


def read(name: str, data: bytes, options: ReadingOptions) -> Iterator[Document | Skipped]:
    content = FileContent(f"file:///{name}", lambda: io.BytesIO(data), options)
    yield from read_content(content, data[:4096], options)


def violations(seed: int, of: str | None = None) -> list[str]:
    """What reading promises and did not keep; an exception is a violation, too. ``of``: a file of this name."""
    name, data = broken(seed, of)
    try:
        for options in OPTIONS:
            found = list(read(name, data, options))
            if not found:
                return [f"{name}, {seed}: neither a document nor a reason"]
            for one in found:
                if isinstance(one, Document):
                    _check(one)
                elif not one.reason:
                    return [f"{name}, {seed}: an empty reason"]
    except Exception as exc:
        return [f"{name}, {seed}: {type(exc).__name__}: {exc}"]
    return []


def _check(document: Document) -> None:
    """Blocks are parts of the text, and their first and last characters stand somewhere, one before the other."""
    blocks = split_blocks(document)
    for block, place in zip(blocks, block_places(document, blocks), strict=True):
        assert document.text[block.start : block.start + len(block.text)] == block.text
        lines = LineIndex(block.text)
        first = position(place, block.text, lines, 0)
        last = position(place, block.text, lines, len(block.text), is_end=True)
        assert 0 <= first.line <= last.line
        assert first.line < last.line or first.column <= last.column


def seconds(name: str, data: bytes, options: ReadingOptions) -> float:
    """Processor time of reading a file; without the collector, which walks what other tests have left."""
    gc.disable()
    try:
        started = time.process_time()
        for one in read(name, data, options):
            if isinstance(one, Document):
                block_places(one, split_blocks(one))
        return time.process_time() - started
    finally:
        gc.enable()
