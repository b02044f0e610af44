"""A pass: what each token attends to, as a heat map of one layer, and a line for each token."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.protocol.arrays import to_array
from exbert_rpc.protocol.html.parts import cell, fitted, left_out, model_name, paragraph, percent, shade, table, text
from exbert_rpc.protocol.types.attend import AttendResult

_MAP = 20
_ROWS = 40


def attention_html(result: AttendResult) -> str:
    """Heat map of the last layer that was asked for, mean over its heads, and the strongest target of each token."""
    weights = to_array(result.attention)
    if weights.size == 0:
        return fitted(lambda _: paragraph(f"{len(result.tokens)} tokens, no attention was asked for."), 1)
    mean: NDArray[np.float32] = weights[-1].mean(axis=0)
    return fitted(lambda rows: _drawn(result, mean, rows), min(_ROWS, len(result.tokens)))


def _drawn(result: AttendResult, mean: NDArray[np.float32], rows: int) -> str:
    heads = f"mean of {len(result.heads)} heads" if len(result.heads) > 1 else f"head {result.heads[0]}"
    title = f"<b>{model_name(result.model.id)}</b>, layer {result.layers[-1]}, {heads}"
    shown = min(_MAP, rows)
    notes = "".join(paragraph(text(note, 300)) for note in result.notes)
    n = len(result.tokens)
    legend = "Rows attend to columns, in percent; special tokens included."
    return (
        paragraph(f"{title}. {legend}")
        + _heat_map(result, mean, shown)
        + left_out(shown, n, "tokens are in the picture")
        + _targets(result, mean, rows)
        + left_out(rows, n, "tokens")
        + notes
    )


def _heat_map(result: AttendResult, mean: NDArray[np.float32], shown: int) -> str:
    names = [_name(result, at) for at in range(shown)]
    strongest = max(float(mean[:shown, :shown].max()), 1e-9)
    rows = (
        cell(text(names[i], 20))
        + "".join(
            f'<td style="{shade(float(mean[i, j]) / strongest)}">{100 * float(mean[i, j]):.0f}</td>'
            for j in range(shown)
        )
        for i in range(shown)
    )
    return table(["", *(name[:20] for name in names)], rows)


def _targets(result: AttendResult, mean: NDArray[np.float32], shown: int) -> str:
    plain = np.array([not token.is_special for token in result.tokens])
    rows = []
    for at, token in enumerate(result.tokens[:shown]):
        target = int(np.where(plain, mean[at], -1.0).argmax())
        predicted = token.predictions[0] if token.predictions else None
        said = "" if predicted is None else f"{text(predicted.token, 20)} {percent(predicted.probability)}"
        cells = (at, text(_name(result, at), 20), text(token.pos or "", 20), text(token.dep or "", 20))
        attended = f"{text(_name(result, target), 20)} {percent(float(mean[at, target]))}"
        rows.append("".join(cell(str(one)) for one in (*cells, attended, said)))
    return table(["", "token", "POS", "dep", "attends most to", "predicted"], rows)


def _name(result: AttendResult, at: int) -> str:
    token = result.tokens[at]
    return token.token if token.is_special or not token.text.strip() else token.text.strip()
