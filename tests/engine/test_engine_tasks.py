"""A cancel need not wait for work that cannot be interrupted."""

import threading

import pytest

from exbert_rpc.errors import Cancelled, InvalidParams
from exbert_rpc.tasks import Task
from tests.patience import PATIENCE


def test_a_cancel_returns_at_once_although_the_work_goes_on():
    task, go, done = Task(), threading.Event(), threading.Event()

    def work() -> None:
        go.wait(PATIENCE)
        done.set()

    threading.Timer(0.1, task.cancel).start()
    with pytest.raises(Cancelled):
        task.run(work)
    assert not done.is_set()
    go.set()
    assert done.wait(PATIENCE)


def test_work_gives_its_result_and_its_error():
    assert Task().run(lambda: 7) == 7

    def fail():
        raise InvalidParams("text", "is empty")

    with pytest.raises(InvalidParams, match="text: is empty"):
        Task().run(fail)


def test_a_cancelled_task_starts_nothing():
    task, ran = Task(), []
    task.cancel()
    with pytest.raises(Cancelled):
        task.run(lambda: ran.append(1))
    assert ran == []
