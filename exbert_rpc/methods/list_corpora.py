"""``listCorpora``: all corpora of the store."""

from __future__ import annotations

from exbert_rpc.methods.describe_corpus import encode_corpus
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.protocol.types.base import NoParams
from exbert_rpc.protocol.types.list_corpora import SIGNATURE, ListCorporaResult


def prepare(params: NoParams, context: Context) -> Work:  # noqa: ARG001
    """Nothing to check."""
    return lambda engine, _task: ListCorporaResult(corpora=[encode_corpus(info) for info in engine.list_corpora()])


METHOD = Method(SIGNATURE, prepare)
