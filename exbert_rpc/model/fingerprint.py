"""A digest of weights, configuration, tokenizer, dtype and library versions: equal digests, comparable passes."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Sequence
from pathlib import Path

import xxhash

from exbert_rpc.errors import ModelNotSupported

_BLOCK = 1 << 22


def fingerprint(weights: Sequence[Path], config: str, tokenizer: str, dtype: str, cache_dir: Path) -> str:
    """Hex digest (32 characters) that changes whenever numbers or tokens could."""
    digest = xxhash.xxh3_128()
    for path in sorted(weights):
        digest.update(file_digest(path, "xxh3_128", cache_dir).encode())
    for part in (config, tokenizer, dtype):
        digest.update(part.encode("utf-8", "surrogatepass"))
        digest.update(b"\x00")
    for library in ("torch", "transformers", "tokenizers"):
        digest.update(f"{library}={importlib.metadata.version(library)};".encode())
    return digest.hexdigest()


def verify_sha256(path: Path, expected: str, cache_dir: Path) -> None:
    """Return if the file has that SHA-256 digest.

    Raises:
        ModelNotSupported: It has another one; names the file.
    """
    found = file_digest(path, "sha256", cache_dir)
    if found != expected:
        raise ModelNotSupported(
            f"{path.name} is not the published file: its sha256 is {found}, not {expected}",
            hint="install the package again",
            file=path.name,
        )


def file_digest(path: Path, algorithm: str, cache_dir: Path) -> str:
    """Hex digest of a file, remembered in ``cache_dir`` by path, size and time of change."""
    status = path.stat()
    name = f"{path.resolve()}\x00{status.st_size}\x00{status.st_mtime_ns}\x00{algorithm}"
    note = cache_dir / "digests" / f"{xxhash.xxh3_64_hexdigest(name.encode('utf-8', 'surrogateescape'))}.json"
    known = _read_note(note, name)
    if known is not None:
        return known
    digest = _digest(path, algorithm)
    _write_note(note, name, digest)
    return digest


def _digest(path: Path, algorithm: str) -> str:
    digest = xxhash.xxh3_128() if algorithm == "xxh3_128" else hashlib.new(algorithm)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return str(digest.hexdigest())


def _read_note(note: Path, name: str) -> str | None:
    try:
        data = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(data, dict) or data.get("name") != name or not isinstance(data.get("digest"), str):
        return None
    return str(data["digest"])


def _write_note(note: Path, name: str, digest: str) -> None:
    """Remember a digest; a cache that can't be written only costs time."""
    temporary = note.with_suffix(f".{os.getpid()}.tmp")
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"name": name, "digest": digest}), encoding="utf-8")
        temporary.replace(note)
    except OSError:
        temporary.unlink(missing_ok=True)
