"""Messages to bytes and back: what is large is copied once, and what is odd is still read."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from exbert_rpc import errors
from exbert_rpc.client.messages import Notice, Reply, decode_incoming, decode_plain
from exbert_rpc.protocol.jsonrpc import Verbatim, encode, encode_pieces, result_reply
from exbert_rpc.protocol.tensors import encode_tensor
from exbert_rpc.server.options import EngineSettings, ServerOptions, confine, merge, parse_options


def test_json_in_pieces_stands_where_it_was_put():
    whole = {
        "a": Verbatim([b"[1,", b"2]"]),
        "text": "null \0 byte",
        "b": [Verbatim([b'"x"']), 3],
        "c": Verbatim([b"{}"]),
    }
    assert json.loads(encode(whole)) == {"a": [1, 2], "text": "null \0 byte", "b": ["x", 3], "c": {}}
    assert b"".join(encode_pieces(whole)) == encode(whole)


def test_the_numbers_of_a_tensor_are_not_copied_into_the_pieces():
    tensor = encode_tensor(np.random.default_rng(0).random((4, 64, 64), dtype=np.float32), "float16")
    assert isinstance(tensor.data, Verbatim)
    large = max(tensor.data.pieces, key=len)
    assert any(piece is large for piece in encode_pieces({"attention": tensor}))


def test_what_json_cannot_hold_is_an_error():
    with pytest.raises(TypeError, match="object"):
        encode({"a": object()})


@pytest.mark.parametrize(
    "body",
    [
        result_reply(7, b'{"x":', b"1}"),
        b'{"jsonrpc":"2.0","id":7,"result":{"x":1}}',
        b'{"id":7,"jsonrpc":"2.0","result":{"x":1}}',
        b'{ "jsonrpc" : "2.0", "id" : 7, "result" : {"x":1} }\n',
        b'{"jsonrpc":"2.0","id":7,"result":{"x":1}}\n',
    ],
)
def test_an_answer_is_read_however_its_fields_are_ordered(body):
    reply = decode_incoming(body)
    assert isinstance(reply, Reply)
    assert (reply.id, decode_plain(reply.result), reply.error) == (7, {"x": 1}, None)


@pytest.mark.parametrize("body", [b'{"jsonrpc":"2.0","id":7,"result":}', b'{"jsonrpc":"2.0","id":7,"result":1},2}'])
def test_a_result_that_is_no_json_is_an_error_when_it_is_read(body):
    reply = decode_incoming(body)
    assert isinstance(reply, Reply)
    with pytest.raises(msgspec.DecodeError):
        decode_plain(reply.result)


def test_an_error_and_a_notice_are_no_answers():
    reply = decode_incoming(b'{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no","data":{"field":"k"}}}')
    assert isinstance(reply, Reply) and isinstance(reply.error, errors.InvalidParams)
    assert isinstance(decode_incoming(b'{"jsonrpc":"2.0","method":"$/progress","params":{}}'), Notice)


def test_the_dtype_is_an_option_of_whoever_starts_the_server():
    taken, problems = parse_options({"dtype": "bfloat16"})
    assert (merge(EngineSettings(), taken).dtype, problems) == ("bfloat16", [])
    assert merge(EngineSettings(dtype="auto"), ServerOptions()).dtype == "auto"
    kept, refused = confine(taken, "socket")
    assert kept.dtype is None
    assert "`dtype` is not used" in refused[0]
    assert parse_options({"dtype": "int8"})[0].dtype is None
