"""What contexts have in common: findings in words, then each histogram with what was to be expected."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.tables import Column, Row, draw
from exbert_rpc.cli.text import pad, tidy, width, wrap

if TYPE_CHECKING:
    from exbert_rpc.protocol.types.summarize import Bin, Controls, Histogram, MetadataHistogram, SummarizeResult

SURE = 0.05
_MARKS = {"word": ("w", "the word alone"), "echo": ("a", "what is attended to"), "peers": ("h", "other heads")}
_GROUPS = {"unchecked": "not checked", "word": "explained by the word", "echo": "explained by what is attended to"}
_ATTRIBUTES = {
    "pos": "part of speech",
    "tag": "tag",
    "dep": "dependency",
    "entity": "entity",
    "offset": "distance in tokens",
}


def show_summary(screen: Screen, answer: SummarizeResult, bins: int = 5, attributes: tuple[str, ...] = ()) -> None:
    """Write findings and histograms; ``attributes`` names those to show, none means all."""
    screen.line(
        f"{screen.bold(str(answer.n_hits))} contexts, {answer.n_distinct} different sentences; "
        f"{'the match' if answer.subject == 'match' else 'the token after the match'} is counted"
    )
    _findings(screen, answer)
    for note in answer.notes:
        for line in wrap(f"note: {note}", screen.width, "  "):
            screen.line(screen.dim(line))
    shown = [one for one in answer.histograms if not attributes or one.attribute in attributes]
    names = max((width(row.label) for one in shown for row in _rows(one, bins)), default=0)
    for one in shown:
        screen.line()
        _histogram(screen, one, answer, bins, names)
    for by in answer.metadata:
        _by_metadata(screen, by, bins)


def _by_metadata(screen: Screen, by: MetadataHistogram, bins: int) -> None:
    """Which documents hits come from, and what of that is more than chance."""
    screen.line()
    screen.line(screen.bold(f"{tidy(by.key)} of the documents"))
    rows: list[Row] = [
        [tidy(row.label), f"{row.count}", f"{row.share:.0%}", f"corpus {row.baseline:.0%}"] for row in by.bins[:bins]
    ]
    draw(screen, [Column(may_shrink=True), Column(align="right"), Column(align="right"), Column(align="right")], rows)
    for sentence in by.findings:
        _finding(screen, tidy(sentence))


def _findings(screen: Screen, answer: SummarizeResult) -> None:
    """What the head does; then, as it may be skipped, what its controls explain."""
    if not answer.findings:
        screen.line("nothing that is more than chance (q < 0.05)")
        return
    has_controls = any(row.controls is not None for one in answer.histograms for row in one.bins)
    first = "head" if has_controls else "unchecked"
    own = [one.sentence for one in answer.findings_detailed if one.verdict == first]
    for sentence in own:
        _finding(screen, sentence)
    if not own:
        screen.line("nothing that the word or what is attended to does not explain (q < 0.05)")
    for verdict, title in _GROUPS.items() if has_controls else ():
        others = [one.sentence for one in answer.findings_detailed if one.verdict == verdict]
        if others:
            screen.line(f"{title}:")
        for sentence in others:
            _finding(screen, sentence, dim=True)


def _finding(screen: Screen, sentence: str, *, dim: bool = False) -> None:
    whole = re.sub(r"q ([<=]) ", "q\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", sentence)
    for line in wrap(f"• {whole}", screen.width, "  "):
        screen.line(screen.dim(line) if dim else line)


def _histogram(screen: Screen, one: Histogram, answer: SummarizeResult, bins: int, names: int) -> None:
    if one.of == "subject":
        whose = "of the match" if answer.subject == "match" else "of the next token"
    else:
        whose = "of what it attends to most" if answer.attention == "outgoing" else "of what attends to it most"
    title = f"{_ATTRIBUTES[one.attribute]} {whose}"
    legend = f"({', '.join(['┃ expected', *_legend(one)])})"
    if width(title) + 3 + width(legend) <= screen.width:
        screen.line(screen.bold(title) + screen.dim(f"   {legend}"))
    else:
        screen.line(screen.bold(title))
        for line in wrap(legend, screen.width, "  "):
            screen.line(screen.dim(f"  {line.lstrip()}"))
    bar = max(10, min(30, screen.width - names - 58))
    for row in _rows(one, bins):
        lift = "" if row.lift is None else f"×{row.lift:.1f}"
        sure = row.q_value < SURE
        head = f"  {pad(row.label, names)}  {row.share:4.0%} "
        tail = f" expected {row.baseline:4.0%}  {pad(lift, 6, 'right')}  {pad(f'{row.low:.0%}-{row.high:.0%}', 9)}"
        if sure:
            screen.line(f"{head}{screen.bar(bar_of(row, bar))}{tail}  {_certainty(row.q_value)}")
        else:
            screen.line(screen.dim(head) + screen.dim(bar_of(row, bar)) + screen.dim(tail.rstrip()))


def bar_of(row: Bin, size: int) -> str:
    """The share as a bar, with a mark where the base rate would end, and a letter where each control would."""
    full = round(row.share * size)
    marks = ["█" if at < full else "░" for at in range(size)]
    for name, share in reversed(_shares(row.controls).items()):
        marks[_cell(share, size)] = _MARKS[name][0]
    marks[_cell(row.baseline, size)] = "┃"
    return "".join(marks)


def _cell(share: float, size: int) -> int:
    return min(size - 1, int(share * size))


def _shares(controls: Controls | None) -> dict[str, float]:
    """The share of a label in each control that was looked at."""
    if controls is None:
        return {}
    found = {
        "word": None if controls.word is None else controls.word.share,
        "echo": None if controls.echo is None else controls.echo.share,
        "peers": None if controls.peers is None else controls.peers.median,
    }
    return {name: share for name, share in found.items() if share is not None}


def _legend(one: Histogram) -> list[str]:
    """What the letters in the bars of a histogram mean."""
    seen = {name for row in one.bins for name in _shares(row.controls)}
    return [f"{letter} {meaning}" for name, (letter, meaning) in _MARKS.items() if name in seen]


def _rows(one: Histogram, bins: int) -> list[Bin]:
    """The most frequent labels; those that did not occur only where their absence is significant."""
    return [row for row in one.bins if row.count > 0 or row.q_value < SURE][:bins]


def _certainty(q_value: float) -> str:
    return f"q {q_value:.0e}" if 0 < q_value < 0.001 else ("q 0" if q_value == 0 else f"q {q_value:.3f}")
