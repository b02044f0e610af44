"""What the wire types are made of: bases, LSP's own pieces, tensors, and what a method is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Index = Annotated[int, Meta(ge=0)]
Probability = Annotated[float, Meta(ge=0, le=1)]
Score = Annotated[float, Meta(ge=-1, le=1)]
ProgressToken = int | str
Space = Literal["hiddenState", "headOutput"]
Weighting = Literal["uniform", "norm"]
Precision = Literal["int8", "int4", "binary"]
Direction = Literal["outgoing", "incoming"]
Attribute = Literal["pos", "tag", "dep", "entity", "offset"]
TensorForm = Literal["list", "float16", "uint8"]
ModelKind = Literal["bidirectional", "autoregressive", "encoderDecoder"]


class Params(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Base of everything a client sends: an unknown field is an error that names it."""


class Result(Struct, frozen=True, rename="camel", kw_only=True):
    """Base of everything the server sends."""


class Position(Params, frozen=True, kw_only=True):
    """A place in a document (LSP)."""

    line: Index
    character: Index


class Range(Params, frozen=True, kw_only=True):
    """A half-open stretch of a document (LSP)."""

    start: Position
    end: Position


class TextDocumentIdentifier(Params, frozen=True, kw_only=True):
    """A document that the client has opened (LSP)."""

    uri: str


class ChatMessage(Params, frozen=True, kw_only=True):
    """A message to a chat model.

    Attributes:
        role: Who says it: `user`, `assistant`, `system`, or what else the model's chat template knows.
        content: What is said.
    """

    role: str
    content: str


class Tensor(Result, frozen=True, kw_only=True):
    """An array of numbers: nested lists, one level an axis, or base64 (little-endian, C order).

    ``uint8`` means value / 255.
    """

    dtype: Literal["float32", "float16", "uint8"]
    shape: list[int]
    encoding: Literal["list", "base64"]
    data: list[Any] | str


class NoParams(Params, frozen=True, kw_only=True):
    """For methods that take nothing.

    Attributes:
        work_done_token: Token that progress is reported under (LSP).
    """

    work_done_token: ProgressToken | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """What a method takes and answers.

    Attributes:
        name: The method on the wire.
        params: What a client sends.
        result: What the server answers.
        order: Its place in lists of methods; methods of one number follow each other by name.
        positional: Fields that a Python script may give by place, in this order.
    """

    name: str
    params: type[Params]
    result: type[Result]
    order: int = 100
    positional: tuple[str, ...] = ()
