"""The one entry of the server: a transport, an engine, and an exit code."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from exbert_rpc.errors import InvalidParams
from exbert_rpc.server.access import is_loopback
from exbert_rpc.server.host import EngineFactory, Host
from exbert_rpc.server.options import EngineSettings, ServerLimits

if TYPE_CHECKING:
    from exbert_rpc.server.transports.page import Page

logger = logging.getLogger(__name__)

TransportKind = Literal["stdio", "tcp", "websocket", "unix"]
MIN_TOKEN = 16
SWITCH_SECONDS = 0.001  # Python code in workers lets the event loop in five times sooner than by default
WILDCARDS = ("0.0.0.0", "::", "")


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """How clients reach the server.

    Attributes:
        kind: ``stdio`` opens no socket.
        host: Address to listen on; loopback unless ``allow_remote``.
        port: Port to listen on; 0 for any.
        path: Path of the Unix socket.
        token: The secret that clients of a socket must know.
        allow_remote: Whether ``host`` may be an address that others reach.
        allowed_origins: Origins of web pages that may open a WebSocket (``https://host:port``).
        allowed_hosts: Names that a WebSocket client may call this server by, beside loopback's.
        port_file: Where the address is written once the socket listens (JSON, for the user's eyes only).
        page: A web page that is served beside the WebSocket, and whose closing ends the server.
        on_listening: Is told the port of a WebSocket.
    """

    kind: TransportKind = "stdio"
    host: str = "127.0.0.1"
    port: int = 0
    path: Path | None = None
    token: str | None = None
    allow_remote: bool = False
    allowed_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    port_file: Path | None = None
    page: Page | None = None
    on_listening: Callable[[int], None] | None = None

    def check(self) -> None:
        """Raise :class:`InvalidParams` if these options would let anybody in, or cannot work."""
        if self.kind in ("tcp", "websocket"):
            if not is_loopback(self.host) and not self.allow_remote:
                raise InvalidParams(
                    "host",
                    f"{self.host} is reachable from other machines",
                    hint="Allow it explicitly, or use 127.0.0.1.",
                )
            if self.token is None and self.port_file is None:
                raise InvalidParams(
                    "token", "a socket needs a token", hint="Give one, or a port file that a new one is written to."
                )
        if self.token is not None and len(self.token) < MIN_TOKEN:
            raise InvalidParams("token", f"must have at least {MIN_TOKEN} characters")
        if (self.kind == "unix") != (self.path is not None):
            raise InvalidParams("path", "belongs to a Unix socket, which needs one")
        if self.kind == "unix" and not hasattr(socket, "AF_UNIX"):
            raise InvalidParams(
                "path", "this system has no Unix sockets", hint="Use standard input and output, TCP or a WebSocket."
            )

    def secret(self) -> tuple[str | None, bool]:
        """The token, and whether it is a new one. A Unix socket is the user's alone and may do without."""
        if self.token is not None or self.kind == "unix":
            return self.token, False
        return secrets.token_urlsafe(32), True


def serve(
    engine_factory: EngineFactory,
    transport: TransportOptions | None = None,
    settings: EngineSettings | None = None,
    limits: ServerLimits | None = None,
) -> int:
    """Serve until the client, a signal or the parent's death ends it; returns the process's exit code.

    Once an engine has been made, the process ends here instead: what a model still computes is nobody's, what a build
    writes survives being cut off, and an interpreter that is torn down under running native code may crash.
    Raises :class:`InvalidParams` for options that cannot be served.
    """
    transport = TransportOptions() if transport is None else transport
    transport.check()
    streams = _claim(transport)
    configure_logging()
    sys.setswitchinterval(SWITCH_SECONDS)
    settings = settings or EngineSettings()
    if transport.page is None:  # who is served a page of their own is the user, as on stdio
        settings = _confined(settings, transport.kind)
    host = Host(engine_factory, settings, limits or ServerLimits())
    code = asyncio.run(_main(host, transport, streams))
    host.close()
    if host.has_engine or host.busy:
        logging.shutdown()
        os._exit(code)
    return code


def _confined(settings: EngineSettings, kind: TransportKind) -> EngineSettings:
    """A client on stdio is the user; clients of a socket read only from the folders named at the start.

    The folders of the model and the pipeline that were named are among them.
    """
    if kind == "stdio" and settings.allowed_roots is None:
        return settings
    named = [Path(name).expanduser() for name in (settings.model, settings.pipeline) if name is not None]
    folders = tuple(path.absolute() for path in named if path.exists())
    return replace(settings, allowed_roots=(settings.allowed_roots or ()) + folders)


def configure_logging() -> None:
    """Log to standard error; never the bodies of messages, which are the user's texts."""
    if not logging.getLogger().handlers:
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    logging.getLogger("websockets").setLevel(logging.WARNING)


def _claim(transport: TransportOptions) -> tuple[int, int] | None:
    if transport.kind != "stdio":
        return None
    # the thousands of classes of the protocol are no garbage: to look for some costs a tenth of the start
    gc.disable()
    from exbert_rpc.server.transports.stdio import claim_streams

    gc.freeze()
    gc.enable()
    return claim_streams()


async def _main(host: Host, transport: TransportOptions, streams: tuple[int, int] | None) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stopped.set)
        except (NotImplementedError, RuntimeError, ValueError):  # Windows; not the main thread
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
    return await _run(host, transport, streams, stopped)


async def _run(host: Host, transport: TransportOptions, streams: tuple[int, int] | None, stopped: asyncio.Event) -> int:
    if streams is not None:
        from exbert_rpc.server.transports.stdio import serve_stdio

        return await serve_stdio(host, *streams, stopped)
    token, is_new = transport.secret()
    address = (transport.host, transport.port)
    if transport.kind == "websocket":
        from exbert_rpc.server.transports.websocket import Gate, serve_websocket

        names = transport.allowed_hosts + ((transport.host,) if transport.host not in WILDCARDS else ())
        gate = Gate(token, names, transport.allowed_origins, transport.page)
        return await serve_websocket(
            host,
            stopped,
            address=address,
            gate=gate,
            port_file=transport.port_file,
            publish_token=is_new,
            on_listening=transport.on_listening,
        )
    from exbert_rpc.server.transports.sockets import serve_stream

    place = address if transport.path is None else transport.path
    return await serve_stream(
        host, stopped, address=place, token=token, port_file=transport.port_file, publish_token=is_new
    )
