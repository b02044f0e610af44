"""Paths, folders, globs, uris and inline texts as documents.

Whatever was named and cannot be read is listed with its reason; nothing is dropped silently. The order of
documents depends on their uris alone.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath

from exbert_rpc.errors import InvalidParams
from exbert_rpc.text.confinement import is_allowed
from exbert_rpc.text.files import DEFAULT, path_of, read_file, read_inline
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.formats.registry import format_names, in_folders
from exbert_rpc.text.gitignore import IgnoreRules
from exbert_rpc.text.types import Document, Skipped

MOST_NAMED = 20
"""Things that were left out and are called by their names; the others are counted."""

_DEPENDENCIES = {"node_modules", "bower_components", "__pycache__", "site-packages", "venv", "vendor", "third_party"}
_MARKS_OF_DEPENDENCIES = {"pyvenv.cfg", "CACHEDIR.TAG"}
_MAGIC = re.compile(r"[*?\[]")
_OUTSIDE = "lies outside the folders that may be read"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")

Source = str | tuple[str, str]


class Sources:
    """What sources name: files that were found, and texts by value.

    Args:
        sources: Paths, folders (with all below), globs (``**`` too), ``file:`` uris, or ``(uri, text)`` by value.
        options: How files are read.
        allowed_roots: Folders that files must lie in once links are followed; ``None`` allows all.
        base: What relative paths start from; ``None`` is the working folder.
        check: Called before each file that is met or read; what it raises ends everything.

    Raises:
        InvalidParams: There are no sources, or not one of them names anything that exists.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        options: ReadingOptions = DEFAULT,
        *,
        allowed_roots: tuple[Path, ...] | None = None,
        base: Path | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        if not sources:
            raise InvalidParams("sources", "is empty", hint="Name at least one file, folder or glob.")
        if options.format is not None and options.format not in format_names():
            names = ", ".join(format_names())
            raise InvalidParams("format", f"there is no format {options.format[:40]!r}", hint=f"Choose among {names}.")
        self._options = options
        self._check = check
        self._finder = _Finder(allowed_roots, base if base is not None else Path.cwd(), options, check)
        for source in sources:
            if isinstance(source, str):
                self._finder.find(source)
        self._inline = {uri: text for source in sources if not isinstance(source, str) for uri, text in [source]}
        self._replaced = _twice(sources)
        self.skipped = self._finder.skipped + [
            Skipped(name, "names no file that exists") for name in self._finder.missing
        ]
        """What was named or met but not read, with its reason; complete once all documents were taken."""
        if not (self._finder.files or self._inline):
            reasons = "; ".join(f"{one.uri} {one.reason}" for one in self.skipped)
            raise InvalidParams("sources", f"no file was found: {reasons}", hint="Check the paths and globs.")

    def files(self) -> list[tuple[str, Path]]:
        """The files that were found, by uri."""
        return [(uri, self._finder.path(uri)) for uri in sorted(self._finder.files.values())]

    def texts(self) -> list[tuple[str, str]]:
        """The texts that were given by value, by uri."""
        return sorted(self._inline.items())

    def documents(self) -> Iterator[Document]:
        """The documents as they are read, by uri, each once; a text by value wins over the file of the same uri."""
        for uri in sorted({*self._finder.files.values(), *self._inline}):
            self._check()
            if uri in self._inline:
                found = read_inline(uri, self._inline[uri], self._options)
            else:
                found = read_file(uri, self._finder.path(uri), self._options)
            for one in found:
                if isinstance(one, Document):
                    yield one
                else:
                    self.skipped.append(one)
        self.skipped += self._replaced


