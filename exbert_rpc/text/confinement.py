"""The folders that files may be read from, if the server is confined to some."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def is_allowed(path: Path | str, roots: Sequence[Path] | None) -> bool:
    """Whether a path lies in one of the folders once links are followed; ``None`` allows all. Reads no file."""
    if roots is None:
        return True
    try:
        real = Path(os.path.realpath(path))
        return any(real.is_relative_to(os.path.realpath(root)) for root in roots)
    except (OSError, ValueError):  # a NUL, or a name longer than names can be
        return False
