"""One file of arrays: what is written comes back; what is damaged is named and never served."""

import json
import mmap
import os
from pathlib import Path

import numpy as np
import pytest
import xxhash

from exbert_rpc.corpus.store import segment as segment_module
from exbert_rpc.corpus.store.quantize import OUTLIER
from exbert_rpc.corpus.store.segment import PIECE, Segment, SegmentWriter
from exbert_rpc.errors import CorpusDamaged

ARRAYS = {
    "a/int8": np.arange(-60, 60, dtype=np.int8).reshape(6, 20),
    "b/empty": np.zeros((0, 7), dtype=np.float32),
    "c/float": np.linspace(0, 1, 33, dtype=np.float32),
    "d/outliers": np.array([(1, 2, 0.5), (9, 3, -0.25)], dtype=OUTLIER),
    "e/offsets": np.array([0, 5, 2**40], dtype=np.uint64),
}
META = {"labels": {"pos": ["NOUN", "é"]}, "rows": 6}


@pytest.fixture
def path(tmp_path) -> Path:
    writer = SegmentWriter()
    for name, array in ARRAYS.items():
        writer.add(name, array)
    with (tmp_path / "segment-x.exb").open("wb") as stream:
        writer.write(stream, META)
    return tmp_path / "segment-x.exb"


def open_segment(path: Path) -> Segment:
    return Segment(path, path.stat().st_size)


def read_everything(segment: Segment) -> dict[str, np.ndarray]:
    return {name: segment.array(name) for name in ARRAYS}


def assert_as_written(segment: Segment) -> None:
    assert segment.meta == META
    for name, array in read_everything(segment).items():
        assert array.dtype == ARRAYS[name].dtype and array.shape == ARRAYS[name].shape
        np.testing.assert_array_equal(array, ARRAYS[name])


def test_arrays_come_back_as_they_were_written(path):
    assert_as_written(open_segment(path))


def test_sections_start_at_multiples_of_64_bytes_and_cannot_be_written(path):
    for array in read_everything(open_segment(path)).values():
        assert not array.flags.writeable
        assert array.size == 0 or array.ctypes.data % 64 == 0


def test_every_flipped_bit_is_named_or_changes_nothing(path):
    original = path.read_bytes()
    harmless = 0
    for at in range(len(original)):
        changed = bytearray(original)
        changed[at] ^= 1 << (at % 8)
        path.unlink()  # not in place: another test's map must not change under it
        path.write_bytes(changed)
        try:
            assert_as_written(open_segment(path))
            harmless += 1
        except CorpusDamaged as error:
            assert error.data["file"] == "segment-x.exb"
    assert harmless < 64 * (len(ARRAYS) + 1)  # only the padding between sections


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 31, 32, 100, -1, -24, -25])
def test_a_cut_file_is_named(path, keep):
    size = path.stat().st_size
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[:keep])
    with pytest.raises(CorpusDamaged, match=r"segment-x\.exb"):
        Segment(path, size)
    with pytest.raises(CorpusDamaged, match=r"segment-x\.exb"):
        open_segment(path)


@pytest.mark.parametrize("more", [b"\0", b"x" * 64])
def test_a_file_that_has_grown_is_named(path, more):
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + more)
    with pytest.raises(CorpusDamaged, match=r"segment-x\.exb"):
        Segment(path, size)
    with pytest.raises(CorpusDamaged, match=r"segment-x\.exb"):
        open_segment(path)


def test_a_zeroed_page_is_named_when_its_section_is_used(path):
    whole = bytearray(path.read_bytes())
    whole[64:160] = bytes(96)
    path.unlink()
    path.write_bytes(whole)
    segment = open_segment(path)
    np.testing.assert_array_equal(segment.array("c/float"), ARRAYS["c/float"])
    with pytest.raises(CorpusDamaged, match=r"segment-x.exb.*a/int8"):
        segment.array("a/int8")
    with pytest.raises(CorpusDamaged):
        segment.array("a/int8")  # and again: damage is not forgotten


