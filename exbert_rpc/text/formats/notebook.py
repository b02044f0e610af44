"""Jupyter notebooks, nbformat 3 to 4.5: Markdown and heading cells of all worksheets; text outputs on request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from exbert_rpc.text.formats.format import Content, Format, Found, ReadingOptions, UnreadableSource
from exbert_rpc.text.formats.markdown import markdown_document
from exbert_rpc.text.formats.records import Problems
from exbert_rpc.text.types import Document

_PROSE = ("markdown", "heading")


_BROKEN = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError)


def _read(content: Content, options: ReadingOptions) -> Found:
    try:
        cells = _cells(json.loads(content.text()))
    except _BROKEN as exc:
        raise UnreadableSource(f"is not a Jupyter notebook: {type(exc).__name__} {exc}") from exc
    problems, found = Problems(content.uri, "cell"), 0
    for number, cell in enumerate(cells):
        try:
            documents = list(_of_cell(content.uri, number, cell, options))
        except _BROKEN as exc:
            problems.add(number, f"is not a cell: {type(exc).__name__} {exc}")
            continue
        found += len(documents)
        yield from documents
    if not found:
        raise UnreadableSource(
            f"is not a Jupyter notebook: {problems.first()}" if problems else "has no Markdown cells with text"
        )
    yield from problems.told()


def _cells(notebook: dict[str, object]) -> list[dict[str, object]]:
    """All cells, numbered through all worksheets (which only nbformat 3 has)."""
    if "cells" in notebook:
        return list(notebook["cells"])  # type: ignore[call-overload,no-any-return]
    return [cell for sheet in notebook["worksheets"] for cell in sheet.get("cells", [])]  # type: ignore[attr-defined]


def _of_cell(uri: str, number: int, cell: dict[str, object], options: ReadingOptions) -> Iterator[Document]:
    if cell["cell_type"] in _PROSE:
        source = _joined(cell["source"])
        if source.strip():
            yield markdown_document(uri, source, options, cell=number)
    elif cell["cell_type"] == "code" and options.outputs:
        for record, text in enumerate(_outputs(cell)):
            if text.strip():
                yield replace(Document(uri, text, number, record=record), metadata=(("part", "output"),))


def _outputs(cell: dict[str, object]) -> Iterator[str]:
    """Texts that a code cell wrote: streams, and results that are plain text."""
    for output in cell.get("outputs", []):  # type: ignore[attr-defined]
        kind = output["output_type"]
        if kind == "stream":
            yield _joined(output["text"])
        elif kind in ("execute_result", "display_data", "pyout"):
            bundle = output.get("data", output)
            yield _joined(bundle.get("text/plain", bundle.get("text", "")))


def _joined(source: object) -> str:
    """A text, which nbformat keeps as a string or as a list of lines."""
    if isinstance(source, str):
        return source
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    raise TypeError("a cell's source is neither text nor lines")


FORMAT = Format("notebook", (".ipynb",), "Jupyter notebooks: Markdown cells; with --outputs what code wrote", _read)
