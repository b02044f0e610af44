"""What any editor of the Language Server Protocol can ask for: code actions, commands and hovers.

What a client does not say that it can do is not offered to it, and hovers are offered only to one that asks for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import uuid4

from lsprotocol import types
from msgspec import structs

from exbert_rpc import __version__
from exbert_rpc.errors import InvalidParams
from exbert_rpc.methods.asking import ask
from exbert_rpc.methods.method import Context
from exbert_rpc.methods.validation import check_text
from exbert_rpc.protocol.jsonrpc import encode
from exbert_rpc.protocol.types.attend import AttendParams, AttendResult
from exbert_rpc.server.calls import Call
from exbert_rpc.server.dispatch import SessionLike, submit
from exbert_rpc.server.hover import Place, sentence_at, tell, token_at
from exbert_rpc.server.lifecycle import ConnectionServer

if TYPE_CHECKING:
    from exbert_rpc.engine import Engine
    from exbert_rpc.protocol.types.base import Params, Result
    from exbert_rpc.report.record import Ask
    from exbert_rpc.tasks import Task

R = TypeVar("R", bound="Result")

REPORT = "exbert.report"
EXPLORE = "exbert.explore"
PAGE = "exbert.page"
ACTION = "exbert"
"""Kind of the code actions, which editors filter by."""
READ_SECONDS = 300.0
"""Until a browser, even one that has to start, has read a file that sends it to the live page."""


class Asking(SessionLike, Protocol):
    """A connection that the client can also be asked over.

    Attributes:
        is_local: Whether the client has started this process, so that its browser reaches the process' addresses.
    """

    is_local: bool

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        ...

    def request(self, method: str, params: object) -> None:
        """Ask the client for something; what it answers changes nothing."""
        ...


def offer(server: ConnectionServer, session: Asking, capabilities: object) -> None:
    """Register what this client can use; before ``initialize`` is answered, so that capabilities are true.

    Args:
        server: The connection's methods.
        session: The connection.
        capabilities: What the client says of itself, as it came.
    """
    client = _Client(session, capabilities)

    def on(method: str, handle: Callable[[_Client, Call, Any], None], options: object = None) -> None:
        @server.feature(method, options)  # type: ignore[untyped-decorator]
        def run(call: Call) -> None:
            handle(client, call, server.protocol.structured(call.method, call.params))

    on(types.WORKSPACE_EXECUTE_COMMAND, _execute_command)
    if not session.options.actions:
        return
    for command in _commands(client):
        server.command(command)(_never_called)
    if client.can("textDocument", "codeAction"):
        on(types.TEXT_DOCUMENT_CODE_ACTION, _code_actions, types.CodeActionOptions(code_action_kinds=[ACTION]))
    if session.options.hover is not None and client.can("textDocument", "hover"):
        on(types.TEXT_DOCUMENT_HOVER, _hover)


@dataclass(frozen=True, slots=True)
class _Client:
    """A connection, and what its client says that it can do."""

    session: Asking
    capabilities: object

    def can(self, *path: str) -> bool:
        """Whether a capability is there, and is not false."""
        found = self.capabilities
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return found is not None and found is not False


def _commands(client: _Client) -> tuple[str, ...]:
    return (REPORT, EXPLORE, PAGE) if client.session.is_local else (REPORT, PAGE)


def _never_called() -> None:
    """pygls announces commands by their handlers; :func:`_execute_command` handles them."""


# --- code actions and commands -------------------------------------------------------------------


def _code_actions(client: _Client, call: Call, params: types.CodeActionParams) -> None:
    wanted = params.context.only
    try:
        text = _text_of(client.session.context, params.text_document.uri, params.range)
    except InvalidParams:  # a document that is not open, or too long a selection: nothing is offered
        text = ""
    if not text.strip() or (wanted is not None and not {str(one) for one in wanted} & {"", ACTION}):
        call.succeed(b"[]")
        return
    argument = {"uri": params.text_document.uri, "range": _plain(params.range)}
    actions = [
        {
            "title": _TITLES[command],
            "kind": ACTION,
            "command": {"title": command.replace(".", ": "), "command": command, "arguments": [argument]},
        }
        for command in _commands(client)
        if command in _TITLES
    ]
    call.succeed(encode(actions))


_TITLES = {
    REPORT: "exBERT: see what a Transformer attends to here",
    EXPLORE: "exBERT: explore this in a browser, with a live model",
}


def _text_of(context: Context, uri: str, chosen: types.Range) -> str:
    """What is selected; where nothing is, the line."""
    document = context.document(uri)
    start, end = chosen.start, chosen.end
    first, last = (start.line, start.character), (end.line, end.character)
    if first == last:
        first, last = (start.line, 0), (start.line, 2**31 - 1)
    text = document.slice_of(first, last)
    check_text("range", text)
    return text


def _execute_command(client: _Client, call: Call, params: types.ExecuteCommandParams) -> None:
    known = _commands(client)
    if params.command not in known:
        raise InvalidParams("command", f"{params.command[:80]!r} is unknown", hint=f"Commands: {', '.join(known)}.")
    session, arguments = client.session, params.arguments or []
    if params.command == PAGE:
        work = _page(client, arguments)
    else:
        text = _text_named(session.context, arguments)
        work = _report(client, text) if params.command == REPORT else _explore(client, text)
    token = _progress_token(client) if params.work_done_token is None else params.work_done_token
    session.claim_token(call, token)
    call.begin(params.command.replace("exbert.", "exBERT: "), call.token)
    submit(call, work, session, session.host.workers)


def _report(client: _Client, text: str) -> Callable[[Engine, Task], object]:
    session, asking = client.session, _asking(client)

    def work(engine: Engine, task: Task) -> object:
        from exbert_rpc.server.pages import write_page

        store = session.host.settings.store
        uri = write_page(text, session.options.model, session.options.corpus, store, asking(engine, task))
        _show(client, uri)
        return {"uri": uri}

    return work


def _page(client: _Client, arguments: Sequence[Any]) -> Callable[[Engine, Task], object]:
    """What a view shows, as a page that its client saves."""
    from exbert_rpc.report import request_of_view

    if len(arguments) != 1 or not isinstance(arguments[0], dict):
        raise InvalidParams("arguments", "must be one object", hint="Give the state of a view.")
    request, asking = request_of_view(arguments[0]), _asking(client)

    def work(engine: Engine, task: Task) -> object:
        from exbert_rpc.report import make_page, record

        return {"page": make_page(record(request, asking(engine, task)), __version__)}

    return work


def _asking(client: _Client) -> Callable[[Engine, Task], Ask]:
    """Answers as a page counts characters."""
    context = replace(client.session.context, encoding="utf-16")

    def with_engine(engine: Engine, task: Task) -> Ask:
        def answer(params: Params, result: type[R]) -> R:
            return ask(params, result, context, engine, task)

        return answer

    return with_engine


def _explore(client: _Client, text: str) -> Callable[[Engine, Task], object]:
    """Opens the page that `exbert-rpc view` opens, with this text; the model runs in this process."""
    session, loop = client.session, asyncio.get_running_loop()
    view: dict[str, object] = {"input": {"text": text}, "label": "editor"}
    view |= {name: getattr(session.options, name) for name in ("model", "corpus")}

    def work(_engine: Engine, task: Task) -> object:
        from exbert_rpc.report.window import address_of
        from exbert_rpc.server.pages import write_redirect

        opening = asyncio.run_coroutine_threadsafe(session.host.live.address(), loop)
        origin, token = task.wait(opening)
        url = address_of(origin, token, {name: value for name, value in view.items() if value is not None})
        file = write_redirect(url, session.host.settings.store)
        loop.call_soon_threadsafe(loop.call_later, READ_SECONDS, partial(file.unlink, missing_ok=True))
        _show(client, file.as_uri())
        return {"uri": file.as_uri()}

    return work


def _text_named(context: Context, arguments: Sequence[Any]) -> str:
    """The text that a command's one argument names: ``{text}``, or ``{uri, range}`` of an open document."""
    given = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], dict) else None
    if given is None:
        raise InvalidParams("arguments", "must be one object", hint="Give {text}, or {uri, range}.")
    if isinstance(given.get("text"), str):
        text: str = given["text"]
        check_text("text", text)
    else:
        text = _text_of(context, str(given.get("uri")), _range_of(given.get("range")))
    if not text.strip():
        raise InvalidParams("arguments", "name no text", hint="Select at least one visible character.")
    return text


