"""How a request is answered: validated and prepared on the event loop, run and encoded by a worker."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from exbert_rpc.errors import AnswerTooLarge, ExbertError
from exbert_rpc.methods import methods
from exbert_rpc.methods.method import Context, Method
from exbert_rpc.methods.validation import validate
from exbert_rpc.protocol.error_codes import Failure, failure_of
from exbert_rpc.protocol.jsonrpc import encode_pieces
from exbert_rpc.protocol.types.base import Result
from exbert_rpc.server.calls import Call
from exbert_rpc.server.host import Host
from exbert_rpc.server.lifecycle import ConnectionServer
from exbert_rpc.server.options import ServerOptions
from exbert_rpc.server.workers import QueueFull, WorkerPool

if TYPE_CHECKING:
    from exbert_rpc.engine import Engine
    from exbert_rpc.tasks import Task

logger = logging.getLogger(__name__)


class SessionLike(Protocol):
    """What a request needs of the connection that it came over."""

    id: str
    host: Host
    options: ServerOptions
    wait_for_room: Callable[[], None]

    @property
    def context(self) -> Context: ...  # noqa: D102
    def claim_token(self, call: Call, token: int | str | None) -> None:
        """Reserve a progress token for a call; raises :class:`InvalidParams` if it is in use."""
        ...


def register(server: ConnectionServer, session: SessionLike) -> None:
    """Register every method on a connection."""
    for name, method in methods().items():
        server.feature(name)(_handler(method, session))


def _handler(method: Method, session: SessionLike) -> Callable[[Call], None]:
    def handle(call: Call) -> None:
        params = validate(method.signature.params, call.params)
        prepared = method.prepare(params, session.context)
        if isinstance(prepared, Result):
            call.succeed(*_encode(prepared, session))
            return
        session.claim_token(call, getattr(params, "work_done_token", None))
        call.begin(f"exBERT: {method.title or method.signature.name}", call.token)
        call.abandonable = method.abandonable
        submit(call, prepared, session, session.host.builders if method.builds else session.host.workers)

    return handle


def submit(call: Call, work: Callable[[Engine, Task], object], session: SessionLike, pool: WorkerPool) -> None:
    """Have a worker answer a call with what ``work`` gives; what it raises is the call's error."""
    try:
        job = pool.submit(session.id, lambda: _run(call, work, session))
    except QueueFull:
        call.fail(Failure(-33009, "busy", "too many queued requests", "Wait for some answers first."))
        return
    call.withdraw = lambda: pool.withdraw(job)


def _run(call: Call, work: Callable[[Engine, Task], object], session: SessionLike) -> None:
    if call.answered:
        return
    started = time.monotonic()
    try:
        session.wait_for_room()
        call.task.check()
        call.succeed(*_encode(work(session.host.engine(), call.task), session))
    except ExbertError as error:
        call.fail(failure_of(error, call.params))
    except BaseException as error:
        if not call.answered:
            logger.exception("%s failed", call.method)
        call.fail(failure_of(error, call.params))
    if session.options.trace:
        logger.info("%s took %.0f ms", call.method, 1000 * (time.monotonic() - started))


def _encode(result: object, session: SessionLike) -> list[bytes]:
    pieces = encode_pieces(result)
    size = sum(map(len, pieces))
    limit = session.host.limits.answer_bytes
    # the tensors were checked before they were made; the rest of an answer has a megabyte of its own
    if size > limit * 1.1 + 2**20:
        raise AnswerTooLarge(
            f"the answer has {size:,} bytes; at most {limit:,} are sent",
            hint="Ask for fewer layers, heads or hits.",
            bytes=size,
            limit=limit,
        )
    return pieces
