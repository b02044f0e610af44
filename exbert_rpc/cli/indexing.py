"""``exbert-rpc index``."""

from __future__ import annotations

import sys
from argparse import Namespace

from exbert_rpc.cli.arguments import UsageError
from exbert_rpc.cli.calls import print_json
from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.progress import duration
from exbert_rpc.cli.show_corpora import size
from exbert_rpc.cli.text import tidy
from exbert_rpc.cli.work import engine_of, run
from exbert_rpc.engine.requests import IndexRequest, IndexResult


def index(options: Namespace) -> int:
    """Build or update a corpus."""
    if options.engine == "local" and (options.workers is not None or options.address is not None):
        raise UsageError("--workers and --address are for Ray", hint="add --engine ray")
    request = IndexRequest(
        corpus=options.name,
        sources=tuple(options.sources),
        model=options.model,
        pipeline=options.pipeline,
        layers=options.layers,
        spaces=options.spaces,
        precision=options.precision,
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
    return 0


def _show(screen: Screen, report: IndexResult) -> None:
    screen.line(
        f"{screen.bold(report.corpus)}: {report.documents:,} documents, {report.sentences:,} sentences, "
        f"{report.tokens:,} tokens, {size(report.nbytes)}"
    )
    screen.line(f"{report.unchanged:,} documents were there already; it took {duration(report.seconds)}")
    if report.skipped:
        screen.line(screen.bold(f"skipped, {len(report.skipped)}:"))
        for one in report.skipped:
            screen.line(f"  {tidy(one.uri)}: {tidy(one.reason)}")
