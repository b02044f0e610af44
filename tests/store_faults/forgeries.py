"""Corpora from somebody who means harm: every checksum is right, and what the checksums cover is not.

Nothing here can be told from damage by its bytes. It must not end the process, run on for ever, take memory without
bound, or open a file elsewhere; an answer that makes no sense is the forger's own.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from exbert_rpc.errors import ExbertError
from exbert_rpc.index.documents import dump_documents
from exbert_rpc.index.manifest import MANIFEST, FileEntry, Manifest, dump_manifest
from exbert_rpc.index.segment import Segment, SegmentWriter
from tests.store_faults.building import answers, build, open_folder, small_segments
from tests.store_faults.faults import TEXTS
from tests.store_faults.forks import Say, run_child

_MEMORY = 3 << 30
_SECONDS = 20.0


@dataclass
class ForgeryReport:
    """Counts of a run; ``violations`` is what must be empty."""

    forgeries: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


def run_forgeries(root: Path, forgeries: int, seed: int = 0) -> ForgeryReport:
    """Forge a corpus in one place after another, and ask it questions."""
    small_segments(tokens=150, nbytes=12_000)
    report = ForgeryReport()
    started = time.monotonic()
    first = run_child(lambda _say: build(root / "honest", TEXTS) and None)
    assert first.code == 0, first.said
    for number in range(forgeries):
        ended = run_child(lambda say, number=number: _forge_and_ask(say, root, seed + number), timeout=_SECONDS)
        report.forgeries += 1
        what = ended.said[0][0] if ended.said else "?"
        if ended.code != 0:
            report.violations.append(f"{what}: ended by {ended.code} {ended.said[1:]}")
        else:
            report.outcomes[ended.said[-1][0]] += 1
    report.seconds = time.monotonic() - started
    return report


def _forge_and_ask(say: Say, root: Path, seed: int) -> None:
    rng = random.Random(seed)
    place = root / f"forged-{seed}-{os.getpid()}"
    shutil.copytree(root / "honest", place)
    corpus = place / "corpus"
    manifest = open_folder(place).manifest()
    forge = rng.choice(
        [_forge_array, _forge_array, _forge_array, _forge_shape, _forge_meta, _forge_documents, _forge_config]
    )
    say(f"{forge.__name__} {seed} {forge(rng, corpus, manifest)}")
    np.seterr(all="ignore")
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    try:
        answers(place)
        say("answered")
    except ExbertError as error:
        say(type(error).__name__)
    except Exception as error:
        say(f"other error ({type(error).__name__})")
    finally:
        shutil.rmtree(place)


def _forge_array(rng: random.Random, corpus: Path, manifest: Manifest) -> str:
    """One element, or all of them, of one array of one segment."""
    arrays, meta, entry = _load(rng, corpus, manifest)
    name = rng.choice([name for name, array in arrays.items() if array.size and not array.dtype.names])
    array = arrays[name]
    info: Any = np.iinfo(array.dtype) if array.dtype.kind in "iu" else np.finfo(array.dtype)
    extremes = [info.min, info.max, 0, 1, info.max // 2 if array.dtype.kind in "iu" else np.nan]
    value = rng.choice(extremes)
    flat = array.reshape(-1)
    flat[rng.randrange(array.size) if rng.random() < 0.7 else slice(None)] = value
    _store(corpus, manifest, entry, arrays, meta)
    return f"{name} {value}"


def _forge_shape(rng: random.Random, corpus: Path, manifest: Manifest) -> str:
    """An array that is shorter, longer, empty or missing."""
    arrays, meta, entry = _load(rng, corpus, manifest)
    name = rng.choice(sorted(arrays))
    kind = rng.choice(["shorter", "longer", "empty", "missing", "flat", "wider"])
    array = arrays[name]
    if kind == "missing":
        del arrays[name]
    else:
        changes: dict[str, Callable[[], np.ndarray]] = {
            "shorter": lambda: array[: len(array) // 2],
            "longer": lambda: np.concatenate([array, array, array]),
            "empty": lambda: array[:0],
            "flat": lambda: array.reshape(-1),
            "wider": lambda: array.astype(np.float64 if array.dtype.kind != "V" else array.dtype),
        }
        arrays[name] = changes[kind]()
    _store(corpus, manifest, entry, arrays, meta)
    return f"{name} {kind}"


def _forge_meta(rng: random.Random, corpus: Path, manifest: Manifest) -> str:
    """What stands beside the arrays."""
    arrays, meta, entry = _load(rng, corpus, manifest)
    key = rng.choice(sorted(meta))
    value = rng.choice([None, [], {}, -1, 10**12, "text", {"pos": 5}, [[]]])
    meta[key] = value
    _store(corpus, manifest, entry, arrays, meta)
    return f"{key} {value}"


def _forge_documents(rng: random.Random, corpus: Path, manifest: Manifest) -> str:
    """The document table."""
    documents = list(open_folder(corpus.parent).documents(manifest.documents))
    kind = rng.choice(["uri", "line", "size", "digest", "blocks", "cell", "file"])
    first = documents[0]
    if kind in ("uri", "file"):
        # as if it had been a file here: looking whether it changed must do no harm
        uri = "file:///dev/zero" if kind == "uri" else "file:///proc/self/mem"
        documents[0] = replace(first, uri=uri, size=1, mtime_ns=1)
    elif kind == "line":
        block = replace(first.blocks[0], line=rng.choice([-5, 10**15, "x", None]), prefix=rng.choice(["", 7, None]))
        documents[0] = replace(first, blocks=(block, *first.blocks[1:]))
    elif kind == "digest":
        documents[0] = replace(first, blocks=(replace(first.blocks[0], digest=rng.choice(["", "zz", 5, None])),))
    elif kind == "blocks":
        documents[0] = replace(first, blocks=first.blocks * 2000)
    else:
        documents[0] = replace(first, **{kind: rng.choice([-(10**9), "x", None, 2**70])})
    data = dump_documents(tuple(documents))
    (corpus / manifest.documents.name).write_bytes(data)
    _sign(
        corpus,
        replace(manifest, documents=FileEntry(manifest.documents.name, len(data), xxhash.xxh3_64_hexdigest(data))),
    )
    return kind


def _forge_config(rng: random.Random, corpus: Path, manifest: Manifest) -> str:
    """The configuration, and every segment's claim to belong to it."""
    key = rng.choice(
        ["n_heads", "n_layers", "head_size", "hidden_size", "layers", "hidden_layers", "precision", "spaces"]
    )
    values: dict[str, list[Any]] = {
        "layers": [(), (0, 1, 2, 50), (10**9,)],
        "hidden_layers": [(), tuple(range(90))],
        "precision": ["int4", "binary"],
        "spaces": [(), ("headOutput",)],
    }
    value = rng.choice(values.get(key, [0, 1, 7, 10**6]))
    config = replace(manifest.config, **{key: value})
    manifest = replace(manifest, config=config)
    for entry in manifest.segments:
        arrays, meta = _read(corpus / entry.name)
        meta["config"] = config.key()
        manifest = _store(corpus, manifest, entry, arrays, meta)
    return f"{key} {value}"


def _load(
    rng: random.Random, corpus: Path, manifest: Manifest
) -> tuple[dict[str, np.ndarray], dict[str, Any], FileEntry]:
    entry = rng.choice(manifest.segments)
    arrays, meta = _read(corpus / entry.name)
    return arrays, meta, entry


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    segment = Segment(path, path.stat().st_size)
    return {name: segment.array(name).copy() for name in segment._contents}, dict(segment.meta)


def _store(
    corpus: Path, manifest: Manifest, entry: FileEntry, arrays: dict[str, np.ndarray], meta: dict[str, Any]
) -> Manifest:
    writer = SegmentWriter()
    for name, array in arrays.items():
        writer.add(name, array)
    path = corpus / entry.name
    path.unlink()
    with path.open("wb") as stream:
        writer.write(stream, meta)
    size = path.stat().st_size
    new = FileEntry(entry.name, size, Segment(path, size).checksum)
    segments = tuple(new if one.name == entry.name else one for one in manifest.segments)
    return _sign(corpus, replace(manifest, segments=segments))


def _sign(corpus: Path, manifest: Manifest) -> Manifest:
    (corpus / MANIFEST).write_bytes(dump_manifest(manifest))
    return manifest
