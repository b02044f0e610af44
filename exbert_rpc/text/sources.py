"""Paths, folders, globs, uris and inline texts as documents.

Whatever was named and cannot be read is listed with its reason; nothing is dropped silently. The order of
documents depends on their uris alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from exbert_rpc.errors import InvalidParams
from exbert_rpc.text.confinement import is_allowed
from exbert_rpc.text.files import UnreadableSource, documents_of, path_of, read_text
from exbert_rpc.text.types import Document, Skipped

FOLDER_SUFFIXES = frozenset({".txt", ".md", ".markdown", ".rst", ".ipynb"})
"""What is read of a folder; other files have to be named or globbed."""

_DEPENDENCIES = {"node_modules", "__pycache__"}
_MAGIC = re.compile(r"[*?\[]")
_OUTSIDE = "lies outside the folders that may be read"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")

Source = str | tuple[str, str]


def read_sources(
    sources: Sequence[Source], *, allowed_roots: tuple[Path, ...] | None = None, base: Path | None = None
) -> tuple[list[Document], list[Skipped]]:
    """Read everything that the sources name.

    Args:
        sources: Paths, folders (with all below), globs (``**`` too), ``file:`` uris, or ``(uri, text)`` by value.
        allowed_roots: Folders that files must lie in once links are followed; ``None`` allows all.
        base: What relative paths start from; ``None`` is the working folder.

    Returns:
        The documents, sorted by uri and cell, each once (an inline text wins over the file of the same uri), and
        what was named or met but not read, with its reason.

    Raises:
        InvalidParams: There are no sources, or not one of them names anything that exists.
    """
    if not sources:
        raise InvalidParams("sources", "is empty", hint="Name at least one file, folder or glob.")
    finder = _Finder(allowed_roots, base if base is not None else Path.cwd())
    for source in sources:
        if isinstance(source, str):
            finder.find(source)
    inline = {uri: text for source in sources if not isinstance(source, str) for uri, text in [source]}
    skipped = finder.skipped + [Skipped(name, "names no file that exists") for name in finder.missing]
    if not (finder.files or inline):
        reasons = "; ".join(f"{one.uri} {one.reason}" for one in skipped)
        raise InvalidParams("sources", f"no file was found: {reasons}", hint="Check the paths and globs.")
    documents: list[Document] = []
    for uri in sorted({*finder.files.values(), *inline}):
        try:
            documents += documents_of(uri, inline[uri] if uri in inline else read_text(finder.path(uri)))
        except UnreadableSource as reason:
            skipped.append(Skipped(uri, str(reason)))
    return documents, skipped + _twice(sources)


def _twice(sources: Sequence[Source]) -> list[Skipped]:
    """Inline sources that another text of the same uri replaced."""
    last: dict[str, str] = {}
    replaced = []
    for source in sources:
        if isinstance(source, str):
            continue
        uri, text = source
        if last.setdefault(uri, text) != text:
            replaced.append(Skipped(uri, "is given twice with different texts; the last one was read"))
        last[uri] = text
    return replaced


class _Finder:
    """Collects the files that sources name, each once."""

    def __init__(self, allowed_roots: tuple[Path, ...] | None, base: Path) -> None:
        self._roots = allowed_roots
        self._base = base
        self._paths: dict[str, Path] = {}
        self.files: dict[str, str] = {}
        """uri of each file by its real path."""
        self.missing: list[str] = []
        self.skipped: list[Skipped] = []

    def path(self, uri: str) -> Path:
        """The path of a uri that was found."""
        return self._paths[uri]

    def find(self, source: str) -> None:
        """Take up one path, folder, glob or uri."""
        try:
            path = self._path_of(source)
            if path is None:
                return
            if not is_allowed(_literal(path), self._roots):
                # before any look-up: the answer must not reveal whether the file exists
                self.skipped.append(Skipped(source, _OUTSIDE))
            elif path.is_dir():
                if not self._walk(path, source, None):
                    self.skipped.append(Skipped(source, "has no text files"))
            elif path.exists():
                self._add(path)
            elif _MAGIC.search(str(path)):
                self._glob(str(path), source)
            else:
                self.missing.append(source)
        except (OSError, ValueError, RuntimeError) as exc:  # RuntimeError: ~ of an unknown user
            reason = f"cannot be read: {exc}" if self._roots is None else _OUTSIDE
            self.skipped.append(Skipped(source, reason))

    def _path_of(self, source: str) -> Path | None:
        if source.startswith("file:"):
            path = path_of(source)
            if path is None:
                self.skipped.append(Skipped(source, "is no file: uri that can be understood"))
            return path
        if _SCHEME.match(source) and "://" in source:
            self.skipped.append(Skipped(source, "is not a file; only files and texts by value are read"))
            return None
        # links stay in the name, so that a hit opens under the name that the person uses
        return Path(os.path.abspath(self._base / Path(source).expanduser()))  # noqa: PTH100

    def _add(self, path: Path) -> None:
        if not is_allowed(path, self._roots):
            self.skipped.append(Skipped(path.as_uri(), _OUTSIDE))
            return
        real = os.path.realpath(path)
        uri = path.as_uri()
        # of several names of one file the first in order stands, whatever the order of the sources
        if real not in self.files or uri < self.files[real]:
            self.files[real] = uri
            self._paths[uri] = path

    def _glob(self, pattern: str, source: str) -> None:
        root = _literal(Path(pattern))
        rest = Path(pattern).relative_to(root).as_posix()
        if not root.is_dir() or not self._walk(root, source, rest):
            self.missing.append(source)

    def _walk(self, root: Path, source: str, pattern: str | None) -> int:
        """Add the files below ``root`` that match, and say what was left out; the number of files added."""
        wanted = None if pattern is None else re.compile(_regex(pattern))
        hidden_too = pattern is not None and re.search(r"(?:^|/)\.", pattern) is not None
        found, folders, others = 0, 0, 0
        for path, left_out in _files_below(root, hidden_too, self._roots):
            folders += left_out
            if path is None:
                continue
            if wanted is None:
                matches = path.suffix.lower() in FOLDER_SUFFIXES and not path.name.startswith(".")
            else:
                matches = wanted.fullmatch(path.relative_to(root).as_posix()) is not None
            if matches:
                found += 1
                self._add(path)
            else:
                others += 1
        self._tell(source, folders, others if wanted is None else 0)
        return found

    def _tell(self, source: str, folders: int, others: int) -> None:
        parts = []
        if folders:
            parts.append(f"{folders} hidden or dependency folder{'s'[: folders > 1]}")
        if others:
            parts.append(f"{others} file{'s'[: others > 1]} of other types")
        if parts:
            self.skipped.append(Skipped(source, f"has below it, left out: {' and '.join(parts)}"))


def _literal(path: Path) -> Path:
    """The path up to its first part with a wildcard; the whole path if it has none."""
    parts = path.parts
    end = next((number for number, part in enumerate(parts) if _MAGIC.search(part)), len(parts))
    return Path(*parts[:end])


def _files_below(root: Path, hidden_too: bool, roots: tuple[Path, ...] | None) -> Iterator[tuple[Path | None, int]]:
    """Files below a folder with 0, and ``(None, n)`` for ``n`` folders left out.

    Links are followed, but not in circles nor out of the allowed folders.
    """
    seen: set[str] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen or not is_allowed(real, roots):
            folders.clear()
            continue
        seen.add(real)
        kept = [name for name in folders if name not in _DEPENDENCIES and (hidden_too or not name.startswith("."))]
        yield None, len(folders) - len(kept)
        folders[:] = sorted(kept)
        for name in sorted(files):
            yield Path(folder, name), 0


def _regex(pattern: str) -> str:
    """A glob as a regular expression: ``**`` crosses folders, ``*`` and ``?`` don't and meet no leading dot."""
    parts = []
    for part in pattern.split("/"):
        if part == "**":
            parts.append("(?:[^/]+/)*")
        else:
            parts.append(_segment(part) + "/")
    joined = "".join(parts)
    return joined[:-1] if joined.endswith("/") else joined + r"[^/]+"


def _segment(part: str) -> str:
    out = r"(?!\.)" if part[:1] in "*?[" else ""
    position = 0
    while position < len(part):
        char = part[position]
        closing = part.find("]", position + 2) if char == "[" else -1
        if closing > 0:
            inside = part[position + 1 : closing].replace("\\", r"\\")
            out += f"[{'^' + inside[1:] if inside.startswith('!') else inside}]"
            position = closing
        elif char == "*":
            out += "[^/]*"
        else:
            out += "[^/]" if char == "?" else re.escape(char)
        position += 1
    return out
