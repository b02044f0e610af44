"""A page that is sent must not tell where its maker keeps files: documents and models lose their folders."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

_NAMED = {"document": 2, "model": 1, "id": 1}
"""Fields that may hold a path, and how many of its last parts are kept."""

_ABSOLUTE = re.compile(r"file:|/|~|[A-Za-z]:[\\/]|\\\\")


def without_folders(value: Any) -> Any:  # noqa: ANN401 - plain JSON
    """A plain value in which every path that is a document or a model is cut to its end.

    Documents keep the folder that they lie in, which often says what they are. Texts are never changed.
    """
    if isinstance(value, list):
        return [without_folders(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: _cut(name, one) if isinstance(one, str) else without_folders(one) for name, one in value.items()}


def _cut(field: str, value: str) -> str:
    kept = _NAMED.get(field)
    if kept is None or not _ABSOLUTE.match(value):
        return value
    path = unquote(urlsplit(value).path) if value.startswith("file:") else value
    parts = [part for part in re.split(r"[\\/]+", path) if part]
    return "/".join(parts[-kept:])
