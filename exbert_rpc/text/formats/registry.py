"""All formats, and which of them a file is."""

from __future__ import annotations

from pathlib import PurePosixPath

from exbert_rpc.text.formats import (
    columnar,
    conllu,
    html,
    json_records,
    markdown,
    notebook,
    plain,
    source_code,
    table,
    tex,
)
from exbert_rpc.text.formats.format import Format, ReadingOptions, UnreadableSource, name_of
from exbert_rpc.text.formats.refused import binary_reason, structure_of

FORMATS: tuple[Format, ...] = (
    plain.FORMAT,
    markdown.FORMAT,
    notebook.FORMAT,
    html.FORMAT,
    json_records.JSON_LINES,
    json_records.JSON_LIST,
    table.CSV,
    table.TSV,
    columnar.PARQUET,
    columnar.ARROW,
    conllu.FORMAT,
    tex.FORMAT,
    source_code.FORMAT,
)
PACKED = (".gz", ".zip")
"""Endings of what is unpacked; a gzipped file has the ending of its format before."""

_BY_SUFFIX = {suffix: one for one in FORMATS for suffix in one.suffixes}
_BY_NAME = {one.name: one for one in FORMATS}


def format_names() -> tuple[str, ...]:
    """Names of all formats."""
    return tuple(_BY_NAME)


def suffix_of(uri: str) -> str:
    """The ending of what a uri names, lower case; of ``a.csv.gz`` and of ``x.zip#/a.csv`` it is ``.csv``."""
    return PurePosixPath(name_of(uri)).suffix.lower()


def is_markdown(uri: str) -> bool:
    """Whether what an editor calls by this uri is cut as Markdown: by its ending, notebook cells included."""
    return suffix_of(uri) in (*markdown.SUFFIXES, ".ipynb")


def in_folders(name: str, options: ReadingOptions) -> bool:
    """Whether a file of this name is read where only its folder was named."""
    found = _BY_SUFFIX.get(suffix_of(name))
    return found is not None and found.in_folders(options)


def choose(uri: str, beginning: bytes | None, options: ReadingOptions) -> Format:
    """The format of a file.

    Args:
        uri: Its name.
        beginning: Its first bytes; ``None`` for a text by value, whose name alone decides.
        options: May name the format.

    Raises:
        UnreadableSource: It is of a kind that is not read, or that is nobody's prose unless somebody says so.
    """
    if options.format is not None:
        if options.format not in _BY_NAME:
            raise UnreadableSource(f"cannot be read: there is no format {options.format[:40]!r}")
        return _BY_NAME[options.format]
    suffix = suffix_of(uri)
    if suffix in _BY_SUFFIX:
        if beginning is not None and suffix in _TEXT_SUFFIXES:
            _refuse_binary("", beginning)
        return _BY_SUFFIX[suffix]
    _refuse_binary(suffix, beginning or b"")
    structure = structure_of(suffix)
    if structure is not None:
        raise UnreadableSource(f"is {structure}, not prose: choose --format text to index every character of it")
    start = (beginning or b"").decode("utf-8", "replace")
    return next((one for one in FORMATS if start and one.looks_like(start)), plain.FORMAT)


def _refuse_binary(suffix: str, beginning: bytes) -> None:
    reason = binary_reason(suffix, beginning)
    if reason is not None:
        raise UnreadableSource(reason)


_TEXT_SUFFIXES = frozenset({*plain.FORMAT.suffixes, *markdown.SUFFIXES})
