"""What the life cycle of a connection carries."""

from __future__ import annotations

from exbert_rpc.protocol.types.base import Result


class ExperimentalCapability(Result, frozen=True, kw_only=True):
    """``capabilities.experimental.exbert`` of the answer to ``initialize``.

    ``device`` is ``auto`` unless the server was started with a device; ``describeModel`` says where a model runs.
    """

    protocol_version: str
    methods: list[str]
    default_model: str
    device: str


class ErrorData(Result, frozen=True, kw_only=True):
    """``error.data`` of every error that this server sends; further fields depend on ``kind``."""

    kind: str
    hint: str
