"""The folder of corpora: names, links, locks, full disks, and who may be in it at once."""

import errno
import gc
import os
import random
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from exbert_rpc.corpus.build import builder as build_module
from exbert_rpc.corpus.build import pack as pack_module
from exbert_rpc.corpus.build.memory import give_back
from exbert_rpc.corpus.build.segment_builder import SegmentBuilder
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store import atomic as files_module
from exbert_rpc.corpus.store.folders import Store
from exbert_rpc.corpus.store.manifest import FileEntry, dump_manifest, load_manifest
from exbert_rpc.errors import Busy, Cancelled, CorpusDamaged, CorpusNotFound, InvalidParams, StorageFailed
from exbert_rpc.tasks import Task
from tests.samples import sizes, slow
from tests.store_faults.building import Inline, build, open_folder, search
from tests.store_faults.fakes import CALIBRATION, FakeModel, make_text

TEXTS = {f"d{number}.txt": make_text(number) for number in range(4)}


@pytest.fixture(autouse=True)
def small_segments(monkeypatch):
    cut_small(monkeypatch)


def cut_small(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(build_module, "WINDOW_TOKENS", 100)
    patch.setattr(build_module, "SEGMENT_BYTES", 8000)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A store with a corpus of ``TEXTS`` that nobody changes."""
    root = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        cut_small(patch)
        build(root, TEXTS)
    return root


@pytest.fixture
def old(built, tmp_path) -> None:
    """A corpus of ``TEXTS`` in the folder of the test."""
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


def answers(root: Path, model: FakeModel, name: str = "corpus") -> list[tuple]:
    """What a corpus says of some sentences: enough to tell two generations apart."""
    reader = CorpusReader(open_folder(root, name))
    out = []
    for seed in range(6):
        sentence = make_text(seed).split(". ")[0] + "."
        hits = search(reader, model, sentence, token=2, k=5)
        out += [(round(hit.score, 5), hit.document, hit.start.line, hit.start.column) for hit in hits]
    return out


def files_of(root: Path, name: str = "corpus") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((root / name).iterdir())}


# --- names ---------------------------------------------------------------------------------------


def hostile_names() -> list[str]:
    parts = ["..", ".", "../..", "/etc", "/", "~", "a/b", "a\\b", "..\\..", "%2e%2e", "%2e%2e%2f", "..%2f", "....//"]
    parts += ["\u2025", "\uff0e\uff0e", "..\u2215", "\u2024\u2024", "a\0b", "\0", "a\n", "\n", "a\r", "\t", " ", "a b"]
    parts += [
        "",
        ".models",
        ".removed-x",
        "-rf",
        "_x",
        ".hidden",
        "lock/..",
        "é",
        "名",
        "a\u0301",
        "\u202ex",
        "\ufeffa",
    ]
    parts += [
        "x" * 65,
        "x" * 5000,
        "$HOME",
        "`id`",
        "$(id)",
        "a;b",
        "a|b",
        "*",
        "?",
        "[a]",
        "{a}",
        "file:///etc",
        "C:\\x",
    ]
    parts += ["a:b", "a'b", 'a"b', "<a>", "a\x7f", "a\x1b[0m", "a,b", "a=b", "a@b", "a#b", "a&b", "a+b", "a!b", "a~"]
    rng = random.Random(11)
    pieces = [
        "..",
        "/",
        "\\",
        "%2e",
        "%2f",
        "%5c",
        "\0",
        ".",
        "~",
        "etc",
        "passwd",
        "corpus",
        "\u2215",
        "//",
        "\r\n",
        ":",
    ]
    while len(parts) < 700:
        name = "".join(rng.choice(pieces) for _ in range(rng.randrange(2, 8)))
        if not all(char.isascii() and (char.isalnum() or char in "._-") for char in name) or not name[0].isalnum():
            parts.append(name)
    return list(dict.fromkeys(parts))


def test_five_hundred_hostile_names_are_refused_and_touch_nothing(tmp_path):
    root = tmp_path / "outer" / "store"
    build(root, TEXTS)
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    names = hostile_names()
    assert len(names) >= 500
    store = Store(root)
    for name in names:
        for call in (store.folder, store.create, store.remove):
            with pytest.raises(InvalidParams) as caught:
                call(name)
            assert caught.value.data["field"] == "corpus"
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["a", "Z9", "pydoc", "my-corpus_2.1", "0", "x" * 64, "a..b", "con"])
def test_ordinary_names_are_accepted(tmp_path, name):
    build(tmp_path, {"d.txt": "One sentence stands here."}, name=name)
    assert Store(tmp_path).names() == [name]


def test_an_unknown_corpus_is_told_with_those_there_are(tmp_path):
    build(tmp_path, TEXTS, name="one")
    build(tmp_path, TEXTS, name="two")
    with pytest.raises(CorpusNotFound, match="one, two") as caught:
        Store(tmp_path).folder("three")
    assert caught.value.data["corpora"] == ["one", "two"]


def test_a_link_is_no_corpus(tmp_path):
    build(tmp_path / "elsewhere", TEXTS)
    root = tmp_path / "store"
    root.mkdir()
    (root / "corpus").symlink_to(tmp_path / "elsewhere" / "corpus")
    assert Store(root).names() == []
    for call in (Store(root).folder, Store(root).create, Store(root).remove):
        with pytest.raises(InvalidParams):
            call("corpus")
    assert (tmp_path / "elsewhere" / "corpus" / "manifest.json").is_file()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
@pytest.mark.parametrize("pattern", ["segment-*.exb", "documents-*.json"])
def test_a_file_of_a_corpus_that_is_no_plain_file_is_named(tmp_path, old, kind, pattern):
    path = sorted((tmp_path / "corpus").glob(pattern))[0]
    moved = path.rename(tmp_path / "moved")
    if kind == "link":
        path.symlink_to(moved)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(CorpusDamaged) as caught:
        CorpusReader(open_folder(tmp_path))
    assert caught.value.data["file"] == path.name


# --- builds that do not finish -------------------------------------------------------------------


def test_a_second_build_is_told_that_one_runs(tmp_path):
    folder = Store(tmp_path).create("corpus")
    with folder.locked(), pytest.raises(Busy, match="corpus"):
        build(tmp_path, TEXTS)
    build(tmp_path, TEXTS)


def test_a_corpus_that_is_being_built_is_not_removed(tmp_path, old):
    with open_folder(tmp_path).locked(), pytest.raises(Busy):
        Store(tmp_path).remove("corpus")
    Store(tmp_path).remove("corpus")
    assert list(tmp_path.iterdir()) == []


class CancelAfter(Task):
    """Cancels itself at the n-th check."""

    def __init__(self, checks: int) -> None:
        super().__init__()
        self._left = checks

    def check(self) -> None:
        self._left -= 1
        if self._left < 0:
            self.cancel()
        super().check()


@pytest.mark.parametrize("step", [30, slow(9)])
def test_a_cancelled_build_keeps_the_old_corpus(tmp_path, old, model, step):
    before = answers(tmp_path, model)
    more = {**TEXTS, "new.txt": make_text(90), "d0.txt": make_text(91)}
    for checks in range(0, 400, step):
        try:
            build(tmp_path, more, model=model, task=CancelAfter(checks))
            break  # what earlier attempts had finished was enough
        except Cancelled:
            assert answers(tmp_path, model) == before
    assert checks > 27
    build(tmp_path, more, model=model)
    assert answers(tmp_path, model) != before


@pytest.mark.parametrize(
    "change", [{"layers": (1,)}, slow({"hidden_layers": (0,)}), slow({"spaces": ("hiddenState",)})]
)
def test_a_cancelled_build_with_other_settings_keeps_the_old_corpus(tmp_path, old, model, change):
    before = answers(tmp_path, model)
    for checks in range(0, 1200, 40):
        try:
            build(tmp_path, TEXTS, model=model, task=CancelAfter(checks), config=change)
            break
        except Cancelled:
            assert answers(tmp_path, model) == before


def test_a_build_that_is_started_again_takes_what_was_finished(tmp_path, model, monkeypatch):
    monkeypatch.setattr(build_module, "ThreadPoolExecutor", Inline)  # so that steps are always the same
    whole, task, finished = FakeModel(), Task(), []
    build(tmp_path / "whole", TEXTS, model=whole)
    write = build_module._write

    def cancel_after_three(folder, builder):
        finished.append(write(folder, builder))
        if len(finished) == 3:
            task.cancel()
        return finished[-1]

    with monkeypatch.context() as patch, pytest.raises(Cancelled):
        patch.setattr(build_module, "_write", cancel_after_three)
        build(tmp_path / "resumed", TEXTS, model=model, task=task)
    assert len(list((tmp_path / "resumed" / "corpus").glob("segment-*.exb"))) == 3
    first = set(model.seen) - set(CALIBRATION)
    model.seen.clear()
    build(tmp_path / "resumed", TEXTS, model=model)
    assert len(first & set(model.seen)) < len(first) / 2
    assert len(model.seen) < len(whole.seen)
    assert answers(tmp_path / "resumed", model) == answers(tmp_path / "whole", whole)


@pytest.mark.parametrize(
    ("owner", "step"), [(build_module, "pack_captures"), (SegmentBuilder, "add"), (SegmentBuilder, "write")]
)
def test_a_cancel_bites_within_a_segment_that_is_being_made(tmp_path, model, monkeypatch, owner, step):
    task, packed = Task(), []
    slow, pack_attention = getattr(owner, step), pack_module.pack_attention

    def cancelled_meanwhile(*arguments, **more):
        task.cancel()
        packed.clear()
        return slow(*arguments, **more)

    monkeypatch.setattr(owner, step, cancelled_meanwhile)
    monkeypatch.setattr(pack_module, "pack_attention", lambda a: packed.append(1) or pack_attention(a))
    with pytest.raises(Cancelled):
        build(tmp_path, TEXTS, model=model, task=task)
    assert packed == [] or owner is SegmentBuilder  # a pass that runs beside it may end
    assert [file.name for file in tmp_path.rglob("segment-*")] == []


class EndlessPass(FakeModel):
    """A pass over any of the corpus' texts takes as long as one of a huge model."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.enough = threading.Event(), threading.Event()

    def capture_batch(self, encodings, **layers):
        if encodings[0].text not in CALIBRATION:
            self.begun.set()
            assert self.enough.wait(60)
        return super().capture_batch(encodings, **layers)


def test_a_cancel_does_not_wait_for_a_pass_that_runs(tmp_path):
    task, model = Task(), EndlessPass()
    canceller = threading.Thread(target=lambda: model.begun.wait(60) and task.cancel())
    canceller.start()
    try:
        with pytest.raises(Cancelled):
            build(tmp_path, TEXTS, model=model, task=task)
        assert model.begun.is_set() and not model.enough.is_set()
    finally:
        model.enough.set()
        canceller.join()
    build(tmp_path, TEXTS, model=FakeModel())


def test_a_folder_that_came_to_nothing_is_not_listed(tmp_path):
    with pytest.raises(Cancelled):
        build(tmp_path, TEXTS, task=CancelAfter(0))
    assert Store(tmp_path).names() == []


# --- disks that refuse ---------------------------------------------------------------------------


class FullDisk:
    """Lets some calls through, then refuses all."""

    def __init__(self, calls: int, code: int) -> None:
        self.left = calls
        self.code = code

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(self.code, os.strerror(self.code))


class FullStream:
    """A file that takes so many writes."""

    def __init__(self, stream, disk: FullDisk) -> None:
        self._stream, self._disk = stream, disk

    def write(self, data) -> int:
        self._disk()
        return self._stream.write(data)

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def __enter__(self):
        self._stream.__enter__()
        return self

    def __exit__(self, *args):
        return self._stream.__exit__(*args)


@pytest.mark.parametrize("code", [errno.ENOSPC, slow(errno.EIO)])
@pytest.mark.parametrize("what", ["write", slow("fsync"), slow("replace")])
def test_a_disk_that_refuses_is_told_and_the_old_corpus_stays(tmp_path, old, model, monkeypatch, what, code):
    before, files = answers(tmp_path, model), files_of(tmp_path)
    more = {**TEXTS, "new.txt": make_text(90, 30)}
    for calls in (0, 1, 5, 17):
        disk = FullDisk(calls, code)
        with monkeypatch.context() as patch:
            if what == "fsync":
                patch.setattr(files_module.os, "fsync", lambda _, disk=disk: disk())
            elif what == "replace":
                replace = Path.replace
                patch.setattr(
                    Path, "replace", lambda path, target, disk=disk, replace=replace: (disk(), replace(path, target))[1]
                )
            else:
                opened = Path.open
                patch.setattr(
                    Path, "open", lambda path, mode, disk=disk, opened=opened: FullStream(opened(path, mode), disk)
                )
            try:
                build(tmp_path, more, model=model)
                break  # fewer calls than were allowed
            except StorageFailed as error:
                reason = "disk is full" if code in (errno.ENOSPC, errno.EDQUOT) else os.strerror(code)
                assert reason in error.message
        if disk.left < 0:
            assert not list((tmp_path / "corpus").glob("*.tmp"))
            if what == "fsync" and answers(tmp_path, model) != before:
                break  # the new corpus, whole: only its folder could not be flushed, so it is not promised to last
            assert answers(tmp_path, model) == before
            assert {name: data for name, data in files_of(tmp_path).items() if name in files} == files
    build(tmp_path, more, model=model)
    assert answers(tmp_path, model)


def test_a_store_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "store").write_text("a file where the folder should be")
    with pytest.raises(StorageFailed):
        build(tmp_path / "store", TEXTS)


