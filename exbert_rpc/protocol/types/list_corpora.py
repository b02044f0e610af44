"""``listCorpora``: all corpora of the store."""

from __future__ import annotations

from exbert_rpc.protocol.types.base import NoParams, Result, Signature
from exbert_rpc.protocol.types.describe_corpus import CorpusDescription


class ListCorporaResult(Result, frozen=True, kw_only=True):
    """All corpora of the store, by name."""

    corpora: list[CorpusDescription]


SIGNATURE = Signature("listCorpora", NoParams, ListCorporaResult, order=5)
