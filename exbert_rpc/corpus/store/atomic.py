"""Files that are either the old one or the new one, whole, whatever happens in between."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from exbert_rpc.errors import StorageFailed

_TEMPORARY = ".tmp"
_FOLDER: int | None = getattr(os, "O_DIRECTORY", None)


def write_atomically(path: Path, write: Callable[[BinaryIO], None]) -> int:
    """Replace ``path`` by what ``write`` puts into a stream; returns its size in bytes.

    The bytes are on the disk before the name points to them, and the name is before this returns.

    Raises:
        StorageFailed: the disk is full, read-only or refuses; the old file is untouched.
    """
    temporary = path.with_name(path.name + _TEMPORARY)
    with storage_errors(path.name):
        try:
            with temporary.open("wb") as stream:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())
                size = stream.tell()
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    return size


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder last, where a folder can be opened (on Windows it cannot)."""
    if _FOLDER is None:
        return
    descriptor = os.open(folder, os.O_RDONLY | _FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_temporary(path: Path) -> bool:
    """Whether a file is what an interrupted write left behind."""
    return path.name.endswith(_TEMPORARY)


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn an operating system's refusal to write into ``StorageFailed``."""
    try:
        yield
    except OSError as exc:
        reason = "the disk is full" if exc.errno in (errno.ENOSPC, errno.EDQUOT) else (exc.strerror or "unknown reason")
        raise StorageFailed(
            f"could not write {what}: {reason}",
            hint="free some space or choose another store (--store DIR); what was there before is unharmed",
            file=what,
        ) from exc
