"""Hits of a search, as a concordance."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from exbert_rpc.protocol.html.parts import bar, cell, fitted, left_out, model_name, paragraph, percent, table, text
from exbert_rpc.protocol.types.hits import Hit
from exbert_rpc.protocol.types.search_contexts import SearchResult

_ROWS = 20
_SIDE = 45


def hits_html(result: SearchResult) -> str:
    """The best contexts with their match in the middle."""
    return fitted(lambda rows: _drawn(result, rows), min(_ROWS, len(result.hits)))


def _drawn(result: SearchResult, shown: int) -> str:
    query = "" if result.query is None else f" like <b>{text(result.query.text.strip() or result.query.token, 40)}</b>"
    how = "exact" if result.stats.exact else "approximate"
    title = (
        f"{len(result.hits)} contexts{query} of {result.stats.searched} tokens ({how}, {model_name(result.model.id)})"
    )
    if not result.hits:
        return paragraph(title + ".")
    head = ["score", "", "context", "", "attends most to", "POS", "document"]
    rows = table(head, (_row(hit) for hit in result.hits[:shown]))
    note = "" if result.stats.note is None else paragraph(text(result.stats.note, 300))
    return paragraph(title + ".") + rows + left_out(shown, len(result.hits), "contexts") + note


def _row(hit: Hit) -> str:
    match, sentence = hit.tokens[hit.match], hit.sentence.text
    before, after = sentence[: match.start][-_SIDE:], sentence[match.end :][:_SIDE]
    peak = hit.max_attention.outgoing
    attended = "" if peak is None else f"{text(hit.tokens[peak.index].text, 20)} {percent(peak.weight)}"
    return (
        cell(f"{hit.score:.3f} {bar(hit.score, 40)}")
        + cell(text(before), "text-align:right")
        + cell(f"<b>{text(sentence[match.start : match.end], 40)}</b>", "text-align:center")
        + cell(text(after))
        + cell(attended)
        + cell(text(match.pos or "", 20))
        + cell(f"{text(_document(hit.document), 60)}:{hit.range.start.line + 1}")
    )


def _document(name: str) -> str:
    """The folder and the name of a file: a notebook that is sent need not tell where its author keeps files."""
    path = unquote(urlsplit(name).path) if name.startswith("file:") else name
    return "/".join([part for part in path.replace("\\", "/").split("/") if part][-2:])
