"""``exbert-rpc index``."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from typing import get_args

from exbert_rpc.cli.calls import print_json
from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.parser import UsageError
from exbert_rpc.cli.progress import duration
from exbert_rpc.cli.show_corpora import shown_graph, size
from exbert_rpc.cli.text import shown_path, tidy
from exbert_rpc.cli.work import engine_of, run
from exbert_rpc.engine.corpus_requests import IndexRequest, IndexResult
from exbert_rpc.text.formats.format import LeaveOut, ReadingOptions
from exbert_rpc.text.sources import MOST_NAMED
from exbert_rpc.text.types import Skipped


def index(options: Namespace) -> int:
    """Build or update a corpus."""
    if options.engine == "local" and (options.workers is not None or options.address is not None):
        raise UsageError("--workers and --address are for Ray", hint="add --engine ray")
    if not options.sources and not options.graph:
        raise UsageError("the following arguments are required: SOURCE", hint="see exbert-rpc index --help")
    request = IndexRequest(
        corpus=options.name,
        sources=tuple(options.sources),
        model=options.model,
        pipeline=options.pipeline,
        layers=options.layers,
        spaces=options.spaces,
        precision=options.precision,
        reading=reading_options(options),
        replace=options.replace,
        graphs=tuple(options.graph),
        engine=options.engine,
        workers=options.workers,
        address=options.address,
    )
    with engine_of(options) as engine:
        report = run(lambda task: engine.index_corpus(request, task), f"indexing {options.name}")
    if options.json:
        from exbert_rpc.methods.index_corpus import encode_result

        print_json(encode_result(report))
    else:
        _show(Screen.of(sys.stdout), report)
    return 1 if report.kept else 0


def reading_options(options: Namespace) -> ReadingOptions | None:
    """What was asked for; ``None`` if nothing was."""
    given = {
        "format": options.format,
        "lines": options.lines,
        "text_field": options.text_field,
        "encoding": options.encoding,
        "errors": options.errors,
        "leave_out": _leave_out(options.leave_out),
        "comments": options.comments,
        "outputs": options.outputs,
        "annotations": options.annotations,
        "gitignore": options.gitignore,
    }
    asked = {name: value for name, value in given.items() if value}
    return ReadingOptions(**asked) if asked else None


def _leave_out(names: tuple[str, ...] | None) -> tuple[str, ...]:
    wrong = sorted(set(names or ()) - set(get_args(LeaveOut)))
    if wrong:
        raise UsageError(f"--leave-out: {wrong[0]!r} is no part", hint=f"use {', '.join(get_args(LeaveOut))}")
    return names or ()


def _show(screen: Screen, report: IndexResult) -> None:
    if report.kept:
        screen.line(screen.bad(f"nothing could be read; {report.corpus} stays as it was"))
    elif report.tokens == 0:
        screen.line(screen.bad(f"{report.corpus} is empty: the tokenizer keeps nothing of these sources"))
    screen.line(
        f"{screen.bold(report.corpus)}: {report.documents:,} documents, {report.sentences:,} sentences, "
        f"{report.tokens:,} tokens, {size(report.nbytes)}"
    )
    screen.line(f"{report.unchanged:,} documents were there already; it took {duration(report.seconds)}")
    for graph in report.graphs:
        shown = shown_graph(graph.coverage, graph.nbytes, graph.recall)
        screen.line(f"search graph of {graph.layer}:{graph.space}: {shown}")
    if report.skipped:
        screen.line(screen.bold(f"skipped, {len(report.skipped):,}:"))
        for one in report.skipped[:MOST_NAMED]:
            screen.line(f"  {shown_path(one.uri)}: {tidy(one.reason)}")
        for reason, count in _reasons(report.skipped[MOST_NAMED:]):
            screen.line(f"  and {count:,} more: {tidy(reason)}")


def _reasons(skipped: Sequence[Skipped]) -> list[tuple[str, int]]:
    """How often each reason is given, numbers and quoted names in it left out, the most frequent first."""
    return Counter(re.sub(r"[0-9][0-9,]*", "…", re.sub(r"'[^']*'", "…", one.reason)) for one in skipped).most_common()
