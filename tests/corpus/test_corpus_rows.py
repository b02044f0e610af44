"""The document table on the disk: its rows are those that were written, and few bytes of each stay in memory."""

import json
import random
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import xxhash

from exbert_rpc.corpus.search.occurrences import Occurrence, locate
from exbert_rpc.corpus.store import document_rows
from exbert_rpc.corpus.store.document_rows import DocumentRows
from exbert_rpc.corpus.store.documents import BlockPlace, IndexedDocument, dump_documents
from exbert_rpc.errors import CorpusDamaged


def key(number: int) -> str:
    """A block's key; every eighth one ends with zeros."""
    made = random.Random(number).getrandbits(128)
    return f"{made if number % 8 else made >> 24 << 24:032x}"


def as_array(keys: list[str]) -> np.ndarray:
    return np.frombuffer(bytes.fromhex("".join(keys)), dtype=np.uint8).reshape(-1, 16)


def document(rng: random.Random, uri: str, record: int | None, n_blocks: int) -> IndexedDocument:
    blocks = tuple(
        BlockPlace(key(rng.randrange(40)), rng.randrange(99), "é\n,", ((0, 1, 2, 3, 4, 5, 6),), (1, 2, 2**40))
        if rng.random() < 0.5
        else BlockPlace(key(rng.randrange(40)), rng.randrange(99), "],\n[")
        for _ in range(n_blocks)
    )
    cell = rng.choice((None, None, 3))
    metadata = (("key", "a\nb"), ("n", str(record)))[: rng.randrange(3)]
    return IndexedDocument(uri, cell, key(1), 5, 6, blocks, record, "" if record is None else str(record), metadata)


def documents(seed: int) -> tuple[IndexedDocument, ...]:
    rng = random.Random(seed)
    return tuple(
        document(rng, f"file:///{rng.randrange(3)}", rng.choice((None, number)), rng.randrange(4))
        for number in range(rng.randrange(30))
    )


def written(path, data: bytes) -> DocumentRows:
    path.write_bytes(data)
    return DocumentRows(path, len(data), xxhash.xxh3_64_hexdigest(data))


@pytest.mark.parametrize("of_one_line", [False, True])
def test_rows_are_those_that_were_written(tmp_path, monkeypatch, of_one_line):
    monkeypatch.setattr(document_rows, "_AT_ONCE", 400)
    for seed in range(40):
        said = documents(seed)
        data = dump_documents(said)
        if of_one_line:  # as earlier versions have it
            data = json.dumps(json.loads(data), ensure_ascii=False, separators=(",", ":")).encode()
        rows = written(tmp_path / "documents-1.json", data)
        assert tuple(rows) == said
        assert list(rows.labels()) == [(one.uri, [list(pair) for pair in one.metadata]) for one in said]
        places = [(number, order) for number, one in enumerate(said) for order in range(len(one.blocks))]
        random.Random(seed).shuffle(places)
        assert all(rows.place(number, order) == said[number].blocks[order] for number, order in places)
        assert all(rows.head(number) == replace(said[number], blocks=()) for number, _ in places)
        assert rows.digests.tobytes().hex() == "".join(place.digest for one in said for place in one.blocks)
        assert np.diff(rows.first_place).tolist() == [len(one.blocks) for one in said]
        first = 0
        for number, one in enumerate(said):
            goes_on = number and one.uri == said[number - 1].uri and one.cell is None and one.record is None
            first = first if goes_on else number
            assert rows.first_part[number] == first