def test_files_that_cannot_be_deleted_do_not_fail_a_build(tmp_path, old, model, monkeypatch):

    def refuse(path, missing_ok=False):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        build(tmp_path, {"d9.txt": make_text(9)}, model=model)
    assert all(document == "d9.txt" for _, document, *_ in answers(tmp_path, model))
    build(tmp_path, {"d9.txt": make_text(9)}, model=model)
    assert len(list((tmp_path / "corpus").glob("documents-*.json"))) == 1


# --- several at once -----------------------------------------------------------------------------


def test_a_reader_goes_on_while_its_corpus_is_replaced(tmp_path, old, model):
    reader = CorpusReader(open_folder(tmp_path))
    sentence = make_text(2).split(". ")[0] + "."
    before = [(hit.score, hit.document) for hit in search(reader, model, sentence, token=2)]
    build(tmp_path, {"other.txt": make_text(50)}, model=model)
    Store(tmp_path).remove("corpus")
    assert [(hit.score, hit.document) for hit in search(reader, model, sentence, token=2)] == before


def opened_below(path) -> list[Path]:
    """Files of this process, open or mapped, at or below a path."""
    links = [link.resolve() for link in Path("/proc/self/fd").iterdir()]
    mapped = [line.split(maxsplit=5)[-1] for line in Path("/proc/self/maps").read_text().splitlines()]
    return [one for one in (*links, *map(Path, mapped)) if one.is_relative_to(Path(path).resolve()) and one.exists()]


