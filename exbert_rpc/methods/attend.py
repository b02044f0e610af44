"""``attend``: run a model over a text, or look again at a pass that is kept."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from exbert_rpc.engine import requests
from exbert_rpc.engine.requests import AnswerSize, TokenTable
from exbert_rpc.errors import InvalidParams
from exbert_rpc.methods.describe_model import encode_model
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.methods.results import encode_tokens
from exbert_rpc.methods.text_input import model_of, text_input
from exbert_rpc.methods.validation import as_tuple, check_text
from exbert_rpc.model import types as model
from exbert_rpc.protocol.positions import PositionEncoding
from exbert_rpc.protocol.tensors import check_size, encode_tensor
from exbert_rpc.protocol.types.attend import SIGNATURE, AttendParams, AttendResult
from exbert_rpc.protocol.types.base import ChatMessage, Tensor, TensorForm
from exbert_rpc.protocol.types.tokens import DecoderToken, ExpectedToken


def prepare(params: AttendParams, context: Context) -> Work:
    """Reads the text now, checks the size of the answer before attention exists."""
    request, encoding = read_request(params, context), context.encoding
    form, limit = params.tensors, context.answer_bytes

    def check(size: AnswerSize) -> None:
        check_size(tensor_shapes(size), form, limit, size.n_layers)

    return lambda engine, task: encode_result(engine.attend(request, task, check), form, encoding)


def read_request(params: AttendParams, context: Context) -> requests.AttendRequest:
    """What the engine is asked."""
    return requests.AttendRequest(
        session=context.session,
        input=_input(params, context),
        capture_id=params.capture_id,
        model=model_of(params, context),
        layers=as_tuple(params.layers),
        heads=as_tuple(params.heads),
        top_k=5 if params.top_k is None else params.top_k,
        annotate=params.annotate,
        pipeline=params.pipeline or context.defaults.pipeline,
        weights=params.weights,
        generate=params.generate or 0,
        wait_for_annotations=params.wait_for_annotations,
    )


def _input(params: AttendParams, context: Context) -> requests.TextInput | None:
    """A text input, or chat messages in its place; ``None`` if the request names a capture.

    Raises:
        InvalidParams: none or several of them, or one that cannot be read.
    """
    if params.messages is None:
        given = text_input(params, context)
        if given is None and params.special_tokens != "literal":
            raise InvalidParams("specialTokens", "a capture has been read already", hint="Send the text again.")
        return None if given is None else replace(given, special_tokens=params.special_tokens)
    others: dict[str, object] = {"text": params.text, "textPair": params.text_pair, "captureId": params.capture_id}
    others |= {"textDocument": params.text_document, "range": params.range}
    for name, value in others.items():
        if value is not None:
            raise InvalidParams(name, "may not be given together with `messages`", hint="Keep one of them.")
    for number, message in enumerate(params.messages):
        check_text(f"messages[{number}].role", message.role)
        check_text(f"messages[{number}].content", message.content)
    messages = tuple(model.ChatMessage(message.role, message.content) for message in params.messages)
    mask = tuple(params.mask or ())
    return requests.TextInput("", None, mask, messages=messages, special_tokens=params.special_tokens)


def tensor_shapes(size: AnswerSize) -> list[tuple[int, ...]]:
    """Shapes of the attention tensors of an answer."""
    n, m = size.n_tokens, size.n_decoder_tokens
    shapes: list[tuple[int, ...]] = [(size.n_layers, size.n_heads, n, n)]
    if m:
        shapes += [(size.n_layers, size.n_heads, m, m), (size.n_layers, size.n_heads, m, n)]
    return shapes


def encode_result(answer: requests.AttendResult, form: TensorForm, encoding: PositionEncoding) -> AttendResult:
    """The engine's answer on the wire."""

    def tensor(array: NDArray[np.float32] | None) -> Tensor | None:
        return None if array is None else encode_tensor(array, form)

    decoder = answer.decoder_tokens
    return AttendResult(
        capture_id=answer.capture_id,
        model=encode_model(answer.model),
        tokens=encode_tokens(answer.tokens, encoding),
        attention=encode_tensor(answer.attention, form),
        layers=list(answer.layers),
        heads=list(answer.heads),
        text=answer.tokens.encoding.text,
        decoder_tokens=None if decoder is None else _decoder_tokens(answer.tokens, decoder, encoding),
        decoder_attention=tensor(answer.decoder_attention),
        cross_attention=tensor(answer.cross_attention),
        decoder_layers=None if answer.decoder_layers is None else list(answer.decoder_layers),
        notes=list(answer.notes),
        messages=_messages(answer.tokens.encoding),
        annotations_pending=answer.annotations_pending,
    )


def _messages(encoding: model.Encoding) -> list[ChatMessage] | None:
    if encoding.messages is None:
        return None
    return [ChatMessage(role=place.role, content=place.content) for place in encoding.messages]


def _decoder_tokens(encoder: TokenTable, decoder: TokenTable, encoding: PositionEncoding) -> list[DecoderToken]:
    """What the decoder read: the second segment where there is one, although for the decoder it is the first."""
    segment = 0 if encoder.encoding.pair is None else 1
    tokens = encode_tokens(decoder, encoding)
    expected = decoder.encoding.expected or (None,) * len(tokens)
    return [
        DecoderToken(**(msgspec.structs.asdict(token) | {"segment": segment}), expected=_expected(one))
        for token, one in zip(tokens, expected, strict=True)
    ]


def _expected(one: model.ExpectedToken | None) -> ExpectedToken | None:
    return None if one is None else ExpectedToken(token=one.token, id=one.id)


METHOD = Method(SIGNATURE, prepare, title="reading the text")
