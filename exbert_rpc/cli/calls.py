"""A method of the protocol, called in this process: what ``--json`` prints is what a server would answer."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeVar

from exbert_rpc.cli.output import write_json
from exbert_rpc.cli.work import run
from exbert_rpc.errors import InvalidParams

if TYPE_CHECKING:
    from exbert_rpc.corpus.types import Precision
    from exbert_rpc.engine import Engine
    from exbert_rpc.engine.requests import AttendResult, TextInput
    from exbert_rpc.protocol.positions import PositionEncoding
    from exbert_rpc.protocol.types.base import Params, Result
    from exbert_rpc.tasks import Task

R = TypeVar("R", bound="Result")

SESSION = "command line"


@dataclass(frozen=True, slots=True)
class _Defaults:
    """The command line names everything itself."""

    model: str | None = None
    pipeline: str | None = None
    precision: Precision | None = None


def call(engine: Engine, params: Params, result: type[R], title: str = "", *, options: Namespace) -> R:
    """The answer of the method that takes these params; offsets count characters unless ``--json`` is given.

    Raises:
        Cancelled: it was interrupted.
    """
    from exbert_rpc.methods.asking import method_of
    from exbert_rpc.methods.method import Context

    method = method_of(params, result)
    encoding: PositionEncoding = "utf-16" if options.json else "utf-32"
    prepared = method.prepare(params, Context(SESSION, _no_document, _Defaults(), encoding, sys.maxsize))
    answer = run(lambda task: prepared(engine, task), title or method.title) if callable(prepared) else prepared
    assert isinstance(answer, result)
    return answer


def read_once(engine: Engine, given: TextInput, model: str | None, title: str) -> AttendResult:
    """A pass that later calls ask about; of its attention one head, of the first layer that has any."""
    from exbert_rpc.engine.defaults import DEFAULT_MODEL
    from exbert_rpc.engine.requests import AttendRequest

    def read(task: Task) -> AttendResult:
        layers = engine.describe_model(model or DEFAULT_MODEL, task).attention_layers[:1]
        asked = AttendRequest(SESSION, given, model=model, layers=layers, heads=(0,), top_k=0, annotate=False)
        return engine.attend(asked, task)

    return run(read, title)


def print_json(answer: Result) -> None:
    """Write an answer to standard output as it goes over the wire."""
    from exbert_rpc.protocol.jsonrpc import encode

    write_json(sys.stdout, encode(answer))


def _no_document(uri: str) -> NoReturn:
    raise InvalidParams("textDocument", f"{uri} is not open", hint="A command reads a text, not an editor's document.")
