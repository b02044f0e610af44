"""The facade, and what it keeps: models, corpora, captures, annotations, handles.

``Engine`` is imported when it is first asked for: requests and results are light, the engine is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exbert_rpc.engine.facade import Engine

__all__ = ["Engine"]


def __getattr__(name: str) -> object:
    if name == "Engine":
        from exbert_rpc.engine.facade import Engine

        return Engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
