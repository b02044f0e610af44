"""What ``.gitignore`` files leave out, the nearest one first, as git reads them."""

from __future__ import annotations

from pathlib import Path

from pathspec import GitIgnoreSpec


class IgnoreRules:
    """The rules below one folder, read as its folders are entered.

    Args:
        root: The folder; rules above it do not count.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._specs: dict[Path, GitIgnoreSpec] = {}

    def enter(self, folder: Path) -> None:
        """Read the rules of a folder, if it has any."""
        try:
            lines = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return
        self._specs[folder] = GitIgnoreSpec.from_lines(lines)

    def ignores(self, path: Path) -> bool:
        """Whether the rules of the folders above leave a file or folder out."""
        end = "/" if path.is_dir() else ""
        for folder in path.parents:
            spec = self._specs.get(folder)
            if spec is not None:
                include = spec.check_file(path.relative_to(folder).as_posix() + end).include
                if include is not None:
                    return include
            if folder == self._root:
                break
        return False
