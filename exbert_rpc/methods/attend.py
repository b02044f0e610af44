"""``attend``: run a model over a text, or look again at a pass that is kept."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from exbert_rpc.engine import requests
from exbert_rpc.engine.requests import AnswerSize, TokenTable
from exbert_rpc.methods.describe_model import encode_model
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.methods.results import encode_tokens
from exbert_rpc.methods.text_input import model_of, text_input
from exbert_rpc.methods.validation import as_tuple
from exbert_rpc.model import types as model
from exbert_rpc.protocol.positions import PositionEncoding
from exbert_rpc.protocol.tensors import check_size, encode_tensor
from exbert_rpc.protocol.types.attend import SIGNATURE, AttendParams, AttendResult
from exbert_rpc.protocol.types.base import Tensor, TensorForm
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
        input=text_input(params, context),
        capture_id=params.capture_id,
        model=model_of(params, context),
        layers=as_tuple(params.layers),
        heads=as_tuple(params.heads),
        top_k=5 if params.top_k is None else params.top_k,
        annotate=params.annotate,
        pipeline=params.pipeline or context.defaults.pipeline,
        weights=params.weights,
    )


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
    )


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
