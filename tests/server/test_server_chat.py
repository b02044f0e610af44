"""Chat messages and special tokens in the params of ``attend``, as scripts and clients give them."""

from __future__ import annotations

import pytest

from exbert_rpc.client.params import make_params
from exbert_rpc.errors import InvalidParams
from exbert_rpc.methods.validation import validate
from exbert_rpc.model.types import ChatMessage
from exbert_rpc.protocol.types import base
from exbert_rpc.protocol.types.attend import AttendParams
from tests.server.requests import Requests

HELLO = {"role": "user", "content": "Hello"}


@pytest.mark.parametrize("message", [HELLO, ("user", "Hello"), base.ChatMessage(**HELLO)])
def test_a_script_gives_messages_as_dicts_pairs_or_as_they_are(message):
    params = make_params(AttendParams, messages=[message], generate=3, special_tokens="parse")
    request = Requests().attend(params)
    assert request.input.messages == (ChatMessage("user", "Hello"),)
    assert request.input.texts == ("Hello",)
    assert (request.input.special_tokens, request.generate) == ("parse", 3)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"text": "x"}, "text"),
        ({"captureId": "c"}, "captureId"),
        ({"textPair": "x"}, "textPair"),
        ({"textDocument": {"uri": "file:///a"}}, "textDocument"),
    ],
)
def test_messages_stand_alone(more, field):
    with pytest.raises(InvalidParams, match=rf"{field}: may not be given together with `messages`"):
        Requests().attend(validate(AttendParams, {"messages": [HELLO], **more}))


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{**HELLO, "name": "Ada"}]}, "messages[0].name"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "messages[0].content"),
        ({"messages": "Hello"}, "messages"),
        ({"text": "x", "generate": 0}, "generate"),
        ({"text": "x", "generate": 257}, "generate"),
        ({"text": "x", "specialTokens": "all"}, "specialTokens"),
        ({"captureId": "c", "specialTokens": "parse"}, "specialTokens"),
    ],
)
def test_an_ill_formed_request_is_refused_by_field(params, field):
    with pytest.raises(InvalidParams) as refused:
        Requests().attend(validate(AttendParams, params))
    assert refused.value.data["field"] == field
    assert refused.value.hint
