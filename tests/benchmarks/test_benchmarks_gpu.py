"""The script for a graphics card, on the processor: every row is measured, and its scan finds what ours finds."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks import gpu
from benchmarks.vectors import PARTS, WIDTH
from exbert_rpc.corpus.search.exact import scan
from exbert_rpc.corpus.vectors import make_query
from exbert_rpc.tasks import Task
from tests.model import zoo


@pytest.mark.slow
def test_the_minute_form_measures_every_row_on_the_processor(tmp_path, capsys):
    bert, gpt = (str(zoo.make_model(family, tmp_path / family)) for family in ("bert", "gpt2"))
    sizes = replace(gpu.MINUTE, vectors=3000, built=(60, 60), rounds=1, seconds=1e9)
    assert gpu.run("cpu", sizes, bert, gpt) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][1:]
    assert [row.split("|")[1].strip().partition(",")[0] for row in rows] == [
        *("build", "attend", "build", "attend"),
        "scan of 3",
        "all heads ablated",
    ]
    assert all(re.fullmatch(r"\| .* \| [\d,.]+ \S+ \| [\d,.]+ \S+ \| [\d.]+× \|", row) for row in rows)


def test_a_row_that_fails_or_does_not_fit_is_named_and_the_others_are_measured(monkeypatch, capsys):
    def rows(*_):
        good = gpu.Figure("good", "ms", 1.0, 2.0, more_is_better=False)
        return [("bad", 0, lambda: 1 / 0), ("long", 1000, lambda: good), ("good", 0, lambda: good)]

    monkeypatch.setattr(gpu, "_rows", rows)
    assert gpu.run("cpu", gpu.MINUTE, "", "") == 1
    out = capsys.readouterr().out
    assert "| bad | failed: ZeroDivisionError" in out and "| long | left out" in out
    assert "| good | 1.0 ms | 2.0 ms | 2.0× |" in out


@pytest.mark.parametrize("heads", [None, [4], [1, 4, 9]])
def test_the_scan_on_a_device_finds_the_same_rows_with_the_same_scores(heads):
    scope = gpu.random_corpus(5000).everything
    weights = scope.eligible.weights[0].copy()
    weights[::3] = 0
    scope = replace(scope, eligible=replace(scope.eligible, weights=(weights,)))
    vector = np.random.default_rng(2).standard_normal((PARTS, WIDTH // PARTS)).astype(np.float32)
    query = make_query(vector, None if heads is None else np.array(heads), by_norm=False)
    found, expected = (
        {(one.segment, row): value for one in found for row, value in zip(one.rows, one.scores, strict=True)}
        for (found,) in (
            gpu.DeviceScan(scope, "cpu")(scope, [query], 40, Task()),
            scan(scope, [query], 40, Task()),
        )
    )
    least = min(value for value in expected.values())
    assert {key: value for key, value in expected.items() if value > least} == {
        key: value for key, value in found.items() if value > least
    }
    assert len(found) >= 40 and all(row % 3 for _, row in found)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_card_the_whole_form_says_what_to_do(capsys):
    assert gpu.main([]) == 2
    assert "--minute --device cpu" in capsys.readouterr().err
