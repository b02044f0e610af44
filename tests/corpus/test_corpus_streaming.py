"""A build takes no more memory than its parts: shards are cut as they are asked for, merged segments are bounded."""

from __future__ import annotations

from itertools import islice

import pytest

from exbert_rpc.corpus.build import builder as build_module
from exbert_rpc.corpus.build import distributed
from exbert_rpc.corpus.build.distributed import cut_shards
from exbert_rpc.corpus.build.merge import in_portions
from exbert_rpc.corpus.build.reuse import BlockTable
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.blocks import block_digests
from exbert_rpc.corpus.store.manifest import FileEntry
from exbert_rpc.text.types import Block
from tests.store_faults.building import answers, build, open_folder
from tests.store_faults.fakes import make_text


def test_shards_are_cut_as_they_are_asked_for_and_hold_every_block_in_order(monkeypatch):
    monkeypatch.setattr(distributed, "SHARD_CHARACTERS", 50)
    blocks = [Block(0, "x" * (7 + number % 5)) for number in range(100)]
    taken = []
    shards = cut_shards(taken.append(block) or block for block in blocks)
    first, second = islice(shards, 2)
    assert taken == first + second
    rest = list(shards)
    assert [block for shard in (first, second, *rest) for block in shard] == blocks
    assert all(50 <= sum(len(block.text) for block in shard) < 62 for shard in (first, second, *rest[:-1]))
    assert list(cut_shards([])) == []


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([], []), ([9], [[0]]), ([4, 4, 4], [[0, 1], [2]]), ([20, 1, 20], [[0], [1], [2]]), ([5, 5, 1], [[0, 1], [2]])],
)
def test_portions_are_no_larger_than_asked_unless_a_segment_is(sizes, expected):
    entries = [FileEntry(f"segment-{number}.exb", size) for number, size in enumerate(sizes)]
    assert in_portions(range(len(sizes)), entries, 10) == expected


def test_many_small_segments_become_several_large_ones_with_the_same_answers(tmp_path, monkeypatch):
    texts = {f"{seed}.txt": make_text(seed, 8) for seed in range(6)}
    monkeypatch.setattr(build_module, "WINDOW_TOKENS", 120)
    monkeypatch.setattr(build_module, "SEGMENT_BYTES", 1)
    with monkeypatch.context() as patch:
        patch.setattr(build_module, "worth_merging", lambda entries, alive: [])
        build(tmp_path / "small", texts)
    small = open_folder(tmp_path / "small").manifest().segments
    most = 3 * max(entry.nbytes for entry in small)
    monkeypatch.setattr(build_module, "in_portions", lambda numbers, entries, _: in_portions(numbers, entries, most))
    build(tmp_path / "merged", texts)
    merged = open_folder(tmp_path / "merged").manifest().segments
    assert len(small) > 8 and 1 < len(merged) < len(small) / 2
    assert all(entry.nbytes <= 1.2 * most for entry in merged)
    assert answers(tmp_path / "merged") == answers(tmp_path / "small")


def test_the_table_of_blocks_knows_each_block_in_few_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(build_module, "WINDOW_TOKENS", 120)
    monkeypatch.setattr(build_module, "SEGMENT_BYTES", 1)
    monkeypatch.setattr(build_module, "worth_merging", lambda entries, alive: [])
    build(tmp_path, {f"{seed}.txt": make_text(seed, 8) for seed in range(3)})
    reader, table = CorpusReader(open_folder(tmp_path)), BlockTable()
    for entry, segment in zip(reader.manifest.segments, reader.segments, strict=True):
        table.add(entry, segment.segment)
    for number, segment in enumerate(reader.segments):
        assert table.n_rows[number] == segment.n_rows
        for block, digest in enumerate(block_digests(segment.segment)):
            stored = table[digest]
            sentences = segment.first_sentence[block], segment.first_sentence[block + 1]
            rows = segment.first_row[sentences[0]], segment.first_row[sentences[1]]
            assert (stored.segment, stored.block) == (number, block)
            assert (stored.n_sentences, stored.n_rows) == (sentences[1] - sentences[0], rows[1] - rows[0])
            assert digest in table
    assert "00" * 16 not in table
    assert table._blocks.itemsize * len(table._blocks) == 16 * len(table._numbers)
