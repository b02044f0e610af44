"""SIGKILL at random moments of builds on one store that goes on and on.

After every kill: what was acknowledged is there, whole; nothing is half visible; the corpus opens and holds the old
texts or the new ones; the next build takes every finished segment as it is.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from exbert_rpc.corpus.search.occurrences import Occurrences
from exbert_rpc.corpus.search.reader import CorpusReader, OpenSegment
from exbert_rpc.corpus.store.blocks import block_digests
from exbert_rpc.corpus.store.folders import CorpusFolder
from exbert_rpc.corpus.store.segment import Segment
from exbert_rpc.errors import CorpusNotFound
from exbert_rpc.text.blocks import split_blocks
from exbert_rpc.text.types import Document
from tests.store_faults.building import answers, build, open_folder, small_segments
from tests.store_faults.fakes import CALIBRATION, FakeModel, make_text
from tests.store_faults.forks import Say, run_child

Texts = dict[str, str]


@dataclass
class KillReport:
    """Counts of a run; ``violations`` is what must be empty."""

    kills: int = 0
    finished: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    resumed_blocks: int = 0
    compared: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


def run_kills(root: Path, kills: int, seed: int = 0) -> KillReport:
    """Kill builds until ``kills`` of them have died, or a promise has been broken."""
    small_segments(tokens=150, nbytes=12_000)
    rng = random.Random(seed)
    report = KillReport()
    started = time.monotonic()
    current: Texts = {}
    target = edited(current, rng)
    usual = 12  # words that a build says
    while report.kills < kills and not report.violations:
        before = finished_blocks(root)
        moment = (rng.randrange(0, usual + 2), rng.choice([0, rng.uniform(0, 0.004), rng.uniform(0, 0.03)]))
        ended = run_child(lambda say, target=target: build_and_tell(root, target, say), kill_after=moment)
        _check(report, root, ended.said, before, (current, target))
        if ended.code == 0:
            report.finished += 1
            usual = max(6, (3 * usual + len(ended.said)) // 4)
            current, target = target, edited(target, rng)
            if report.finished % 5 == 1:
                _compare(report, root, current)
            continue
        if ended.code != -9:
            report.violations.append(f"a build ended with {ended.code}: {ended.said[-1:]}")
        report.kills += 1
        if report.violations:
            break  # the store may be beyond reading
        if texts_of(root) == target:  # the manifest was replaced before the kill
            current, target = target, edited(target, rng)
        elif rng.random() < 0.3:
            target = edited(current, rng)  # somebody changes their mind, and leaves an unfinished build behind
    report.seconds = time.monotonic() - started
    return report


def build_and_tell(root: Path, texts: Texts, say: Say) -> None:
    """A build that tells of each segment and of the commit as soon as they are promised to last."""
    write_segment, commit = CorpusFolder.write_segment, CorpusFolder.commit

    def telling_write(folder, name, write):
        entry = write_segment(folder, name, write)
        say("segment", name, block_digests(folder.segment(entry)))
        return entry

    def telling_commit(folder, manifest):
        say("committing", manifest.generation)
        commit(folder, manifest)
        say("committed", manifest.generation)

    CorpusFolder.write_segment, CorpusFolder.commit = telling_write, telling_commit
    build(root, texts, model=TellingModel(say))


class TellingModel(FakeModel):
    """Tells of every sentence before it runs it."""

    def __init__(self, say: Say) -> None:
        super().__init__()
        self._say = say

    def capture_batch(self, encodings, **layers):
        texts = [encoding.text for encoding in encodings if encoding.text not in CALIBRATION]
        if texts:
            self._say("running", texts)
        return super().capture_batch(encodings, **layers)


def edited(texts: Texts, rng: random.Random) -> Texts:
    """The next state of a person's folder: some documents new, some edited, some gone."""
    out = dict(texts)
    for _ in range(rng.randrange(1, 4)):
        kind = rng.choice(["add", "add", "edit", "edit", "remove"])
        if kind == "add" or len(out) < 3:
            out[f"d{rng.randrange(14)}.txt"] = make_text(rng.randrange(10_000), rng.randrange(2, 8))
        elif kind == "edit":
            uri = rng.choice(sorted(out))
            paragraphs = out[uri].split("\n\n")
            paragraphs[rng.randrange(len(paragraphs))] = make_text(rng.randrange(10_000), 1)
            out[uri] = "\n\n".join(paragraphs)
        elif len(out) > 3:
            del out[rng.choice(sorted(out))]
    return out


def finished_blocks(root: Path) -> dict[str, str]:
    """Texts by digest of the blocks in whole segments on the disk."""
    found: dict[str, str] = {}
    for path in (root / "corpus").glob("segment-*.exb"):
        segment = Segment(path, path.stat().st_size)
        segment.verify_all()
        opened = OpenSegment(segment, Occurrences.none(len(block_digests(segment))))
        found |= {digest: opened.block_text(number) for number, digest in enumerate(block_digests(segment))}
    return found


def texts_of(root: Path) -> dict[str, object]:
    """What a corpus says it holds: the joined paragraphs of each document; ``{}`` if there is none."""
    try:
        reader = CorpusReader(open_folder(root))
    except CorpusNotFound:
        return {}
    texts = {}
    for segment in reader.segments:
        segment.segment.verify_all()
        for block in range(len(segment.occurrences)):
            for place in segment.occurrences.of(block):
                texts[place.document, place.order] = segment.block_text(block)
    return {
        document.uri: "\n\n".join(texts[number, order] for order in range(len(document.blocks)))
        for number, document in enumerate(reader.documents)
    }


def _check(
    report: KillReport, root: Path, said: list[list], before: dict[str, str], allowed: tuple[Texts, Texts]
) -> None:
    promised = [words for words in said if words[0] == "segment"]
    committed = any(words[0] == "committed" for words in said)
    stage = said[-1][0] if said else "before the first segment"
    report.moments[stage] += 1
    report.acknowledged += len(promised)
    try:
        found = texts_of(root)
        there = finished_blocks(root)
    except Exception as error:
        report.violations.append(f"after a kill ({stage}): {type(error).__name__}: {error}")
        return
    if found not in (allowed[0], allowed[1]):
        report.violations.append(f"after a kill ({stage}): neither the old texts nor the new ones")
    if committed and found != allowed[1]:
        report.violations.append("a commit that was acknowledged is lost")
    for _, name, digests in promised:
        if not set(digests) <= set(there):
            report.violations.append(f"an acknowledged segment is lost: {name}")
    everything = "\n\n".join(before.values())
    again = [text for words in said if words[0] == "running" for text in words[1] if text in everything]
    if again:
        report.violations.append(f"blocks that were finished were run again: {again[:3]}")
    wanted = {block.text for text in allowed[1].values() for block in split_blocks(Document("", text))}
    report.resumed_blocks += len(wanted & set(before.values()))


def _compare(report: KillReport, root: Path, texts: Texts) -> None:
    """A store that was killed many times answers as one that was built once."""

    def work(say: Say) -> None:
        build(root.parent / "fresh" / str(report.compared), texts)
        say(answers(root) == answers(root.parent / "fresh" / str(report.compared)))

    ended = run_child(work)
    report.compared += 1
    if ended.said != [[True]]:
        report.violations.append(f"a resumed corpus does not answer as a fresh one: {ended.said}")
