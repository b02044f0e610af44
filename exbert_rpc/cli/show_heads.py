"""What heads do: a line a head, or the whole card of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.show_hits import show_rows
from exbert_rpc.cli.tables import Cell, Column, Row, draw
from exbert_rpc.cli.text import wrap

if TYPE_CHECKING:
    from exbert_rpc.protocol.types.hits import Hit
    from exbert_rpc.protocol.types.profile_heads import HeadProfile, ProfileResult

SURE = 0.05
_MOST_ROWS = 8
_FEW_HEADS = 3


def show_heads(screen: Screen, answer: ProfileResult) -> None:
    """Write cards of up to three heads, otherwise one line a head with its strongest finding."""
    count = f"{answer.tokens:,} tokens, {answer.documents:,} documents, {answer.model}"
    screen.line(f"{screen.bold(answer.corpus)}: {count}")
    for note in answer.notes:
        for line in wrap(f"note: {note}", screen.width, "  "):
            screen.line(screen.dim(line))
    if len(answer.heads) <= _FEW_HEADS:
        for one in answer.heads:
            screen.line()
            _card(screen, one)
        return
    columns = [
        Column("head"),
        Column("special", "right"),
        Column("offset", "right"),
        Column("there", "right"),
        Column("entropy", "right"),
        Column("what it does first of all", may_shrink=True),
    ]
    draw(screen, columns, [_line(screen, one) for one in answer.heads])
    screen.line(screen.dim("a head does several things: add --layer L --head H for all of them"))


def _line(screen: Screen, one: HeadProfile) -> Row:
    best = max(one.offsets, key=lambda place: place.mass, default=None)
    there = ("", "") if best is None else (f"{best.offset:+d}".replace("-", "−"), f"{best.mass:.0%}")
    first = one.findings[0].partition(": ")[2] if one.findings else ""
    return [Cell(f"{one.layer}.{one.head}", screen.bold), f"{one.special:.0%}", *there, f"{one.entropy:.2f}", first]


def _card(screen: Screen, one: HeadProfile) -> None:
    screen.line(screen.bold(f"head {one.layer}.{one.head}"))
    show_findings(screen, one)
    screen.line(
        f"special tokens {one.special:.0%}, first token {one.first_token:.0%}, entropy {one.entropy:.2f}"
        + _repeats(one)
    )
    _offsets(screen, one)
    _roles(screen, one)
    _relations(screen, one)
    show_vocabulary(screen, one)
    _examples(screen, one)


def show_findings(screen: Screen, one: HeadProfile) -> None:
    """What the head does, in sentences."""
    for finding in one.findings or ("nothing that stands out",):
        for line in wrap(f"• {finding}", screen.width, "  "):
            screen.line(line)


def show_vocabulary(screen: Screen, one: HeadProfile) -> None:
    """The words that draw the head's attention, if there are any; the lower end of each lift in brackets."""
    if not one.vocabulary:
        return
    screen.line()
    screen.line(screen.bold("words it looks at") + screen.dim("   (times as often as at others; at least)"))
    named = ", ".join(
        f"{word.word}\N{NO-BREAK SPACE}{word.lift:.0f}×\N{NO-BREAK SPACE}({word.low:.0f}×)" for word in one.vocabulary
    )
    for line in wrap(f"  {named}", screen.width, "  "):
        screen.line(line.replace("\N{NO-BREAK SPACE}", " "))


def _repeats(one: HeadProfile) -> str:
    if one.previous_token is None or one.duplicate_token is None or one.induction is None:
        return ""
    parts = (("induction", one.induction), ("duplicate", one.duplicate_token), ("previous", one.previous_token))
    return "; on repeated random tokens: " + ", ".join(f"{name} {value:.0%}" for name, value in parts)


def _offsets(screen: Screen, one: HeadProfile) -> None:
    if not one.offsets:
        return
    screen.line()
    screen.line(screen.bold("distance in tokens") + screen.dim("   (mean attention there; share of strongest targets)"))
    shown = sorted(sorted(one.offsets, key=lambda place: -place.mass)[:5], key=lambda place: place.offset)
    rows: list[Row] = [
        [f"  {place.offset:+d}".replace("-", "−"), f"{place.mass:.1%}", f"{place.share:.1%}"] for place in shown
    ]
    draw(screen, [Column("", "right"), Column("", "right"), Column("", "right")], rows)


def _roles(screen: Screen, one: HeadProfile) -> None:
    if not one.roles:
        return
    screen.line()
    columns = [
        Column("role"),
        *(Column(title, "right") for title in ("attention", "expected", "lift", "95 %", "pairs", "q")),
    ]
    rows: list[Row] = []
    for role in one.roles[:_MOST_ROWS]:
        lift = "" if role.lift is None else f"{role.lift:.1f}×"
        ends = "" if role.low is None or role.high is None else f"{role.low:.1f}-{role.high:.1f}"
        cells = [_arrow(role.role, role.direction), f"{role.mass:.1%}", f"{role.expected:.1%}", lift, ends]
        rows.append(_row(screen, [*cells, f"{role.n:,}", _q(role.q_value)], role.q_value))
    draw(screen, columns, rows)


def _relations(screen: Screen, one: HeadProfile) -> None:
    if not one.relations:
        return
    screen.line()
    columns = [
        Column("strongest attention finds it"),
        *(Column(title, "right") for title in ("accuracy", "95 %", "best distance", "words", "q")),
    ]
    rows: list[Row] = []
    for relation in one.relations[:_MOST_ROWS]:
        ends = f"{relation.low:.0%}-{relation.high:.0%}"
        distance = f"{relation.baseline:.1%} ({relation.offset:+d})".replace("-", "−")
        cells = [_arrow(relation.relation, relation.direction), f"{relation.accuracy:.1%}", ends, distance]
        rows.append(_row(screen, [*cells, f"{relation.n:,}", _q(relation.q_value)], relation.q_value))
    draw(screen, columns, rows)


def _row(screen: Screen, cells: Sequence[str], q_value: float) -> Row:
    """Dim where chance would do as well."""
    return list(cells) if q_value < SURE else [Cell(cell, screen.dim) for cell in cells]


def _arrow(name: str, direction: str | None) -> str:
    if direction is None:
        return "same word elsewhere"
    return f"{name} → its head" if direction == "toHead" else f"head → its {name}"


def _q(q_value: float) -> str:
    return f"{q_value:.0e}" if 0 < q_value < 0.001 else f"{q_value:.3f}"


def _examples(screen: Screen, one: HeadProfile) -> None:
    named: list[tuple[str, list[Hit] | None]] = [
        *((_arrow(role.role, role.direction), role.examples) for role in one.roles),
        *((f"looks at {word.word!r}", word.examples) for word in one.vocabulary),
    ]
    for name, hits in named:
        if hits:
            screen.line()
            screen.line(screen.bold(name) + screen.dim("   (boxed: who looks; then: at what)"))
            show_rows(screen, hits)
            looked_at = ", ".join(dict.fromkeys(hit.tokens[hit.target].text for hit in hits if hit.target is not None))
            for line in wrap(f"        at: {looked_at}", screen.width, "        "):
                screen.line(screen.dim(line))
