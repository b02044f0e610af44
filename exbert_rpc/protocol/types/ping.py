"""``ping``: whether the server listens."""

from __future__ import annotations

from exbert_rpc.protocol.types.base import NoParams, Result, Signature


class PingResult(Result, frozen=True, kw_only=True):
    """Answered by the event loop itself: shows that it is free."""

    protocol_version: str
    uptime_seconds: float


SIGNATURE = Signature("ping", NoParams, PingResult, order=10)
