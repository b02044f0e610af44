"""``ping``: answered by the event loop itself, which shows that it is free."""

from __future__ import annotations

from exbert_rpc.methods.method import Context, Method
from exbert_rpc.protocol.types import PROTOCOL_VERSION
from exbert_rpc.protocol.types.base import NoParams
from exbert_rpc.protocol.types.ping import SIGNATURE, PingResult


def prepare(params: NoParams, context: Context) -> PingResult:  # noqa: ARG001
    """The answer is known at once."""
    return PingResult(protocol_version=PROTOCOL_VERSION, uptime_seconds=round(context.uptime, 3))


METHOD = Method(SIGNATURE, prepare)
