"""exBERT in a notebook: the view as a widget, and every method with results that draw themselves.

    import exbert_rpc.notebook as exbert

    exbert.view("The girl ran to a local pub.", corpus="notes")
    exbert.local().attend(text="The girl ran to a local pub.")

The engine runs in threads of the kernel's process, and all cells share it; ``client=`` takes a server instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exbert_rpc.notebook.api import local, report, view

if TYPE_CHECKING:
    from exbert_rpc.notebook.widget import ViewWidget

__all__ = ["ViewWidget", "local", "report", "view"]


def __getattr__(name: str) -> object:
    if name == "ViewWidget":  # needs anywidget
        from exbert_rpc.notebook.widget import ViewWidget

        return ViewWidget
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
