"""``python -m exbert_rpc serve --ws HOST:PORT --root DIR``: a JSON-RPC echo over WebSocket."""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import os
import sys

from websockets.asyncio.server import ServerConnection, serve


def _authorised(connection: ServerConnection, request):
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given, f"Bearer {os.environ['EXBERT_RPC_TOKEN']}"):
        return connection.respond(401, "token?\n")
    return None


async def _answer(connection: ServerConnection) -> None:
    async for raw in connection:
        message = json.loads(raw)
        method, params = message["method"], message.get("params", {})
        if method == "crash":
            print("the stub was told to crash", file=sys.stderr, flush=True)
            os._exit(3)
        result: object = params
        if method == "pid":
            result = os.getpid()
        if method == "give":
            result = "x" * params["bytes"]
        if method == "length":
            result = len(params["text"])
        if method == "sleep":
            await asyncio.sleep(params["seconds"])
        await connection.send(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}))


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("--websocket", required=True)
    parser.add_argument("--root")
    host, port = parser.parse_args().websocket.rsplit(":", 1)
    async with serve(
        _answer, host, int(port), process_request=_authorised, max_size=64 * 1024 * 1024, compression=None
    ) as server:
        port = server.sockets[0].getsockname()[1]
        print(json.dumps({"listening": {"port": port}}), file=sys.stderr, flush=True)
        await server.serve_forever()


asyncio.run(_main())
