"""Names of documents, and what else is known of them, against what people type."""

from __future__ import annotations

import fnmatch
import os
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

FOLDER = "folder"
"""The key under which the name of a document's folder is known, unless its own metadata has it."""


def matches_name(uri: str, pattern: str) -> bool:
    """Whether a pattern names a document: all of its uri or path, or the end of it behind a slash.

    The pattern is compared as it is first, then as a glob; with names as people see them, and with uris.
    """
    typed = _composed(pattern)
    for name in (_decoded(uri), _composed(uri)):
        if name == typed or name.endswith(f"/{typed}"):
            return True
        if fnmatch.fnmatchcase(name, typed) or fnmatch.fnmatchcase(name, f"*/{typed}"):
            return True
    return False


def matches_value(value: str, pattern: str) -> bool:
    """Whether a value is the one that is typed, or matches it as a glob."""
    value, typed = _composed(value), _composed(pattern)
    return value == typed or fnmatch.fnmatchcase(value, typed)


def value_of(uri: str, metadata: Sequence[Sequence[str]], key: str) -> str | None:
    """The value of a key among these; of ``folder`` what the uri says, if nothing else does."""
    found = next((value for name, value in metadata if name == key), None)
    if found is not None or key != FOLDER:
        return found
    return PurePosixPath(_decoded(uri)).parent.name or None


@lru_cache(maxsize=4096)
def _decoded(uri: str) -> str:
    """A uri as a name: escapes read, of a file its path alone."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return _composed(uri)
    path = parts.path if parts.scheme == "file" else uri.partition("#")[0]
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return _composed(os.fsdecode(unquote(path + fragment, errors="surrogateescape").encode("utf-8", "surrogateescape")))


@lru_cache(maxsize=4096)
def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
