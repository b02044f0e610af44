"""Corpora behind a URL: only what is looked at is fetched, and nothing that is not what was written is given out."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from exbert_rpc.corpus.search.exact import find_exactly
from exbert_rpc.corpus.search.filters import eligible_rows
from exbert_rpc.corpus.search.finding import Scope
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store import remote as remote_module
from exbert_rpc.corpus.store.remote import RemoteFolder, RemoteStore, _Copy
from exbert_rpc.corpus.store.segment import TRAILER
from exbert_rpc.corpus.types import Filter
from exbert_rpc.corpus.vectors import make_query
from exbert_rpc.errors import CorpusDamaged, CorpusNotFound, InvalidParams, StorageFailed
from exbert_rpc.tasks import Task
from tests.store_faults.building import build, open_folder
from tests.store_faults.fakes import FakeModel, make_text

if find_spec("fsspec") is None:
    pytest.skip("fsspec is not installed", allow_module_level=True)

MODEL = FakeModel()


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A store with a corpus of several segments, as it was built."""
    root = tmp_path_factory.mktemp("written")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exbert_rpc.corpus.build.builder.WINDOW_TOKENS", 400)
        patch.setattr("exbert_rpc.corpus.build.builder.SEGMENT_BYTES", 1)
        patch.setattr("exbert_rpc.corpus.build.builder.worth_merging", lambda entries, alive: [])
        build(root, {f"{seed}.txt": make_text(seed, 12) for seed in range(4)}, model=MODEL)
    assert len(open_folder(root).manifest().segments) > 1
    return root


@pytest.fixture(autouse=True)
def short_tails(monkeypatch):
    """What is fetched to open a segment is no more than its table of contents, as it is of large ones."""
    monkeypatch.setattr(remote_module, "_TAIL_BYTES", TRAILER.size)


@pytest.fixture(params=["file", "memory"])
def url(request, written, tmp_path):
    """The same store elsewhere."""
    if request.param == "file":
        shutil.copytree(written, tmp_path / "there")
        yield f"file://{tmp_path}/there"
        return
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.put(str(written), f"/{tmp_path.name}", recursive=True)
    yield f"memory://{tmp_path.name}"
    memory.rm(f"/{tmp_path.name}", recursive=True)


def overwrite(url: str, change: Callable[[bytes], bytes]) -> None:
    """Change all segments where they lie."""
    import fsspec

    system, root = fsspec.url_to_fs(url)
    for path in system.glob(f"{root}/corpus/segment-*.exb"):
        system.pipe_file(path, change(system.cat_file(path)))


def nearest(reader: CorpusReader, layer: int = 1):
    """Candidates of one query, all their bits."""
    vector = MODEL.capture(MODEL.tokenize("Some query of words")).head_outputs[layer, :, 2]
    scope = Scope(reader, "headOutput", layer, eligible_rows(reader, Filter()))
    found = find_exactly(scope, make_query(vector, None, by_norm=False), 30, Task())
    return [(one.segment, one.rows.tolist(), one.scores.tobytes()) for one in found]


def copies_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/segment-*.exb"))


def test_a_corpus_elsewhere_answers_as_the_local_one(url, written, tmp_path):
    store = RemoteStore(url, tmp_path / "copies")
    assert store.names() == ["corpus"]
    reader = CorpusReader(store.folder("corpus"))
    local = CorpusReader(open_folder(written))
    assert list(reader.documents) == list(local.documents)
    for layer in range(2):
        assert nearest(reader, layer) == nearest(local, layer)
    assert [one.block_text(0) for one in reader.segments] == [one.block_text(0) for one in local.segments]
    assert reader.is_current


def test_a_second_reader_fetches_nothing_that_is_there(url, tmp_path, monkeypatch):
    folder = RemoteStore(url, tmp_path / "copies").folder("corpus")
    before = nearest(CorpusReader(folder))

    def refuse(*_: object) -> bytes:
        raise AssertionError("fetched again")

    monkeypatch.setattr(_Copy, "_get", refuse)
    assert nearest(CorpusReader(pickle.loads(pickle.dumps(folder)))) == before
    with pytest.raises(AssertionError, match="fetched again"):
        nearest(CorpusReader(folder), 0)


def test_only_layers_that_are_searched_are_fetched(written, tmp_path, monkeypatch):
    fetched = []
    get = _Copy._get

    def counted(self, start, end):
        fetched.append(end - start)
        return get(self, start, end)

    monkeypatch.setattr(_Copy, "_get", counted)
    reader = CorpusReader(RemoteStore(f"file://{written}", tmp_path / "copies").folder("corpus"))
    opened = sum(fetched)
    nearest(reader)
    codes = sum(segment.segment.array("head/1/codes").nbytes for segment in reader.segments)
    assert codes <= sum(fetched) - opened < 2 * codes
    assert sum(fetched) < 0.9 * sum(segment.segment.nbytes for segment in reader.segments)
    for copy in copies_of(tmp_path / "copies"):
        assert copy.stat().st_blocks * 512 <= copy.stat().st_size + 8192


