"""Corpora and models as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.tables import Cell, Column, Row, draw
from exbert_rpc.cli.text import tidy

if TYPE_CHECKING:
    from exbert_rpc.protocol.types.describe_corpus import CorpusDescription
    from exbert_rpc.protocol.types.describe_model import ModelDescription
    from exbert_rpc.protocol.types.list_models import ModelListing


def size(nbytes: int) -> str:
    """Bytes for a person."""
    amount = float(nbytes)
    for unit in ("bytes", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:,.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"


def shown_graph(coverage: float, nbytes: int, recall: Mapping[int, float]) -> str:
    """A search graph for a person."""
    found = ", ".join(f"{share:.1%} with {heads} head{'s' * (heads > 1)}" for heads, share in recall.items())
    held = "" if coverage == 1 else f"{coverage:.0%} of the vectors, "
    return f"{held}{size(nbytes)}; of the nearest it finds {found or 'nothing'}"


def show_corpora(screen: Screen, corpora: Sequence[CorpusDescription]) -> None:
    """One row a corpus."""
    if not corpora:
        screen.line("no corpora yet: exbert-rpc index NAME SOURCE...")
        return
    columns = [
        Column("corpus"),
        Column("documents", "right"),
        Column("sentences", "right"),
        Column("tokens", "right"),
        Column("size", "right"),
        Column("model", may_shrink=True),
        Column("pipeline", may_shrink=True),
        Column("state"),
    ]
    rows: list[Row] = []
    for one in corpora:
        state = Cell("damaged", screen.bad) if one.damaged else Cell("healthy", screen.good)
        counts = [f"{count:,}" for count in (one.documents, one.sentences, one.tokens)]
        rows.append([Cell(one.corpus, screen.bold), *counts, size(one.bytes), one.model, one.pipeline, state])
    draw(screen, columns, rows)


def show_corpus(screen: Screen, one: CorpusDescription) -> None:
    """All that is known of a corpus."""
    rows = {
        "corpus": one.corpus,
        "model": one.model,
        "pipeline": one.pipeline,
        "precision": one.precision,
        "layers": ranges(one.layers),
        "spaces": ", ".join(one.spaces),
        "documents": f"{one.documents:,}",
        "sentences": f"{one.sentences:,}",
        "tokens": f"{one.tokens:,}",
        "size": size(one.bytes),
        "dtype": one.dtype,
        "fingerprint": one.fingerprint,
        "damaged": ", ".join(one.damaged) or "nothing",
    }
    if one.annotations:
        counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(one.annotations.items()))
        rows["annotations"] = f"of treebanks: {counts}"
    if one.metadata:
        rows["metadata"] = tidy(", ".join(f"{key} ({count:,})" for key, count in sorted(one.metadata.items())))
    for graph in one.graphs:
        recall = {measured.heads: measured.recall for measured in graph.recall}
        shown = "damaged" if graph.damaged else shown_graph(graph.coverage, graph.bytes, recall)
        rows[f"graph {graph.layer}:{graph.space}"] = shown
    show_pairs(screen, rows)
    if one.damaged:
        screen.line(screen.bad("index it again: only the damaged part is computed again"))


def show_models(screen: Screen, models: Sequence[ModelListing]) -> None:
    """One row a model."""
    rows = [[Cell(m.id, screen.bold), "default" if m.is_default else "", m.source] for m in models]
    draw(screen, [Column("model"), Column(""), Column("from", may_shrink=True)], rows)


def show_model(screen: Screen, one: ModelDescription) -> None:
    """All that is known of a model."""
    shared = "" if one.n_kv_heads == one.n_heads else f" ({one.n_kv_heads} of keys and values)"
    rows = {
        "model": one.id,
        "architecture": f"{one.architecture}, {one.kind}",
        "layers": f"{one.n_layers}" + ("" if one.n_decoder_layers is None else f", decoder {one.n_decoder_layers}"),
        "attention in layers": ranges(one.attention_layers or range(one.n_layers)),
        "heads": f"{one.n_heads}{shared}, {one.head_size} wide",
        "hidden size": f"{one.hidden_size:,}",
        "longest text": f"{one.max_tokens:,} tokens",
        "predicts": "yes" if one.has_lm_head else "no: it has no language-model head",
        "mask token": one.mask_token or "none",
        "device": one.device,
        "dtype": one.dtype,
        "quantization": one.quantization or "none",
        "unused weights": tidy(", ".join(one.unused_weights)) or "none",
        "fingerprint": one.fingerprint,
    }
    show_pairs(screen, rows)


def show_pairs(screen: Screen, rows: dict[str, str]) -> None:
    """Names and values."""
    draw(screen, [Column(), Column(may_shrink=True)], [[Cell(name, screen.dim), value] for name, value in rows.items()])


def ranges(numbers: Sequence[int]) -> str:
    """``0-5, 8`` for ``0 1 2 3 4 5 8``."""
    parts: list[str] = []
    start = 0
    for index, number in enumerate(numbers):
        if index + 1 == len(numbers) or numbers[index + 1] != number + 1:
            parts.append(str(number) if index == start else f"{numbers[start]}-{number}")
            start = index + 1
    return ", ".join(parts)
