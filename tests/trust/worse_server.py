"""``exbert-rpc`` with one promise broken: ``python -m tests.trust.worse_server leaking serve …``.

Negative controls: the harnesses of this folder must find fault with it.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

LEAKED = 1_000_000
_kept: list[object] = []


def leaking() -> None:
    """Every pass leaves a megabyte, a descriptor and (every tenth one) a thread behind."""
    from exbert_rpc.engine import Engine

    honest = Engine.attend

    def attend(self: Engine, *arguments: Any) -> Any:
        _kept.append(bytearray(b"x" * LEAKED))
        _kept.append(os.dup(2))
        if len(_kept) % 20 == 0:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        return honest(self, *arguments)

    Engine.attend = attend  # type: ignore[method-assign]


def outliving() -> None:
    """Nobody looks whether the parent lives."""
    from exbert_rpc.server.transports.parent_watch import ParentWatch

    ParentWatch.start = lambda self: None  # type: ignore[method-assign]


if __name__ == "__main__":
    from exbert_rpc.cli import main

    {"leaking": leaking, "outliving": outliving}[sys.argv.pop(1)]()
    sys.exit(main())
