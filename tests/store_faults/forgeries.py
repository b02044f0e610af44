"""Corpora from somebody who means harm: every checksum is right, and what the checksums cover is not.

Everything that the engine does with a corpus is tried on it: searches in all layers, filters, summaries, what goes over
the wire, a description, and a build on top of it. Each must end in an answer or in one of the typed errors, and damage
must name a file. Nothing may end the process, run on for ever, take memory without bound, or open a file elsewhere; an
answer that makes no sense is the forger's own.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import xxhash

from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.documents import dump_documents
from exbert_rpc.corpus.store.manifest import MANIFEST, FileEntry, Manifest, dump_manifest
from exbert_rpc.corpus.store.segment import Segment, SegmentWriter
from exbert_rpc.corpus.types import Filter
from exbert_rpc.engine.corpora import Corpora
from exbert_rpc.engine.corpus_requests import SummarizeRequest
from exbert_rpc.engine.search import summarize_kept
from exbert_rpc.errors import CorpusDamaged, ExbertError
from exbert_rpc.methods.search_contexts import encode_result
from exbert_rpc.tasks import Task
from tests.patience import PATIENCE
from tests.store_faults.building import answers, build, open_folder, search_kept, small_segments
from tests.store_faults.fakes import FakeModel, make_text
from tests.store_faults.faults import TEXTS
from tests.store_faults.forks import Say, run_child

_MEMORY = 3 << 30
_PRECISIONS = ("int8", "int4", "binary")


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
    for precision in _PRECISIONS:
        settings = {"precision": precision}
        first = run_child(lambda _say, to=settings: build(root / to["precision"], TEXTS, config=to) and None)
        assert first.code == 0, first.said
    for number in range(forgeries):
        ended = run_child(lambda say, number=number: _forge_and_ask(say, root, seed + number), timeout=PATIENCE)
        report.forgeries += 1
        what = ended.said[0][0] if ended.said else "?"
        if ended.code != 0:
            report.violations.append(f"{what}: ended by {ended.code} {ended.said[1:]}")
            continue
        report.outcomes[ended.said[1][1]] += 1
        report.violations += [f"{what}: {words[0]}: {words[2]}" for words in ended.said[1:] if words[2]]
    report.seconds = time.monotonic() - started
    return report


def _forge_and_ask(say: Say, root: Path, seed: int) -> None:
    """Forge one corpus; say what was forged, and for each question its outcome and what is wrong with that."""
    rng = random.Random(seed)
    precision = rng.choice(_PRECISIONS)
    place = root / f"forged-{seed}-{os.getpid()}"
    shutil.copytree(root / precision, place)
    corpus = place / "corpus"
    manifest = open_folder(place).manifest()
    say(f"{seed} {precision} {forge_one(rng, corpus, manifest)}")
    np.seterr(all="ignore")
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    questions: dict[str, Callable[[], object]] = {
        "searches": lambda: answers(place),
        "all that is shown": lambda: _show_everything(place),
        "description": lambda: Corpora(place, None, "fake", None, None).describe("corpus"),  # type: ignore[arg-type]
        "build": lambda: build(place, TEXTS, config={"precision": precision}),
        "searches after the build": lambda: answers(place),
    }
    try:
        for name, ask in questions.items():
            say(name, *_outcome(ask, corpus))
    finally:
        shutil.rmtree(place)


def _outcome(ask: Callable[[], object], corpus: Path) -> tuple[str, str]:
    """How a question ended, and what is wrong with that; nothing, if it was answered or refused in the right way."""
    try:
        ask()
    except CorpusDamaged as error:
        named = str(error.data["file"])
        return "CorpusDamaged", "" if (corpus / named).is_file() else f"names {named!r}, which is no file of the corpus"
    except ExbertError as error:
        return type(error).__name__, ""
    except Exception as error:
        return f"other error ({type(error).__name__})", repr(error)[:300]
    return "answered", ""


def _show_everything(place: Path) -> None:
    """Filtered searches and their summaries, as they go over the wire."""
    reader, model = CorpusReader(open_folder(place)), FakeModel()
    sentence = make_text(1).split(". ")[0] + "."
    filters = [Filter(), Filter(pos=("NOUN",)), Filter(token=("waa1", "wa0")), Filter(documents=("*",))]
    for number, wanted in enumerate(filters):
        space: dict[str, Any] = {"space": "headOutput"} if number % 2 else {"space": "hiddenState", "layer": 1}
        kept = search_kept(reader, model, sentence, token=2, k=8, filter=wanted, distinct=number == 2, **space)
        msgspec.json.encode(encode_result(kept.answer("s"), "utf-16"))
        summarize_kept(kept, SummarizeRequest("s", subject="next" if number % 2 else "match"), Task())


def forge_one(rng: random.Random, corpus: Path, manifest: Manifest) -> str:
    """Change a corpus in one place, checksums included; what was changed."""
    forge = rng.choice(
        [*[_forge_array] * 3, _forge_shape, _forge_meta, _forge_documents, _forge_config, _forge_numbers, _forge_packed]
    )
    return f"{forge.__name__} {forge(rng, corpus, manifest)}"


def _forge_array(rng: random.Random, corpus: Path, manifest: Manifest) -> str:
    """One element, or all of them, of one array of one segment."""
    arrays, meta, entry = _load(rng, corpus, manifest)
    name = rng.choice([name for name, array in arrays.items() if array.size])
    array = arrays[name]
    if array.dtype.names:
        array = array[rng.choice(array.dtype.names)]
    info: Any = np.iinfo(array.dtype) if array.dtype.kind in "iu" else np.finfo(array.dtype)
    extremes = [info.min, info.max, 0, 1, info.max // 2 if array.dtype.kind in "iu" else np.nan]
    value = rng.choice(extremes)
    flat = array.reshape(-1) if array.flags.c_contiguous else array
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
    value = rng.choice([None, [], {}, -1, 10**12, 10**30, "text", {"pos": 5}, [[]], "inner"])
    if value == "inner" and isinstance(meta[key], dict) and meta[key]:
        inner = rng.choice(sorted(meta[key]))
        value = {**meta[key], inner: rng.choice([None, [], ["\ud800"] * 500, [5], {}, [["x"]]])}
    meta[key] = value
    _store(corpus, manifest, entry, arrays, meta)
    return f"{key} {value}"


def _forge_documents(rng: random.Random, corpus: Path, manifest: Manifest) -> str:
    """The document table."""
    documents = list(open_folder(corpus.parent).documents(manifest.documents))
    kind = rng.choice(["uri", "line", "size", "digest", "blocks", "cell", "file", "half"])
    first = documents[0]
    if kind in ("uri", "file"):
        # as if it had been a file here: looking whether it changed must do no harm
        uri = "file:///dev/zero" if kind == "uri" else "file:///proc/self/mem"
        documents[0] = replace(first, uri=uri, size=1, mtime_ns=1)
    elif kind == "half":
        documents[0] = replace(first, uri="mem:\ud800")
    elif kind == "line":
        block = replace(first.blocks[0], line=rng.choice([-5, 10**15, "x", None]), prefix=rng.choice(["", 7, None]))
        documents[0] = replace(first, blocks=(block, *first.blocks[1:]))
    elif kind == "digest":
        documents[0] = replace(first, blocks=(replace(first.blocks[0], digest=rng.choice(["", "zz", 5, None])),))
    elif kind == "blocks":
        documents[0] = replace(first, blocks=first.blocks * 2000)
    else:
        documents[0] = replace(first, **{kind: rng.choice([-(10**9), "x", None, 2**70])})
    try:
        data = dump_documents(tuple(documents))
    except UnicodeEncodeError:
        data = dump_documents(tuple(documents[1:])).replace(b"[[", b'[["mem:\\ud800",null,"",-1,-1,[]],[', 1)
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


def _forge_numbers(rng: random.Random, corpus: Path, manifest: Manifest) -> str:
    """What the manifest counts, and several numbers of the configuration that agree with each other."""
    if rng.random() < 0.5:
        key = rng.choice(["n_documents", "n_sentences", "n_tokens", "generation"])
        value = rng.choice([-1, 0, 2**70, True, None, "7"])
        _sign(corpus, replace(manifest, **{key: value}))
        return f"{key} {value}"
    config = manifest.config
    changes = rng.choice(
        [
            {"n_heads": config.n_heads * 2, "head_size": config.head_size // 2},
            {"n_heads": 1, "head_size": config.n_heads * config.head_size},
            {"n_layers": config.n_layers + 3},
            {"layers": (1, 0)},
            {"hidden_layers": (0, 0, 1)},
            {"spaces": {"hiddenState": 1}},
        ]
    )
    manifest = replace(manifest, config=replace(config, **changes))
    for entry in manifest.segments:
        arrays, meta = _read(corpus / entry.name)
        meta["config"] = manifest.config.key()
        manifest = _store(corpus, manifest, entry, arrays, meta)
    return str(changes)


def _forge_packed(rng: random.Random, corpus: Path, manifest: Manifest) -> str:
    """Texts and attention whose bytes are something else, at their right places."""
    arrays, meta, entry = _load(rng, corpus, manifest)
    packed = [name for name in arrays if name.endswith("/bytes")]
    if not packed or rng.random() < 0.4:
        text = arrays["block/text"]
        kind = rng.choice(["noise", "zeros", "marks", "continued", "one character"])
        made = {
            "noise": rng.randbytes(len(text)),
            "zeros": bytes(len(text)),
            "marks": b"!" * len(text),
            "continued": b"\x80" * len(text),
            "one character": "é".encode() * (len(text) // 2) + b"x" * (len(text) % 2),
        }[kind]
        arrays["block/text"] = np.frombuffer(made, np.uint8)
    else:
        name, kind = rng.choice(packed), rng.choice(["bomb", "noise", "empty", "short"])
        offset = f"{name.removesuffix('bytes')}offset"
        each = {"bomb": zlib.compress(bytes(50_000_000)), "noise": rng.randbytes(50), "empty": b"", "short": b"x\x9c"}
        count = len(arrays[offset]) - 1
        arrays[name] = np.frombuffer(each[kind] * count, np.uint8)
        arrays[offset] = np.arange(count + 1, dtype=np.uint64) * np.uint64(len(each[kind]))
    _store(corpus, manifest, entry, arrays, meta)
    return kind


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
