"""Vectors alone, as the benchmarks of scans and graphs make them."""

from __future__ import annotations

import numpy as np

from benchmarks.graphs import measure
from benchmarks.large import measure as take_turns
from benchmarks.large import write_random
from benchmarks.vectors import PARTS, WIDTH, VectorCorpus, made_up, write_codes
from exbert_rpc.corpus.search.exact import find_exactly
from exbert_rpc.corpus.vectors import make_query
from exbert_rpc.tasks import Task


def test_made_up_rows_have_unit_parts_and_come_back_from_their_codes(tmp_path):
    rows = np.concatenate(list(made_up(300)))
    np.testing.assert_allclose(np.linalg.norm(rows.reshape(300, PARTS, -1), axis=2), 1, rtol=1e-5)
    codes, scale = write_codes(tmp_path / "codes", made_up(300), 300)
    corpus = VectorCorpus(tmp_path, codes, scale)
    np.testing.assert_allclose(corpus.everything.vectors(0).dequantize(np.arange(300)), rows, atol=0.02)
    query = make_query(rows[7].reshape(PARTS, -1), None, by_norm=False)
    (found,) = find_exactly(corpus.everything, query, 5, Task())
    true = np.argsort(-(rows.reshape(300, PARTS, -1) * query.parts).sum(axis=(1, 2)))[0]
    assert int(found.rows[np.argmax(found.scores)]) == true == 7


def test_the_table_of_graphs_has_a_row_for_each_number_of_heads(capsys):
    measure("made-up", 1500, lambda: made_up(1500), all_cores=False)
    out = capsys.readouterr().out
    rows = [line for line in out.splitlines() if line[:3] in ("| 1", "| 3", "| 6")]
    assert [line.split("|")[1].strip() for line in rows] == ["12", "6", "3", "1"]
    assert "1,500 vectors, made-up" in out


def test_random_codes_are_streamed_to_a_file_and_none_is_outside_of_its_range(tmp_path):
    codes = write_random(tmp_path / "codes", 1000)
    assert codes.shape == (1000, WIDTH) and codes.min() == -127 and codes.max() == 127
    assert (tmp_path / "codes").stat().st_size == 1000 * WIDTH


def test_calls_of_a_large_scan_take_turns_and_the_first_round_does_not_count():
    order = []
    spent = take_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2)
    assert order == ["a", "b"] * 3 and set(spent) == {"a", "b"}
