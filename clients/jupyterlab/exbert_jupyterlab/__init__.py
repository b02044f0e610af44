"""exBERT in JupyterLab: the prebuilt extension, and the bridge from the browser to ``exbert-rpc``."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab where the prebuilt extension lies."""
    return [{"src": "labextension", "dest": "exbert-jupyterlab"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server which application serves the bridge."""
    from exbert_jupyterlab.app import ExbertApp

    return [{"module": "exbert_jupyterlab.app", "app": ExbertApp}]
