"""Zip archives: their files are read as those of a folder are, and named ``archive.zip#/path/in/it``."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote, unquote, urlsplit

from exbert_rpc.text.contents import FileContent, reading
from exbert_rpc.text.formats.format import ReadingOptions, UnreadableSource
from exbert_rpc.text.formats.registry import in_folders
from exbert_rpc.text.types import Skipped

_NAMED = 20


def members(uri: str, path: Path, options: ReadingOptions) -> Iterator[FileContent | Skipped]:
    """The files of an archive that are read, in order of their names, and what is left out.

    Raises:
        UnreadableSource: It is no archive, or has nothing to read.
    """
    wanted = unquote(urlsplit(uri).fragment)
    base = uri.partition("#")[0]
    with reading(), zipfile.ZipFile(path) as archive:
        others, found = [], 0
        for info in sorted(archive.infolist(), key=lambda one: one.filename):
            if info.is_dir() or _is_hidden(info.filename) or (wanted and wanted != f"/{info.filename}"):
                continue
            name = f"{base}#/{quote(info.filename)}"
            if info.flag_bits & 1:
                yield Skipped(name, "is encrypted")
            elif in_folders(info.filename, options) or options.format is not None:
                found += 1
                yield FileContent(name, _opener(archive, info), options)
            else:
                others.append(info.filename)
        if others:
            more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
            yield Skipped(uri, f"has files of other types, left out: {', '.join(others[:_NAMED])}{more}")
        if not found and not wanted:
            raise UnreadableSource("has no text files")


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    return lambda: cast(BinaryIO, archive.open(info))


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
