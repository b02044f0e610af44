"""A typed scripting client.

    from exbert_rpc.client import Client, to_array

    with Client.spawn() as exbert:
        answer = exbert.attend(text="The girl ran to a local pub.")
        weights = to_array(answer.attention)  # [layer, head, query, key]

Offsets that it returns are Python indices (it negotiates UTF-32). Errors of the server are raised as the classes of
:mod:`exbert_rpc.errors`.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Concatenate, Generic, Literal, ParamSpec, Self, TypeVar, cast

from exbert_rpc.errors import ExbertError
from exbert_rpc.links import Link, ProcessLink, dial
from exbert_rpc.server.messages import (
    Notice,
    Reply,
    ServerFailed,
    decode_incoming,
    decode_plain,
    decode_result,
    encode_notice,
    encode_request,
    to_array,
)
from exbert_rpc.server.protocol import (
    PROTOCOL_VERSION,
    AttendParams,
    AttendResult,
    CorpusDescription,
    CorpusParams,
    Direction,
    Filter,
    IndexParams,
    IndexResult,
    InlineSource,
    ListCorporaResult,
    ListModelsResult,
    ModelDescription,
    ModelParams,
    NoParams,
    Params,
    PingResult,
    Position,
    Precision,
    Range,
    RemoveCorpusResult,
    Result,
    SearchParams,
    SearchResult,
    Space,
    SummarizeParams,
    SummarizeResult,
    TensorForm,
    TextDocumentIdentifier,
    Weighting,
)

__all__ = ["AsyncClient", "Client", "Pending", "ProgressReport", "ServerFailed", "ServerGone", "to_array"]

logger = logging.getLogger(__name__)

R = TypeVar("R", bound=Result)
T = TypeVar("T")
P = ParamSpec("P")

OnProgress = Callable[["ProgressReport"], None]
Subject = Literal["auto", "match", "next"]


class ServerGone(ExbertError):
    """The server ended, or the connection to it did, before it answered."""

    kind = "serverGone"


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """A step of a long request; ``percentage`` is ``None`` while the total is unknown."""

    kind: str
    message: str
    percentage: int | None


class Pending(Generic[T]):
    """A request that is under way."""

    def __init__(self, future: Future[T], cancel: Callable[[], None]) -> None:
        self.future = future
        self._cancel = cancel

    def cancel(self) -> None:
        """Ask the server to stop; :meth:`result` then raises :class:`~exbert_rpc.errors.Cancelled`."""
        self._cancel()

    def result(self, timeout: float | None = None) -> T:
        """Wait for the answer. On ``TimeoutError`` or Ctrl-C the request is cancelled, too."""
        try:
            return self.future.result(timeout)
        except (TimeoutError, KeyboardInterrupt):
            self.cancel()
            raise


class Connection:
    """Requests and replies over a link, matched by id; a thread reads."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._waiting: dict[int | str | None, tuple[str, Future[object]]] = {}
        self._listeners: dict[object, OnProgress] = {}
        self._gone = False
        self._reader = threading.Thread(target=self._read, name="exbert-client", daemon=True)
        self._reader.start()

    def start(self, method: str, params: Params | dict[str, object] | None, number: int | None = None) -> Pending[object]:
        """Send a request."""
        number = next(self._ids) if number is None else number
        future: Future[object] = Future()
        with self._lock:
            if self._gone:
                raise ServerGone("the server is gone", hint="Start it or connect to it again.")
            self._waiting[number] = (method, future)
        self._send(encode_request(number, method, params))
        return Pending(future, lambda: self.notify("$/cancelRequest", {"id": number}))

    def listen(self, on_progress: OnProgress) -> tuple[int, str]:
        """An id for a request, and a progress token that reports go to ``on_progress`` under."""
        number = next(self._ids)
        token = f"progress-{number}"
        self._listeners[token] = on_progress
        return number, token

    def notify(self, method: str, params: dict[str, object] | None = None) -> None:
        """Send a notification."""
        self._send(encode_notice(method, params))

    def close(self, seconds: float) -> None:
        """Close the link and stop reading."""
        self._link.close(seconds)
        self._reader.join(seconds)

    def _send(self, body: bytes) -> None:
        try:
            self._link.send(body)
        except (OSError, ValueError) as error:
            raise ServerGone("the server is gone", hint="Start it or connect to it again.") from error

    def _read(self) -> None:
        while (body := self._link.receive()) is not None:
            try:
                self._take(decode_incoming(body))
            except Exception:
                logger.exception("a message of the server could not be handled")
        with self._lock:
            self._gone = True
            waiting, self._waiting = self._waiting, {}
        for method, future in waiting.values():
            future.set_exception(ServerGone(f"the server ended before it answered {method}", hint="See its log."))

    def _take(self, message: Reply | Notice) -> None:
        if isinstance(message, Notice):
            self._notice(message)
            return
        with self._lock:
            method, future = self._waiting.pop(message.id, ("", None))
        if future is None:
            logger.warning("an answer to nothing that was asked: %s", message.error or message.id)
        elif message.error is not None:
            future.set_exception(message.error)
        else:
            is_ours = method not in ("initialize", "shutdown")
            try:
                future.set_result(decode_result(method, message.result) if is_ours else decode_plain(message.result))
            except (ValueError, KeyError) as error:
                future.set_exception(ServerFailed(f"the answer to {method} is not of this protocol: {error}"))

    def _notice(self, notice: Notice) -> None:
        if notice.method in ("window/logMessage", "window/showMessage"):
            logger.warning("%s", notice.params.get("message"))
        listener = self._listeners.get(notice.params.get("token"))
        value = notice.params.get("value")
        if notice.method != "$/progress" or listener is None or not isinstance(value, Mapping):
            return
        percentage = value.get("percentage")
        report = ProgressReport(
            str(value.get("kind")),
            str(value.get("message") or value.get("title") or ""),
            percentage if isinstance(percentage, int) else None,
        )
        if report.kind == "end":
            self._listeners.pop(notice.params.get("token"), None)
        listener(report)


class Client:
    """One session with a server. Safe to use from many threads; a context manager that ends the session.

    Every method takes ``timeout`` in seconds (then ``TimeoutError``, and the request is cancelled) through
    :attr:`timeout`, and long ones take ``on_progress``.
    """

    def __init__(self, link: Link, *, options: Mapping[str, object] | None = None, timeout: float | None = None) -> None:
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
        self._connection.close(2.0)

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
        space: Space = "headOutput",
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
        distinct: bool = False,
        filter: Filter | None = None,
        on_progress: OnProgress | None = None,
    ) -> SearchResult:
        """The contexts of a corpus that are represented most like one token."""
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
        """Send a request without waiting for its answer."""
        return self._connection.start(method, params)

    def _call(self, method: str, params: Params, result: type[R], on_progress: OnProgress | None = None) -> R:
        return cast(R, self._begin(method, params, on_progress).result(self.timeout))

    def _begin(self, method: str, params: Params, on_progress: OnProgress | None) -> Pending[object]:
        if on_progress is None:
            return self._connection.start(method, params)
        number, token = self._connection.listen(on_progress)
        return self._connection.start(method, with_token(params, token), number)

    def _initialize(self, options: dict[str, object]) -> dict[str, object]:
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
