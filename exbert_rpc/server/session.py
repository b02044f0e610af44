"""One connection: its life cycle, its documents, its requests in flight. Knows nothing of bytes on a wire.

Everything here runs on the event loop, but for replies, which come from workers.
"""

from __future__ import annotations

import itertools
import logging
import uuid
from collections.abc import Callable
from typing import Literal

from pygls.exceptions import JsonRpcException

from exbert_rpc.engine.defaults import DEFAULT_MODEL
from exbert_rpc.errors import InvalidParams
from exbert_rpc.methods.method import Context
from exbert_rpc.protocol.error_codes import Failure, failure_of, reserved
from exbert_rpc.protocol.jsonrpc import (
    Invalid,
    Message,
    MessageId,
    Notification,
    Request,
    Response,
    encode,
    error_reply,
    notification,
)
from exbert_rpc.protocol.types import PROTOCOL_VERSION, signatures
from exbert_rpc.protocol.types.lifecycle import ExperimentalCapability
from exbert_rpc.server.batch import Batch
from exbert_rpc.server.calls import Call, Send
from exbert_rpc.server.dispatch import register
from exbert_rpc.server.editors import offer
from exbert_rpc.server.host import Host
from exbert_rpc.server.lifecycle import ConnectionServer, minimal_initialize, tolerant_initialize
from exbert_rpc.server.options import OWNERS_OPTIONS, ServerOptions, confine, parse_options

logger = logging.getLogger(__name__)

State = Literal["new", "running", "shutdown", "exited"]
Transport = Literal["stdio", "socket"]
_FIXED = (*OWNERS_OPTIONS, "actions", "hover")
"""Options that say what a server starts with."""


