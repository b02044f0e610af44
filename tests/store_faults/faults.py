"""Files of a corpus damaged in every way that disks, copies and people know.

Each fault must be a typed error that names a file it hit, or (where it hit nothing that is read: padding) the same
answers as before. Never a signal, never another exception, never another answer.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exbert_rpc.corpus.store.blocks import block_digests
from exbert_rpc.corpus.store.manifest import MANIFEST
from exbert_rpc.errors import CorpusDamaged, CorpusNotFound
from tests.store_faults.building import answers, build, open_folder, small_segments
from tests.store_faults.fakes import CALIBRATION, FakeModel, make_text
from tests.store_faults.forks import Say, run_child

TEXTS = {f"d{number}.txt": make_text(number, 4) for number in range(3)}
BATCH = 100
KINDS = ("bit", "bit", "bit", "cut", "zeroed", "noise", "grown", "missing", "swapped", "foreign", "edited")


@dataclass
class FaultReport:
    """Counts of a run; ``violations`` is what must be empty."""

    faults: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    named: int = 0
    same: int = 0
    signals: int = 0
    repaired: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Fault:
    """One way to damage a folder: the files that it hits, and what to do to them."""

    kind: str
    files: tuple[str, ...]
    apply: Callable[[Path], None]


Opener = Callable[[Path], Any]


def run_faults(root: Path, faults: int, seed: int = 0) -> FaultReport:
    """Damage copies of a corpus, one fault each, and ask each copy the same questions."""
    small_segments(tokens=150, nbytes=12_000)
    pristine, other = root / "pristine", root / "other"
    for folder, texts in ((pristine, TEXTS), (other, {uri: text + " More." for uri, text in TEXTS.items()})):
        # the generation before is kept: a file of it is what a restored backup may bring back
        _in_child(lambda folder=folder, texts=texts: build(folder, texts))
    report = inject(root, pristine / "corpus", other / "corpus", faults, seed, opener=_answers_of)
    _repair(report, root, pristine / "corpus", seed)
    return report


def inject(
    root: Path,
    pristine: Path,
    other: Path,
    faults: int,
    seed: int,
    *,
    opener: Opener,
    kinds: Sequence[str] = KINDS,
    enough: int = 50,
) -> FaultReport:
    """The faults, in children that take ``BATCH`` each; the last one that was begun is to blame for a signal."""
    rng = random.Random(seed)
    report = FaultReport()
    started = time.monotonic()
    while report.faults < faults and len(report.violations) < enough:
        planned = [make_fault(pristine, other, rng, kinds) for _ in range(min(BATCH, faults - report.faults))]
        ended = run_child(lambda say, planned=planned: _try_all(say, root, pristine, planned, opener), timeout=600)
        outcomes = [words for words in ended.said if words[0] == "outcome"]
        for fault, (_, verdict, detail) in zip(planned, outcomes, strict=False):
            _count(report, fault, verdict, detail)
        begun = sum(words[0] == "begin" for words in ended.said)
        if begun > len(outcomes):
            report.faults += 1
            report.signals += 1
            report.violations.append(f"{planned[begun - 1].kind}: ended by {ended.code}")
        elif len(outcomes) < len(planned):
            raise RuntimeError(f"the harness failed: {ended.said[-1:]} {ended.code}")
    report.seconds = time.monotonic() - started
    return report


def make_fault(pristine: Path, other: Path, rng: random.Random, kinds: Sequence[str] = KINDS) -> Fault:
    """One fault at random; segments are hit most, as they are nearly all of the bytes."""
    names = sorted(path.name for path in pristine.iterdir() if path.stat().st_size > 0)
    name = rng.choice(names)
    size = (pristine / name).stat().st_size
    kind = rng.choice(kinds)
    at = rng.randrange(size)
    if kind == "bit":
        bit = 1 << rng.randrange(8)
        return Fault(kind, (name,), lambda folder: _change(folder / name, lambda data: _xor(data, at, bit)))
    if kind == "cut":
        return Fault(kind, (name,), lambda folder: _change(folder / name, lambda data: data[:at]))
    if kind == "zeroed":
        start, length = at // 512 * 512, rng.choice([512, 4096])
        return Fault(kind, (name,), lambda folder: _change(folder / name, lambda data: _zero(data, start, length)))
    if kind == "noise":
        noise = rng.randbytes(rng.randrange(1, 64))
        return Fault(kind, (name,), lambda folder: _change(folder / name, lambda data: _put(data, at, noise)))
    if kind == "grown":
        more = rng.randbytes(rng.randrange(1, 100))
        return Fault(kind, (name,), lambda folder: _change(folder / name, lambda data: data + more))
    if kind == "missing":
        return Fault(kind, (name,), lambda folder: (folder / name).unlink())
    if kind == "swapped":
        second = rng.choice([one for one in names if one != name])
        return Fault(kind, (name, second), lambda folder: _swap(folder / name, folder / second))
    if kind == "foreign":
        pattern = name.split("-")[0] + "*"
        source = rng.choice(sorted(other.glob(pattern)))
        # a whole manifest of another corpus disagrees with every file here
        blamed = tuple(names) if name == MANIFEST else (name,)
        return Fault(kind, blamed, lambda folder: _replace(folder / name, source.read_bytes()))
    edit = rng.randrange(1 << 30)
    return Fault(kind, (MANIFEST,), lambda folder: _change(folder / MANIFEST, lambda data: _edit(data, edit)))


def _try_all(say: Say, root: Path, pristine: Path, planned: list[Fault], opener: Opener) -> None:
    truth = opener(pristine)
    place = root / f"damaged-{os.getpid()}"
    for fault in planned:
        folder = place / "corpus"
        folder.mkdir(parents=True)
        for path in pristine.iterdir():
            os.link(path, folder / path.name)
        fault.apply(folder)
        say("begin")
        try:
            verdict, detail = ("same", "") if opener(folder) == truth else ("wrong", "another answer")
        except CorpusDamaged as error:
            verdict, detail = "named", str(error.data["file"])
        except CorpusNotFound:
            verdict, detail = "named", MANIFEST
        except BaseException as error:
            verdict, detail = "raised", f"{type(error).__name__}: {error}"
        say("outcome", verdict, detail)
        shutil.rmtree(place)


def _count(report: FaultReport, fault: Fault, verdict: str, detail: str) -> None:
    report.faults += 1
    report.kinds[fault.kind] += 1
    if verdict == "same":
        report.same += 1
    elif verdict == "named" and detail in fault.files:
        report.named += 1
    else:
        report.violations.append(f"{fault.kind} of {fault.files}: {verdict} {detail}")


def _repair(report: FaultReport, root: Path, pristine: Path, seed: int) -> None:
    """Every segment in turn: indexing again computes what its damage hit, nothing else, and answers as before."""
    rng = random.Random(seed + 1)

    def work(say: Say) -> None:
        truth = answers(pristine.parent)
        for name in sorted(path.name for path in pristine.glob("segment-*")):
            folder = root / "repair"
            shutil.copytree(pristine, folder / "corpus")
            entry = next(one for one in open_folder(folder).manifest().segments if one.name == name)
            held = open_folder(folder).segment(entry)
            texts = bytes(held.array("block/text")).decode()
            assert block_digests(held)
            del held
            at = rng.randrange(8, entry.nbytes)
            _change(folder / "corpus" / name, lambda data, at=at: _zero(data, at, 64))
            model = FakeModel()
            build(folder, TEXTS, model=model)
            ran = [text for text in model.seen if text not in CALIBRATION]
            say(all(text in texts for text in ran), answers(folder) == truth)
            shutil.rmtree(folder)

    ended = run_child(work)
    report.repaired = sum(words == [True, True] for words in ended.said)
    if report.repaired != len(ended.said) or ended.code != 0:
        report.violations.append(f"a repair went wrong: {ended.said}")


def _answers_of(folder: Path) -> Any:
    return answers(folder.parent)


def _in_child(work: Callable[[], object]) -> None:
    ended = run_child(lambda _say: work() and None)
    assert ended.code == 0, ended.said


def _change(path: Path, change: Callable[[bytes], bytes]) -> None:
    _replace(path, change(path.read_bytes()))


def _replace(path: Path, data: bytes) -> None:
    path.unlink()  # the pristine file has the same inode
    path.write_bytes(data)


def _swap(one: Path, two: Path) -> None:
    first, second = one.read_bytes(), two.read_bytes()
    _replace(one, second)
    _replace(two, first)


def _xor(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]


def _zero(data: bytes, start: int, length: int) -> bytes:
    stop = min(start + length, len(data))
    return data[:start] + bytes(stop - start) + data[stop:]


def _put(data: bytes, at: int, noise: bytes) -> bytes:
    return (data[:at] + noise + data[at + len(noise) :])[: len(data)]


def _edit(data: bytes, seed: int) -> bytes:
    """A manifest with one value changed, as an editor would, its checksum left as it was."""
    rng = random.Random(seed)
    whole = json.loads(data)
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            places.append((value, key))
            walk(inner)

    walk(whole)
    holder, key = rng.choice(places)
    old = holder[key]
    choices: list[Any] = [None, -1, "other", [], {}, True, 10**30, "../../etc/passwd", 1.5]
    if isinstance(old, int):
        choices += [old + 1, old - 1, old * 2]
    holder[key] = rng.choice([choice for choice in choices if choice != old])
    return json.dumps(whole, indent=1).encode()
