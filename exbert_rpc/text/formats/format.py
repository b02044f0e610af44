"""What a format is: the seam between files and documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol
from urllib.parse import unquote, urlsplit

from exbert_rpc.text.types import Document, Skipped

LeaveOut = Literal["code", "frontMatter", "html"]
Annotations = Literal["gold", "automatic", "both"]


class UnreadableSource(Exception):
    """A source cannot be read; the message is the reason, for a person. Never leaves ``corpus/``."""


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How files are read, where that is a choice.

    Attributes:
        format: Name of the format of all sources; ``None``: by their endings and content.
        lines: Whether each line of a text is one sentence.
        text_field: Field (or column) of records that holds the text; a dotted path reaches into nested ones.
        encoding: Encoding of files that are no Unicode; ``None``: found out, or refused.
        errors: What happens to bytes that are no characters: the file is left out, or they are replaced.
        leave_out: Parts of Markdown that are not read.
        comments: Whether comments and docstrings of source code are read.
        outputs: Whether text outputs of notebooks are read.
        annotations: Which annotations texts that bring their own get.
        gitignore: Whether files that ``.gitignore`` names are left out of folders.
    """

    format: str | None = None
    lines: bool = False
    text_field: str | None = None
    encoding: str | None = None
    errors: Literal["strict", "replace"] = "strict"
    leave_out: tuple[LeaveOut, ...] = ()
    comments: bool = False
    outputs: bool = False
    annotations: Annotations = "gold"
    gitignore: bool = False


class Content(Protocol):
    """A file that is being read."""

    @property
    def uri(self) -> str:
        """Its name."""
        ...

    @property
    def path(self) -> Path | None:
        """Where it lies, if it is a file of the disk as it is."""
        ...

    def text(self) -> str:
        """All of it; raises ``UnreadableSource`` if that is too much at once, or no text."""
        ...

    def chunks(self) -> Iterator[str]:
        """All of it in stretches; raises ``UnreadableSource`` if it is no text."""
        ...

    def lines(self) -> Iterator[str]:
        """Its lines with their ends, one at a time."""
        ...

    def data(self) -> bytes:
        """All of its bytes; raises ``UnreadableSource`` if that is too much at once."""
        ...


Found = Iterator[Document | Skipped]


def always(options: ReadingOptions) -> bool:  # noqa: ARG001
    """For formats that folders are searched for."""
    return True


def never(options: ReadingOptions) -> bool:  # noqa: ARG001
    """For formats of which files have to be named."""
    return False


def name_of(uri: str) -> str:
    """The name of what a uri names; of ``d/a.csv.gz`` and of ``x.zip#/d/a.csv`` it is ``a.csv``."""
    try:
        parts = urlsplit(uri)
    except ValueError:  # brackets that hold no IPv6 address
        parts = None
    name = uri
    if parts is not None and parts.path:
        name = unquote(parts.fragment if parts.fragment.startswith("/") else parts.path)
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() == ".gz" else path.name


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file.

    Attributes:
        name: As people choose it.
        suffixes: Endings of its files, lower case.
        about: What is read of it, in a few words.
        read: Its documents, and parts that are left out; raises ``UnreadableSource`` if there is nothing to read.
        in_folders: Whether folders are searched for it.
        has_records: Whether its files are records, one field of which is the text.
        looks_like: Whether the beginning of a file of no known ending is of it.
    """

    name: str
    suffixes: tuple[str, ...]
    about: str
    read: Callable[[Content, ReadingOptions], Found]
    in_folders: Callable[[ReadingOptions], bool] = always
    has_records: bool = False
    looks_like: Callable[[str], bool] = lambda beginning: False  # noqa: ARG005
