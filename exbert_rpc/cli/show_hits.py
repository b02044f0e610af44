"""Contexts of a corpus, one a line: score, place, and the match under those above it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.text import clip, clip_left, pad, tidy, width

if TYPE_CHECKING:
    from exbert_rpc.protocol.types.hits import Hit
    from exbert_rpc.protocol.types.search_contexts import SearchResult, SearchStats
    from exbert_rpc.protocol.types.search_relations import SearchRelationsResult

_LONGEST_PLACE = 40
_LONGEST_MATCH = 20


def show_hits(screen: Screen, answer: SearchResult, limit: int | None = None) -> None:
    """Write the contexts, best first; their offsets count characters (``utf-32``)."""
    hits = answer.hits if limit is None else answer.hits[:limit]
    if not hits:
        screen.line("nothing in the corpus fits the filter")
        return
    show_rows(screen, hits)
    _show_stats(screen, answer.stats, "tokens")


def show_relations(screen: Screen, answer: SearchRelationsResult) -> None:
    """Write the pairs of tokens that a head relates as in the query, best first, each with its context."""
    query = f"{tidy(answer.source.text)} → {tidy(answer.target.text)}"
    screen.line(f"{query}: {answer.weight:.0%} of the head's attention in the query")
    if answer.hits:
        show_rows(screen, answer.hits, [_pair(hit) for hit in answer.hits])
    _show_stats(screen, answer.stats, "pairs")


def _pair(hit: Hit) -> str:
    """The match, what it attends to most, and how much."""
    if hit.target is None:
        return ""
    match, target = (clip(tidy(hit.tokens[index].text), _LONGEST_MATCH) for index in (hit.match, hit.target))
    return f"{match} → {target} {hit.attention.outgoing[hit.target]:.0%}"


def _show_stats(screen: Screen, stats: SearchStats, what: str) -> None:
    how = "exactly" if stats.exact else "by graph"
    screen.line(screen.dim(f"{stats.searched:,} {what} compared {how} in {stats.milliseconds:,.0f} ms"))
    if stats.note is not None:
        screen.line(screen.dim(stats.note))


def show_rows(screen: Screen, hits: Sequence[Hit], labels: Sequence[str] | None = None) -> None:
    """Write hits, one a line; with a label each between place and context, if there are any."""
    paths = [_path(hit.document) for hit in hits]
    base = common_folder(paths)
    if base is not None:
        screen.line(screen.dim(f"in {_short(base)}:"))
    places = [f"{_relative(path, base)}{_position(hit)}" for path, hit in zip(paths, hits, strict=True)]
    matches = [clip(tidy(hit.tokens[hit.match].text), _LONGEST_MATCH) for hit in hits]
    place_width = min(max(width(place) for place in places), _LONGEST_PLACE, screen.width // 3)
    match_width = max(width(match) for match in matches) + 2
    label_width = 0 if labels is None else max(width(label) for label in labels) + 2
    # score, place and the gaps between the parts of a line
    room = max(8, screen.width - 6 - 2 - place_width - 2 - label_width - match_width - 2)
    for hit, place, match, label in zip(hits, places, matches, labels or [""] * len(hits), strict=True):
        left, right = _around(hit)
        before = pad(clip_left(left, room // 2), room // 2, "right")
        after = clip(right, room - room // 2 + match_width - 2 - width(match))
        shown = screen.link(clip_left(place, place_width), hit.document) + " " * (place_width - width(place))
        line = f"{hit.score:6.3f}  {screen.dim(shown)}  {pad(label, label_width)}{before} {screen.boxed(match)} {after}"
        screen.line(line + (screen.dim(" (changed since)") if hit.stale else ""))
        if hit.metadata:
            known = ", ".join(f"{key}={value}" for key, value in hit.metadata.items())
            screen.line(screen.dim("        " + clip(tidy(known), screen.width - 8)))


def _around(hit: Hit) -> tuple[str, str]:
    """The sentence before and behind the match, in one line."""
    token = hit.tokens[hit.match]
    return tidy(hit.sentence.text[: token.start]).lstrip(), tidy(hit.sentence.text[token.end :]).rstrip()


def _position(hit: Hit) -> str:
    if hit.record is not None and hit.range.start == hit.range.end:
        return f":row {hit.record + 1}"  # a file of bytes, which has no lines
    cell = "" if hit.cell is None else f"#{hit.cell + 1}"
    return f"{cell}:{hit.range.start.line + 1}:{hit.range.start.character + 1}"


def _path(uri: str) -> str:
    """The path of a file uri; other uris as they are."""
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme == "file" else uri


def common_folder(paths: Sequence[str]) -> PurePosixPath | None:
    """The folder that all files lie in; ``None`` if it is the working folder or there is none."""
    if not all(path.startswith("/") for path in paths):
        return None
    folder = PurePosixPath(os.path.commonpath([str(PurePosixPath(path).parent) for path in paths]))
    return None if folder.is_relative_to(Path.cwd()) else folder


def _relative(path: str, base: PurePosixPath | None) -> str:
    for folder in (base, PurePosixPath(Path.cwd())):
        if folder is not None and PurePosixPath(path).is_relative_to(folder):
            return str(PurePosixPath(path).relative_to(folder))
    return path


def _short(folder: PurePosixPath) -> str:
    home = PurePosixPath(Path.home())
    return f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) and folder != home else str(folder)
