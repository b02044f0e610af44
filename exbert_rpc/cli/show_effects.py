"""Effects of heads, parts of a prediction, and differences of two passes, as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.show_attention import percent, readable
from exbert_rpc.cli.tables import Cell, Column, Row, draw

if TYPE_CHECKING:
    from exbert_rpc.protocol.types.ablate_heads import AblateHeadsResult, HeadEffect
    from exbert_rpc.protocol.types.compare_captures import CompareCapturesResult
    from exbert_rpc.protocol.types.decompose import DecomposeResult, Part
    from exbert_rpc.protocol.types.tokens import Prediction


def show_ablation(screen: Screen, answer: AblateHeadsResult, rows: int, *, alone: bool) -> None:
    """The strongest effects first, by amount; ``alone``: no second text was given."""
    gives = "its mean output" if answer.mode == "mean" else "nothing"
    if answer.target is not None:
        screen.line(
            f"{screen.bold(readable(answer.target.piece))} at token {answer.target.token}: probability "
            f"{percent(math.exp(answer.base))}, log-probability {answer.base:.3f}; each head gives {gives} instead"
        )
        columns = [Column("head", "right"), Column("Δ log p", "right"), Column("KL", "right"), Column("then likeliest")]
    else:
        of = "the text with itself, as the model predicts no tokens" if alone else "the two texts"
        screen.line(f"cosine of {of}: {screen.bold(f'{answer.base:.4f}')}; each head gives {gives} instead")
        columns = [Column("head", "right"), Column("Δ cosine", "right"), Column("then", "right")]
    ordered = sorted(answer.effects, key=lambda one: -abs(one.delta))[:rows]
    draw(screen, columns, [_effect(screen, one) for one in ordered])
    left = len(answer.effects) - len(ordered)
    if left > 0:
        screen.line(screen.dim(f"{left} heads with smaller effects are left out (--rows)"))


def _effect(screen: Screen, one: HeadEffect) -> Row:
    name = Cell("together" if one.layer is None else f"{one.layer}.{one.head}", screen.bold)
    if one.kl_divergence is None:
        return [name, f"{one.delta:+.4f}", f"{one.value:.4f}"]
    return [name, f"{one.delta:+.3f}", f"{one.kl_divergence:.3f}", _predictions(one.top or [])]


def show_decomposition(screen: Screen, answer: DecomposeResult, rows: int) -> None:
    """The largest parts first, by amount; then what each hidden state predicts."""
    screen.line(f"{_explained(screen, answer)}: {answer.total:.4f}; rounding leaves {answer.residual:.1e}")
    ordered = sorted(answer.parts, key=lambda part: -abs(part.value))
    columns = [Column("part", "left"), Column("contributes", "right")]
    draw(screen, columns, [[Cell(_part(one), screen.bold), f"{one.value:+.4f}"] for one in ordered[:rows]])
    if len(ordered) > rows:
        rest = sum(one.value for one in ordered[rows:])
        screen.line(screen.dim(f"{len(ordered) - rows} smaller parts together {rest:+.4f} (--rows)"))
    if answer.lens:
        screen.line()
        screen.line(screen.bold("what each hidden state predicts"))
        lens = [
            [str(one.hidden_layer), percent(one.target_probability), str(one.target_rank), _predictions(one.top)]
            for one in answer.lens
        ]
        titles = [Column("state", "right"), Column("target", "right"), Column("rank", "right"), Column("likeliest")]
        draw(screen, titles, lens)


def _explained(screen: Screen, answer: DecomposeResult) -> str:
    if answer.target is None:
        return "cosine of the two texts"
    target = f"{screen.bold(readable(answer.target.piece))} at token {answer.target.token}"
    if answer.contrast is None:
        return f"logit of {target} above the mean"
    return f"logit of {target} above that of {screen.bold(readable(answer.contrast.piece))}"


def _part(one: Part) -> str:
    if one.kind == "head":
        return f"head {one.layer}.{one.head}"
    return f"MLP {one.layer}" if one.kind == "mlp" else {"embedding": "embedding", "bias": "biases"}[one.kind]


def show_comparison(screen: Screen, answer: CompareCapturesResult, tokens: Sequence[str], rows: int) -> None:
    """Heads whose attention differs most, hidden states, and changed predictions."""
    ordered = sorted(answer.heads, key=lambda one: -one.divergence)[:rows]
    screen.line(screen.bold("attention differs most (Jensen-Shannon distance, 0 to 1)"))
    draw(
        screen,
        [Column("head", "right"), Column("distance", "right")],
        [[f"{one.layer}.{one.head}", f"{one.divergence:.3f}"] for one in ordered],
    )
    screen.line()
    screen.line(screen.bold("hidden states"))
    states: list[Row] = []
    for state in answer.hidden_states:
        least = min(range(len(state.cosine)), key=lambda at, row=state.cosine: row[at])  # type: ignore[misc]
        mean = sum(state.cosine) / len(state.cosine)
        states.append(
            [str(state.hidden_layer), f"{mean:.3f}", f"{state.cosine[least]:.3f} at {readable(tokens[least])}"]
        )
    draw(screen, [Column("state", "right"), Column("mean cosine", "right"), Column("least")], states)
    if answer.predictions:
        screen.line()
        screen.line(screen.bold("changed predictions"))
        changed = [[str(p.token), _predictions([p.before]), _predictions([p.after])] for p in answer.predictions]
        draw(screen, [Column("token", "right"), Column("before"), Column("after")], changed)


def _predictions(found: Sequence[Prediction]) -> str:
    return " · ".join(f"{readable(one.token)} {percent(one.probability)}" for one in found)
