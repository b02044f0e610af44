"""Messages by the million: what the fuzzing of `test_server_fuzz.py` draws, from a plain random generator."""

from __future__ import annotations

import json
import random

from exbert_rpc.protocol.types import signatures
from tests.server.test_server_fuzz import FIELDS

TEXTS = ["a b", "", " ", "😀 x", "raise:ValueError", "raise:CorpusDamaged", "nan", "huge x y z", "\ud800", "\0"]
SCALARS = [None, True, False, 0, -1, 3, 2**31, -(2**63), 2**70, 0.5, -1e300, *TEXTS, "x" * 300, "demo", "../x"]
GOOD = {
    "text": TEXTS,
    "corpus": ["demo", "none", "../x", ""],
    "token": [0, 1, 3, -1, 10**9],
    "layer": [0, 1, 2],
    "hiddenLayer": [0, 1, 3],
    "layers": [[], [0], [1, 0], [5]],
    "heads": [[], [0], [2, 1], [9]],
    "tensors": ["list", "float16", "uint8", "x"],
    "sources": [[{"uri": "mem:1", "text": "x"}], ["/etc/passwd"], [], [{"uri": "mem:1"}]],
    "model": ["fake", "none"],
    "searchId": ["s0", "s1", "s99"],
    "captureId": ["c0", "c1", "c99"],
    "space": ["headOutput", "hiddenState"],
}
NAMES = [
    *signatures(),
    "initialize",
    "nonsense",
    "$/cancelRequest",
    "textDocument/didOpen",
    "workspace/executeCommand",
    "",
]


def random_message(rng: random.Random) -> object:
    """A message that is right, one with something missing or wrong, a batch, or no message at all."""
    kind = rng.random()
    if kind < 0.05:
        return _value(rng, 3)
    if kind < 0.1:
        return [random_message(rng) for _ in range(rng.randint(1, 4)) if rng.random() < 0.9] or 5
    message: dict[str, object] = {
        "jsonrpc": "2.0",
        "method": rng.choice(NAMES),
        "id": rng.randint(0, 10**6) if rng.random() < 0.8 else _value(rng, 1),
        "params": _params(rng) if rng.random() < 0.8 else _value(rng, 2),
    }
    if kind < 0.35:
        name = rng.choice(list(message))
        if rng.random() < 0.5:
            del message[name]
        else:
            message[name] = _value(rng, 2)
    return message


def random_body(rng: random.Random) -> bytes:
    """A message as bytes; one in eight has some of them changed, dropped or put in."""
    text = json.dumps(random_message(rng), ensure_ascii=rng.random() < 0.5)
    body = bytearray(text.encode("utf-8", "surrogatepass"))
    if rng.random() < 0.125:
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(body) + 1)
            body[at : at + rng.randint(0, 2)] = rng.choice([rng.randbytes(2), b'"', b"{", b"]", b"\\", b""])
    return bytes(body)


def _params(rng: random.Random) -> dict[str, object]:
    chosen = rng.sample(FIELDS, rng.randint(0, 4))
    return {name: rng.choice(GOOD[name]) if name in GOOD and rng.random() < 0.75 else _value(rng, 2) for name in chosen}


def _value(rng: random.Random, depth: int) -> object:
    kind = rng.random()
    if depth == 0 or kind < 0.7:
        return rng.choice(SCALARS)
    inner = [_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    return (
        inner if kind < 0.85 else {rng.choice(["", "a", "type_name", "ü"]) + str(n): one for n, one in enumerate(inner)}
    )
