"""``describeCorpus``: what a corpus holds; every byte of it is checked."""

from __future__ import annotations

from collections.abc import Sequence

from exbert_rpc.corpus import types as corpus
from exbert_rpc.errors import InvalidParams
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.protocol.types.describe_corpus import (
    SIGNATURE,
    CorpusDescription,
    CorpusParams,
    GraphDescription,
    GraphRecall,
)


def prepare(params: CorpusParams, context: Context) -> Work:  # noqa: ARG001
    """Checks the name now."""
    name = corpus_name(params)
    return lambda engine, _task: encode_corpus(engine.describe_corpus(name))


def corpus_name(params: CorpusParams) -> str:
    """The name of a corpus; raises ``InvalidParams`` for an empty one."""
    if not params.corpus.strip():
        raise InvalidParams("corpus", "must not be empty", hint="listCorpora names those there are.")
    return params.corpus


def encode_corpus(info: corpus.CorpusDescription) -> CorpusDescription:
    """A corpus on the wire."""
    return CorpusDescription(
        corpus=info.name,
        model=info.model,
        pipeline=info.pipeline,
        precision=info.precision,
        documents=info.documents,
        sentences=info.sentences,
        tokens=info.tokens,
        bytes=info.nbytes,
        layers=list(info.layers),
        spaces=list(info.spaces),
        fingerprint=info.fingerprint,
        damaged=list(info.damaged),
        annotations=dict(info.annotations),
        metadata=dict(info.metadata),
        dtype=info.dtype,
        graphs=encode_graphs(info.graphs),
    )


def encode_graphs(graphs: Sequence[corpus.GraphDescription]) -> list[GraphDescription]:
    """Search graphs on the wire."""
    return [
        GraphDescription(
            space=one.space,
            layer=one.layer,
            coverage=one.coverage,
            bytes=one.nbytes,
            recall=[GraphRecall(heads=heads, recall=recall) for heads, recall in one.recall.items()],
            damaged=one.damaged,
        )
        for one in graphs
    ]


METHOD = Method(SIGNATURE, prepare)
