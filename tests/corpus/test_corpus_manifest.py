"""The two small files that say what a corpus is: whole and theirs, or named as damaged."""

import json
import random

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from exbert_rpc.corpus.store.documents import BlockPlace, IndexedDocument, dump_documents, load_documents
from exbert_rpc.corpus.store.manifest import FileEntry, Manifest, dump_manifest, load_manifest
from exbert_rpc.errors import CorpusDamaged
from tests.store_faults.fakes import FakeModel, config_of

MANIFEST = Manifest(
    generation=7,
    config=config_of(FakeModel()),
    segments=(FileEntry("segment-00ff.exb", 4096, "0123456789abcdef"), FileEntry("segment-ab.exb", 88, "00")),
    documents=FileEntry("documents-7.json", 123, "fedcba9876543210"),
    n_documents=3,
    n_sentences=40,
    n_tokens=512,
)


def signed(body: object) -> bytes:
    """A manifest of that body with a correct checksum, as somebody else's could be."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return json.dumps({"checksum": xxhash.xxh3_64_hexdigest(canonical), "manifest": body}).encode()


def body() -> dict:
    return json.loads(dump_manifest(MANIFEST))["manifest"]


def test_a_manifest_comes_back_as_it_was_written():
    assert load_manifest(dump_manifest(MANIFEST), "manifest.json") == MANIFEST
    assert load_manifest(signed(body()), "manifest.json") == MANIFEST


def test_every_changed_byte_is_noticed_or_changes_nothing():
    data = dump_manifest(MANIFEST)
    rng = random.Random(3)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << rng.randrange(8)
        try:
            assert load_manifest(bytes(changed), "manifest.json") == MANIFEST  # one white space for another
        except CorpusDamaged as error:
            assert error.data["file"] == "manifest.json"


@pytest.mark.parametrize("keep", [0, 1, 10, -1, -2, -100])
def test_a_cut_manifest_is_named(keep):
    with pytest.raises(CorpusDamaged, match=r"manifest\.json"):
        load_manifest(dump_manifest(MANIFEST)[:keep], "manifest.json")


@pytest.mark.parametrize(
    "data",
    [b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"manifest": 1, "checksum": "x"}', b"0" * 5000, b'"x"'],
)
def test_what_is_no_manifest_is_named(data):
    with pytest.raises(CorpusDamaged, match=r"manifest\.json"):
        load_manifest(data, "manifest.json")


@pytest.mark.parametrize("format_", [0, 1, 3, "2", None, [2]])
def test_another_format_is_named_with_the_one_that_is_read(format_):
    with pytest.raises(CorpusDamaged, match=r"format.*reads 2"):
        load_manifest(signed({**body(), "format": format_}), "manifest.json")


@pytest.mark.parametrize("value", [None, "text", -1, 1.5, True, [], {}, [None], {"name": 1}, [["a"]]])
@pytest.mark.parametrize("field", sorted(set(json.loads(dump_manifest(MANIFEST))["manifest"]) - {"format"}))
def test_a_field_of_another_kind_is_named_even_with_a_correct_checksum(field, value):
    if field == "segments" and value in ([], {}):
        return  # a corpus of no segments is one
    with pytest.raises(CorpusDamaged, match=r"manifest\.json"):
        load_manifest(signed({**body(), field: value}), "manifest.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("precision", "float64"),
        ("precision", None),
        ("spaces", ["cosmos"]),
        ("layers", [0, "1"]),
        ("layers", None),
        ("n_heads", -2),
        ("n_heads", "2"),
        ("model", 5),
        ("extra", 1),
    ],
)
def test_a_configuration_of_another_kind_is_named_even_with_a_correct_checksum(field, value):
    whole = body()
    whole["config"][field] = value
    with pytest.raises(CorpusDamaged, match=r"manifest\.json"):
        load_manifest(signed(whole), "manifest.json")


@pytest.mark.parametrize("field", sorted(json.loads(dump_manifest(MANIFEST))["manifest"]["config"]))
def test_the_configurations_key_depends_on_all_but_the_names(field):
    config = MANIFEST.config
    value = getattr(config, field)
    other = {"str": "other", "int": 99, "tuple": (0,)}[type(value).__name__]
    changed = config_of(FakeModel(), **{field: other})
    assert (changed.key() == config.key()) == (field in ("model", "pipeline"))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLACES = st.builds(BlockPlace, TEXT, st.integers(0, 10**6), TEXT)
DOCUMENTS = st.builds(
    IndexedDocument,
    uri=TEXT,
    cell=st.none() | st.integers(0, 99),
    digest=TEXT,
    size=st.integers(-1, 2**40),
    mtime_ns=st.integers(-1, 2**62),
    blocks=st.lists(PLACES, max_size=4).map(tuple),
)


@given(st.lists(DOCUMENTS, max_size=4).map(tuple))
def test_a_document_table_comes_back_as_it_was_written(documents):
    assert load_documents(dump_documents(documents)) == documents
