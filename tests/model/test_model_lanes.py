"""Passes side by side give what passes one after another give, and leave other threads as they were."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import pytest
import torch

from exbert_rpc.model.lanes import all_cores_but_one, open_lanes
from tests.model import zoo

TEXTS = [*zoo.CORPUS[:4], zoo.TEXT]


@pytest.mark.parametrize("family", ["bert", "gpt2", "deberta-v2"])
def test_passes_side_by_side_give_the_numbers_of_single_passes(load, family):
    model = load(family)
    asked = {"hidden_layers": [0, 2], "layers": [1], "attention_layers": [1]}
    batches = [model.tokenize_many([text]) for text in TEXTS] * 6
    alone = [model.capture_batch(batch, **asked)[0] for batch in batches]
    with ThreadPoolExecutor(4) as lanes, ThreadPoolExecutor(1) as people:
        futures = [lanes.submit(model.capture_batch, batch, **asked) for batch in batches]
        whole = [people.submit(model.capture, batch[0]) for batch in batches[:8]]
        together = [future.result()[0] for future in futures]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one.hidden_states, other.hidden_states, atol=1e-5)
        np.testing.assert_allclose(one.head_outputs, other.head_outputs, atol=1e-5)
        np.testing.assert_allclose(one.attention, other.attention, atol=1e-5)
    for one, future in zip(alone, whole, strict=False):
        np.testing.assert_allclose(one.hidden_states, future.result().hidden_states[[0, 2]], atol=1e-5)


def test_predictions_beside_passes_disturb_neither(load):
    model = load("bert")
    encodings = model.tokenize_many(TEXTS)
    capture = model.capture(encodings[0])
    expected = capture.predictions(3)
    alone = model.capture_batch(encodings, hidden_layers=[3], layers=[], attention_layers=[])
    with ThreadPoolExecutor(3) as lanes:
        futures = [
            lanes.submit(model.capture_batch, encodings, hidden_layers=[3], layers=[], attention_layers=[])
            for _ in range(40)
        ]
        found = [capture.predictions(3) for _ in range(20)]
        for future in futures:
            for one, other in zip(alone, future.result(), strict=True):
                np.testing.assert_allclose(one.hidden_states, other.hidden_states, atol=1e-5)
    for predictions in found:
        assert [[one.id for one in at] for at in predictions] == [[one.id for one in at] for at in expected]


def test_a_model_whose_passes_change_it_runs_them_one_after_another(load):
    network = load("phi3")._network
    assert network.side_by_side
    network.model.config.rope_parameters = {**network.model.config.rope_parameters, "rope_type": "longrope"}
    try:
        assert not network.side_by_side
    finally:
        network.model.config.rope_parameters = {**network.model.config.rope_parameters, "rope_type": "default"}
    with open_lanes("cpu", side_by_side=False) as lanes:
        assert lanes._max_workers == 1


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="there is only one core to share")
def test_lanes_use_a_core_each_and_other_threads_all_as_before(all_cores):
    with open_lanes("cpu", side_by_side=True) as lanes:
        assert lanes._max_workers == min(torch.get_num_threads(), 8)
        assert lanes.submit(lambda: min(islice(cores_used(), 6)) < 1.2).result()
        assert lanes.submit(torch.get_num_threads).result() == torch.get_num_threads() // lanes._max_workers
    assert in_a_fresh_thread(lambda: any(cores > 1.3 for cores in cores_used()))
    assert any(cores > 1.3 for cores in cores_used())


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="there is only one core to share")
def test_a_core_is_left_to_others_for_as_long_as_they_need_it_and_by_this_thread_alone(all_cores):
    cores = torch.get_num_threads()
    with all_cores_but_one():
        assert torch.get_num_threads() == cores - 1
        assert min(islice(cores_used(), 6)) < cores - 0.8
        assert in_a_fresh_thread(torch.get_num_threads) == cores
    assert torch.get_num_threads() == in_a_fresh_thread(torch.get_num_threads) == cores
    assert any(cores > 1.3 for cores in cores_used())


def cores_used() -> Iterator[float]:
    """Processor time of all threads that belong to this one's work, by its own; many times.

    Beside other work the helpers may get hardly any, and this one waits for them busily: one that shows it is enough.
    """
    numbers = torch.randn(1024, 1024)
    for _ in range(60):
        whole, own = time.process_time(), time.thread_time()
        for _ in range(2):
            torch.matmul(numbers, numbers)
        yield (time.process_time() - whole) / (time.thread_time() - own)


def in_a_fresh_thread(call):
    found = []
    fresh = threading.Thread(target=lambda: found.append(call()))
    fresh.start()
    fresh.join()
    return found[0]
