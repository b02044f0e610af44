"""A JSON list of any size: read a piece at a time, it has the records and places that it has as a whole."""

import io
import json
import random
import tracemalloc

import pytest

from exbert_rpc.corpus.build.places import block_places
from exbert_rpc.corpus.search.places import position
from exbert_rpc.text.blocks import split_blocks
from exbert_rpc.text.contents import FileContent
from exbert_rpc.text.files import read_content
from exbert_rpc.text.formats import json_records
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.positions import LineIndex
from exbert_rpc.text.types import Document, Skipped
from tests.ratios import least
from tests.text.fuzz_formats import seconds

OPTIONS = ReadingOptions(text_field="text")
WORDS = ("She", "ran", "über", "日本", "😀", '"no"', "a\\b", "]", "[", "}, {", "a\u2028b", "12.5", "tab\there")
SPACE = ("", " ", "\n", "\r\n", "\r", "\t", "\r\n  ", "\n\n")


def read(data: bytes, name: str = "a.json") -> tuple[list[Document], list[str]]:
    content = FileContent(f"file:///{name}", lambda: io.BytesIO(data), OPTIONS)
    found = list(read_content(content, data[:4096], OPTIONS))
    documents = [one for one in found if isinstance(one, Document)]
    return documents, [one.reason for one in found if isinstance(one, Skipped)]


def listed(rng: random.Random, count: int) -> tuple[str, list[dict[str, object]]]:
    """A list as no writer of ours makes it: white space of all kinds, escaped or not, nested fields, numbers."""
    records: list[dict[str, object]] = [
        {
            "n": rng.choice((number, 1.5, -2e30, None, True)),
            "text": " ".join(rng.choices(WORDS, k=rng.randint(1, 8))),
            "more": {"list": [[], [number, {"text": "not this one"}]]},
        }
        for number in range(count)
    ]
    written = [json.dumps(one, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 1))) for one in records]

    def space() -> str:
        return rng.choice(SPACE)

    body = ",".join(f"{space()}{one}{space()}" for one in written)
    return f"{space()}[{body}]{space()}", records


def words_in_place(document: Document, raw: str) -> list[tuple[str, str]]:
    """Each word of a document, and what the file has between the places that a hit of it would have."""
    index = LineIndex(raw)
    starts = [index.offset(line, 0) for line in range(index.n_lines)]
    blocks, found = split_blocks(document), []
    for block, place in zip(blocks, block_places(document, blocks), strict=True):
        at, lines = 0, LineIndex(block.text)
        for word in block.text.split():
            at = block.text.index(word, at) + len(word)
            first = position(place, block.text, lines, at - len(word))
            last = position(place, block.text, lines, at, is_end=True)
            before = raw[starts[first.line] : starts[first.line] + first.column]
            assert first.before == (len(before), len(before.encode("utf-16-le")) // 2, len(before.encode()))
            found.append((word, raw[starts[first.line] + first.column : starts[last.line] + last.column]))
    return found


def test_records_and_places_are_those_of_the_whole_wherever_chunks_end(monkeypatch):
    for seed in range(60):
        rng = random.Random(seed)
        raw, records = listed(rng, rng.randint(1, 12))
        with monkeypatch.context() as patch:
            patch.setattr("exbert_rpc.text.contents._CHUNK", rng.choice((1, 2, 7, 64, 1000)))
            documents, reasons = read(raw.encode())
        assert reasons == []
        assert [one.text for one in documents] == [one["text"] for one in json.loads(raw)]
        assert [one.record for one in documents] == list(range(len(records)))
        assert [dict(one.metadata).get("n") for one in documents] == [
            None if one["n"] is None else "true" if one["n"] is True else str(one["n"]) for one in records
        ]
        for document in documents:
            for word, found in words_in_place(document, raw):
                assert json.loads(f'"{found}"') == word, seed


def test_a_list_that_breaks_off_keeps_the_records_before_and_says_where(monkeypatch):
    monkeypatch.setattr("exbert_rpc.text.contents._CHUNK", 16)
    whole = '[\n{"text": "One."},\n{"text": "Two."},\n{"text": "Three é."}\n]'
    ends = [whole.index("}", whole.index(f'"{word}')) + 1 for word in ("One.", "Two.", "Three é.")]
    for cut in range(ends[0] + 1, len(whole)):
        documents, reasons = read(whole[:cut].encode())
        assert len(documents) == sum(end <= cut for end in ends), cut
        (reason,) = reasons
        assert reason.startswith("line ") and "is not JSON (" in reason and "nothing is read from there on" in reason


@pytest.mark.parametrize(
    ("text", "count", "reason"),
    [
        ('[{"text": "a"},\n {"text": b}, {"text": "c"}]', 1, "line 2: is not JSON (Expecting value), and nothing"),
        ('[{"text": "a"}\n {"text": "c"}]', 1, "line 2: is not JSON (a comma is missing), and nothing"),
        ('[{"text": "a"}]\n\n]', 1, "line 3: does not belong to the list, which ends before it"),
        ('[{"text": "a"},\n' + "[" * 100_000, 1, "line 2: is nested too deeply"),
        ('[{"text": "a"}, 3,\n {"no": 1}]', 1, "lines 1, 2: has no field 'text'"),
        ("[", 0, "has no record with a text: line 1: is not JSON (Expecting value)"),
        ("[]", 0, "has no records"),
        ("  \n ", 0, "is empty"),
        ('{"a": [1]}', 0, "is JSON, but no list of records"),
    ],
)
def test_what_is_wrong_in_a_list_is_named_by_its_line(text, count, reason):
    documents, reasons = read(text.encode())
    assert len(documents) == count
    assert [one.startswith(reason) for one in reasons] == [True], reasons


def test_a_record_without_an_end_is_given_up_at_the_limit(monkeypatch):
    monkeypatch.setattr("exbert_rpc.text.contents._CHUNK", 1 << 16)
    monkeypatch.setattr(json_records, "MAX_BYTES", 1 << 20)
    documents, (reason,) = read(b'[{"text": "a"},\n{"text": "' + b"word " * 1_000_000)
    assert [one.text for one in documents] == ["a"]
    assert reason == "line 2: has no record that ends within 1 MiB"


def test_memory_is_flat_in_the_length_of_a_list(monkeypatch):
    for name in ("contents._CHUNK", "encodings._CHUNK", "encodings._SAMPLE"):
        monkeypatch.setattr(f"exbert_rpc.text.{name}", 1 << 14)
    record = '{"n": 1, "text": "She drank coffee at the café by the sea."}'
    peaks = []
    for count in (1_500, 4_500):  # 90 and 270 kB, on one line
        data = ("[" + ", ".join([record] * count) + "]").encode()
        content = FileContent("file:///a.json", lambda data=data: io.BytesIO(data), OPTIONS)
        tracemalloc.start()
        assert sum(isinstance(one, Document) for one in _first_and_last(content, data, count)) == 2
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def _first_and_last(content: FileContent, data: bytes, count: int) -> list[Document | Skipped]:
    found = []
    for number, one in enumerate(read_content(content, data[:9], OPTIONS)):
        if number in (0, count - 1):
            found.append(one)
    return found


def test_time_is_linear_in_the_length_of_a_list_and_of_a_record():
    for piece in (b'{"text": "a b"},', b'"\\u00e9', b'{"a": [', b'[{"text": "x'):

        def ratio(piece: bytes = piece) -> float:
            few, many = (b"[" + piece * size for size in (1_000, 8_000))
            return seconds("a.json", many, OPTIONS) / max(seconds("a.json", few, OPTIONS), 0.004)

        assert least(ratio, 24) < 24