def test_a_block_stands_wherever_its_key_does_in_the_first_segment_that_has_it(tmp_path):
    for seed in range(40):
        rng, said = random.Random(seed), documents(seed)
        rows = written(tmp_path / "documents-1.json", dump_documents(said))
        segments = [[key(rng.randrange(45)) for _ in range(rng.randrange(30))] for _ in range(rng.randrange(4))]
        arrays = [
            np.array([list(bytes.fromhex(one)) for one in keys], dtype=np.uint8).reshape(-1, 16) for keys in segments
        ]
        found = locate(rows, arrays)
        live: dict[str, list[Occurrence]] = {}
        for number, one in enumerate(said):
            for order, place in enumerate(one.blocks):
                live.setdefault(place.digest, []).append(Occurrence(number, order))
        for keys, here in zip(segments, found.segments, strict=True):
            expected = [live.pop(one, []) for one in keys]
            assert [list(here.of(block)) for block in range(len(here))] == expected
            assert here.first_document.tolist() == [places[0].document if places else 0 for places in expected]
            assert here.block.tolist() == [block for block, places in enumerate(expected) for _ in places]
        assert found.n_lost == len(live)
        owners = iter(found.owner.tolist())
        everything = [one for keys in segments for one in keys]
        for place in (place for one in said for place in one.blocks):
            owner = next(owners)
            assert everything[owner] == place.digest if owner >= 0 else place.digest in live


@pytest.mark.parametrize(
    ("field", "is_met_at_once"),
    [
        ({"uri": 5}, False),
        ({"metadata": (("a", 1),)}, False),
        ({"size": "x"}, False),
        ({"blocks": (BlockPlace(key(1), -1, ""),)}, False),
        ({"blocks": (BlockPlace(key(1), 0, 7),)}, False),
        ({"blocks": (BlockPlace("ab", 0, ""),)}, True),
        ({"blocks": (BlockPlace(None, 0, ""),)}, True),
        ({"blocks": (BlockPlace("z" * 32, 0, ""),)}, True),
    ],
)
def test_a_row_that_no_build_writes_is_damage_when_it_is_read(tmp_path, field, is_met_at_once):
    said = replace(IndexedDocument("mem:1", None, "ab", -1, -1, (BlockPlace(key(1), 0, ""),)), **field)
    data = dump_documents((said,))
    if is_met_at_once:
        with pytest.raises(CorpusDamaged):
            written(tmp_path / "documents-1.json", data)
        return
    rows = written(tmp_path / "documents-1.json", data)
    with pytest.raises(CorpusDamaged):
        rows.check()
    with pytest.raises(CorpusDamaged):
        rows.place(0, 0) if "blocks" in field else rows.head(0)
    if not {"uri", "metadata"}.isdisjoint(field):
        with pytest.raises(CorpusDamaged):
            list(rows.labels())


def test_a_table_that_is_cut_or_changed_is_damage(tmp_path):
    data = dump_documents(documents(3))
    path = tmp_path / "documents-1.json"
    for other in (data[:-1], b"", b"[", data.replace(b"99", b"98"), b"x" + data[1:]):
        path.write_bytes(other)
        if other != data:
            with pytest.raises(CorpusDamaged):
                DocumentRows(path, len(data), xxhash.xxh3_64_hexdigest(data))
    for other in (b"{}", b"[1]", b"[[]]", b"nonsense"):
        with pytest.raises(CorpusDamaged):
            written(path, other)
    assert len(written(path, b"[]")) == 0


def test_a_row_takes_few_bytes_of_memory(tmp_path):
    n = 5_000
    metadata = (("genre", "news"), ("id", "x" * 20))
    row = IndexedDocument("file:///a.jsonl", None, key(1), 9, 9, (), 0, "0", metadata)
    place = BlockPlace("", 0, "", ((0, 9, 1, 2, 3, 4, 9),), (8, 8, 8))
    table = tuple(replace(row, record=number, blocks=(replace(place, digest=key(number)),)) for number in range(n))
    data = dump_documents(table)
    path = tmp_path / "documents-1.json"
    path.write_bytes(data)
    checksum = xxhash.xxh3_64_hexdigest(data)
    keys = as_array([key(number) for number in range(n)])
    tracemalloc.start()
    rows = DocumentRows(path, len(data), checksum)
    found = locate(rows, [keys])
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.n_lost == 0
    assert kept < 90 * n + 100_000
    assert peak < 250 * n + 100_000