class Session:
    """One client.

    Args:
        host: What all clients share.
        send: Sends one message to the client; callable from any thread, never blocks.
        on_exit: Called once with the exit code when the client says ``exit``.
        transport: ``socket`` clients may not choose what is the server owner's to choose.
        on_process: Told the ``processId`` of the client.
        wait_for_room: Called by workers before they compute; blocks while the client does not read its answers.
    """

    def __init__(
        self,
        host: Host,
        send: Send,
        on_exit: Callable[[int], None],
        transport: Transport = "stdio",
        on_process: Callable[[int], None] | None = None,
        wait_for_room: Callable[[], None] = lambda: None,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.host = host
        self.options = ServerOptions()
        self.state: State = "new"
        self.is_local = transport == "stdio"
        self.wait_for_room = wait_for_room
        self._send = send
        self._on_exit = on_exit
        self._on_process = on_process
        self._transport: Transport = transport
        self._calls: dict[MessageId, Call] = {}
        self._tokens: dict[int | str, Call] = {}
        self._asked = itertools.count(1)  # workers ask, too
        self._server = ConnectionServer()
        register(self._server, self)

    @property
    def context(self) -> Context:
        """What methods need to know of this client now."""
        workspace = self._server.protocol.workspace
        return Context(
            session=self.id,
            document=workspace.document,
            defaults=self.options,
            encoding=workspace.encoding,
            answer_bytes=self.host.limits.answer_bytes,
            uptime=self.host.uptime,
        )

    @property
    def exit_code(self) -> int:
        """What the process ends with if the client goes now: 0 after ``shutdown``."""
        return 0 if self.state == "shutdown" else 1

    def receive(self, message: Message | list[Message]) -> None:
        """Handle a message or a batch; never raises."""
        if isinstance(message, list):
            batch = Batch(sum(isinstance(one, (Request, Invalid)) for one in message), self._send)
            for one in message:
                self._handle(one, batch.add)
        else:
            self._handle(message, self._send)

    def close(self) -> None:
        """The connection is gone: stop what it asked for and drop its handles."""
        self.state = "exited"
        for call in list(self._calls.values()):
            call.cancel()
        self.host.forget(self.id)

    def claim_token(self, call: Call, token: int | str | None) -> None:
        """Reserve a progress token for a call; raises :class:`InvalidParams` if it is in use."""
        if token is None:
            return
        if token in self._tokens:
            raise InvalidParams("workDoneToken", "is in use by another request")
        self._tokens[token] = call
        call.token = token

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        self._send(notification(method, params))

    def request(self, method: str, params: object) -> None:
        """Ask the client for something; what it answers changes nothing."""
        self._send(encode({"jsonrpc": "2.0", "id": f"exbert-{next(self._asked)}", "method": method, "params": params}))

    def _handle(self, message: Message, reply: Send) -> None:
        match message:
            case Request():
                self._request(message, reply)
            case Notification():
                self._notification(message)
            case Invalid():
                reply(error_reply(message.id, message.failure))
            case Response():
                logger.debug("the client answered %s", message)

    # --- requests --------------------------------------------------------------------------------

    def _request(self, request: Request, reply: Send) -> None:
        refusal = self._refusal(request)
        if refusal is not None:
            reply(error_reply(request.id, refusal))
            return
        call = Call(request.id, request.method, request.params, reply=reply, notify=self._send, done=self._forget_call)
        self._calls[request.id] = call
        try:
            self._dispatch(call)
        except InvalidParams as error:
            call.fail(failure_of(error, request.params))
        except JsonRpcException as error:
            kind = "invalidParams" if error.code == -32602 else "invalidRequest"
            call.fail(Failure(error.code or -32600, kind, "the request cannot be carried out"))
        except Exception as error:
            logger.exception("%s failed", request.method)
            call.fail(failure_of(error, request.params))

    def _refusal(self, request: Request) -> Failure | None:
        if request.id in self._calls:
            return reserved(
                "invalidRequest", "a request with this id is still running", "Give each request an id of its own."
            )
        if self.state == "new" and request.method != "initialize":
            return reserved("notInitialized", "the first request must be `initialize`")
        if self.state in ("shutdown", "exited"):
            return reserved("invalidRequest", "the server has been shut down", "Send `exit`, and start another server.")
        if self.state == "running" and request.method == "initialize":
            return reserved("invalidRequest", "the server has been initialized already", "`initialize` comes once.")
        return None

    def _dispatch(self, call: Call) -> None:
        protocol = self._server.protocol
        feature = protocol.feature(call.method)
        if feature is not None:
            feature(call)
        elif call.method == "initialize":
            self._initialize(call)
        elif call.method == "shutdown":
            self._shutdown(call)
        elif protocol.is_builtin(call.method):
            call.refuse("invalidRequest", f"{call.method} is a notification; it takes no id")
        else:
            call.refuse("methodNotFound", f"no method {call.method[:200]!r}", f"Methods: {', '.join(signatures())}.")

    def _forget_call(self, call: Call) -> None:
        self._calls.pop(call.id, None)
        if call.token is not None and self._tokens.get(call.token) is call:
            del self._tokens[call.token]

    def _initialize(self, call: Call) -> None:
        params = {} if call.params is None else call.params
        if not isinstance(params, dict):
            raise InvalidParams("params", "must be an object")
        protocol = self._server.protocol
        options, problems = parse_options(params.get("initializationOptions"))
        self.options, refused = confine(options, self._transport)
        offer(self._server, self, params.get("capabilities"))
        try:
            result = protocol.run_builtin("initialize", tolerant_initialize(params))
        except InvalidParams:
            logger.warning("the client's capabilities are not those of LSP; only position encodings are read")
            result = protocol.run_builtin("initialize", minimal_initialize(params))
        assert isinstance(result, dict)
        if self._transport == "stdio" and not self.host.has_engine:
            self.host.configure(self.options)
        if not result["capabilities"]["executeCommandProvider"]["commands"]:  # pygls announces that there are none
            del result["capabilities"]["executeCommandProvider"]
        result["capabilities"]["experimental"] = {"exbert": self._capability()}
        self.state = "running"
        call.succeed(encode(result))
        self._report(problems + refused)
        process = params.get("processId")
        if self._on_process is not None and isinstance(process, int) and process > 0:
            self._on_process(process)

    def _capability(self) -> ExperimentalCapability:
        settings = self.host.settings
        return ExperimentalCapability(
            protocol_version=PROTOCOL_VERSION,
            methods=list(signatures()),
            default_model=self.options.model or settings.model or DEFAULT_MODEL,
            device=settings.device,
        )

    def _report(self, problems: list[str]) -> None:
        for problem in problems[:20]:
            self.notify("window/logMessage", {"type": 2, "message": problem})
        if problems:
            more = f" (and {len(problems) - 1} more, see the log)" if len(problems) > 1 else ""
            self.notify("window/showMessage", {"type": 2, "message": f"exBERT: {problems[0]}{more}"})

    def _shutdown(self, call: Call) -> None:
        self.state = "shutdown"
        for other in list(self._calls.values()):
            if other is not call:
                other.cancel()
        self._server.protocol.run_builtin("shutdown", None)
        call.succeed(b"null")

    # --- notifications ---------------------------------------------------------------------------

    def _notification(self, message: Notification) -> None:
        if message.method == "exit":
            code, self.state = self.exit_code, "exited"
            self._on_exit(code)
            return
        if self.state != "running":
            return
        try:
            self._notified(message.method, message.params)
        except InvalidParams as error:
            logger.warning("%s was ignored: %s", message.method, error)
        except Exception:
            logger.exception("%s failed", message.method)

    def _notified(self, method: str, params: object) -> None:
        fields = params if isinstance(params, dict) else {}
        if method == "$/cancelRequest":
            self._cancel(self._calls, fields.get("id"))
        elif method == "window/workDoneProgress/cancel":
            self._cancel(self._tokens, fields.get("token"))
        elif method == "initialized":
            self.host.warm_up()
        elif method == "workspace/didChangeConfiguration":
            self._configure(fields.get("settings"))
        elif method == "textDocument/didOpen":
            self._server.protocol.run_builtin(method, tolerant_open(fields))
        elif self._server.protocol.is_builtin(method) and method not in ("initialize", "shutdown"):
            self._server.protocol.run_builtin(method, params)

    def _cancel(self, calls: dict[int | str, Call], key: object) -> None:
        call = calls.get(key) if isinstance(key, (int, str)) and not isinstance(key, bool) else None
        if call is not None:
            call.cancel()

    def _configure(self, settings: object) -> None:
        options, problems = parse_options(settings, self.options)
        fixed = [name for name in _FIXED if getattr(options, name) != getattr(self.options, name)]
        problems += [f"option `{name}` takes effect when the server is started again" for name in fixed]
        self.options, refused = confine(options, self._transport)
        self._report(problems + refused)


def tolerant_open(params: dict[str, object]) -> dict[str, object]:
    """``didOpen`` params with what a script may leave out."""
    document = params.get("textDocument")
    if not isinstance(document, dict):
        return params
    return {**params, "textDocument": {"languageId": "plaintext", "version": 0} | document}
