"""Which documents hits come from, by what is known of these documents: against where all rows stand that may be hits.

1. A row of the corpus counts at every place where it stands, under the value of the document there.
2. Counts and shares are of all hits; significance counts every distinct sentence once, leaves out the query's own, and
   takes hits of one document for fewer than independent ones, as the other histograms of a summary do.
3. q-values are over all values of all keys that are asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.contrast import SIGNIFICANT, tally
from exbert_rpc.analysis.statistics import benjamini_hochberg, log_fisher_two_sided, wilson_interval
from exbert_rpc.analysis.summary import NONE, distinct_rows
from exbert_rpc.analysis.types import Bin, MetadataHistogram, Subject
from exbert_rpc.corpus.search.filters import Eligible
from exbert_rpc.corpus.search.names import value_of
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.types import Hit

MOST_VALUES = 200
"""Values of a key that are counted one by one; the rarer ones of others are counted together."""
OTHER = "other"


def metadata_histograms(
    reader: CorpusReader,
    eligible: Eligible,
    hits: Sequence[Hit],
    keys: Sequence[str],
    own: NDArray[np.bool_],
    subject: Subject,
) -> tuple[MetadataHistogram, ...]:
    """Hits by the metadata of their documents, one histogram a key.

    Args:
        reader: The corpus.
        eligible: Rows that might have been hits.
        hits: The hits.
        keys: Keys of metadata; ``folder`` is known of all files.
        own: bool ``[n_hits]``, hits from the query's own sentence.
        subject: Which token is counted: hits without one are left out.
    """
    exists = np.array([subject == "match" or hit.next is not None for hit in hits], dtype=bool)
    kept = distinct_rows([hit.sentence_text for hit in hits], exists & ~own)
    owners = [hits[row].unit for row in kept]
    rows_of = _rows_of_documents(reader, eligible, subject)
    baselines: list[Counter[str]] = [Counter() for _ in keys]
    for (uri, metadata), rows in zip(reader.documents.labels(), rows_of.tolist(), strict=True):
        for key, counts in zip(keys, baselines, strict=True) if rows else ():
            counts[value_of(uri, metadata, key) or NONE] += rows
    tables = []
    for key, everything in zip(keys, baselines, strict=True):
        values, baseline = _few([value_of(hit.document, hit.metadata, key) or NONE for hit in hits], everything)
        tables.append((key, Counter(_where(values, exists)), [values[row] for row in kept], baseline))
    return _finished(tables, owners)


def _finished(
    tables: Sequence[tuple[str, Counter[str], list[str], Counter[str]]], owners: Sequence[Hashable]
) -> tuple[MetadataHistogram, ...]:
    drafts = []
    for key, counts, distinct, baseline in tables:
        total = baseline.total()
        for value in sorted({*counts, *baseline}):
            one = tally([other == value for other in distinct], owners)
            log_p = log_fisher_two_sided(one.count, one.n, baseline[value], total, one.size)
            drafts.append((key, value, counts, baseline[value] / total if total else 0.0, one, log_p))
    q_values = benjamini_hochberg(np.exp([draft[-1] for draft in drafts])).tolist()
    bins: dict[str, list[Bin]] = {key: [] for key, *_ in tables}
    for (key, value, counts, base, one, _), q in zip(drafts, q_values, strict=True):
        n = counts.total()
        share = counts[value] / n if n else 0.0
        low, high = wilson_interval(share, one.size)
        if counts[value] or q < SIGNIFICANT:
            bins[key].append(Bin(value, counts[value], share, base, share / base if base else None, low, high, q))
    return tuple(_histogram(key, found) for key, found in bins.items())


def _histogram(key: str, bins: list[Bin]) -> MetadataHistogram:
    bins.sort(key=lambda row: (-row.count, row.label))
    told = sorted((row for row in bins if row.q_value < SIGNIFICANT), key=lambda row: row.q_value)
    findings = tuple(
        f"contexts of documents with {key} {row.label!r}: {row.share:.0%} ({row.baseline:.0%} of the corpus, "
        f"q {'< 0.001' if row.q_value < 0.001 else f'= {row.q_value:.3f}'})"
        for row in told
    )
    return MetadataHistogram(key, tuple(bins), findings)


def _rows_of_documents(reader: CorpusReader, eligible: Eligible, subject: Subject) -> NDArray[np.int64]:
    """int64 ``[documents]``: rows of each document that might have been hits."""
    found = np.zeros(len(reader.documents), dtype=np.int64)
    for segment, weights in zip(reader.segments, eligible.weights, strict=True):
        passes = weights > 0
        if subject == "next":
            passes &= segment.row_next >= 0
        blocks = segment.sentence_block[segment.row_sentence[passes]]
        places = segment.occurrences
        np.add.at(found, places.document, np.bincount(blocks, minlength=len(places))[places.block])
    return found if eligible.documents is None else found * eligible.documents


def _few(values: list[str], baseline: Counter[str]) -> tuple[list[str], Counter[str]]:
    """Values beyond ``MOST_VALUES`` as one."""
    if len(baseline) <= MOST_VALUES:
        return values, baseline
    kept = {value for value, _ in baseline.most_common(MOST_VALUES - 1)}
    fewer: Counter[str] = Counter()
    for value, count in baseline.items():
        fewer[value if value in kept else OTHER] += count
    return [value if value in kept else OTHER for value in values], fewer


def _where(values: Sequence[str], exists: NDArray[np.bool_]) -> list[str]:
    return [value for value, there in zip(values, exists.tolist(), strict=True) if there]
