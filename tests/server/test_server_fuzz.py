"""Structured fuzzing: no message unanswered, none answered twice, codes right, nothing leaked.

The oracle below reads each message with the standard library's JSON, not with ours.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from exbert_rpc.protocol.types import signatures
from tests.samples import drawn, sizes
from tests.server.harness import Server, request

CODES = {-32700, -32600, -32601, -32602, -32603, -32800, *range(-33010, -33000)}

texts = st.sampled_from(
    ["a b", "", " ", "😀 x", "raise:ValueError", "raise:CorpusDamaged", "nan", "huge x y z", "\ud800", "unserialisable"]
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    texts,
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = sorted({str(name) for one in signatures().values() for name in one.params.__struct_encode_fields__})
good = {
    "text": texts,
    "corpus": st.sampled_from(["demo", "none", "../x"]),
    "token": st.integers(0, 3),
    "layer": st.integers(0, 2),
    "layers": st.lists(st.integers(0, 1), max_size=2),
    "heads": st.lists(st.integers(0, 2), max_size=2),
    "tensors": st.sampled_from(["list", "float16", "uint8", "x"]),
    "sources": st.just([{"uri": "mem:1", "text": "x"}]),
    "model": st.sampled_from(["fake", "none"]),
    "searchId": st.sampled_from(["s0", "s1"]),
    "captureId": st.sampled_from(["c0", "c1"]),
    "space": st.sampled_from(["headOutput", "hiddenState"]),
}


@st.composite
def params_of(draw):
    names = draw(st.lists(st.sampled_from(FIELDS), max_size=4, unique=True))
    return {name: draw(good[name] if name in good and draw(st.integers(0, 3)) else values) for name in names}


ids = st.one_of(st.integers(0, 5), st.text(max_size=3), scalars, st.just([]), st.just({}))
methods = st.one_of(
    st.sampled_from(list(signatures())),
    st.sampled_from(["initialize", "nonsense", "$/cancelRequest", "textDocument/didOpen", "workspace/executeCommand"]),
    st.text(max_size=4),
)


@st.composite
def messages(draw):
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(values)
    message = {"jsonrpc": "2.0", "method": draw(methods), "id": draw(ids), "params": draw(params_of() | values)}
    if kind <= 3:  # something is missing, or of a wrong type
        name = draw(st.sampled_from(list(message)))
        if draw(st.booleans()):
            del message[name]
        else:
            message[name] = draw(values)
    return message


def is_id(value) -> bool:
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def expected(value) -> list[object]:
    """Ids of the replies that one message must get."""
    if not isinstance(value, dict):
        return [None]
    identity = value.get("id") if is_id(value.get("id")) else None
    if value.get("jsonrpc") != "2.0":
        return [identity]
    if "method" not in value:
        return [] if "id" in value and ("result" in value or "error" in value) else [identity]
    if not isinstance(value["method"], str):
        return [identity]
    return [identity] if "id" in value else []


def expected_of(value) -> tuple[Counter, int]:
    """Ids of all replies to a message or batch, and how many messages they come in."""
    if isinstance(value, list) and value:
        found = [identity for one in value for identity in expected(one)]
        return Counter(map(json.dumps, found)), 1 if found else 0
    found = expected(value)
    return Counter(map(json.dumps, found)), len(found)


def total(expectations: Iterable[tuple[Counter, int]]) -> tuple[Counter, int]:
    """The same for several messages."""
    wanted, count = Counter(), 0
    for more, replies in expectations:
        wanted += more
        count += replies
    return wanted, count


def check(reply: dict) -> str:
    assert reply["jsonrpc"] == "2.0" and ("result" in reply) != ("error" in reply)
    if "error" in reply:
        error = reply["error"]
        assert error["code"] in CODES and error["data"]["kind"] and isinstance(error["message"], str)
        words = json.dumps(error)
        assert "Traceback" not in words and "secret" not in words and "site-packages" not in words
    return json.dumps(reply["id"])


def exchange(peer, bodies: list[bytes], wanted: Counter, count: int) -> None:
    for body in bodies:
        peer.send_body(body)
    peer.send(request("the marker", "ping"))
    seen: Counter = Counter()
    for _ in range(count + 1):
        message = peer.reply()
        for reply in message if isinstance(message, list) else [message]:
            seen[check(reply)] += 1
    assert seen == wanted + Counter([json.dumps("the marker")])


@pytest.fixture(scope="module")
def fuzzed():
    with Server("stdio", "--workers", "4", "--answer-bytes", "100000") as server:
        yield server.ready()


# a million messages come in test_server_soak.py, from a quicker generator
MESSAGES = 25


@pytest.mark.parametrize("number", sizes(300, 10_000))
def test_structured_messages_get_one_reply_each(fuzzed, number):
    @seed(20261123)
    @drawn(number // MESSAGES)
    @given(sent=st.lists(messages(), min_size=MESSAGES, max_size=MESSAGES))
    def send(sent):
        exchange(fuzzed, [json.dumps(value).encode() for value in sent], *total(map(expected_of, sent)))

    send()


@st.composite
def damaged(draw):
    """A valid message with some bytes changed, dropped or put in."""
    body = bytearray(json.dumps(draw(messages()), ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(body) - 1)))
        body[at : at + draw(st.integers(0, 2))] = draw(
            st.binary(max_size=2) | st.sampled_from([b'"', b"{", b"]", b"\\"])
        )
    return bytes(body)


def read(body: bytes):
    def refuse(_):
        raise ValueError

    return json.loads(body.decode("utf-8"), parse_constant=refuse)


def expected_of_body(body: bytes) -> tuple[Counter, int]:
    """The same for bytes that need not be JSON."""
    try:
        return expected_of(read(body))
    except ValueError:
        return Counter(["null"]), 1


@pytest.mark.parametrize("number", sizes(100, 2_500))
def test_damaged_messages_get_one_reply_each(fuzzed, number):
    @seed(20261123)
    @drawn(number // MESSAGES)
    @given(sent=st.lists(damaged(), min_size=MESSAGES, max_size=MESSAGES))
    def send(sent):
        exchange(fuzzed, sent, *total(map(expected_of_body, sent)))

    send()


@pytest.mark.parametrize("times", sizes(1, 6))
def test_a_shutdown_in_the_middle_leaves_no_request_unanswered(times):
    @seed(20261123)
    @drawn(times)
    @given(sent=st.lists(messages(), max_size=10), at=st.integers(0, 10))
    def send(sent, at):
        with Server() as server:
            peer = server.ready()
            sent = [*sent[:at], request("the end", "shutdown"), *sent[at:]]
            exchange(peer, [json.dumps(value).encode() for value in sent], *total(map(expected_of, sent)))

    send()
