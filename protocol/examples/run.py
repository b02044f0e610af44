"""Runs every example of this folder, in order, against a real server, and prints what comes back.

    python protocol/examples/run.py            # all of them
    python protocol/examples/run.py --json     # whole answers, one line each

It needs nothing but the standard library and an installed ``exbert-rpc``: 60 lines are a client.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


class Server:
    """JSON-RPC 2.0 over the standard streams of a process of our own."""

    def __init__(self, store: str) -> None:
        command = [sys.executable, "-m", "exbert_rpc", "serve", "--store", store]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number = 0

    def send(self, message: dict) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def receive(self) -> dict:
        length = 0
        while (line := self.process.stdout.readline()) != b"\r\n":
            if not line:
                raise SystemExit("the server has ended")
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return json.loads(self.process.stdout.read(length))

    def request(self, method: str, params: dict) -> dict:
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while (message := self.receive()).get("id") != self.number:
            if message.get("method") == "$/progress":
                print("   ", message["params"]["value"].get("message", ""), file=sys.stderr)
        if "error" in message:
            raise SystemExit(f"{method}: {json.dumps(message['error'], indent=2)}")
        return message["result"]

    def close(self) -> int:
        self.request("shutdown", {})
        self.send({"method": "exit"})
        return self.process.wait()


def filled(value: object, answers: dict[str, dict]) -> object:
    """Params with ``"{method.field}"`` replaced by that field of the method's answer."""
    if isinstance(value, dict):
        return {name: filled(one, answers) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, answers) for one in value]
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        method, _, field = value[1:-1].partition(".")
        return answers[method][field]
    return value


def main() -> int:
    whole = "--json" in sys.argv
    with tempfile.TemporaryDirectory() as store:
        server = Server(store)
        server.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        server.send({"method": "initialized", "params": {}})
        answers: dict[str, dict] = {}
        for path in sorted(HERE.glob("*.json")):
            example = json.loads(path.read_text(encoding="utf-8"))
            params = filled(example["params"], answers)
            result = answers[example["method"]] = server.request(example["method"], params)
            answer = json.dumps(result)
            if whole:
                print(json.dumps({"method": example["method"], "result": result}))
            else:
                print(
                    f"{example['method']}: {example['about']}\n    {answer[:300]}{'…' if len(answer) > 300 else ''}\n"
                )
        return server.close()


if __name__ == "__main__":
    sys.exit(main())
