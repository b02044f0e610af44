"""Params of the wire as requests of the engine, read as a session reads them."""

from __future__ import annotations

from exbert_rpc.methods import attend, index_corpus, search_contexts, summarize
from exbert_rpc.methods.method import Context
from exbert_rpc.server.documents import SessionWorkspace
from exbert_rpc.server.options import ServerOptions


class Requests:
    """What each method asks of the engine, for a client with these options."""

    def __init__(self, options: ServerOptions | None = None) -> None:
        self.context = Context("session", SessionWorkspace(None).document, options or ServerOptions())

    def attend(self, params):
        return attend.read_request(params, self.context)

    def search(self, params):
        return search_contexts.read_request(params, params.corpus, self.context)

    def summarize(self, params):
        return summarize.read_request(params, self.context)

    def index(self, params):
        return index_corpus.read_request(params, self.context)
