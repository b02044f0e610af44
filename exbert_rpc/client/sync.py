"""The client for plain scripts."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self, TypeVar

from exbert_rpc.client.connection import Connection, OnProgress, Pending, ServerGone
from exbert_rpc.client.links import Link, ProcessLink, dial
from exbert_rpc.client.messages import ServerFailed
from exbert_rpc.errors import ExbertError
from exbert_rpc.protocol.types import PROTOCOL_VERSION
from exbert_rpc.protocol.types.attend import AttendParams, AttendResult
from exbert_rpc.protocol.types.base import (
    Direction,
    NoParams,
    Params,
    Position,
    Precision,
    Range,
    Result,
    Space,
    TensorForm,
    TextDocumentIdentifier,
    Weighting,
)
from exbert_rpc.protocol.types.describe_corpus import CorpusDescription, CorpusParams
from exbert_rpc.protocol.types.describe_model import ModelDescription, ModelParams
from exbert_rpc.protocol.types.index_corpus import IndexParams, IndexResult, InlineSource
from exbert_rpc.protocol.types.list_corpora import ListCorporaResult
from exbert_rpc.protocol.types.list_models import ListModelsResult
from exbert_rpc.protocol.types.ping import PingResult
from exbert_rpc.protocol.types.remove_corpus import RemoveCorpusResult
from exbert_rpc.protocol.types.search_contexts import Filter, SearchParams, SearchResult
from exbert_rpc.protocol.types.summarize import SummarizeParams, SummarizeResult

logger = logging.getLogger(__name__)

R = TypeVar("R", bound=Result)
T = TypeVar("T")

Subject = Literal["auto", "match", "next"]


class Client:
    """One session with a server. Safe to use from many threads; a context manager that ends the session.

    Every method takes ``timeout`` in seconds (then ``TimeoutError``, and the request is cancelled) through
    :attr:`timeout`, and long ones take ``on_progress``.
    """

    def __init__(
        self, link: Link, *, options: Mapping[str, object] | None = None, timeout: float | None = None
    ) -> None:
        self.timeout = timeout
        self._connection = Connection(link)
        try:
            self._server = self._initialize(dict(options or {}))
        except BaseException:
            self._connection.close(1.0)
            raise

    @classmethod
    def spawn(
        cls,
        arguments: Sequence[str] = (),
        *,
        command: Sequence[str] | None = None,
        store: str | Path | None = None,
        model: str | None = None,
        options: Mapping[str, object] | None = None,
        env: dict[str, str] | None = None,
        stderr: int | IO[bytes] | None = None,
        timeout: float | None = None,
    ) -> Self:
        """Start a server of our own on stdio; ``arguments`` go to ``exbert-rpc serve``."""
        start = list(command or (sys.executable, "-m", "exbert_rpc", "serve"))
        start += [] if store is None else ["--store", str(store)]
        start += [] if model is None else ["--model", model]
        return cls(ProcessLink([*start, *arguments], env, stderr), options=options, timeout=timeout)

    @classmethod
    def connect(
        cls,
        address: str,
        *,
        token: str | None = None,
        options: Mapping[str, object] | None = None,
        timeout: float | None = None,
    ) -> Self:
        """Connect to ``ws://host:port``, ``tcp://host:port`` or ``unix:/path``; raises :class:`ServerGone`."""
        try:
            link = dial(address, token)
        except ValueError:
            raise
        except Exception as error:
            raise ServerGone(f"no server lets us in at {address}", hint="Check the address and the token.") from error
        secret = {} if token is None else {"token": token}
        return cls(link, options={**(options or {}), **secret}, timeout=timeout)

    def __enter__(self) -> Self:
        """Nothing more to do: the session stands."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the session."""
        self.close()

    @property
    def default_model(self) -> str:
        """Model of requests that name none, as the server told it."""
        return str(self._server.get("defaultModel", ""))

    def close(self) -> None:
        """Shut the session down; a server that we started ends."""
        try:
            self._connection.start("shutdown", None).future.result(5.0)
            self._connection.notify("exit")
        except (ExbertError, TimeoutError) as error:
            logger.debug("the server did not shut down: %s", error)
        self._connection.close(5.0)

    # --- methods of the protocol ---------------------------------------------------------------------

    def attend(
        self,
        *,
        text: str | None = None,
        text_pair: str | None = None,
        uri: str | None = None,
        range: Range | None = None,
        capture_id: str | None = None,
        model: str | None = None,
        layers: Sequence[int] | None = None,
        heads: Sequence[int] | None = None,
        mask: Sequence[int] | None = None,
        top_k: int | None = None,
        annotate: bool = True,
        pipeline: str | None = None,
        tensors: TensorForm = "float16",
        on_progress: OnProgress | None = None,
    ) -> AttendResult:
        """Tokens and attention of a text; ``tensors`` are float16 unless asked otherwise (:func:`to_array`)."""
        params = AttendParams(
            text=text,
            text_pair=text_pair,
            text_document=_document(uri),
            range=range,
            capture_id=capture_id,
            model=model,
            layers=_list(layers),
            heads=_list(heads),
            mask=_list(mask),
            top_k=top_k,
            annotate=annotate,
            pipeline=pipeline,
            tensors=tensors,
        )
        return self._call("attend", params, AttendResult, on_progress)

    def search_contexts(
        self,
        corpus: str,
        *,
        space: Space | None = None,
        capture_id: str | None = None,
        text: str | None = None,
        text_pair: str | None = None,
        uri: str | None = None,
        range: Range | None = None,
        position: Position | None = None,
        token: int | None = None,
        mask: Sequence[int] | None = None,
        model: str | None = None,
        hidden_layer: int | None = None,
        layer: int | None = None,
        heads: Sequence[int] | None = None,
        k: int = 50,
        weighting: Weighting = "uniform",
        exact: bool | None = None,
        rerank: bool | None = None,
        distinct: bool = False,
        filter: Filter | None = None,
        on_progress: OnProgress | None = None,
    ) -> SearchResult:
        """The contexts of a corpus that are represented most like one token.

        Without ``space``, ``layer`` compares head outputs and ``hidden_layer`` hidden states.
        """
        if space is None:
            space = "headOutput" if hidden_layer is None else "hiddenState"
        params = SearchParams(
            corpus=corpus,
            space=space,
            capture_id=capture_id,
            text=text,
            text_pair=text_pair,
            text_document=_document(uri),
            range=range,
            position=position,
            token=token,
            mask=_list(mask),
            model=model,
            hidden_layer=hidden_layer,
            layer=layer,
            heads=_list(heads),
            k=k,
            weighting=weighting,
            exact=exact,
            rerank=rerank,
            distinct=distinct,
            filter=filter,
        )
        return self._call("searchContexts", params, SearchResult, on_progress)

    def summarize(
        self,
        search_id: str,
        *,
        subject: Subject = "auto",
        attention: Direction = "outgoing",
        include_special: bool = False,
        on_progress: OnProgress | None = None,
    ) -> SummarizeResult:
        """What the hits of a search have in common."""
        params = SummarizeParams(
            search_id=search_id, subject=subject, attention=attention, include_special=include_special
        )
        return self._call("summarize", params, SummarizeResult, on_progress)

    def index_corpus(
        self,
        corpus: str,
        sources: Sequence[str | Path | InlineSource | tuple[str, str]],
        *,
        model: str | None = None,
        pipeline: str | None = None,
        layers: Sequence[int] | None = None,
        spaces: Sequence[Space] | None = None,
        precision: Precision | None = None,
        on_progress: OnProgress | None = None,
    ) -> IndexResult:
        """Make a corpus hold exactly what ``sources`` name: paths, globs, or pairs (uri, text)."""
        params = IndexParams(
            corpus=corpus,
            sources=[_source(source) for source in sources],
            model=model,
            pipeline=pipeline,
            layers=_list(layers),
            spaces=_list(spaces),
            precision=precision,
        )
        return self._call("indexCorpus", params, IndexResult, on_progress)

    def list_corpora(self) -> ListCorporaResult:
        """All corpora of the server's store."""
        return self._call("listCorpora", NoParams(), ListCorporaResult)

    def describe_corpus(self, corpus: str) -> CorpusDescription:
        """What a corpus is; every byte of it is checked."""
        return self._call("describeCorpus", CorpusParams(corpus=corpus), CorpusDescription)

    def remove_corpus(self, corpus: str) -> RemoveCorpusResult:
        """Remove a corpus for good."""
        return self._call("removeCorpus", CorpusParams(corpus=corpus), RemoveCorpusResult)

    def list_models(self) -> ListModelsResult:
        """Models that are at hand."""
        return self._call("listModels", NoParams(), ListModelsResult)

    def describe_model(self, model: str) -> ModelDescription:
        """What a model is."""
        return self._call("describeModel", ModelParams(model=model), ModelDescription)

    def ping(self) -> PingResult:
        """Answered by the event loop itself."""
        return self._call("ping", NoParams(), PingResult)

    # --- documents -----------------------------------------------------------------------------------

    def open_document(self, uri: str, text: str) -> None:
        """Open a document, or exchange the text of an open one."""
        document: dict[str, object] = {"uri": uri, "languageId": "plaintext", "version": 0, "text": text}
        self._connection.notify("textDocument/didOpen", {"textDocument": document})

    def close_document(self, uri: str) -> None:
        """Close a document."""
        self._connection.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    # --- within --------------------------------------------------------------------------------------

    def start(self, method: str, params: Params) -> Pending[object]:
        """Send a request without waiting for its answer; :meth:`Pending.result` gives it."""
        return self._connection.start(method, params)

    def _call(self, method: str, params: Params, result: type[R], on_progress: OnProgress | None = None) -> R:
        answer = self._connection.start(method, params, on_progress).result(self.timeout)
        assert isinstance(answer, result)
        return answer

    def _initialize(self, options: dict[str, object]) -> Mapping[str, object]:
        params: dict[str, object] = {
            "processId": os.getpid(),
            "clientInfo": {"name": "exbert-rpc python"},
            "rootUri": None,
            "capabilities": {"general": {"positionEncodings": ["utf-32"]}, "window": {"workDoneProgress": True}},
            "initializationOptions": options,
        }
        answer = self._connection.start("initialize", params).result(30.0)
        server = _dig(answer, "capabilities", "experimental", "exbert")
        version = str(server.get("protocolVersion", "unknown"))
        if version.partition(".")[0] != PROTOCOL_VERSION.partition(".")[0]:
            raise ServerFailed(
                f"the server speaks version {version} of the protocol, this client {PROTOCOL_VERSION}",
                hint="Update the older of the two (pip install -U exbert-rpc).",
            )
        self._connection.notify("initialized")
        return server


def _list(values: Sequence[T] | None) -> list[T] | None:
    return None if values is None else list(values)


def _document(uri: str | None) -> TextDocumentIdentifier | None:
    return None if uri is None else TextDocumentIdentifier(uri=uri)


def _source(source: str | Path | InlineSource | tuple[str, str]) -> str | InlineSource:
    if isinstance(source, tuple):
        return InlineSource(uri=source[0], text=source[1])
    return str(source) if isinstance(source, Path) else source


def _dig(value: object, *path: str) -> Mapping[str, object]:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
