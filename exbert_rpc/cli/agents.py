"""``exbert-rpc mcp``."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from pathlib import Path

from exbert_rpc.errors import ExbertError


def mcp(options: Namespace) -> int:
    """Offer tools over standard input and output until the other end closes it."""
    try:
        from exbert_rpc.agents.tools import make_server
    except ImportError as error:
        raise ExbertError(f"{error.name} is not installed", hint="pip install 'exbert-rpc[mcp]'") from error
    from exbert_rpc.client import AsyncClient

    async def run() -> None:
        async with await AsyncClient.spawn(_arguments(options), store=options.store, model=options.model) as exbert:
            await make_server(exbert).run_stdio_async()

    asyncio.run(run())
    return 0


def _arguments(options: Namespace) -> list[str]:
    """Those of ``exbert-rpc serve``. Without folders that are allowed, the working folder is."""
    named = [] if options.pipeline is None else ["--pipeline", options.pipeline]
    named += ["--device", options.device, "--dtype", options.dtype]
    named += ["--allow-network"] if options.allow_network else []
    for root in options.root or [str(Path.cwd())]:
        named += ["--root", root]
    return named
