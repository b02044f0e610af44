"""Segments whose checksums are right and whose contents make no sense: named when they are opened, or when used."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exbert_rpc.corpus.search.document_sums import document_sums
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.attention import pack_attention, unpack_attention
from exbert_rpc.corpus.store.documents import BlockPlace, IndexedDocument, dump_documents, load_documents
from exbert_rpc.corpus.store.manifest import FileEntry
from exbert_rpc.corpus.store.segment import Segment, SegmentWriter
from exbert_rpc.corpus.store.validation import check_thoroughly
from exbert_rpc.errors import CorpusDamaged
from exbert_rpc.tasks import Task
from tests.samples import sampled
from tests.store_faults.building import build, open_folder, search
from tests.store_faults.fakes import FakeModel, make_text

Arrays = dict[str, np.ndarray]
SENTENCE = make_text(1).split(". ")[0] + "."


def forge(root: Path, change: Callable[[Arrays], object], meta: dict[str, Any] | None = None) -> str:
    """Change the only segment of a corpus, all checksums included; its name."""
    folder = open_folder(root)
    manifest = folder.manifest()
    (entry,) = manifest.segments
    held = folder.segment(entry)
    arrays = {name: held.array(name).copy() for name in held._contents}
    change(arrays)
    writer = SegmentWriter()
    for name, array in arrays.items():
        writer.add(name, array)
    path = root / "corpus" / entry.name
    path.unlink()
    with path.open("wb") as stream:
        writer.write(stream, {**held.meta, **(meta or {})})
    size = path.stat().st_size
    folder.commit(replace(manifest, segments=(FileEntry(entry.name, size, Segment(path, size).checksum),)))
    return entry.name


def assign(name: str, at: object, value: object) -> Callable[[Arrays], object]:
    return lambda arrays: arrays[name].__setitem__(at, value)


def become(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Arrays], object]:
    return lambda arrays: arrays.__setitem__(name, change(arrays[name]))


AT_OPEN = {
    "offsets descend": assign("sentence/tokens", 1, 10**6),
    "offsets do not begin at 0": assign("block/offset", 0, 1),
    "offsets end too early": assign("block/sentences", -1, 0),
    "an offset beyond all memory": assign("sentence/tokens", -1, 2**63),
    "a sentence ends behind its block": assign("sentence/end", 0, 10**6),
    "a sentence ends before it starts": assign("sentence/start", 0, 2**32 - 1),
    "a token ends behind its sentence": assign("token/end", 2, 10**6),
    "a token ends before it starts": assign("token/start", 1, 2**32 - 1),
    "a label that there is not": assign("token/pos", 3, 60_000),
    "a lemma that there is not": assign("token/lemma", 3, 2**32 - 1),
    "more special tokens than told": assign("token/special", slice(None), 1),
    "text that is not UTF-8": assign("block/text", 4, 0xFF),
    "codes of another width": become("hidden/1/codes", lambda array: array[:, :-1]),
    "codes of another dtype": become("hidden/1/codes", lambda array: array.astype(np.float64)),
    "fewer codes than rows": become("head/0/codes", lambda array: array[:-1]),
    "digests of one dimension": become("block/digest", np.ravel),
    "labels for half of the tokens": become("token/dep", lambda array: array[::2]),
    "a section is missing": lambda arrays: arrays.pop("attention/1/offset"),
    "a word that begins outside of its sentence": assign("token/word", 1, 60_000),
    "a word that depends on one outside of its sentence": assign("token/head", 1, 60_000),
    "a form that there is not": assign("token/form", 3, 2**32 - 1),
    "peaks of fewer rows": become("peak/1/target", lambda array: array[:, :-1]),
    "peaks of another dtype": become("peak/0/weight", lambda array: array.astype(np.float32)),
    "sums of fewer heads": become("sums/scalars", lambda array: array[:, :-1]),
    "sums of more relations than told": become("sums/role_mass", lambda array: np.repeat(array, 2, axis=2)),
    "peaks without sums": lambda arrays: arrays.pop("sums/rows"),
    "outliers of another kind": become("head/1/outliers", lambda array: np.zeros(4, np.int8)),
}

WHEN_USED = {
    "a step that is not a number": assign("hidden/1/steps", 0, np.nan),
    "a step of nothing": assign("hidden/1/steps", 2, 0),
    "a center without an end": assign("hidden/1/center", 1, np.inf),
    "outliers of rows that there are not": become("hidden/1/outliers", lambda old: outlier(old, 2**31, 0, 0.1)),
    "outliers of numbers that there are not": become("hidden/1/outliers", lambda old: outlier(old, 0, 999, 0.1)),
    "outliers that are not numbers": become("hidden/1/outliers", lambda old: outlier(old, 0, 0, np.nan)),
    "attention offsets descend": assign("attention/1/offset", 1, 2**40),
    "peaks outside of their sentences": assign("peak/1/target", (0, 3), 250),
    "sums that are not numbers": assign("sums/scalars", (0, 0, 0), np.nan),
    "sums of a group that there is not": assign("sums/group", 0, 99),
    "attention that does not unpack": assign("attention/1/bytes", slice(None), 7),
}


def outlier(old: np.ndarray, row: int, dim: int, residual: float) -> np.ndarray:
    return np.array([(row, dim, residual)], dtype=old.dtype)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    build(tmp_path, {f"d{number}.txt": make_text(number) for number in range(2)})
    return tmp_path


@pytest.mark.parametrize("change", sampled(AT_OPEN.values(), 4))
def test_a_segment_that_contradicts_itself_is_named_when_it_is_opened(corpus, change):
    name = forge(corpus, change)
    with pytest.raises(CorpusDamaged) as caught:
        CorpusReader(open_folder(corpus))
    assert caught.value.data["file"] == name


@pytest.mark.parametrize("change", sampled(WHEN_USED.values(), 3))
def test_a_layer_that_makes_no_sense_is_named_when_it_is_used_and_not_before(corpus, change):
    name = forge(corpus, change)
    reader = CorpusReader(open_folder(corpus))
    with pytest.raises(CorpusDamaged) as caught:
        search(reader, FakeModel(), SENTENCE, token=2, space="hiddenState", layer=1)
        reader.segments[0].peaks(1, 0)
        document_sums(reader, FakeModel, Task())
    assert caught.value.data["file"] == name


PACKED = {
    "packed peaks that do not unpack": assign("peak/1/packed", slice(None), 7),
    "packed peaks of fewer rows": lambda arrays: arrays.update(packed(arrays, 1, 0.5)),
    "packed peaks that begin behind the end": assign("peak/1/offset", 1, 2**40),
    "packed peaks outside of their sentences": lambda arrays: arrays.update(packed(arrays, 250)),
    "packed peaks that claim to be sixty thousand times as many": lambda arrays: arrays.update(
        packed(arrays, 1, 1 << 16)
    ),
}


def packed(arrays: Arrays, target: int, times: float = 1) -> Arrays:
    """One target for all rows of the first head of layer 1, and much more of it."""
    rows = arrays["head/1/codes"].shape[0]
    old, offset = arrays["peak/1/packed"], arrays["peak/1/offset"].astype(np.int64)
    new = np.frombuffer(zlib.compress(bytes([target]) * int(rows * times)), np.uint8)
    moved = np.concatenate([[0], offset[1:] - offset[1] + len(new)])
    return {"peak/1/packed": np.concatenate([new, old[offset[1] :]]), "peak/1/offset": moved.astype(np.uint64)}


@pytest.mark.parametrize("change", PACKED.values(), ids=PACKED)
def test_packed_peaks_that_make_no_sense_are_named_when_they_are_used(tmp_path, change):
    build(tmp_path, {"d0.txt": make_text(0)}, config={"precision": "binary"})
    name = forge(tmp_path, change)
    reader = CorpusReader(open_folder(tmp_path))
    with pytest.raises(CorpusDamaged) as caught:
        reader.segments[0].peaks(1, 0)
    assert caught.value.data["file"] == name
    with pytest.raises(CorpusDamaged):
        check_thoroughly(reader.segments[0].segment, reader.config)


@pytest.mark.parametrize("change", sampled([*AT_OPEN.values(), *list(WHEN_USED.values())[:-1]], 6))
def test_a_build_takes_nothing_from_a_segment_that_contradicts_itself(corpus, change):
    forge(corpus, change)
    model = FakeModel()
    build(corpus, {f"d{number}.txt": make_text(number) for number in range(2)}, model=model)
    assert make_text(0).split("\n\n")[0].split(". ")[0] + "." in model.seen
    assert len(search(CorpusReader(open_folder(corpus)), model, SENTENCE, token=2)) == 10


@pytest.mark.parametrize(
    "labels",
    [{"pos": ["\ud800"]}, {"pos": [5]}, {"pos": "NOUN"}, None, {}],
    ids=["half", "number", "text", "none", "no"],
)
def test_labels_that_could_not_be_sent_are_named_when_the_corpus_is_opened(corpus, labels):
    kept = open_folder(corpus).segment(open_folder(corpus).manifest().segments[0]).meta["labels"]
    name = forge(corpus, lambda _: None, {"labels": {**kept, **labels} if labels else labels})
    with pytest.raises(CorpusDamaged) as caught:
        CorpusReader(open_folder(corpus))
    assert caught.value.data["file"] == name


def test_opening_reads_no_vectors_and_no_attention(corpus):
    reader = CorpusReader(open_folder(corpus))
    read = {name.split("/")[0] for segment in reader.segments for name in segment.segment._sections}
    assert read == {"block", "sentence", "token"}


@pytest.mark.parametrize("precision", ["int8", "int4", "binary"])
def test_what_a_build_writes_is_sound(tmp_path, precision):
    build(
        tmp_path, {"d.txt": make_text(3), "empty.txt": "", "e.txt": "Énorme: 😀 один."}, config={"precision": precision}
    )
    folder = open_folder(tmp_path)
    for entry in folder.manifest().segments:
        check_thoroughly(folder.segment(entry), folder.manifest().config)


def test_a_text_that_does_not_give_the_stored_tokens_is_named_where_it_is_run_again(tmp_path):
    build(tmp_path, {"d.txt": make_text(1)}, config={"precision": "int4"})
    name = forge(tmp_path, become("block/text", lambda array: np.full_like(array, ord("!"))))
    with pytest.raises(CorpusDamaged) as caught:
        search(CorpusReader(open_folder(tmp_path)), FakeModel(), SENTENCE, token=2)
    assert caught.value.data["file"] == name


@pytest.mark.parametrize("changes", [{"n_heads": 4, "head_size": 2}, {"n_layers": 9}, {"hidden_size": 8, "n_heads": 1}])
def test_a_configuration_that_is_not_the_models_is_named(corpus, changes):
    folder = open_folder(corpus)
    manifest = folder.manifest()
    config = replace(manifest.config, **changes)
    if "n_heads" in changes:
        config = replace(config, head_size=8 // config.n_heads)
    folder.commit(replace(manifest, config=config))
    forge(corpus, lambda _: None, {"config": config.key()})
    with pytest.raises(CorpusDamaged) as caught:
        search(CorpusReader(open_folder(corpus)), FakeModel(), SENTENCE, token=2, space="hiddenState", layer=1)
    # the sums of a segment are of as many heads as there were, so its own contents contradict another number
    named = "segment-" if "n_heads" in changes else "manifest.json"
    assert caught.value.data["file"].startswith(named)


def test_a_sentence_longer_than_the_model_takes_is_named(corpus):
    with pytest.raises(CorpusDamaged, match="more tokens than the model takes"):
        search(CorpusReader(open_folder(corpus)), FakeModel(max_tokens=4), "One two.", token=1)


def test_attention_that_unpacks_to_more_than_its_sentence_needs_is_refused_unread():
    import zlib

    honest = pack_attention(np.ones((2, 3, 3), np.float32))
    assert unpack_attention(honest, 2, 3).shape == (2, 3, 3)
    for packed in (zlib.compress(bytes(10**8)), honest[:-1], honest + b"x", zlib.compress(bytes(17)), b""):
        with pytest.raises(ValueError, match="weights"):
            unpack_attention(packed, 2, 3)


@pytest.mark.parametrize(
    "field",
    [
        {"uri": 5},
        {"uri": "mem:\ud800"},
        {"cell": -1},
        {"cell": True},
        {"size": "x"},
        {"mtime_ns": 2**70},
        {"digest": None},
        {"blocks": (BlockPlace("ab", -1, ""),)},
        {"blocks": (BlockPlace("ab", 10**15, ""),)},
        {"blocks": (BlockPlace(None, 0, ""),)},
        {"blocks": (BlockPlace("ab", 0, 7),)},
    ],
)
def test_a_document_table_with_a_field_of_another_kind_is_refused(field):
    document = replace(IndexedDocument("mem:1", None, "ab", -1, -1, (BlockPlace("ab", 0, ""),)), **field)
    try:
        data = dump_documents((document,))
    except UnicodeEncodeError:
        data = b'[["mem:\\ud800",null,"ab",-1,-1,[]]]'
    with pytest.raises((TypeError, ValueError)):
        load_documents(data)
