#!/usr/bin/env python3
"""Stands for an interpreter whose server misbehaves: the file beside it says how.

`old` speaks another protocol, `silent` answers nothing after the start, `failing` answers everything with an error.
Answers the extension's probe as a good interpreter does; run as a server it speaks just enough of the protocol.
"""

import json
import sys
from pathlib import Path
from typing import Any

MODE = Path(__file__).with_suffix(".mode").read_text(encoding="utf-8").strip()
VERSION = {"old": "0.9"}.get(MODE, "1.0")


def read() -> dict[str, Any] | None:
    """The next message; None at the end of input."""
    length = 0
    while (line := sys.stdin.buffer.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return json.loads(sys.stdin.buffer.read(length)) if length else None


def send(message: dict[str, Any]) -> None:
    """Write one message."""
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    sys.stdout.buffer.flush()


def answer(message: dict[str, Any]) -> None:
    """Answer one request in this server's manner."""
    number, method = message["id"], message["method"]
    if method == "initialize":
        exbert = {"protocolVersion": VERSION, "methods": [], "defaultModel": "fake", "device": "cpu"}
        send({"id": number, "result": {"capabilities": {"textDocumentSync": 2, "experimental": {"exbert": exbert}}}})
    elif method == "shutdown":
        send({"id": number, "result": None})
    elif MODE == "failing":
        data = {"kind": "modelNotSupported", "hint": "Choose another model."}
        send({"id": number, "error": {"code": -33002, "message": "This model cannot be read.", "data": data}})


def main() -> None:
    """Probe or serve."""
    if "-c" in sys.argv:
        print('exbert-probe:{"python": [3, 11], "found": true, "version": "0.1.0"}')
        return
    while (message := read()) is not None and message["method"] != "exit":
        if "id" in message:
            answer(message)


main()
