"""The view as a widget (anywidget): JupyterLab, Notebook, VS Code's notebooks, Colab, marimo.

The output of a cell holds a small script and the state of the view. The view's own script is fetched from the kernel
once a page, answers of the engine come as bytes, and none of both is kept in the notebook.
"""

from __future__ import annotations

import html
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import traitlets

from exbert_rpc import __version__
from exbert_rpc.notebook.channels import Channel, OpenChannel
from exbert_rpc.report.bundles import read_bundle

logger = logging.getLogger(__name__)

MakePage = Callable[[Mapping[str, Any]], str]
"""From the state of a view to the page that shows it without a server."""


class ViewWidget(anywidget.AnyWidget):  # type: ignore[misc]
    """A view in the output of a cell; made by :func:`exbert_rpc.notebook.view`.

    Attributes:
        state: What is on show, plain JSON as the view keeps it.
        height: Of the view, in CSS.
        version: Of this package, which the script on a page belongs to.
    """

    state = traitlets.Dict().tag(sync=True)
    height = traitlets.Unicode("560px").tag(sync=True)
    version = traitlets.Unicode(__version__, read_only=True).tag(sync=True)

    def __init__(
        self, open_channel: OpenChannel, make_page: MakePage, state: Mapping[str, object], height: str
    ) -> None:
        self._esm = read_bundle("loader.js")
        self._open_channel = open_channel
        self._make_page = make_page
        self._channels: dict[str, Channel] = {}
        self._sending = threading.Lock()
        super().__init__(state={"version": 1, **state}, height=height)
        self.on_msg(self._received)

    def close(self) -> None:
        """Take the view away, and end its sessions."""
        for channel in list(self._channels.values()):
            channel.close()
        self._channels.clear()
        super().close()

    def _received(self, _widget: object, message: Any, _buffers: object) -> None:  # noqa: ANN401 - of a page
        kind, name = message.get("kind"), str(message.get("id"))
        if kind == "script":
            self._tell({"kind": "script"}, read_bundle("cell.js").encode(), read_bundle("cell.css").encode())
        elif kind == "open":
            self._open(name)
        elif kind == "page":  # takes seconds
            threading.Thread(target=self._page, args=(name, message.get("state")), name="exbert-page").start()
        elif kind == "rpc" and name in self._channels:
            self._channels[name].receive(str(message.get("text")).encode("utf-8", "surrogatepass"))
        elif kind == "close" and name in self._channels:
            self._channels.pop(name).close()

    def _open(self, name: str) -> None:
        try:
            self._channels[name] = self._open_channel(
                lambda body: self._tell({"kind": "rpc", "id": name}, body), lambda: self._ended(name)
            )
        except (OSError, ValueError) as error:
            logger.debug("no session for a view", exc_info=True)
            self._tell({"kind": "closed", "id": name, "reason": f"no server: {error}"})
        else:
            self._tell({"kind": "opened", "id": name})

    def _ended(self, name: str) -> None:
        if self._channels.pop(name, None) is not None:
            self._tell({"kind": "closed", "id": name, "reason": "the server has ended"})

    def _page(self, name: str, state: dict[str, Any]) -> None:
        try:
            page = self._make_page(state)
        except Exception as error:
            logger.debug("no page was made", exc_info=True)
            self._tell({"kind": "page", "id": name, "error": str(error)})
        else:
            self._tell({"kind": "page", "id": name}, page.encode())

    def _tell(self, message: dict[str, str], *buffers: bytes) -> None:
        with self._sending:  # answers come from several threads
            self.send(message, list(buffers))

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The widget, and a sentence for where no kernel runs."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        text = self.state.get("input", {}).get("text", "")
        said = f"exBERT’s view of “{html.escape(text)}” needs a running kernel: run this cell."
        return {"text/html": f"<p>{said}</p>", **bundle[0]}, bundle[1]
