"""Profiles of heads: what each does, in a line."""

from __future__ import annotations

from exbert_rpc.protocol.html.parts import cell, fitted, left_out, model_name, paragraph, percent, shade, table, text
from exbert_rpc.protocol.types.profile_heads import HeadProfile, ProfileResult

_ROWS = 72
_SENTENCES = 3
_WORDS = 6


def profile_html(result: ProfileResult) -> str:
    """A line for each head: its findings, its words, and how wide it looks."""
    return fitted(lambda rows: _drawn(result, rows), min(_ROWS, len(result.heads)))


def _drawn(result: ProfileResult, shown: int) -> str:
    title = (
        f"{len(result.heads)} heads of {model_name(result.model)} over {result.tokens} tokens of {text(result.corpus)}."
    )
    head = ["head", "findings", "looks at", "entropy", "on special tokens"]
    return (
        paragraph(title)
        + table(head, (_row(one) for one in result.heads[:shown]))
        + left_out(shown, len(result.heads), "heads")
        + "".join(paragraph(text(note, 300)) for note in result.notes)
    )


def _row(one: HeadProfile) -> str:
    found = "<br>".join(text(sentence, 160) for sentence in one.findings[:_SENTENCES])
    words = ", ".join(text(word.word, 20) for word in one.vocabulary[:_WORDS])
    return (
        cell(f"{one.layer}.{one.head}")
        + cell(found)
        + cell(words)
        + cell(f"{one.entropy:.2f}", shade(one.entropy))
        + cell(percent(one.special), shade(one.special))
    )
