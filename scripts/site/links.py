"""Relative links between Markdown files, made to work on the site as they do in the repository.

A page of the site is often a file outside ``docs/`` (README.md is its front page). So each relative link is resolved in
the repository first and then pointed at

1. the page or image of the site that this file has become, or
2. the file or folder in the repository browser, if it is not part of the site.

A link to nothing stays as it is: ``mkdocs build --strict`` then names it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from pathlib import Path

# code comes first, so that a link inside of it is left alone
_PIECES = re.compile(
    r"""
    (?P<code> ^(?P<fence>```+|~~~+)[^\n]*\n.*?^(?P=fence)[ ]*$ | (?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`) )
    | (?P<inline> \]\( ) (?P<inline_target> [^()\s]+ ) (?= \s*(?:"[^"]*"\s*)?\) )
    | (?P<definition> ^\[[^\]]+\]:[ ]+ ) (?P<definition_target> \S+ )
    | (?P<attribute> \b(?:src|href)=" ) (?P<attribute_target> [^"]+ )
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//|/|#", re.IGNORECASE)


def rewrite(markdown: str, source: str, page: str, pages: Mapping[str, str], root: Path, repository: str) -> str:
    """Point the relative links of a page at what they mean on the site.

    Args:
        markdown: Text of the page.
        source: The file that it comes from, relative to ``root`` (``clients/vscode/README.md``).
        page: What that file is on the site (``editors/vscode.md``).
        pages: File of the repository → file of the site, for all files of the site.
        root: Folder of the repository; decides whether a target exists.
        repository: Address of the repository in a browser, for what is not part of the site.
    """
    return map_targets(markdown, lambda target: _on_site(target, source, page, pages, root, repository))


def map_targets(markdown: str, change: Callable[[str], str]) -> str:
    """Replace the target of each link and image outside of code by ``change(target)``."""

    def replaced(match: re.Match[str]) -> str:
        for kind in ("inline", "definition", "attribute"):
            if match[kind] is not None:
                return match[kind] + change(match[f"{kind}_target"])
        return match[0]

    return _PIECES.sub(replaced, markdown)


def _on_site(target: str, source: str, page: str, pages: Mapping[str, str], root: Path, repository: str) -> str:
    if _ELSEWHERE.match(target):
        return target
    path, hash_sign, anchor = target.partition("#")
    file = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    for known in (file, posixpath.join(file, "README.md")):
        if known in pages:
            return posixpath.relpath(pages[known], posixpath.dirname(page) or ".") + hash_sign + anchor
    if file.startswith("..") or not (root / file).exists():
        return target
    kind = "tree" if (root / file).is_dir() else "blob"
    return f"{repository}/{kind}/main/{file}{hash_sign}{anchor}"
