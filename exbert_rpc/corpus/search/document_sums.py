"""Sums of what heads do, of the text that is in the corpus now, by document.

1. A group of blocks that are all in the corpus: its sums as they are stored.
2. A group that has lost some blocks: the sums less those of the lost blocks, or those of the blocks that are left,
   whichever are fewer rows to rerun. Blocks without a group are rerun, too.
3. Groups and blocks belong to the document in which their first block stands first. A block that stands in several
   places counts once.

After a build from scratch nothing is rerun. Edits break up groups; a rerun costs as much as the paragraphs around them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.head_sums import HeadSums, add_sums
from exbert_rpc.corpus.search.reader import CorpusReader, OpenSegment
from exbert_rpc.corpus.search.rerun import SentenceKey, rerun_sums
from exbert_rpc.corpus.store.sums import join_neighbors, read_sums
from exbert_rpc.corpus.types import CorpusModel
from exbert_rpc.tasks import Task

MOST_DOCUMENTS = 256
"""Sums that are kept apart for intervals; documents beyond that are joined with their neighbors."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is added up: stored sums by document; blocks to rerun, each (segment, block, document, whether to add)."""

    stored: defaultdict[int, list[HeadSums]] = field(default_factory=lambda: defaultdict(list))
    reruns: list[tuple[int, int, int, bool]] = field(default_factory=list)


def document_sums(reader: CorpusReader, model: Callable[[], CorpusModel], task: Task) -> list[HeadSums]:
    """Sums of all heads of all layers that the corpus stores, by document, at most ``MOST_DOCUMENTS`` of them.

    Args:
        reader: A corpus with head tables in all its segments.
        model: Loads the model that the corpus was built by; called only if something must be rerun.
        task: Reported to and obeyed.

    Raises:
        CorpusDamaged: a file of the corpus is not what was written.
        Cancelled: the task was cancelled.
    """
    plan = _Plan()
    for number, segment in enumerate(reader.segments):
        task.check()
        _plan_segment(plan, number, segment)
    added, lost = _rerun(reader, plan, model, task)
    n_heads = len(reader.config.layers) * reader.config.n_heads
    documents = sorted({*plan.stored, *added})
    of_document = [[*plan.stored[document], *added.get(document, ())] for document in documents]
    without = [lost.get(document, []) for document in documents]
    rows = [_rows(there) - _rows(gone) for there, gone in zip(of_document, without, strict=True)]
    found = []
    for stretch in join_neighbors(rows, MOST_DOCUMENTS):
        task.check()
        sums = add_sums(n_heads, [one for number in stretch for one in of_document[number]])
        gone = [one for number in stretch for one in without[number]]
        found.append(sums - add_sums(n_heads, gone) if gone else sums)
    return found


def _rows(parts: Sequence[HeadSums]) -> int:
    return sum(part.n_rows for part in parts)


def _plan_segment(plan: _Plan, number: int, segment: OpenSegment) -> None:
    live = segment.block_multiplicity > 0
    rows = np.diff(segment.first_row[segment.first_sentence])
    alone = live.copy()
    for group in read_sums(segment.segment):
        blocks = np.array(group.blocks)
        here = blocks[live[blocks]]
        alone[blocks] = False
        if len(here) == 0:
            continue
        document = _document(segment, int(here[0]))
        gone = blocks[~live[blocks]]
        if rows[gone].sum() <= rows[here].sum():
            plan.stored[document].append(group.sums)
            plan.reruns.extend((number, block, document, False) for block in gone.tolist())
        else:
            plan.reruns.extend(_to_add(number, segment, here))
    plan.reruns.extend(_to_add(number, segment, np.flatnonzero(alone)))


def _to_add(number: int, segment: OpenSegment, blocks: NDArray[np.int64]) -> list[tuple[int, int, int, bool]]:
    return [(number, block, _document(segment, block), True) for block in blocks.tolist()]


def _document(segment: OpenSegment, block: int) -> int:
    """The first document that a block stands in."""
    return int(segment.occurrences.first_document[block])


def _rerun(
    reader: CorpusReader, plan: _Plan, model: Callable[[], CorpusModel], task: Task
) -> tuple[dict[int, list[HeadSums]], dict[int, list[HeadSums]]]:
    """By document: sums to add, and sums to take away."""
    sentences: list[SentenceKey] = []
    owners: list[tuple[int, bool]] = []
    for number, block, document, adds in plan.reruns:
        first = reader.segments[number].first_sentence
        some = [(number, sentence) for sentence in range(int(first[block]), int(first[block + 1]))]
        sentences += some
        owners += [(document, adds)] * len(some)
    added: dict[int, list[HeadSums]] = {}
    lost: dict[int, list[HeadSums]] = {}
    if sentences:
        for (document, adds), sums in zip(owners, rerun_sums(reader, model(), sentences, task), strict=True):
            (added if adds else lost).setdefault(document, []).append(sums)
    return added, lost
