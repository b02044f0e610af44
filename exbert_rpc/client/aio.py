"""The client for ``asyncio``: the methods of :class:`~exbert_rpc.client.sync.Client` as coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from exbert_rpc.client.connection import OnProgress, Pending
from exbert_rpc.client.sync import Client
from exbert_rpc.protocol.types.base import Params, Result

R = TypeVar("R", bound=Result)
P = ParamSpec("P")


class StartingClient(Client):
    """A client whose methods only send, and give what is under way instead of the answer."""

    def _call(self, method: str, params: Params, result: type[R], on_progress: OnProgress | None = None) -> R:  # noqa: ARG002
        # what is under way stands in for the answer: only AsyncClient calls these methods
        return cast(R, self._connection.start(method, params, on_progress))


def _later(
    method: Callable[Concatenate[Client, P], R],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[object, object, R]]:
    """The same method as a coroutine; cancelling it cancels the request."""

    @wraps(method)
    async def run(self: AsyncClient, *args: P.args, **kwargs: P.kwargs) -> R:
        pending = cast("Pending[R]", method(self._client, *args, **kwargs))
        waiting = asyncio.wrap_future(pending.future)
        try:
            return await asyncio.wait_for(asyncio.shield(waiting), self._client.timeout)
        except (asyncio.CancelledError, TimeoutError):
            # the reply to what was cancelled is still to come, and nobody waits for it
            waiting.add_done_callback(lambda future: future.cancelled() or future.exception())
            pending.cancel()
            raise

    return cast("Callable[Concatenate[AsyncClient, P], Coroutine[object, object, R]]", run)


class AsyncClient:
    """The same for ``asyncio``: ``async with await AsyncClient.spawn() as exbert: await exbert.attend(text=…)``."""

    def __init__(self, client: StartingClient) -> None:
        self._client = client

    @classmethod
    async def spawn(cls, *args: Any, **kwargs: Any) -> Self:  # noqa: ANN401 (those of Client.spawn)
        """Start a server of our own; takes what :meth:`Client.spawn` takes."""
        return cls(await asyncio.to_thread(StartingClient.spawn, *args, **kwargs))

    @classmethod
    async def connect(cls, *args: Any, **kwargs: Any) -> Self:  # noqa: ANN401 (those of Client.connect)
        """Connect to a server; takes what :meth:`Client.connect` takes."""
        return cls(await asyncio.to_thread(StartingClient.connect, *args, **kwargs))

    async def __aenter__(self) -> Self:
        """Nothing more to do: the session stands."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the session."""
        await self.close()

    async def close(self) -> None:
        """Shut the session down; a server that we started ends."""
        await asyncio.to_thread(self._client.close)

    def open_document(self, uri: str, text: str) -> None:
        """Open a document, or exchange the text of an open one."""
        self._client.open_document(uri, text)

    def close_document(self, uri: str) -> None:
        """Close a document."""
        self._client.close_document(uri)

    attend = _later(Client.attend)
    search_contexts = _later(Client.search_contexts)
    summarize = _later(Client.summarize)
    index_corpus = _later(Client.index_corpus)
    list_corpora = _later(Client.list_corpora)
    describe_corpus = _later(Client.describe_corpus)
    remove_corpus = _later(Client.remove_corpus)
    list_models = _later(Client.list_models)
    describe_model = _later(Client.describe_model)
    ping = _later(Client.ping)
