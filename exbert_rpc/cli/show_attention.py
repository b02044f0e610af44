"""Attention for reading: every token with where it looks, or one token head by head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.tables import Cell, Column, Row, draw
from exbert_rpc.cli.text import clip, pad, tidy, width, wrap

if TYPE_CHECKING:
    from exbert_rpc.protocol.types.describe_model import ModelDescription
    from exbert_rpc.protocol.types.tokens import Token

_FEW_HEADS = 3
_LONGEST_TOKEN = 14
_PERCENT = 4  # columns of "100%"


@dataclass(frozen=True)
class AttentionView:
    """Attention with what its axes are.

    Attributes:
        model: What ran.
        tokens: ``n`` tokens.
        attention: float32 ``[len(layers), len(heads), n, n]``, rows sum to 1.
        layers: First axis.
        heads: Second axis.
        notes: What a reader of the weights must know.
        roles: Who says each chat message; empty for a text.
    """

    model: ModelDescription
    tokens: Sequence[Token]
    attention: NDArray[np.float32]
    layers: Sequence[int]
    heads: Sequence[int]
    notes: Sequence[str] = ()
    roles: Sequence[str] = ()

    @cached_property
    def labels(self) -> list[str]:
        """The tokens for a person."""
        return token_labels(self.tokens)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Axes positions of all layers and heads, in order."""
        return [(i, j) for i in range(len(self.layers)) for j in range(len(self.heads))]

    def name(self, i: int, j: int) -> str:
        """How a head is called."""
        return f"{self.layers[i]}.{self.heads[j]}"


def show_every_token(screen: Screen, view: AttentionView) -> None:
    """A row a token: annotation, strongest attention, predictions."""
    _heading(screen, view)
    columns = [Column("#", "right"), Column("token"), Column("part")]
    if view.roles:
        columns.append(Column("said by"))
    few = len(view.pairs) <= _FEW_HEADS
    if few:
        columns += [Column(f"head {view.name(i, j)} looks at", may_shrink=True) for i, j in view.pairs]
    else:
        columns += [Column("all these heads look at", may_shrink=True), Column("the most decided one", may_shrink=True)]
    has_predictions = any(token.predictions for token in view.tokens)
    if has_predictions:
        columns.append(Column("expected here" if view.model.kind == "bidirectional" else "expected next", "left", True))
    rows: list[Row] = []
    for token in view.tokens:
        row: list[str | Cell] = [
            str(token.index),
            Cell(view.labels[token.index], screen.dim if token.is_special else screen.bold),
            token.pos or "",
        ]
        if view.roles:
            row.append("model" if token.generated else "" if token.message is None else view.roles[token.message])
        row += _few(view, token.index) if few else _many(view, token.index)
        if has_predictions:
            found = token.predictions or []
            row.append(" · ".join(f"{readable(one.token)} {percent(one.probability)}" for one in found))
        rows.append(row)
    draw(screen, columns, rows)


def show_one_token(screen: Screen, view: AttentionView, index: int) -> None:
    """A row a head, a column a token: how much of the head's attention from ``index`` goes to each."""
    _heading(screen, view)
    screen.line(f"attention from {screen.bold(view.labels[index])} (token {index}), in percent, a row a head:")
    names = [view.name(i, j) for i, j in view.pairs]
    rows = np.stack([view.attention[i, j, index] for i, j in view.pairs])
    show_heat(screen, names, view.labels, rows, index)


def show_heat(
    screen: Screen, names: Sequence[str], labels: Sequence[str], weights: NDArray[np.float32], marked: int | None
) -> None:
    """Weights in percent under their tokens, in as many panels as the width needs.

    Args:
        screen: Where to draw.
        names: One a row.
        labels: One a column.
        weights: float32 ``[rows, columns]`` in [0, 1].
        marked: Column whose label stands out, or ``None``.
    """
    left = max(width(name) for name in names)
    for panel in _panels([max(_PERCENT, width(one)) for one in labels], screen.width - left):
        sizes = {at: max(_PERCENT - 1, width(labels[at])) for at in panel}
        head = [pad(labels[at], sizes[at], "right") for at in panel]
        shown = [screen.bold(text) if at == marked else screen.dim(text) for at, text in zip(panel, head, strict=True)]
        screen.line(pad("", left) + " " + " ".join(shown))
        for name, row in zip(names, weights, strict=True):
            cells = (screen.heat(pad(_number(row[at]), sizes[at], "right"), float(row[at])) for at in panel)
            screen.line(f"{pad(name, left, 'right')} {' '.join(cells)}")


def token_labels(tokens: Sequence[Token]) -> list[str]:
    """Tokens for a person: their text.

    A dash stands before what continues a word, a question mark before what is masked, a plus before what was generated.
    """
    shown: list[str] = []
    for index, token in enumerate(tokens):
        before = tokens[index - 1] if index > 0 else None
        continues = before is not None and before.word is not None and before.word == token.word
        shown.append(_label(token, continues and before is not None and before.segment == token.segment))
    return shown


def _label(token: Token, continues: bool) -> str:
    if token.is_special:
        return f"+{token.token}" if token.generated else token.token
    text = ("-" if continues else "") + (tidy(token.text) or token.token)
    return clip(f"?{text}" if token.is_masked else f"+{text}" if token.generated else text, _LONGEST_TOKEN)


# how vocabularies write a space or a line end in front of a token
_MARKS = {"Ġ": "␣", "▁": "␣", "Ċ": "↵"}


def readable(token: str) -> str:
    """A predicted token for a person, its leading space or line end made visible."""
    return tidy(_MARKS[token[0]] + token[1:] if token[:1] in _MARKS else token)


def percent(share: float) -> str:
    """A share for a person."""
    return f"{share:.0%}" if share >= 0.01 or share == 0 else "<1%"


def _heading(screen: Screen, view: AttentionView) -> None:
    model = view.model
    layers = ", ".join(str(layer) for layer in view.layers)
    screen.line(
        f"{screen.bold(model.id)} · {len(view.tokens)} tokens · layer {layers} of 0-{model.n_layers - 1} · "
        f"{len(view.heads)} of {model.n_heads} heads (named layer.head)"
    )
    for note in view.notes:
        for line in wrap(f"Note: {note}", screen.width, "  "):
            screen.line(line)


def _few(view: AttentionView, index: int) -> list[str]:
    return [_strongest(view, view.attention[i, j, index], 3) for i, j in view.pairs]


def _many(view: AttentionView, index: int) -> list[str]:
    rows = view.attention[:, :, index].astype(np.float64)
    i, j = np.unravel_index(int(rows.max(axis=2).argmax()), rows.shape[:2])
    return [
        _strongest(view, rows.mean(axis=(0, 1)), 3),
        f"{view.name(int(i), int(j))} at {_strongest(view, rows[i, j], 1)}",
    ]


def _strongest(view: AttentionView, row: NDArray[np.floating], count: int) -> str:
    order = np.argsort(-row, kind="stable")[:count]
    return " · ".join(f"{view.labels[at]} {percent(float(row[at]))}" for at in order if row[at] >= 0.01)


def _panels(sizes: Sequence[int], available: int) -> list[list[int]]:
    panels: list[list[int]] = [[]]
    used = 0
    for at, size in enumerate(sizes):
        if panels[-1] and used + size + 1 > available:
            panels.append([])
            used = 0
        panels[-1].append(at)
        used += size + 1
    return panels


def _number(weight: float) -> str:
    return f"{100 * weight:.0f}" if weight >= 0.005 else "·"
