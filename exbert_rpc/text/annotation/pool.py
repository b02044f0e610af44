"""spaCy in processes of its own: it holds the interpreter lock, and a server's event loop must stay free."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from types import TracebackType
from typing import Self, cast

from exbert_rpc.errors import ExbertError, InvalidParams
from exbert_rpc.recent import Recent
from exbert_rpc.tasks import Task
from exbert_rpc.text.annotation.pipeline import check_text
from exbert_rpc.text.annotation.worker import read_frame, write_frame
from exbert_rpc.text.types import AnnotatedText, PipelineInfo

_BATCH_CHARACTERS = 4_000  # a sixth of a second of en_core_web_sm, for which others and a cancel may have to wait
_BATCH_TEXTS = 64
_AHEAD_CHARACTERS = 40_000  # more than a build reads at once, so that no process waits for it
# a sentence is attended to, searched from and masked again and again: what was said of the last few is kept
_MOST_RECENT = 64
_RECENT_CHARACTERS = 4_000
_BOOTSTRAP = "import sys; sys.path[:0] = sys.argv[1:]; from exbert_rpc.text.annotation.worker import main; main()"


class AnnotatorPool:
    """The same pipeline in one or more processes, started when first needed.

    Safe to use from several threads. A process ends with the pool or with its parent, whichever is first.

    Args:
        name: As :class:`~exbert_rpc.text.annotation.pipeline.Annotator` takes it.
        processes: How many at once.
    """

    def __init__(self, name: str, processes: int = 1) -> None:
        self._name = name
        self._processes = max(1, processes)
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(self._processes):
            self._idle.put(None)  # a place for a process that has not been started
        self._lock = threading.Lock()
        self._workers: set[_Worker] = set()
        self._threads = ThreadPoolExecutor(self._processes, thread_name_prefix="annotate")
        self._info: PipelineInfo | None = None
        self._closed = False
        self._recent: Recent[str, Future[AnnotatedText]] = Recent(_MOST_RECENT)

    @property
    def info(self) -> PipelineInfo:
        """Which pipeline annotates; starts a process if none runs yet.

        Raises:
            InvalidParams: No such pipeline.
        """
        if self._info is None:
            self._run([])
        return cast(PipelineInfo, self._info)

    def annotate(self, text: str) -> AnnotatedText:
        """Annotate one text, or give what was said of it lately; raises what :meth:`annotate_many` raises."""
        check_text(text)
        mine: Future[AnnotatedText] = Future()
        known = self._recent.get_or_put(text, mine)
        if known is not mine:
            return known.result()
        try:
            mine.set_result(self._run([text])[0])
        except BaseException as error:
            mine.set_exception(error)
            self._recent.discard_value(text, mine)
            raise
        if len(text) > _RECENT_CHARACTERS:
            self._recent.discard_value(text, mine)
        return mine.result()

    def begin(self, text: str) -> bool:
        """Annotate a text in the background: :meth:`annotate` will be asked for it soon, and raises what goes wrong.

        Returns:
            Whether a process is now at work on it: not if it was annotated lately, nor if it is too long to be kept.
        """
        known = self._recent.get(text)
        if len(text) > _RECENT_CHARACTERS or (known is not None and known.done()):
            return False
        threading.Thread(target=self._annotate_quietly, args=(text,), name="annotate-ahead", daemon=True).start()
        return True

    def is_ready(self, text: str, seconds: float) -> bool:
        """Whether a text that was begun is annotated within ``seconds``; never one that is too long to be kept."""
        known = self._recent.get(text)
        return known is not None and known in wait([known], seconds).done

    def annotate_many(self, texts: Iterable[str], task: Task) -> Iterator[AnnotatedText]:
        """Annotate texts in order, a few batches ahead of the caller; leaving the iterator drops what waits.

        Raises:
            Cancelled: ``task`` was cancelled while a batch was waited for; its process finishes that batch.
            TextTooLong: A text has more than 1,000,000 characters.
            InvalidParams: A text has half a surrogate pair, or there is no such pipeline.
            ExbertError: A process died, or the pipeline failed.
        """
        waiting: deque[tuple[int, Future[list[AnnotatedText]]]] = deque()
        ahead = 0
        try:
            for batch in _batches(texts):
                waiting.append((sum(map(len, batch)), self._submit(batch)))
                ahead += waiting[-1][0]
                while ahead > _AHEAD_CHARACTERS * self._processes:
                    size, done = waiting.popleft()
                    ahead -= size
                    yield from task.wait(done)
            for _, done in waiting:
                yield from task.wait(done)
        finally:
            for _, future in waiting:
                future.cancel()

    def close(self) -> None:
        """End the processes at once, even in the middle of a batch. Safe to call again."""
        with self._lock:
            self._closed = True
            self._recent.clear()
            workers, self._workers = self._workers, set()
        for worker in workers:
            worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _annotate_quietly(self, text: str) -> None:
        with suppress(ExbertError):
            self.annotate(text)

    def _submit(self, texts: list[str]) -> Future[list[AnnotatedText]]:
        try:
            return self._threads.submit(self._run, texts)
        except RuntimeError as exc:
            raise ExbertError("the pool was closed") from exc

    def _run(self, texts: list[str]) -> list[AnnotatedText]:
        """Annotate one batch in whichever process is free."""
        worker = self._idle.get()
        try:
            if worker is None:
                worker = self._start()
            if not texts:
                return []
            return cast(list[AnnotatedText], worker.ask(texts))
        except _WorkerDied as exc:
            self._forget(worker)
            worker = None
            raise ExbertError(
                "the pool was closed" if self._closed else f"the annotating process ended unexpectedly: {exc}",
                hint="" if self._closed else "Try again; if it happens again, the pipeline needs more memory.",
            ) from exc
        finally:
            self._idle.put(worker)

    def _start(self) -> _Worker:
        worker = _Worker()
        with self._lock:
            if self._closed:
                worker.kill()
                raise ExbertError("the pool was closed")
            self._workers.add(worker)
        try:
            self._info = cast(PipelineInfo, worker.ask(self._name))
        except (ExbertError, _WorkerDied):
            self._forget(worker)
            raise
        return worker

    def _forget(self, worker: _Worker | None) -> None:
        if worker is not None:
            with self._lock:
                self._workers.discard(worker)
            worker.kill()


class _WorkerDied(Exception):
    """The process is gone; the message says how it ended."""


class _Worker:
    """One process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BOOTSTRAP, *(path for path in sys.path if path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def ask(self, request: str | list[str]) -> object:
        """Send a request, wait for the reply; only one thread at a time."""
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise _WorkerDied("it has no pipes")
        try:
            write_frame(process.stdin, request)  # type: ignore[arg-type]
            reply = read_frame(process.stdout)  # type: ignore[arg-type]
        except (OSError, EOFError, ValueError) as exc:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            raise _WorkerDied(f"exit code {process.returncode}") from exc
        if isinstance(reply, tuple):
            raise _error(*reply)
        return reply

    def kill(self) -> None:
        """End the process and close its pipes."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


def _error(kind: str, message: str, hint: str, data: dict[str, object]) -> ExbertError:
    """The error that a process reported, as this process would have raised it."""
    if kind == InvalidParams.kind:
        field = str(data.pop("field"))
        return InvalidParams(field, message.removeprefix(f"{field}: "), hint=hint, **data)
    return ExbertError(message, hint=hint, **data)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts, each checked, in lists of at most ``_BATCH_CHARACTERS`` (or one long text)."""
    batch: list[str] = []
    size = 0
    for text in texts:
        check_text(text)
        if batch and (size + len(text) > _BATCH_CHARACTERS or len(batch) >= _BATCH_TEXTS):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch
