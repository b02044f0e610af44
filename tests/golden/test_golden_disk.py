"""What lies on disk: a corpus that was written before is read, and written the same way again.

``python -m tests.golden.test_golden_disk`` writes ``tests/golden/store`` again, for a new version of the format.
"""

from __future__ import annotations

import itertools
import json
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from tests.store_faults.building import answers, build
from tests.store_faults.fakes import make_text

STORE = Path(__file__).with_name("store")
TIERS = ("int8", "int4", "binary")
TEXTS = {"mem:a": make_text(1, 3), "mem:b.md": "# Title\n\n" + make_text(2, 2), "mem:c": "Naïve 😀 words stand here."}


def _write(root: Path) -> None:
    for precision in TIERS:
        build(root, TEXTS, name=precision, config={"precision": precision})


def _sections(root: Path, name: str) -> dict[str, np.ndarray]:
    """All sections of the one segment of a corpus, read by hand; compressed attention is compared unpacked."""
    (path,) = (root / name).glob("segment-*.exb")
    data = path.read_bytes()
    start, length, _ = struct.unpack("<QQQ", data[-24:])
    found = {
        key: np.frombuffer(data[at : at + nbytes], dtype=_dtype(dtype)).reshape(shape)
        for key, (at, nbytes, _, dtype, shape) in json.loads(data[start : start + length])["sections"].items()
    }
    for key in [key for key in found if key.startswith("attention/") and key.endswith("/bytes")]:
        offsets = found.pop(key.replace("/bytes", "/offset")).tolist()
        packed = found[key].tobytes()
        parts = [zlib.decompress(packed[a:b]) for a, b in itertools.pairwise(offsets)]
        found[key] = np.frombuffer(b"".join(parts), dtype=np.uint8)
    return found


def _dtype(name: object) -> np.dtype:
    return np.dtype(name if isinstance(name, str) else [(field, kind) for field, kind in name])


def _plain(root: Path, name: str) -> dict[str, object]:
    """The manifest without what depends on compressed bytes, and on sections that were added since."""
    manifest = json.loads((root / name / "manifest.json").read_text(encoding="utf-8"))

    def tidy(value):
        if isinstance(value, dict):
            left_out = ("name", "nbytes", "bytes", "checksum")
            return {key: tidy(inner) for key, inner in value.items() if key not in left_out}
        return [tidy(inner) for inner in value] if isinstance(value, list) else value

    return tidy(manifest)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    _write(root)
    return root


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A copy: readers take locks beside what they read."""
    root = tmp_path_factory.mktemp("old") / "store"
    shutil.copytree(STORE, root)
    return root


@pytest.mark.parametrize("name", TIERS)
def test_a_corpus_that_was_written_before_answers_as_a_fresh_one_does(old, fresh, name):
    assert answers(old, name) == answers(fresh, name)


@pytest.mark.parametrize("name", TIERS)
def test_every_section_that_was_written_before_is_written_the_same_way_again(old, fresh, name):
    before, now = _sections(old, name), _sections(fresh, name)
    assert before.keys() <= now.keys()
    for key, array in before.items():
        assert (now[key].dtype, now[key].shape) == (array.dtype, array.shape), key
        if array.dtype.kind == "f":
            np.testing.assert_allclose(now[key], array, rtol=1e-5, err_msg=key)
        else:
            allowed = array.size // 1000 if key.endswith("/codes") else 0  # rounding of another processor
            assert np.count_nonzero(now[key] != array) <= allowed, key


@pytest.mark.parametrize("name", TIERS)
def test_the_manifest_says_the_same_of_the_corpus(old, fresh, name):
    before, now = _plain(old, name), _plain(fresh, name)
    assert before == now
    assert {path.name.split("-")[0] for path in (old / name).iterdir()} == {
        path.name.split("-")[0] for path in (fresh / name).iterdir()
    }


if __name__ == "__main__":
    shutil.rmtree(STORE, ignore_errors=True)
    _write(STORE)
