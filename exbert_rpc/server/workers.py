"""Threads that compute, and the queue in front of them.

Clients take turns: a thousand waiting requests of one do not delay the first of another. Threads are daemons, so that
a model that is running never keeps the process alive.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable

logger = logging.getLogger(__name__)


class QueueFull(Exception):
    """Too many jobs wait already."""


class Job:
    """One piece of work; ``run`` must not raise."""

    def __init__(self, owner: str, run: Callable[[], None]) -> None:
        self.owner = owner
        self.run = run


class WorkerPool:
    """``threads`` workers that share a queue of at most ``limit`` waiting jobs an owner."""

    def __init__(self, name: str, threads: int, limit: int = 20_000) -> None:
        self._name = name
        self._threads = threads
        self._limit = limit
        self._waiting: OrderedDict[str, OrderedDict[Job, None]] = OrderedDict()
        self._n_waiting = 0
        self._changed = threading.Condition()
        self._started = 0
        self._idle = 0
        self._closed = False

    def submit(self, owner: str, run: Callable[[], None]) -> Job:
        """Queue ``run`` for ``owner``; raises :class:`QueueFull` beyond the owner's limit."""
        job = Job(owner, run)
        with self._changed:
            if len(self._waiting.get(owner, ())) >= self._limit:
                raise QueueFull
            self._waiting.setdefault(owner, OrderedDict())[job] = None
            self._n_waiting += 1
            if self._n_waiting > self._idle and self._started < self._threads:
                self._started += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
            self._changed.notify()
        return job

    def withdraw(self, job: Job) -> bool:
        """Take a job back; ``False`` if it has begun."""
        with self._changed:
            queue = self._waiting.get(job.owner)
            if queue is None or job not in queue:
                return False
            del queue[job]
            self._n_waiting -= 1
            if not queue:
                del self._waiting[job.owner]
            return True

    @property
    def busy(self) -> bool:
        """Whether a job is running or waiting."""
        with self._changed:
            return bool(self._waiting) or self._idle < self._started

    def close(self) -> None:
        """Drop what waits and let idle threads end; running jobs are not waited for."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._n_waiting = 0
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            job = self._take()
            if job is None:
                return
            try:
                job.run()
            except Exception:
                logger.exception("a job of %s raised", self._name)

    def _take(self) -> Job | None:
        with self._changed:
            self._idle += 1
            while not self._waiting and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            self._idle -= 1
            owner, queue = self._waiting.popitem(last=False)
            job, _ = queue.popitem(last=False)
            self._n_waiting -= 1
            if queue:
                self._waiting[owner] = queue  # to the end of the line
            return job