@pytest.mark.parametrize("where", ["a vector", "the contents", "the size"])
def test_a_damaged_copy_is_fetched_again(url, written, tmp_path, where):
    folder = RemoteStore(url, tmp_path / "copies").folder("corpus")
    nearest(CorpusReader(folder))
    for segment in CorpusReader(folder).segments:
        copy = segment.segment._path
        assert copy in copies_of(tmp_path / "copies")
        data = bytearray(copy.read_bytes())
        offset = segment.segment._contents["head/1/codes"].offset
        if where == "the size":
            copy.write_bytes(data[: len(data) // 2])
            continue
        data[offset + 5 if where == "a vector" else len(data) - 40] ^= 1
        copy.write_bytes(data)
    assert nearest(CorpusReader(folder)) == nearest(CorpusReader(open_folder(written)))


def test_damage_there_is_named_and_never_served(url, tmp_path):
    folder = RemoteStore(url, tmp_path / "copies").folder("corpus")
    reader = CorpusReader(folder)
    offset = reader.segments[0].segment._contents["head/1/codes"].offset

    def flip(data: bytes) -> bytes:
        return data[: offset + 5] + bytes([data[offset + 5] ^ 1]) + data[offset + 6 :]

    overwrite(url, flip)
    with pytest.raises(CorpusDamaged, match=r"segment-[0-9a-f]+\.exb"):
        nearest(reader)


@pytest.mark.parametrize("change", [lambda data: b"", lambda data: data[:100]])
def test_a_file_of_another_size_there_is_named(url, tmp_path, change):
    folder = RemoteStore(url, tmp_path / "copies").folder("corpus")
    overwrite(url, change)
    with pytest.raises(CorpusDamaged, match=r"segment-[0-9a-f]+\.exb"):
        CorpusReader(folder)


def test_a_full_disk_is_named_and_old_copies_make_room(written, tmp_path, monkeypatch):
    folder = RemoteStore(f"file://{written}", tmp_path / "copies").folder("corpus")
    old = tmp_path / "copies" / "old" / "segment-0.exb"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"x")
    os.utime(old, (0, 0))
    write = _Copy._write

    def full(self, start, data):
        if old.exists() or is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, start, data)

    is_full = False
    monkeypatch.setattr(_Copy, "_write", full)
    reader = CorpusReader(folder)
    assert not old.exists()
    is_full = True
    with pytest.raises(StorageFailed, match="the disk is full"):
        nearest(reader)
    is_full = False
    assert nearest(reader) == nearest(CorpusReader(open_folder(written)))


def test_a_new_generation_is_noticed(url, tmp_path, monkeypatch):
    monkeypatch.setattr(remote_module, "_STAMP_SECONDS", 0.0)
    store = RemoteStore(url, tmp_path / "copies")
    reader = CorpusReader(store.folder("corpus"))
    assert reader.is_current
    time.sleep(0.01)
    import fsspec

    system, root = fsspec.url_to_fs(url)
    path = f"{root}/corpus/manifest.json"
    system.pipe_file(path, system.cat_file(path) + b" ")
    assert not reader.is_current


def test_what_cannot_be_is_refused_with_what_to_do(url, tmp_path):
    store = RemoteStore(url, tmp_path / "copies")
    with pytest.raises(CorpusNotFound, match="corpora: corpus"):
        store.folder("other")
    with pytest.raises(InvalidParams, match="name of a corpus"):
        store.folder("../up")
    for write in (store.create, store.remove):
        with pytest.raises(InvalidParams, match="only read here"):
            write("corpus")
    with pytest.raises(InvalidParams, match="nosuch"):
        RemoteStore("nosuch://bucket/store", tmp_path)
    with pytest.raises(StorageFailed, match="is not there"):
        RemoteStore(f"file://{tmp_path}/nowhere", tmp_path).names()
    with pytest.raises(CorpusDamaged, match="outside of the corpus"):
        RemoteFolder(url, "corpus", tmp_path)._read("../other/manifest.json")


def test_two_processes_may_share_a_folder_of_copies(written, tmp_path):
    """Both fetch at the same time; what either reads is right."""
    folders = [RemoteStore(f"file://{written}", tmp_path / "copies").folder("corpus") for _ in range(4)]
    found: list[object] = []
    threads = [threading.Thread(target=lambda f=f: found.append(nearest(CorpusReader(f)))) for f in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [nearest(CorpusReader(open_folder(written)))] * 4
