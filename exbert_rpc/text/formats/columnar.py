"""Parquet files and data sets that Hugging Face's ``datasets`` has saved to disk: one column is the text.

Rows are streamed. They have numbers, not lines: a hit of such a file opens at its beginning and carries the number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from exbert_rpc.text.formats.format import Content, Format, Found, ReadingOptions, UnreadableSource
from exbert_rpc.text.formats.records import Problems, metadata_of, text_path, value_at
from exbert_rpc.text.types import Document, Excerpt

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 1024


def _read(content: Content, options: ReadingOptions, batches: Callable[[Content], Iterator[pa.RecordBatch]]) -> Found:
    if find_spec("pyarrow") is None:
        raise UnreadableSource("needs pyarrow to be read (pip install 'exbert-rpc[data]')")
    import pyarrow as pa

    problems, found, number = Problems(content.uri, "row"), 0, 0
    path: tuple[str, ...] | None = None
    try:
        for batch in batches(content):
            batch.validate(full=True)  # a damaged offset would lead out of the buffer, and end the process
            for row in batch.to_pylist():
                path = text_path(row, options) if path is None else path
                document = _document(content.uri, row, number, path, problems, options)
                number += 1
                if document is not None:
                    found += 1
                    yield document
    except (pa.ArrowException, OSError, ValueError) as exc:
        if not found:
            raise UnreadableSource(f"cannot be read: {str(exc).splitlines()[0]}") from exc
        problems.add(number, "and what follows cannot be read: the file is damaged")
    if not found:
        raise UnreadableSource(f"has no row with a text: {problems.first()}" if problems else "has no rows")
    yield from problems.told()


def _document(
    uri: str,
    row: dict[str, object],
    number: int,
    path: tuple[str, ...],
    problems: Problems,
    options: ReadingOptions,
) -> Document | None:
    try:
        text = value_at(row, path)
    except KeyError:
        problems.add(number, f"has no column {'.'.join(path)!r}")
        return None
    if not isinstance(text, str):
        problems.add(number, f"{'.'.join(path)!r} is no text")
        return None
    if not text.strip() or "\0" in text:
        problems.add(number, "its text is empty" if not text.strip() else "its text is no Unicode text")
        return None
    return Document(
        uri,
        text,
        record=number,
        group=str(number),
        excerpt=Excerpt("", 0, ()),
        metadata=metadata_of(row, path),
        is_lines=options.lines,
    )


def _parquet(content: Content) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetFile(content.path or pa.BufferReader(content.data())) as file:
        yield from file.iter_batches(batch_size=_ROWS_AT_ONCE)


def _arrow(content: Content) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    source = pa.BufferReader(content.data()) if content.path is None else pa.memory_map(str(content.path))
    with source:
        try:
            batches = iter(pa.ipc.open_stream(source))
        except pa.ArrowInvalid:
            source.seek(0)
            file = pa.ipc.open_file(source)
            batches = (file.get_batch(at) for at in range(file.num_record_batches))
        for batch in batches:
            for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
                yield batch.slice(start, _ROWS_AT_ONCE)


def _asked(options: ReadingOptions) -> bool:
    return options.text_field is not None


PARQUET = Format(
    "parquet",
    (".parquet",),
    "Parquet: the column of --text-field is the text (needs exbert-rpc[data])",
    lambda content, options: _read(content, options, _parquet),
    _asked,
    has_records=True,
)
ARROW = Format(
    "arrow",
    (".arrow", ".feather"),
    "Arrow files, and data sets that Hugging Face's `datasets` saved (needs exbert-rpc[data])",
    lambda content, options: _read(content, options, _arrow),
    _asked,
    has_records=True,
)