@pytest.fixture
def as_on_windows(monkeypatch):
    """No file that is open or mapped is moved or deleted, and no folder that holds one is moved."""
    if not Path("/proc/self/maps").exists():
        pytest.skip("needs /proc to know which files are open")
    for name in ("rename", "unlink"):
        original = getattr(os, name)

        def ruled(path, *more, original=original, **options):
            if "dir_fd" not in options and opened_below(path):
                raise PermissionError(errno.EACCES, "The process cannot access the file", str(path))
            return original(path, *more, **options)

        monkeypatch.setattr(os, name, ruled)


def test_windows_removes_a_corpus_although_it_moves_no_folder_with_an_open_lock(tmp_path, old, as_on_windows):
    Store(tmp_path).remove("corpus")
    assert Store(tmp_path).names() == []
    assert list(tmp_path.iterdir()) == []


def test_windows_removes_a_corpus_whose_files_are_mapped_and_its_name_can_be_used_again(
    tmp_path, old, model, as_on_windows
):
    reader = CorpusReader(open_folder(tmp_path))
    sentence = make_text(2).split(". ")[0] + "."
    before = [(hit.score, hit.document) for hit in search(reader, model, sentence, token=2)]
    assert opened_below(tmp_path)
    Store(tmp_path).remove("corpus")
    assert Store(tmp_path).names() == []
    assert [(hit.score, hit.document) for hit in search(reader, model, sentence, token=2)] == before
    build(tmp_path, {"other.txt": make_text(50)}, model=model)
    assert {document for _, document, *_ in answers(tmp_path, model)} == {"other.txt"}
    del reader
    gc.collect()
    Store(tmp_path).remove("corpus")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("builds", sizes(4, 30))
