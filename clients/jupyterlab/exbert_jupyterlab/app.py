"""The Jupyter Server extension: its options, its addresses and the end of its process."""

from __future__ import annotations

import sys
from pathlib import Path

from jupyter_server.extension.application import ExtensionApp
from traitlets import Dict, Integer, List, Unicode, default

from exbert_jupyterlab.handlers import BridgeHandler, LogHandler, RestartHandler, StatusHandler
from exbert_jupyterlab.process import Launch, ServerProcess


class ExbertApp(ExtensionApp):
    """Starts one ``exbert-rpc serve`` for all browser tabs and passes their messages on.

    Options go into ``jupyter_server_config.py`` as ``c.ExbertApp.python = ...``. They are the
    server's, not the browser's: a person who opens the page cannot choose what is run.
    """

    name = "exbert_jupyterlab"

    python = Unicode(help="Interpreter that has exbert_rpc installed. Default: Jupyter's own.").tag(config=True)
    arguments = List(Unicode(), help="More arguments for `exbert-rpc serve`.").tag(config=True)
    environment = Dict(help="More environment variables for the server.").tag(config=True)
    start_timeout = Integer(60, help="Seconds that the server has to answer after its start.").tag(config=True)

    @default("python")
    def _default_python(self) -> str:
        return sys.executable

    def initialize_settings(self) -> None:
        """Make the process (not started yet) known to the handlers."""
        self.process = ServerProcess(self._launch(), self.log)
        self.settings["exbert_process"] = self.process

    def initialize_handlers(self) -> None:
        """Add the bridge and its three plain addresses under ``/exbert``."""
        self.handlers.extend(
            [
                (r"/exbert/rpc", BridgeHandler),
                (r"/exbert/status", StatusHandler),
                (r"/exbert/restart", RestartHandler),
                (r"/exbert/log", LogHandler),
            ]
        )

    async def stop_extension(self) -> None:
        """End the server with Jupyter: nothing stays behind."""
        await self.process.stop()

    def _launch(self) -> Launch:
        if self.serverapp is None:
            raise RuntimeError("the extension is not linked to a Jupyter Server")
        return Launch(
            python=self.python,
            arguments=tuple(self.arguments),
            environment=dict(self.environment),
            root=Path(self.serverapp.root_dir).resolve(),
            start_timeout=self.start_timeout,
        )
