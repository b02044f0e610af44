"""``removeCorpus``: remove a corpus for good."""

from __future__ import annotations

from exbert_rpc.protocol.types.base import Result, Signature
from exbert_rpc.protocol.types.describe_corpus import CorpusParams


class RemoveCorpusResult(Result, frozen=True, kw_only=True):
    """The corpus that was removed."""

    corpus: str
    removed: bool


SIGNATURE = Signature("removeCorpus", CorpusParams, RemoveCorpusResult, order=7, positional=("corpus",))
