"""Draws ``overview.svg``, the picture of the README, out of the demo's own answers: ``python docs/images/overview.py``.

Run ``make demo`` first; the corpus is taken from where the demo put it.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np

from exbert_rpc.cli import demo
from exbert_rpc.client import Client, to_array

WIDTH, HEIGHT = 1260, 545
INK, SOFT, FAINT, STRONG, PALE = "#1f2330", "#6b7280", "#e5e7eb", "#5b21b6", "#c4b5fd"
FONT = "font-family:ui-sans-serif,system-ui,'Segoe UI','DejaVu Sans',sans-serif"
ROW = 27


def main() -> None:
    with Client.spawn(store=demo.demo_store(), model=demo.MODEL) as exbert:
        answer = exbert.attend(text=demo.SENTENCE, layers=[demo.LAYER], heads=[demo.HEAD])
        token = next(one.index for one in answer.tokens if one.text == demo.WORD)
        found = exbert.search_contexts(
            demo.CORPUS, capture_id=answer.capture_id, token=token, layer=demo.LAYER, heads=[demo.HEAD], distinct=True
        )
        summary = exbert.summarize(search_id=found.search_id)
    parts = [
        _open(),
        *_attention(answer.tokens, to_array(answer.attention)[0, 0], token),
        *_contexts(found.hits[:13]),
        *_summary(summary),
        "</svg>",
    ]
    Path(__file__).with_name("overview.svg").write_text("\n".join(parts) + "\n", encoding="utf-8")


def _open() -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" style="{FONT}" role="img" '
        f'aria-label="Attention of one head, similar contexts, and what they have in common">'
        f'<rect x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="14" fill="#fff" stroke="{FAINT}"/>'
    )


def _text(
    x: float, y: float, text: str, *, size: float = 14, fill: str = INK, anchor: str = "start", **more: str
) -> str:
    extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" text-anchor="{anchor}" xml:space="preserve"'
        f"{extra}>{escape(text)}</text>"
    )


def _heading(x: float, method: str, question: str) -> list[str]:
    return [
        _text(x, 44, method, size=15, fill=STRONG, font_weight="700"),
        _text(x, 68, question, size=14, fill=SOFT),
    ]


def _attention(tokens: list, weights: np.ndarray, chosen: int) -> list[str]:
    left, right, top = 130, 262, 112
    shown = [token for token in tokens if not token.is_special]
    y = {token.index: top + ROW * row for row, token in enumerate(shown)}
    parts = _heading(32, "attend", f"Where does head {demo.HEAD} of layer {demo.LAYER} look?")
    # the chosen token's curves come last, so that they lie on top
    for source in sorted(shown, key=lambda token: token.index == chosen):
        for target in shown:
            weight = float(weights[source.index, target.index])
            if weight < 0.03:
                continue
            a, b = y[source.index] - 5, y[target.index] - 5
            colour = STRONG if source.index == chosen else PALE
            parts.append(
                f'<path d="M{left + 10} {a} C{left + 66} {a} {right - 66} {b} {right - 10} {b}" fill="none" '
                f'stroke="{colour}" stroke-width="{1 + 7 * weight:.1f}" stroke-linecap="round" opacity="0.85"/>'
            )
    for token in shown:
        at = y[token.index]
        if token.index == chosen:
            parts.append(f'<rect x="{left - 52}" y="{at - 17}" width="60" height="23" rx="5" fill="{STRONG}"/>')
        fill = "#fff" if token.index == chosen else INK
        parts.append(_text(left, at, token.text, anchor="end", fill=fill))
        parts.append(_text(right, at, token.text))
    row = weights[chosen].copy()
    row[[token.index for token in tokens if token.is_special]] = 0
    best = int(row.argmax())
    parts.append(_text(right + 24, y[best], f"{row[best]:.0%}", fill=STRONG, font_weight="700"))
    parts.append(_text(32, HEIGHT - 22, "special tokens hidden", size=12, fill=SOFT))
    return parts


def _contexts(hits: list) -> list[str]:
    x, top, middle = 372, 112, 590
    parts = _heading(x, "searchContexts", f"Where does this head see something like “{demo.WORD}”?")
    for row, hit in enumerate(hits):
        at = top + 31 * row
        token = hit.tokens[hit.match]
        before = _shorten(" ".join(hit.sentence.text[: token.start].split())[::-1], 26)[::-1]
        after = _shorten(" ".join(hit.sentence.text[token.end :].split()), 22)
        width = 8.2 * len(token.text) + 10
        parts.append(_text(x, at, f"{hit.score:.2f}", size=12, fill=SOFT))
        parts.append(_text(middle - 6, at, f"{before}", size=13, anchor="end"))
        parts.append(f'<rect x="{middle}" y="{at - 15}" width="{width:.0f}" height="21" rx="5" fill="{PALE}"/>')
        parts.append(_text(middle + width / 2, at, token.text, size=13, anchor="middle", font_weight="600"))
        glued = "" if hit.sentence.text[token.end : token.end + 1].strip() else " "
        parts.append(_text(middle + width + (5 if glued else 1), at, after, size=13))
    parts.append(_text(x, HEIGHT - 22, "each opens at its file, line and column", size=12, fill=SOFT))
    return parts


def _shorten(text: str, size: int) -> str:
    """At most ``size`` characters, cut between words."""
    return text if len(text) <= size else text[:size].rpartition(" ")[0] + " …"


def _summary(summary) -> list[str]:
    x, bar = 892, 190
    parts = _heading(x, "summarize", f"What do the {summary.n_hits} nearest have in common?")
    wanted = [
        ("subject", "pos", "The match is a …"),
        ("maxAttention", "pos", "It attends most to a …"),
        ("maxAttention", "offset", "… that stands at distance"),
    ]
    y = 112.0
    for of, attribute, title in wanted:
        histogram = next(one for one in summary.histograms if (one.of, one.attribute) == (of, attribute))
        parts.append(_text(x, y, title, size=13, fill=SOFT))
        for one in [one for one in histogram.bins if one.count or one.q_value < 0.05][:3]:
            y += 26
            label = one.label.replace("-", "−")
            parts.append(_text(x + 62, y, label, size=13, anchor="end"))
            parts.append(f'<rect x="{x + 70}" y="{y - 13}" width="{bar}" height="17" rx="3" fill="{FAINT}"/>')
            filled = max(1.0, bar * one.share) if one.count else 0
            parts.append(f'<rect x="{x + 70}" y="{y - 13}" width="{filled:.0f}" height="17" rx="3" fill="{STRONG}"/>')
            mark = x + 70 + bar * one.baseline
            parts.append(
                f'<path d="M{mark:.0f} {y - 16:.0f}v23" stroke="#fff" stroke-width="4"/>'
                f'<path d="M{mark:.0f} {y - 16:.0f}v23" stroke="#f59e0b" stroke-width="2.5"/>'
            )
            strong = "700" if one.q_value < 0.05 else "400"
            parts.append(_text(x + 76 + bar, y, f"{one.share:.0%}", size=13, font_weight=strong))
            if one.lift is not None and one.q_value < 0.05 and one.count:
                parts.append(_text(x + 118 + bar, y, f"{one.lift:.3g}×", size=12, fill=SOFT))
        y += 44
    parts.append(f'<path d="M{x} {y - 16}v14" stroke="#f59e0b" stroke-width="2.5"/>')
    parts.append(_text(x + 8, y - 4, "expected: the same share over the whole corpus", size=12, fill=SOFT))
    parts.append(_text(x, y + 22, "So: before an infinitive this head finds its “to”.", size=13, font_weight="600"))
    habit = f"“One token back” is its habit: {histogram.bins[0].baseline:.0%} of all tokens."
    parts.append(_text(x, y + 42, habit, size=13))
    return parts


if __name__ == "__main__":
    main()
