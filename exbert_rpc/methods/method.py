"""What a method is, and what it needs to know of the client that calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from exbert_rpc.corpus.types import Precision
from exbert_rpc.protocol.positions import PositionEncoding
from exbert_rpc.protocol.types.base import Result, Signature
from exbert_rpc.tasks import Task

if TYPE_CHECKING:
    from exbert_rpc.engine import Engine

Work = Callable[["Engine", Task], Result]
"""The part of a request that computes, off the event loop."""


class OpenDocument(Protocol):
    """A document that the client has open, with its unsaved edits."""

    uri: str
    language_id: str | None

    @property
    def source(self) -> str: ...  # noqa: D102
    def offset_at(self, line: int, character: int) -> int: ...  # noqa: D102
    def slice_of(self, start: tuple[int, int], end: tuple[int, int]) -> str: ...  # noqa: D102


class Defaults(Protocol):
    """What a client has chosen for requests that name nothing else."""

    @property
    def model(self) -> str | None: ...  # noqa: D102
    @property
    def pipeline(self) -> str | None: ...  # noqa: D102
    @property
    def precision(self) -> Precision | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Context:
    """The client of a request, at the moment when the request was read.

    Attributes:
        session: Name that its captures and searches are kept under.
        document: Gives an open document by its uri; raises ``InvalidParams`` for one that is not open.
        defaults: What its requests mean where they name nothing.
        encoding: How it counts characters.
        answer_bytes: Largest answer in bytes.
        uptime: Seconds since the server started.
    """

    session: str
    document: Callable[[str], OpenDocument]
    defaults: Defaults
    encoding: PositionEncoding = "utf-16"
    answer_bytes: int = 48 << 20
    uptime: float = 0.0


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the protocol.

    Attributes:
        signature: Its name, and what it takes and answers.
        prepare: Checks validated params of ``signature.params`` and gives the work behind them, or the result itself
            if that takes no time. Runs on the event loop: the text of a document is taken now, so that later edits do
            not reach into the request. Raises ``InvalidParams``.
        title: What a person reads while it runs.
        builds: Whether the work runs among builds instead of among requests that people wait for.
        abandonable: Whether a cancelled request is answered while its last step still runs.
    """

    signature: Signature
    prepare: Callable[[Any, Context], Work | Result]
    title: str = ""
    builds: bool = False
    abandonable: bool = True