def _range_of(value: object) -> types.Range:
    try:
        if not isinstance(value, dict):
            raise TypeError("no object")
        start, end = (
            types.Position(**{k: int(value[at][k]) for k in ("line", "character")}) for at in ("start", "end")
        )
        return types.Range(start, end)
    except (KeyError, TypeError, ValueError):
        raise InvalidParams(
            "arguments", "have no `text`, and no LSP `range`", hint="Give {text}, or {uri, range}."
        ) from None


def _progress_token(client: _Client) -> str | None:
    """A token of the server's, for a client that shows progress that it did not ask for."""
    if not client.can("window", "workDoneProgress"):
        return None
    token = f"exbert-{uuid4().hex}"
    client.session.request("window/workDoneProgress/create", {"token": token})
    return token


def _show(client: _Client, uri: str) -> None:
    if client.can("window", "showDocument", "support"):
        client.session.request("window/showDocument", {"uri": uri, "external": True})
    else:
        client.session.notify("window/showMessage", {"type": 3, "message": f"exBERT: open {uri} in a browser"})


# --- hovers --------------------------------------------------------------------------------------


def _hover(client: _Client, call: Call, params: types.HoverParams) -> None:
    session = client.session
    chosen = session.options.hover
    assert chosen is not None
    context = replace(session.context, encoding="utf-32")
    place = _place(session.context, params)
    if not place.text.strip():
        call.succeed(b"null")
        return
    asked = AttendParams(text=place.text, layers=[chosen.layer], heads=[chosen.head], top_k=0, annotate=False)
    asked = structs.replace(asked, model=session.options.model)

    def work(engine: Engine, task: Task) -> object:
        answer = ask(asked, AttendResult, context, engine, task)
        token = token_at(answer, place.at)
        return None if token is None else {"contents": {"kind": "markdown", "value": tell(answer, token)}}

    submit(call, work, session, session.host.workers)


def _place(context: Context, params: types.HoverParams) -> Place:
    document = context.document(params.text_document.uri)
    at = params.position
    line = document.slice_of((at.line, 0), (at.line, 2**31 - 1))
    before = document.slice_of((at.line, 0), (at.line, at.character))
    check_text("position", line)
    return sentence_at(line, len(before))


def _plain(chosen: types.Range) -> dict[str, object]:
    start, end = ({"line": at.line, "character": at.character} for at in (chosen.start, chosen.end))
    return {"start": start, "end": end}
