"""Files of search graphs: whole, checked before they are used, and never a part of what a corpus is.

A graph file holds what usearch saves of the vectors of one layer of one space, and what has to be known before usearch
may map it: usearch's own files carry no checksum, and one flipped bit can end the process. Layout, in order::

    body       what usearch saved
    header     JSON, see :class:`GraphHeader`
    trailer    40 bytes: magic b"EXBGRAF1", bytes of the body, bytes of the header, xxh3 of the body, xxh3 of the header

A file is named by its section (space and layer) and by the segments of the corpus when it was made. No manifest names
it: a corpus without its graphs is whole, and a graph that is lost, damaged or out of date is built again or left out.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, get_args

import xxhash

from exbert_rpc.corpus.store.layout import vectors_key
from exbert_rpc.corpus.store.manifest import FileEntry
from exbert_rpc.corpus.store.segment import damaged
from exbert_rpc.corpus.types import Space

_MAGIC = b"EXBGRAF1"
_TRAILER = struct.Struct("<8sQQQQ")
_MOST_HEADER = 1 << 26
_CHUNK = 1 << 24


@dataclass(frozen=True, slots=True)
class Slot:
    """A segment whose rows are in a graph; the key of a row is its number plus ``2³²`` times that of its slot.

    Attributes:
        name: File name of the segment.
        checksum: Of its table of contents.
        n_rows: Number of its rows.
    """

    name: str
    checksum: str
    n_rows: int


@dataclass(frozen=True, slots=True)
class Recall:
    """What a graph finds of the exact nearest fifty, measured on rows of the corpus.

    Attributes:
        n_heads: Heads of the query; 1 for hidden states.
        candidates: How many candidates the graph was asked for.
        recall: Mean share of the nearest fifty that were among them, 0 to 1.
    """

    n_heads: int
    candidates: int
    recall: float


@dataclass(frozen=True, slots=True)
class GraphHeader:
    """What has to be known of a graph.

    Attributes:
        config: Key of the corpus' configuration.
        space: What is compared.
        layer: Layer of that space.
        width: Numbers in a row.
        step: A row's number divided by this, rounded to -127 to 127, is what the graph compares.
        slots: Segments whose rows it holds.
        recall: What was measured, by number of heads, descending.
        library: Version of usearch that made it; another major version cannot read it.
        threads: How many built it; by one, it is the same every time.
    """

    config: str
    space: Space
    layer: int
    width: int
    step: float
    slots: tuple[Slot, ...]
    recall: tuple[Recall, ...]
    library: str
    threads: int

    @property
    def n_rows(self) -> int:
        """Rows that it holds, those included that have left the corpus."""
        return sum(slot.n_rows for slot in self.slots)


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A graph file, mapped and checked.

    Attributes:
        name: Of the file.
        header: What it says of itself.
        body: What usearch saved; the mapping lives as long as this does.
        state: Inode, size and time of change when it was checked.
    """

    name: str
    header: GraphHeader
    body: memoryview
    state: tuple[int, int, int]


def section_prefix(space: Space, layer: int) -> str:
    """How names of graph files of a section begin."""
    return f"graph-{vectors_key(space, layer).replace('/', '-')}-"


def graph_name(space: Space, layer: int, segments: Iterable[FileEntry]) -> str:
    """Name of the graph file of a section when the corpus consists of these segments, in any order."""
    texts = sorted(f"{entry.name} {entry.checksum}" for entry in segments)
    return f"{section_prefix(space, layer)}{xxhash.xxh3_64_hexdigest(chr(10).join(texts).encode())}.exg"


def put_graph(stream: BinaryIO, header: GraphHeader, save: Callable[[str], None]) -> None:
    """Write a graph to a file that is empty and open for writing; ``save`` writes the body to its path."""
    save(stream.name)
    body = stream.seek(0, os.SEEK_END)
    with Path(stream.name).open("rb") as written:
        checksum = xxhash.xxh3_64()
        while piece := written.read(_CHUNK):
            checksum.update(piece)
    text = json.dumps(asdict(header), sort_keys=True).encode()
    stream.write(text)
    stream.write(_TRAILER.pack(_MAGIC, body, len(text), checksum.intdigest(), xxhash.xxh3_64_intdigest(text)))


def read_header(path: Path) -> GraphHeader:
    """What a graph file says of itself; its body is not looked at.

    Raises:
        CorpusDamaged: it is not a graph file, or its header is damaged.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _TRAILER.size))
            n_body, n_header, _, checksum = _trailer(path.name, stream.read(), size)
            stream.seek(n_body)
            return _header(path.name, stream.read(n_header), checksum)
    except OSError as exc:
        raise damaged(path.name, "it cannot be read") from exc


def map_graph(path: Path, check: Callable[[], None]) -> GraphFile:
    """Map a graph file and check every byte of it.

    Args:
        path: The file; it is never written in place.
        check: Called every few megabytes; what it raises ends the reading.

    Raises:
        CorpusDamaged: a byte is not what was written.
        Whatever ``check`` raises.
    """
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            size = status.st_size
            whole = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as exc:  # an empty file cannot be mapped
        raise damaged(path.name, "it cannot be read") from exc
    n_body, n_header, of_body, of_header = _trailer(path.name, whole[max(0, size - _TRAILER.size) :], size)
    header = _header(path.name, bytes(whole[n_body : n_body + n_header]), of_header)
    body, found = whole[:n_body], xxhash.xxh3_64()
    for start in range(0, n_body, _CHUNK):
        check()
        found.update(body[start : start + _CHUNK])
    if found.intdigest() != of_body:
        raise damaged(path.name, "it does not match its checksum")
    return GraphFile(path.name, header, body, (status.st_ino, size, status.st_mtime_ns))


def _trailer(name: str, data: bytes | memoryview, size: int) -> tuple[int, int, int, int]:
    """Bytes of the body and of the header, and the checksums of both."""
    if len(data) != _TRAILER.size:
        raise damaged(name, "it is too short")
    magic, n_body, n_header, of_body, of_header = _TRAILER.unpack(data)
    if magic != _MAGIC or n_body + n_header + _TRAILER.size != size or n_header > _MOST_HEADER:
        raise damaged(name, "it does not end as a graph file does")
    return n_body, n_header, of_body, of_header


def _header(name: str, data: bytes, checksum: int) -> GraphHeader:
    if xxhash.xxh3_64_intdigest(data) != checksum:
        raise damaged(name, "its header does not match its checksum")
    try:
        found: dict[str, Any] = json.loads(data)
        slots = tuple(Slot(**slot) for slot in found.pop("slots"))
        header = GraphHeader(**found | {"recall": tuple(Recall(**one) for one in found["recall"])}, slots=slots)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise damaged(name, "its header is not one") from exc
    counts = (header.layer, header.width, *(slot.n_rows for slot in slots), *(one.candidates for one in header.recall))
    if header.space not in get_args(Space) or not all(type(n) is int and 0 <= n < 1 << 32 for n in counts):
        raise damaged(name, "its header is not one")
    return header
