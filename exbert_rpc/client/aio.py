"""The client for ``asyncio``: the methods of :class:`~exbert_rpc.client.sync.Client` as coroutines."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self, TypeVar

from exbert_rpc.client.connection import OnProgress
from exbert_rpc.client.methods import AsyncMethods
from exbert_rpc.client.sync import Client
from exbert_rpc.protocol.types.base import Params, Result

R = TypeVar("R", bound=Result)


class AsyncClient(AsyncMethods):
    """The same for ``asyncio``: ``async with await AsyncClient.spawn() as exbert: await exbert.attend(text=…)``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @classmethod
    async def spawn(cls, *args: Any, **kwargs: Any) -> Self:  # noqa: ANN401 (those of Client.spawn)
        """Start a server of its own; takes what :meth:`Client.spawn` takes."""
        return cls(await asyncio.to_thread(Client.spawn, *args, **kwargs))

    @classmethod
    async def connect(cls, *args: Any, **kwargs: Any) -> Self:  # noqa: ANN401 (those of Client.connect)
        """Connect to a server; takes what :meth:`Client.connect` takes."""
        return cls(await asyncio.to_thread(Client.connect, *args, **kwargs))

    async def __aenter__(self) -> Self:
        """Nothing more to do: the session stands."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the session."""
        await self.close()

    @property
    def address(self) -> tuple[str, str | None] | None:
        """Of the server that it is connected to, and the token; ``None`` for a server that it started."""
        return self._client.address

    async def ask(self, params: Params, result: type[R]) -> R:
        """The answer of the method that takes these params and gives this result."""
        return await asyncio.to_thread(self._client.ask, params, result)

    async def close(self) -> None:
        """Shut the session down; a server that this client started ends."""
        await asyncio.to_thread(self._client.close)

    def open_document(self, uri: str, text: str) -> None:
        """Open a document, or replace the text of an open one."""
        self._client.open_document(uri, text)

    def close_document(self, uri: str) -> None:
        """Close a document."""
        self._client.close_document(uri)

    async def _call(self, method: str, params: Params, result: type[R], on_progress: OnProgress | None = None) -> R:
        """The answer of a method; cancelling the coroutine cancels the request."""
        pending = self._client.start(method, params, on_progress)
        waiting = asyncio.wrap_future(pending.future)
        try:
            answer = await asyncio.wait_for(asyncio.shield(waiting), self._client.timeout)
        except (asyncio.CancelledError, TimeoutError):
            # the reply to a cancelled request is still to come, and nothing waits for it
            waiting.add_done_callback(lambda future: future.cancelled() or future.exception())
            pending.cancel()
            raise
        assert isinstance(answer, result)
        return answer
