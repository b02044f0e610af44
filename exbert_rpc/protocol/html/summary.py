"""What the hits of a search share: sentences, and a histogram of each attribute."""

from __future__ import annotations

from exbert_rpc.protocol.html.parts import bar, cell, fitted, paragraph, percent, table, text
from exbert_rpc.protocol.types.summarize import Bin, Histogram, SummarizeResult

_BINS = 5
_HISTOGRAMS = 12
_VERDICTS = {"head": "the head", "word": "explained by the word", "echo": "explained by what is attended to"}
_NAMES = {"subject": "token", "maxAttention": "attends most to"}


def summary_html(result: SummarizeResult) -> str:
    """Findings first, then the most frequent labels with their base rates."""
    return fitted(lambda bins: _drawn(result, bins), _BINS)


def _drawn(result: SummarizeResult, bins: int) -> str:
    title = f"{result.n_hits} contexts, {result.n_distinct} distinct; base rates of {result.n_baseline} tokens."
    found = "".join(f"<li>{text(sentence, 300)}</li>" for sentence in _sentences(result)[: 4 * bins])
    none = "No share differs significantly from the corpus (q &lt; 0.05)."
    return (
        paragraph(title)
        + (f"<ul>{found}</ul>" if found else paragraph(none))
        + "".join(_histogram(one, bins) for one in result.histograms[:_HISTOGRAMS] if one.bins)
        + "".join(paragraph(text(note, 300)) for note in result.notes)
    )


def _sentences(result: SummarizeResult) -> list[str]:
    if not result.findings_detailed:
        return result.findings
    return [
        f"{one.sentence} ({_VERDICTS[one.verdict]})" if one.verdict in _VERDICTS else one.sentence
        for one in result.findings_detailed
    ]


def _histogram(histogram: Histogram, bins: int) -> str:
    rows = (_row(one) for one in histogram.bins[:bins])
    return table([f"{_NAMES[histogram.of]}: {histogram.attribute}", "", "share", "expected", "q"], rows)


def _row(one: Bin) -> str:
    return (
        cell(text(one.label, 30))
        + cell(bar(one.share))
        + cell(f"{one.count} ({percent(one.share)})")
        + cell(percent(one.baseline))
        + cell(f"{one.q_value:.2g}")
    )
