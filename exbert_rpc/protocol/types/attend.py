"""``attend``: tokens and attention of one forward pass."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from exbert_rpc.protocol.types.base import (
    Index,
    Params,
    ProgressToken,
    Range,
    Result,
    Signature,
    Tensor,
    TensorForm,
    TextDocumentIdentifier,
)
from exbert_rpc.protocol.types.describe_model import ModelDescription
from exbert_rpc.protocol.types.tokens import Token


class AttendParams(Params, frozen=True, kw_only=True):
    """A text input (or the handle of one that was read before) and what to return of it."""

    text: str | None = None
    text_pair: str | None = None
    text_document: TextDocumentIdentifier | None = None
    range: Range | None = None
    capture_id: str | None = None
    model: str | None = None
    layers: list[Index] | None = None
    heads: list[Index] | None = None
    mask: list[Index] | None = None
    top_k: Annotated[int, Meta(ge=0, le=100)] | None = None
    annotate: bool = True
    pipeline: str | None = None
    tensors: TensorForm = "list"
    work_done_token: ProgressToken | None = None


class AttendResult(Result, frozen=True, kw_only=True):
    """Tokens and attention ``[layer][head][query][key]`` of one forward pass."""

    capture_id: str
    model: ModelDescription
    tokens: list[Token]
    attention: Tensor
    layers: list[int]
    heads: list[int]
    text: str
    decoder_tokens: list[Token] | None = None
    decoder_attention: Tensor | None = None
    cross_attention: Tensor | None = None
    decoder_layers: list[int] | None = None
    notes: list[str] = field(default_factory=list)


SIGNATURE = Signature("attend", AttendParams, AttendResult, order=1)