def read_sources(
    sources: Sequence[Source],
    options: ReadingOptions = DEFAULT,
    *,
    allowed_roots: tuple[Path, ...] | None = None,
    base: Path | None = None,
) -> tuple[list[Document], list[Skipped]]:
    """All documents of :class:`Sources` at once, and what is left out."""
    found = Sources(sources, options, allowed_roots=allowed_roots, base=base)
    return list(found.documents()), found.skipped


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

    def __init__(
        self, allowed_roots: tuple[Path, ...] | None, base: Path, options: ReadingOptions, check: Callable[[], None]
    ) -> None:
        self._check = check
        self._roots = allowed_roots
        self._options = options
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
            path = _as_stored(path)
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
        left_out = _LeftOut()
        rules = IgnoreRules(root) if self._options.gitignore else None
        found = 0
        for path in self._files_below(root, hidden_too, left_out, rules):
            if wanted is None:
                matches = in_folders(path.name, self._options) and not path.name.startswith(".")
            else:
                matches = wanted.fullmatch(path.relative_to(root).as_posix()) is not None
            if matches and rules is not None and rules.ignores(path):
                left_out.ignored.append(path)
            elif matches:
                found += 1
                self._add(path)
            elif wanted is None:
                left_out.others.append(path)
        told = left_out.told(root)
        if told:
            self.skipped.append(Skipped(source, f"has below it, left out: {told}"))
        return found

    def _files_below(
        self, root: Path, hidden_too: bool, left_out: _LeftOut, rules: IgnoreRules | None
    ) -> Iterator[Path]:
        """Files below a folder. Links are followed, but not in circles nor out of the allowed folders."""
        seen: set[str] = set()
        for folder, folders, files in os.walk(root, followlinks=True):
            self._check()
            real = os.path.realpath(folder)
            if real in seen or not is_allowed(real, self._roots):
                folders.clear()
                continue
            seen.add(real)
            if rules is not None:
                rules.enter(Path(folder))
            kept = [
                name
                for name in folders
                if _is_read(Path(folder, name), hidden_too)
                and not (rules is not None and rules.ignores(Path(folder, name)))
            ]
            left_out.folders += [Path(folder, name) for name in sorted(set(folders) - set(kept))]
            folders[:] = sorted(kept)
            for name in sorted(files):
                self._check()
                yield Path(folder, name)


class _LeftOut:
    """What a walk did not read."""

    def __init__(self) -> None:
        self.folders: list[Path] = []
        self.others: list[Path] = []
        self.ignored: list[Path] = []

    def told(self, root: Path) -> str:
        """In words: how many, and the first few by their names."""
        kinds = (
            (self.folders, "hidden or dependency folder", False),
            (self.others, "file{s} of other types", True),
            (self.ignored, "file{s} that .gitignore names", False),
        )
        parts = [_counted(paths, what, root, by_type) for paths, what, by_type in kinds if paths]
        return " and ".join(parts)


def _counted(paths: Sequence[Path], what: str, root: Path, by_type: bool) -> str:
    plural = "s" * (len(paths) > 1)
    named = [path.relative_to(root).as_posix() for path in paths[:MOST_NAMED]]
    rest = paths[MOST_NAMED:]
    words = what.replace("{s}", plural) if "{s}" in what else what + plural
    more = f" and {len(rest):,} more{_types(rest) if by_type else ''}" if rest else ""
    return f"{len(paths):,} {words} ({', '.join(named)}{more})"


def _types(paths: Sequence[PurePath]) -> str:
    counts = Counter(path.suffix.lower() or "no ending" for path in paths).most_common(8)
    return f": {', '.join(f'{n:,} {suffix}' for suffix, n in counts)}"


def _as_stored(path: Path) -> Path:
    """The path as the disk spells it: a name that is typed composed may be stored decomposed, and the other way."""
    if os.path.lexists(path):
        return path
    spelled = (Path(unicodedata.normalize(form, str(path))) for form in ("NFC", "NFD"))
    return next((other for other in spelled if os.path.lexists(other)), path)


def _literal(path: Path) -> Path:
    """The path up to its first part with a wildcard; the whole path if it has none."""
    parts = path.parts
    end = next((number for number, part in enumerate(parts) if _MAGIC.search(part)), len(parts))
    return Path(*parts[:end])


def _is_read(folder: Path, hidden_too: bool) -> bool:
    """Whether a folder below one that was named is looked into."""
    if folder.name in _DEPENDENCIES or (folder.name.startswith(".") and not hidden_too):
        return False
    return not any((folder / mark).exists() for mark in _MARKS_OF_DEPENDENCIES)


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
