"""A method of the protocol, called in this process by what stands on the methods: commands, reports, editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from exbert_rpc.methods import methods
from exbert_rpc.methods.method import Context, Method

if TYPE_CHECKING:
    from exbert_rpc.engine import Engine
    from exbert_rpc.protocol.types.base import Params, Result
    from exbert_rpc.tasks import Task

R = TypeVar("R", bound="Result")


def method_of(params: Params, result: type[Result]) -> Method:
    """The method that takes these params and answers with this type."""
    (found,) = [
        one for one in methods().values() if one.signature.params is type(params) and one.signature.result is result
    ]
    return found


def ask(params: Params, result: type[R], context: Context, engine: Engine, task: Task) -> R:
    """The method's answer.

    Raises:
        ExbertError: what the method raises.
    """
    prepared = method_of(params, result).prepare(params, context)
    answer = prepared(engine, task) if callable(prepared) else prepared
    assert isinstance(answer, result)
    return answer
