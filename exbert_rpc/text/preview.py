"""What sources hold, before anything is read: how many files of which format, and which fields records have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from exbert_rpc.tasks import Task
from exbert_rpc.text.contents import FileContent, InlineContent, file_content, reading
from exbert_rpc.text.files import DEFAULT
from exbert_rpc.text.formats.format import Format, ReadingOptions, UnreadableSource
from exbert_rpc.text.formats.records import FieldsAsked
from exbert_rpc.text.formats.registry import choose
from exbert_rpc.text.sources import Source, Sources
from exbert_rpc.text.types import Skipped

PACKED = "zip"
"""What zip archives are counted as: they are not unpacked for a preview."""


_MOST = 1 << 20  # bytes that an encoding is found out by


@dataclass(frozen=True, slots=True)
class FormatCount:
    """The files of one format.

    Attributes:
        format: Its name.
        files: Number of files.
        nbytes: Their size in bytes.
        fields: Fields of their records, in order of appearance; empty where a file is a text.
    """

    format: str
    files: int
    nbytes: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be read, by format (most files first), and what would not."""

    formats: tuple[FormatCount, ...]
    skipped: tuple[Skipped, ...]


def preview(
    sources: Sequence[Source],
    options: ReadingOptions = DEFAULT,
    allowed_roots: tuple[Path, ...] | None = None,
    task: Task | None = None,
) -> Preview:
    """Look at what sources name; of a file no more is read than its beginning, or its first record.

    Records are counted also where nobody has said yet which of their fields is the text. A text by value counts as a
    file of its name.

    Raises:
        InvalidParams: There are no sources, or not one of them names anything that exists.
        Cancelled: The task was cancelled, which is noticed before the next file.
    """
    check = Task().check if task is None else task.check
    asking = replace(options, text_field="") if options.text_field is None else options
    found = Sources(sources, asking, allowed_roots=allowed_roots, check=check)
    files: dict[str, list[int]] = defaultdict(list)
    fields: dict[str, dict[str, None]] = defaultdict(dict)
    skipped = list(found.skipped)
    named: list[tuple[str, Path | str]] = [*found.files(), *found.texts()]
    for uri, where in named:
        check()
        try:
            name, size, of_records = _look(uri, where, asking)
            files[name].append(size)
            fields[name].update(dict.fromkeys(of_records))
        except UnreadableSource as reason:
            skipped.append(Skipped(uri, str(reason)))
    counts = [FormatCount(name, len(sizes), sum(sizes), tuple(fields[name])) for name, sizes in files.items()]
    return Preview(tuple(sorted(counts, key=lambda one: (-one.files, one.format))), tuple(skipped))


def _look(uri: str, where: Path | str, options: ReadingOptions) -> tuple[str, int, tuple[str, ...]]:
    """The format of a file or text, its size in bytes, and the fields of its first record."""
    if isinstance(where, str):
        content: FileContent | InlineContent = InlineContent(uri, where)
        size, beginning = len(where.encode("utf-8", "replace")), None
    else:
        with reading():
            size = where.stat().st_size
        if where.suffix.lower() == ".zip" and options.format is None:
            return PACKED, size, ()
        content = file = file_content(uri, where, options, _MOST)
        beginning = file.beginning()
    found = choose(uri, beginning, options)
    return found.name, size, _fields(found, content, options) if found.has_records else ()


def _fields(found: Format, content: FileContent | InlineContent, options: ReadingOptions) -> tuple[str, ...]:
    try:
        next(found.read(content, replace(options, text_field="")), None)
    except FieldsAsked as asked:
        return asked.fields
    return ()