def test_opening_while_a_build_replaces_the_corpus_never_fails(tmp_path, builds):
    model = FakeModel()
    versions = [{"d.txt": make_text(seed, 2)} for seed in range(2)]
    build(tmp_path, versions[0], model=model)
    errors: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                CorpusReader(open_folder(tmp_path))
            except BaseException as error:
                errors.append(error)

    reading = threading.Thread(target=read)
    reading.start()
    for number in range(builds):
        build(tmp_path, versions[number % 2], model=model)
    stop.set()
    reading.join()
    assert errors == []


def test_nothing_is_opened_outside_of_the_corpus(tmp_path, old, monkeypatch):
    manifest = tmp_path / "corpus" / "manifest.json"
    secret = tmp_path / "segment-5ec1e7.exb"
    secret.write_bytes(b"x" * 100)
    for name in ("../segment-5ec1e7.exb", str(secret), "segment-5ec1e7.exb\0", "sub/segment-5ec1e7.exb", "..", ""):
        whole = load_manifest(manifest.read_bytes(), "manifest.json")
        manifest.write_bytes(dump_manifest(replace(whole, segments=(FileEntry(name, 100),))))
        with pytest.raises(CorpusDamaged, match=r"manifest\.json"):
            CorpusReader(open_folder(tmp_path))
        manifest.write_bytes(dump_manifest(replace(whole, documents=FileEntry(name, 100))))
        with pytest.raises(CorpusDamaged, match=r"manifest\.json"):
            CorpusReader(open_folder(tmp_path))
        manifest.write_bytes(dump_manifest(whole))
    CorpusReader(open_folder(tmp_path))


def test_memory_is_given_back_after_each_segment_where_the_system_can(tmp_path, model, monkeypatch):
    calls = []
    monkeypatch.setattr(build_module, "give_back", lambda: calls.append(1))
    build(tmp_path, TEXTS, model=model)
    assert len(calls) >= len(list(tmp_path.rglob("segment-*.exb"))) > 0
    give_back()
    for error in (OSError, AttributeError, TypeError):
        monkeypatch.setattr("ctypes.CDLL", Mock(side_effect=error))
        give_back()
