"""The command line, ``exbert-rpc``. Nothing here imports what is heavy before it is needed."""

from __future__ import annotations

from exbert_rpc.cli.main import main

__all__ = ["main"]
