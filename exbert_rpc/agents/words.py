"""Answers in words and numbers, short enough for a reader that pays for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from exbert_rpc.client import to_array
from exbert_rpc.protocol.types.ablate_heads import AblateHeadsResult
from exbert_rpc.protocol.types.attend import AttendResult
from exbert_rpc.protocol.types.hits import Hit
from exbert_rpc.protocol.types.index_corpus import IndexResult
from exbert_rpc.protocol.types.list_corpora import ListCorporaResult
from exbert_rpc.protocol.types.list_models import ListModelsResult
from exbert_rpc.protocol.types.profile_heads import ProfileResult
from exbert_rpc.protocol.types.search_contexts import SearchResult
from exbert_rpc.protocol.types.summarize import SummarizeResult

MAX_BYTES = 2000
"""Bytes of an answer in UTF-8."""

_MORE = 60  # bytes kept for saying how much is left out
_SENTENCE = 160  # characters of a context
_EXAMPLES = 5
_STRONGEST = 40


def fit(lines: Iterable[str], last: str = "", limit: int = MAX_BYTES) -> str:
    """As many whole lines as fit, how many are left out, and a last line that always stands.

    Args:
        lines: In order of importance.
        last: What follows them.
        limit: Bytes altogether; a line that alone is longer is cut.
    """
    given = list(lines)
    room = limit - len(last.encode()) - 1
    kept: list[str] = []
    for line in given:
        needed = len(line.encode()) + 1
        if needed > room - (_MORE if len(kept) + 1 < len(given) else 0):
            break
        kept.append(line)
        room -= needed
    if not kept and given:
        kept = [given[0].encode()[: max(0, room - _MORE - 4)].decode(errors="ignore") + " …"]
    left = len(given) - len(kept)
    told = [f"({left} more left out)"] if left else []
    return "\n".join([*kept, *told, *([last] if last else [])])


def corpora_in_words(answer: ListCorporaResult) -> str:
    """One line a corpus."""
    lines = [
        f"{one.corpus}: {one.documents} documents, {one.tokens} tokens, model {one.model}" for one in answer.corpora
    ]
    return fit(lines or ["There is no corpus yet; `index` makes one."])


def models_in_words(answer: ListModelsResult) -> str:
    """One line a model."""
    return fit(f"{one.id}{' (the default)' if one.is_default else ''}" for one in answer.models)


def build_in_words(answer: IndexResult) -> str:
    """What a corpus holds now, and what was left out."""
    lines = [f"{answer.corpus} holds {answer.documents} documents, {answer.tokens} tokens, {answer.bytes} bytes."]
    if answer.kept:
        lines.append("Nothing of the sources could be read; the corpus is what it was.")
    lines += [f"skipped {one.uri}: {one.reason}" for one in answer.skipped]
    return fit(lines)


def attention_in_words(answer: AttendResult, token: int | None, last: str) -> str:
    """The strongest attention between words, of one token or of all; each with its head."""
    strongest = _strongest(answer, token)
    lines = [
        f"head {layer}.{head}: {_named(answer, row)} looks at {_named(answer, column)}, {weight:.0%}"
        for weight, layer, head, row, column in strongest
    ]
    tokens = "tokens: " + " ".join(f"{one.index}:{one.token}" for one in answer.tokens)
    return fit([*lines[:12], *answer.notes, tokens[:600], *lines[12:]], last)


def hits_in_words(answer: SearchResult, last: str) -> str:
    """One line a context: score, place, and the sentence with its match in brackets."""
    return fit([*(_context(hit) for hit in answer.hits)] or ["No context was found."], last)


def summary_in_words(answer: SummarizeResult, hits: Sequence[Hit], last: str) -> str:
    """What the contexts share, those findings first that are the head's own, and some of the contexts."""
    heading = f"{answer.n_hits} contexts, {answer.n_distinct} different sentences."
    findings = [f"- {one}" for one in answer.findings] or ["Nothing that they share is more than chance."]
    examples = [_context(hit) for hit in hits[:_EXAMPLES]]
    return fit([heading, *findings[:4], *examples, *answer.notes, *findings[4:]], last)


def profile_in_words(answer: ProfileResult, last: str) -> str:
    """What heads do: each head's first finding, or all about one head."""
    one_head = len(answer.heads) == 1
    lines = [finding for head in answer.heads for finding in (head.findings if one_head else head.findings[:1])]
    if one_head:
        words = ", ".join(f"{one.word} {one.lift:.0f}x" for one in answer.heads[0].vocabulary[:20])
        lines += [f"words it looks at, times as often as at others: {words}"] if words else []
    heading = f"{answer.tokens} tokens of {answer.documents} documents"
    return fit([heading, *(lines or ["No finding is more than chance."]), *answer.notes], last)


def effects_in_words(answer: AblateHeadsResult, last: str) -> str:
    """The largest changes, each with its head."""
    unit = "log-probability" if answer.measure == "logProbability" else "cosine"
    target = "" if answer.target is None else f" of {answer.target.piece!r} at token {answer.target.token}"
    lines = [f"{unit}{target}: {answer.base:.3f} with all heads; each line: without one head ({answer.mode} output)"]
    lines += [
        f"head {one.layer}.{one.head}: {one.value:.3f} ({one.delta:+.3f})"
        for one in sorted(answer.effects, key=lambda one: -abs(one.delta))[:20]
    ]
    return fit(lines, last)


def _strongest(answer: AttendResult, token: int | None) -> list[tuple[float, int, int, int, int]]:
    """Weight, layer, head, row and column of the strongest attention from word to other word."""
    weights = to_array(answer.attention).copy()
    special = [one.is_special for one in answer.tokens]
    weights[..., special] = -1
    weights[:, :, special if token is None else [one.index != token for one in answer.tokens], :] = -1
    weights[..., range(len(special)), range(len(special))] = -1
    order = np.argsort(weights, axis=None, kind="stable")[::-1][:_STRONGEST]
    found = []
    for at, number, row, column in zip(*np.unravel_index(order, weights.shape), strict=True):
        weight = float(weights[at, number, row, column])
        if weight > 0:
            found.append((weight, answer.layers[at], answer.heads[number], int(row), int(column)))
    return found


def _named(answer: AttendResult, index: int) -> str:
    return f"{answer.tokens[index].text!r} ({index})"


def _context(hit: Hit) -> str:
    match = hit.tokens[hit.match]
    text = hit.sentence.text
    marked = f"{text[: match.start]}[{text[match.start : match.end]}]{text[match.end :]}"
    at = max(0, min(match.start - _SENTENCE // 2, len(marked) - _SENTENCE))
    shown = " ".join(marked[at : at + _SENTENCE].split())
    stale = ", changed since" if hit.stale else ""
    return f"{hit.score:.2f} {hit.document}:{hit.range.start.line + 1}{stale}: {shown}"