@pytest.mark.parametrize(
    "cuts", [[], [1], [0, 5, 5], [PIECE // 4], [PIECE // 4 - 1, PIECE // 4 + 1], [3, PIECE, 2 * PIECE]]
)
def test_parts_make_the_file_that_the_whole_array_makes(tmp_path, cuts):
    whole = np.random.default_rng(1).integers(-9, 9, (PIECE, 3, 2), dtype=np.int32)[: 2 * PIECE // 3]
    files = []
    for parts in ([whole], np.split(whole, cuts)):
        writer = SegmentWriter()
        writer.add("rows", *parts)
        files.append(tmp_path / f"{len(files)}.exb")
        with files[-1].open("wb") as stream:
            writer.write(stream, META)
    assert files[0].read_bytes() == files[1].read_bytes()
    np.testing.assert_array_equal(open_segment(files[1]).array("rows"), whole)


ROW_BYTES = 384
N_ROWS = 3 * PIECE // ROW_BYTES + 5  # three pieces and a bit, and rows that lie across two of them


@pytest.fixture
def large(tmp_path) -> tuple[Path, np.ndarray]:
    rows = np.random.default_rng(0).integers(-127, 128, (N_ROWS, ROW_BYTES), dtype=np.int8)
    writer = SegmentWriter()
    writer.add("codes", rows)
    with (tmp_path / "segment-x.exb").open("wb") as stream:
        writer.write(stream, META)
    return tmp_path / "segment-x.exb", rows


def damage(path: Path, piece: int, at: int) -> None:
    whole = bytearray(path.read_bytes())
    whole[64 + piece * PIECE + at] ^= 1
    path.unlink()
    path.write_bytes(whole)


def test_some_rows_are_those_of_the_whole(large):
    path, rows = large
    section = open_segment(path).section("codes")
    for start, end in ((0, 0), (0, 1), (5, 900), (N_ROWS - 1, N_ROWS), (0, N_ROWS)):
        np.testing.assert_array_equal(section.stretch(start, end), rows[start:end])
    some = np.array([N_ROWS - 1, 3, 3, 700])
    np.testing.assert_array_equal(section.take(some), rows[some])
    np.testing.assert_array_equal(section.whole(), rows)


def test_the_system_is_asked_for_each_piece_that_is_looked_at_and_for_no_other(large, monkeypatch):
    path, array = large
    asked: list[tuple[int, int, int]] = []
    monkeypatch.setattr(segment_module, "_advise", lambda _, advice, start, end: asked.append((advice, start, end)))
    segment = open_segment(path)
    assert asked == [(mmap.MADV_RANDOM, 0, path.stat().st_size)]
    section = segment.section("codes")
    offset = segment._contents["codes"].offset
    pieces = [(offset + at, offset + min(at + PIECE, array.nbytes)) for at in range(0, array.nbytes, PIECE)]
    row = PIECE // (array.nbytes // len(array)) + 1  # in the second piece
    for _ in range(2):
        section.stretch(row, row + 1)
    assert asked[1:] == [(mmap.MADV_WILLNEED, *pieces[1])]
    section.whole()
    wanted = [(mmap.MADV_WILLNEED, *place) for place in pieces if place != pieces[1]]
    assert asked[2:] == [*wanted, (mmap.MADV_NORMAL, offset, offset + array.nbytes)]


@pytest.mark.parametrize("piece", [0, 1, 2, 3])
@pytest.mark.parametrize("at", [0, -1])
def test_exactly_the_rows_of_a_damaged_piece_are_refused(large, piece, at):
    path, rows = large
    last = min((piece + 1) * PIECE, rows.nbytes) - piece * PIECE - 1
    damage(path, piece, at % (last + 1))
    first_row, last_row = piece * PIECE // ROW_BYTES, (piece * PIECE + last) // ROW_BYTES
    section = open_segment(path).section("codes")
    for row in range(0, N_ROWS, 7):
        if not first_row <= row <= last_row:
            np.testing.assert_array_equal(section.stretch(row, row + 1)[0], rows[row])
            np.testing.assert_array_equal(section.take(np.array([row]))[0], rows[row])
    for row in (first_row, last_row):
        for _ in range(2):  # damage is not forgotten
            with pytest.raises(CorpusDamaged, match=r"segment-x.exb.*codes"):
                section.stretch(row, row + 1)
            with pytest.raises(CorpusDamaged, match=r"segment-x.exb.*codes"):
                section.take(np.array([1, row]))
    with pytest.raises(CorpusDamaged, match=r"segment-x.exb.*codes"):
        section.whole()


@pytest.mark.parametrize("make", ["missing", "folder", "fifo", "text", "unreadable"])
def test_what_is_no_segment_is_named(tmp_path, make):
    path = tmp_path / "segment-y.exb"
    if make == "folder":
        path.mkdir()
    elif make == "fifo":
        os.mkfifo(path)
    elif make == "text":
        path.write_text("not a segment at all, but long enough to be one")
    elif make == "unreadable":
        path.symlink_to(path)
    with pytest.raises(CorpusDamaged, match=r"segment-y\.exb"):
        Segment(path, 47)


def test_a_missing_section_is_named(path):
    with pytest.raises(CorpusDamaged, match="hidden/3/codes"):
        open_segment(path).array("hidden/3/codes")


def rewrite_contents(path: Path, change) -> None:
    """Edit the table of contents as somebody would who means harm: with a correct checksum."""
    whole = path.read_bytes()
    offset, length = (int.from_bytes(whole[-24 + 8 * i : -16 + 8 * i], "little") for i in range(2))
    body = json.loads(whole[offset : offset + length])
    body = change(body) or body
    data = json.dumps(body).encode()
    trailer = b"".join(n.to_bytes(8, "little") for n in (offset, len(data), xxhash.xxh3_64_intdigest(data)))
    path.unlink()
    path.write_bytes(whole[:offset] + data + trailer)


HOSTILE = {
    "negative offset": lambda body: body["sections"]["a/int8"].__setitem__(0, -64),
    "negative size": lambda body: body["sections"]["a/int8"].__setitem__(1, -1),
    "offset behind the end": lambda body: body["sections"]["a/int8"].__setitem__(0, 2**62),
    "objects": lambda body: body["sections"]["a/int8"].__setitem__(3, "|O"),
    "no such dtype": lambda body: body["sections"]["a/int8"].__setitem__(3, "quaternion"),
    "dtype is a number": lambda body: body["sections"]["a/int8"].__setitem__(3, 7),
    "another shape": lambda body: body["sections"]["a/int8"].__setitem__(4, [6, 21]),
    "negative shape": lambda body: body["sections"]["a/int8"].__setitem__(4, [-6, -20]),
    "shape overflows": lambda body: body["sections"]["a/int8"].__setitem__(4, [2**32, 2**32]),
    "shape is text": lambda body: body["sections"]["a/int8"].__setitem__(4, "6x20"),
    "short entry": lambda body: body["sections"].__setitem__("a/int8", [1]),
    "sections are a list": lambda body: {"meta": {}, "sections": []},
    "no sections": lambda body: {"meta": {}},
    "no table": lambda body: [1, 2],
    "checksums are a list": lambda body: body["sections"]["a/int8"].__setitem__(2, ["0" * 16]),
    "a checksum too many": lambda body: body["sections"]["c/float"].__setitem__(2, "0" * 32),
    "no checksum": lambda body: body["sections"]["a/int8"].__setitem__(2, ""),
    "offset is text": lambda body: body["sections"]["a/int8"].__setitem__(0, "64"),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_table_of_contents_that_means_harm_is_named(path, change):
    rewrite_contents(path, change)
    with pytest.raises(CorpusDamaged, match=r"segment-x\.exb"):
        read_everything(open_segment(path))


def test_the_same_table_rewritten_is_accepted(path):
    rewrite_contents(path, lambda body: None)
    assert_as_written(open_segment(path))
