"""GGUF models that were split into several files, ``name-00001-of-00003.gguf`` and so on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exbert_rpc.errors import ModelNotSupported

_PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)


def group_parts(names: Sequence[str]) -> list[tuple[str, ...]]:
    """File names by model: each file that is whole, and all parts that a split model should have, in order."""
    groups = dict.fromkeys(_siblings(name) for name in sorted(names))
    return list(groups)


def merge_command(path: Path) -> str:
    """The command of llama.cpp that makes one file of all parts; ``path`` is one of them."""
    first = _siblings(path.name)[0]
    match = _PART.fullmatch(first)
    merged = f"merged-{first}" if match is None else f"{match['stem']}.gguf"
    return shlex.join(["gguf-split", "--merge", str(path.with_name(first)), str(path.with_name(merged))])


@contextmanager
def reading_together(paths: Sequence[Path]) -> Iterator[dict[str, str]]:
    """Let transformers, which reads one GGUF file, find the tensors of all files in the first one.

    Gives the kind (``F32``, ``Q4_K`` …) of each tensor of all files by its name. The name of gguf's reader is replaced
    within, so that only one thread at a time may be here.

    Raises:
        ImportError: gguf is not installed.
        ModelNotSupported: The files say that they are parts, and others are missing.
    """
    import gguf

    library: Any = gguf
    reader = library.GGUFReader
    first = reader(paths[0])
    _check_all_there(first, paths)
    others = [tensor for path in paths[1:] for tensor in reader(path).tensors]
    own = paths[0].resolve()

    class WholeReader(reader):  # type: ignore[misc, valid-type]
        def __init__(self, path: Any, *arguments: Any) -> None:  # noqa: ANN401 - as gguf's
            super().__init__(path, *arguments)
            if Path(path).resolve() == own:
                self.tensors += others

    library.GGUFReader = WholeReader
    try:
        yield {str(tensor.name): str(tensor.tensor_type.name) for tensor in (*first.tensors, *others)}
    finally:
        library.GGUFReader = reader


def _check_all_there(first: Any, paths: Sequence[Path]) -> None:  # noqa: ANN401 - gguf's reader
    number, count = (_number(first, f"split.{field}") for field in ("no", "count"))
    if count <= len(paths):
        return
    path = paths[0]
    hint = f"Give the folder {path.parent}, from which all parts are loaded. Or merge them: {merge_command(path)}"
    if _PART.fullmatch(path.name) is None:
        hint = f"Name all parts as they were, name-{1:05d}-of-{count:05d}.gguf and so on, and give their folder."
    raise ModelNotSupported(
        f"{path.name} is part {number + 1} of {count}, so weights are missing", hint=hint, file=path.name
    )


def _number(reader: Any, field: str) -> int:  # noqa: ANN401
    found = reader.get_field(field)
    return 0 if found is None else int(found.parts[-1][0])


def _siblings(name: str) -> tuple[str, ...]:
    match = _PART.fullmatch(name)
    if match is None:
        return (name,)
    count = int(match["count"])
    suffix = name[match.end("count") :]
    return tuple(f"{match['stem']}-{number:05d}-of-{count:05d}{suffix}" for number in range(1, count + 1))
