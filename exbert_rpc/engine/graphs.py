"""Search graphs that are asked for with an index: checked before the build, made behind it, and described."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from exbert_rpc.corpus.search.graphs import Graphs
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.folders import CorpusFolder
from exbert_rpc.corpus.store.graphs import GraphHeader
from exbert_rpc.corpus.store.manifest import CorpusConfig
from exbert_rpc.corpus.types import GraphDescription, Space
from exbert_rpc.errors import CorpusDamaged, InvalidParams
from exbert_rpc.tasks import Task

Section = tuple[Space, int]
Rows = Mapping[tuple[str, str], int]
"""Rows of the segments of a corpus, by name and checksum."""


def check_sections(config: CorpusConfig, sections: Iterable[Section]) -> None:
    """Raise ``InvalidParams`` for a section that a corpus of this configuration does not store."""
    for number, (space, layer) in enumerate(sections):
        stored = config.vector_layers(space)
        if layer not in stored:
            held = ", ".join(f"{one}:{held}" for one in config.spaces for held in config.vector_layers(one))
            raise InvalidParams(
                f"graphs[{number}]", f"{space} {layer} is not stored in this corpus", hint=f"it stores {held}"
            )


def make_graphs(graphs: Graphs, reader: CorpusReader, sections: Iterable[Section], task: Task) -> None:
    """Make the graphs that are asked for, on all cores, and let those that are there follow the corpus.

    Raises:
        CorpusDamaged: a file of the corpus is not what was written.
        StorageFailed: a graph cannot be written; those before it are there.
        Cancelled: the task was cancelled; the corpus is whole without its graphs.
    """
    threads = os.cpu_count() or 1
    for space, layer in dict.fromkeys(sections):
        graphs.build(reader, space, layer, task, threads=threads)
    graphs.extend(reader, task, threads=threads)


def describe_graphs(
    folder: CorpusFolder, config: CorpusConfig, rows: Rows, *, thorough: bool
) -> list[GraphDescription]:
    """The graphs beside a corpus, one a section; of several, the one that holds most of the corpus.

    Args:
        folder: The corpus.
        config: Its configuration.
        rows: Rows of its segments.
        thorough: Whether every byte is checked.
    """
    found: dict[Section, GraphDescription] = {}
    for space, layer, _width in config.stored_vectors():
        for name in folder.graph_names(space, layer):
            one = _describe(folder, name, (space, layer), config.key(), rows, thorough=thorough)
            best = found.get((space, layer))
            if one is not None and (best is None or one.coverage > best.coverage):
                found[space, layer] = one
    return list(found.values())


def _describe(
    folder: CorpusFolder, name: str, section: Section, key: str, rows: Rows, *, thorough: bool
) -> GraphDescription | None:
    state = folder.graph_state(name)
    if state is None:
        return None
    try:
        header = folder.graph(name).header if thorough else folder.graph_header(name)
    except CorpusDamaged:
        return GraphDescription(*section, 0.0, state[1], {}, damaged=True)
    if header.config != key or (header.space, header.layer) != section:
        return None
    return GraphDescription(*section, _coverage(header, rows), state[1], {o.n_heads: o.recall for o in header.recall})


def _coverage(header: GraphHeader, rows: Rows) -> float:
    held = sum(rows.get((slot.name, slot.checksum), 0) for slot in header.slots)
    return round(held / max(1, sum(rows.values())), 4)
