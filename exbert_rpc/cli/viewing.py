"""``exbert-rpc view``: the view in a browser window, and the server behind it."""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import sys
import tempfile
import threading
import time
import webbrowser
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from exbert_rpc.cli.calls import read_once
from exbert_rpc.cli.commands import model_of, text_input, token_index
from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.work import actors_of, engine_of, store_of

if TYPE_CHECKING:
    from exbert_rpc.engine import Engine
    from exbert_rpc.server.options import EngineSettings

ADDRESS = "127.0.0.1"
_READ_SECONDS = 20.0  # until a browser, even one that has to start, has read the file


def view(options: Namespace) -> int:
    """Serve the view on this machine until its page has been closed for a while, or Ctrl-C."""
    from exbert_rpc.report.window import make_window
    from exbert_rpc.server.transports.entry import TransportOptions, serve
    from exbert_rpc.server.transports.page import Page

    window = make_window()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with contextlib.ExitStack() as stack:
        # asked for only what the page cannot find out itself; the server goes on with the same engine
        asks = options.corpus is not None or options.token is not None
        engine = stack.enter_context(engine_of(options)) if asks else None
        state = _state(engine, options)
        token = secrets.token_urlsafe(32)
        opener = stack.enter_context(_opener(opens=not options.no_open))
        transport = TransportOptions(
            kind="websocket",
            host=ADDRESS,
            port=options.port,
            token=token,
            page=Page(window.html, window.policy, options.idle),
            on_listening=lambda port: opener.open(port, token, state),
        )
        return serve(lambda settings: engine or _engine(settings), transport, _settings(options))


def _engine(settings: EngineSettings) -> Engine:
    from exbert_rpc.server.host import real_engine

    return real_engine(settings)


def _settings(options: Namespace) -> EngineSettings:
    from exbert_rpc.server.options import EngineSettings

    return EngineSettings(
        store=store_of(options),
        model=options.model,
        device=options.device,
        dtype=options.dtype,
        allow_network=options.allow_network,
        pipeline=options.pipeline,
        origin=options.origin,
        actors=actors_of(options),
    )


def _state(engine: Engine | None, options: Namespace) -> dict[str, object]:
    """What the page opens with; what was not named stays as the view has it."""
    state: dict[str, object] = {}
    for name in ("model", "corpus", "layer"):
        if getattr(options, name) is not None:
            state[name] = getattr(options, name)
    if options.heads is not None:
        state["heads"] = list(options.heads)
    if engine is not None and options.corpus is not None and options.model is None:
        state["model"] = model_of(engine, options.corpus)
    if options.text is None:
        return state
    given = text_input(options)
    state |= {"input": {"text": given.text}, "label": "command line"}
    if engine is not None and options.token is not None:
        read = read_once(engine, given, cast("str | None", state.get("model")), "view")
        state["pinned"] = {"side": "left", "token": token_index(read.tokens.encoding, options.token)}
    return state


class _Opener:
    """Tells the person where the page is, and has a browser open it."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def open(self, port: int, token: str, state: dict[str, object]) -> None:
        """Print the address and, if wanted, open it; never waits for the browser."""
        from exbert_rpc.report.window import address_of

        url = address_of(f"http://{ADDRESS}:{port}", token, state)
        Screen.of(sys.stdout).line(url)
        Screen.of(sys.stderr).line("open this address in a browser of this machine; Ctrl-C ends the server")
        sys.stdout.flush()
        if self._folder is not None:
            threading.Thread(target=_open_through, args=(self._folder, url), name="browser", daemon=True).start()


@contextlib.contextmanager
def _opener(*, opens: bool) -> Iterator[_Opener]:
    if not opens:
        yield _Opener(None)
        return
    with tempfile.TemporaryDirectory(prefix="exbert-rpc-view-", ignore_cleanup_errors=True) as folder:
        yield _Opener(Path(folder))


def _open_through(folder: Path, url: str) -> None:
    """Open an address through a file that only this user reads: everybody on a machine sees a program's arguments."""
    from exbert_rpc.report.window import redirect_to

    page = folder / "open.html"
    with contextlib.suppress(webbrowser.Error, OSError):
        page.write_text(redirect_to(url), encoding="utf-8")
        webbrowser.open(page.as_uri())
    # a server ends its process, which then removes nothing
    time.sleep(_READ_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
