"""``removeCorpus``: remove a corpus for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exbert_rpc.methods.describe_corpus import corpus_name
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.protocol.types.describe_corpus import CorpusParams
from exbert_rpc.protocol.types.remove_corpus import SIGNATURE, RemoveCorpusResult
from exbert_rpc.tasks import Task

if TYPE_CHECKING:
    from exbert_rpc.engine import Engine


def prepare(params: CorpusParams, context: Context) -> Work:  # noqa: ARG001
    """Checks the name now."""
    name = corpus_name(params)

    def remove(engine: Engine, _task: Task) -> RemoveCorpusResult:
        engine.remove_corpus(name)
        return RemoveCorpusResult(corpus=name, removed=True)

    return remove


METHOD = Method(SIGNATURE, prepare, abandonable=False)
