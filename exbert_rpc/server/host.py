"""What all connections of a process share: one engine, made when it is first needed, and the threads that run it."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from exbert_rpc.engine.defaults import DEFAULT_MODEL, DEFAULT_PIPELINE
from exbert_rpc.server.live import LivePage
from exbert_rpc.server.options import EngineSettings, ServerLimits, ServerOptions, merge
from exbert_rpc.server.workers import WorkerPool
from exbert_rpc.tasks import Task

if TYPE_CHECKING:
    from exbert_rpc.engine import Engine

logger = logging.getLogger(__name__)


CLOSE_SECONDS = 0.3
CLUSTER_SECONDS = 10.0  # Ray ends its processes one by one, and waits for each

EngineFactory = Callable[[EngineSettings], "Engine"]


def real_engine(settings: EngineSettings) -> Engine:
    """The engine of this package; imports what is heavy only now."""
    from exbert_rpc.engine import Engine

    return Engine(
        settings.store,
        default_model=settings.model or DEFAULT_MODEL,
        device=settings.device,
        dtype=settings.dtype,
        allow_network=settings.allow_network,
        allowed_roots=settings.allowed_roots,
        pipeline=settings.pipeline or DEFAULT_PIPELINE,
        origin=settings.origin,
        actors=settings.actors,
    )


class Host:
    """The shared half of a server.

    Args:
        factory: Makes the engine; called once, in a worker thread, so that ``initialize`` never waits for it.
        settings: What the command line says.
        limits: How much runs at once.
    """

    def __init__(self, factory: EngineFactory, settings: EngineSettings, limits: ServerLimits) -> None:
        self.settings = settings
        self.limits = limits
        self.workers = WorkerPool("worker", limits.workers, limits.queued)
        self.builders = WorkerPool("builder", limits.builders, limits.queued)
        self.live = LivePage(self)
        self._factory = factory
        self._engine: Engine | None = None
        self._engine_lock = threading.Lock()
        self._warm_up_task = Task()
        self._is_warming = False
        self._started = time.monotonic()

    @property
    def uptime(self) -> float:
        """Seconds since the server started."""
        return time.monotonic() - self._started

    @property
    def has_engine(self) -> bool:
        """Whether the engine exists, so that its settings are fixed."""
        return self._engine is not None

    def configure(self, options: ServerOptions) -> None:
        """Take a (stdio) client's wishes for the engine that is to be made."""
        self.settings = merge(self.settings, options)

    def engine(self) -> Engine:
        """The engine; the first caller makes it and the others wait."""
        if self._engine is None:
            with self._engine_lock:
                if self._engine is None:
                    self._engine = self._factory(self.settings)
        return self._engine

    def warm_up(self) -> None:
        """Make the engine, and have it load its default model, behind the client's back."""
        if self._is_warming:
            return
        self._is_warming = True
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def _warm_up(self) -> None:
        try:
            self.engine().warm_up(self._warm_up_task)
            gc.freeze()  # what was imported and loaded is no garbage, and need not be looked through again
        except Exception as error:
            # the first request meets the same error and reports it to the client
            logger.warning("warm-up failed: %s", error)

    def forget(self, session: str) -> None:
        """Drop the handles of a client that has left."""
        if self._engine is not None:
            self._engine.close_session(session)

    @property
    def busy(self) -> bool:
        """Whether something is running that cannot be stopped at once."""
        return self.workers.busy or self.builders.busy

    def close(self) -> None:
        """Let idle threads end, drop what waits, and give the engine a moment to end its helpers."""
        self._warm_up_task.cancel()
        self.workers.close()
        self.builders.close()
        if self._engine is not None:
            closing = threading.Thread(target=self._engine.close, name="close", daemon=True)
            closing.start()
            closing.join(CLUSTER_SECONDS if self.settings.actors is not None else CLOSE_SECONDS)
