"""Answers as rows of plain values: CSV, JSON Lines, Parquet."""

from __future__ import annotations

import csv
import io
import json
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from exbert_rpc.cli.calls import print_json
from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.parser import UsageError
from exbert_rpc.errors import ExbertError

if TYPE_CHECKING:
    from exbert_rpc.protocol.tables import Row, TableResult

T = TypeVar("T", bound="TableResult")


def wants_rows(options: Namespace) -> bool:
    """Whether rows are asked for; raises ``UsageError`` if that contradicts something else."""
    if options.format is None:
        if options.output is not None:
            raise UsageError("--output is for rows", hint="add --format csv, jsonl or parquet")
        return False
    if options.json:
        raise UsageError("--json and --format exclude each other")
    if options.format == "parquet" and options.output is None and sys.stdout.isatty():
        raise UsageError("--format parquet is no text", hint="add --output FILE, or send it to a file")
    return True


def deliver(answer: T, options: Namespace, show: Callable[[Screen, T], None]) -> None:
    """Write an answer as rows, as JSON, or with ``show`` for a person, as the options say."""
    if wants_rows(options):
        _write_rows(answer, options)
    elif options.json:
        print_json(answer)
    else:
        show(Screen.of(sys.stdout), answer)


def _write_rows(answer: TableResult, options: Namespace) -> None:
    """Write the rows of an answer where the options say."""
    if options.format == "parquet":
        body = _parquet(answer)
    else:
        rows = answer.to_rows()
        body = (_csv(rows) if options.format == "csv" else _jsonl(rows)).encode("utf-8", "replace")
    if options.output is not None:
        Path(options.output).write_bytes(body)
    elif sys.stdout.isatty():
        Screen.of(sys.stdout).write(body.decode("utf-8"))
    else:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()


def _csv(rows: list[Row]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _jsonl(rows: list[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _parquet(answer: TableResult) -> bytes:
    table = answer.to_arrow()
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as exc:
        raise ExbertError("pyarrow is not installed", hint="pip install 'exbert-rpc[data]'") from exc
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    body: bytes = sink.getvalue().to_pybytes()
    return body
