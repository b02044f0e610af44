"""Registration of every method of the protocol, and how one is carried out.

It is checked on the event loop, run and encoded by a worker, and answered once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from exbert_rpc.engine.requests import AttendPlan, SummarizeRequest
from exbert_rpc.errors import AnswerTooLarge, ExbertError, InvalidParams
from exbert_rpc.server import protocol as wire
from exbert_rpc.server import wire as answers
from exbert_rpc.server.calls import Call
from exbert_rpc.server.failures import Failure, failure_of
from exbert_rpc.server.host import EngineLike, Host
from exbert_rpc.server.inputs import Inputs, validate
from exbert_rpc.server.jsonrpc import encode, encode_pieces
from exbert_rpc.server.lifecycle import ConnectionServer
from exbert_rpc.server.options import ServerOptions
from exbert_rpc.server.positions import PositionEncoding
from exbert_rpc.server.tensors import check_size
from exbert_rpc.server.workers import QueueFull
from exbert_rpc.tasks import Task

logger = logging.getLogger(__name__)

Work = Callable[[EngineLike, Task], wire.Result]

TITLES = {
    "attend": "exBERT: reading the text",
    "searchContexts": "exBERT: searching contexts",
    "summarize": "exBERT: summarizing contexts",
    "indexCorpus": "exBERT: indexing the corpus",
}


class SessionLike(Protocol):
    """What a method needs of the connection that it came over."""

    id: str
    host: Host
    options: ServerOptions
    wait_for_room: Callable[[], None]

    @property
    def inputs(self) -> Inputs: ...  # noqa: D102
    @property
    def encoding(self) -> PositionEncoding: ...  # noqa: D102
    def claim_token(self, call: Call, token: int | str | None) -> None:
        """Reserve a progress token for a call; raises :class:`InvalidParams` if it is in use."""
        ...


def register(server: ConnectionServer, session: SessionLike) -> None:
    """Register every method of :data:`~exbert_rpc.server.protocol.METHODS` on a connection."""
    for method in wire.METHODS:
        server.feature(method)(_handler(method, session))


def _handler(method: str, session: SessionLike) -> Callable[[Call], None]:
    params_type, _ = wire.METHODS[method]

    def handle(call: Call) -> None:
        params = validate(params_type, call.params)
        if isinstance(params, wire.NoParams) and method == "ping":
            call.succeed(encode(_ping(session.host)))
            return
        work = _prepare(method, params, session)
        session.claim_token(call, getattr(params, "work_done_token", None))
        call.begin(TITLES.get(method, f"exBERT: {method}"), call.token)
        _submit(call, work, session)

    return handle


def _ping(host: Host) -> wire.PingResult:
    return wire.PingResult(protocol_version=wire.PROTOCOL_VERSION, uptime_seconds=round(host.uptime, 3))


def _submit(call: Call, work: Work, session: SessionLike) -> None:
    host = session.host
    is_build = call.method == "indexCorpus"
    pool = host.builders if is_build else host.workers
    call.abandonable = call.method not in ("indexCorpus", "removeCorpus")
    try:
        job = pool.submit(session.id, lambda: _run(call, work, session))
    except QueueFull:
        call.fail(Failure(-33009, "busy", "too many requests wait", "Wait for some answers first."))
        return
    call.withdraw = lambda: pool.withdraw(job)


def _run(call: Call, work: Work, session: SessionLike) -> None:
    if call.answered:
        return
    started = time.monotonic()
    try:
        session.wait_for_room()
        call.task.check()
        result = encode_pieces(work(session.host.engine(), call.task))
        size = sum(map(len, result))
        limit = session.host.limits.answer_bytes
        # the tensors were checked before they were made; the rest of an answer has a megabyte of its own
        if size > limit * 1.1 + 2**20:
            raise AnswerTooLarge(
                f"the answer has {size:,} bytes; at most {limit:,} are sent",
                hint="Ask for fewer layers, heads or hits.",
                bytes=size,
                limit=limit,
            )
        call.succeed(*result)
    except ExbertError as error:
        call.fail(failure_of(error, call.params))
    except BaseException as error:
        if not call.answered:
            logger.exception("%s failed", call.method)
        call.fail(failure_of(error, call.params))
    if session.options.trace:
        logger.info("%s took %.0f ms", call.method, 1000 * (time.monotonic() - started))


def _prepare(method: str, params: wire.Params, session: SessionLike) -> Work:
    """The work behind a request: all that it needs of the session is read now, on the event loop."""
    encoding = session.encoding
    match params:
        case wire.AttendParams():
            return _attend(params, session)
        case wire.SearchParams():
            search = session.inputs.search(params)
            return lambda engine, task: answers.search_result(engine.search_contexts(search, task), encoding)
        case wire.SummarizeParams():
            return _summarize(session.inputs.summarize(params))
        case wire.IndexParams():
            index = session.inputs.index(params)
            return lambda engine, task: answers.index_result(engine.index_corpus(index, task))
        case wire.CorpusParams():
            return _corpus(method, params.corpus)
        case wire.ModelParams():
            model = params.model
            return lambda engine, task: answers.model_description(engine.describe_model(model, task))
        case _:
            return _list_models if method == "listModels" else _list_corpora


def _attend(params: wire.AttendParams, session: SessionLike) -> Work:
    request, encoding = session.inputs.attend(params), session.encoding
    form, limit = params.tensors, session.host.limits.answer_bytes

    def check(plan: AttendPlan) -> None:
        check_size(plan_shapes(plan), form, limit, plan.n_layers)

    return lambda engine, task: answers.attend_result(engine.attend(request, task, check), form, encoding)


def plan_shapes(plan: AttendPlan) -> list[tuple[int, ...]]:
    """Shapes of the attention tensors of an answer."""
    n, m = plan.n_tokens, plan.n_decoder_tokens
    shapes: list[tuple[int, ...]] = [(plan.n_layers, plan.n_heads, n, n)]
    if m:
        shapes += [(plan.n_layers, plan.n_heads, m, m), (plan.n_layers, plan.n_heads, m, n)]
    return shapes


def _summarize(request: SummarizeRequest) -> Work:
    return lambda engine, task: answers.summarize_result(engine.summarize(request, task))


def _corpus(method: str, name: str) -> Work:
    if not name.strip():
        raise InvalidParams("corpus", "must not be empty")
    if method == "describeCorpus":
        return lambda engine, _task: answers.corpus_description(engine.describe_corpus(name))

    def remove(engine: EngineLike, _task: Task) -> wire.RemoveCorpusResult:
        engine.remove_corpus(name)
        return wire.RemoveCorpusResult(corpus=name, removed=True)

    return remove


def _list_models(engine: EngineLike, _task: Task) -> wire.ListModelsResult:
    return wire.ListModelsResult(models=[answers.model_listing(model) for model in engine.list_models()])


def _list_corpora(engine: EngineLike, _task: Task) -> wire.ListCorporaResult:
    return wire.ListCorporaResult(corpora=[answers.corpus_description(info) for info in engine.list_corpora()])
