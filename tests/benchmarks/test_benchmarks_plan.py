"""The simulation of a search on several machines, against what can be computed without one."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.plan import Machine, Measured, Plan, Prices, costs, least_machines, main, simulate

STEADY = Machine(spread=0.0, round_trip=0.0, network=1e30)


def test_one_query_at_a_time_takes_its_scan_and_what_is_behind_it():
    plan = Plan(1e8, 4, searches=1e-6, machine=STEADY)
    expected = 1e8 * 384 / 4 / min(16 * Measured().core_bytes, 80e9) + Measured().behind
    np.testing.assert_allclose(simulate(plan, 50), expected, rtol=1e-6)


def test_waiting_is_that_of_a_queue_with_a_constant_service_time():
    plan = Plan(1e8, 1, searches=1.0, machine=STEADY)
    load = plan.load
    assert 0.4 < load < 0.6
    waiting = simulate(plan, 40_000) - plan.scan - Measured().behind
    assert waiting.mean() == pytest.approx(load * plan.scan / (2 * (1 - load)), rel=0.1)  # Pollaczek and Khinchine


def test_the_slowest_of_many_machines_answers():
    few, many = (Plan(1e6 * n, n, searches=1e-6, machine=Machine(spread=0.3)) for n in (1, 64))
    assert few.scan == many.scan
    assert np.median(simulate(many, 500)) > np.median(simulate(few, 500)) + 0.3 * few.scan


def test_what_does_not_fit_into_memory_is_read_from_the_disk():
    plan = Plan(1e9, 1, machine=Machine(memory=192e9, disk=2e9, bandwidth=1e30, cores=10**9))
    assert plan.in_memory == 0.5
    assert plan.scan == pytest.approx(192e9 / 2e9, rel=1e-3)
    assert plan.cold == pytest.approx(384e9 / 2e9)
    assert least_machines(1e9, 1, plan.machine, plan.measured) == 2


def test_costs_are_hours_and_gigabytes_times_their_prices():
    hour, month, build = costs(Plan(1e9, 4), Prices(0.5, 0.1), 10)
    assert (hour, month) == (2.0, pytest.approx(20 + 6448 * 0.1))
    assert build == pytest.approx(0.5 * 1e9 / Measured().build_tokens / 16 / 3600)


def test_the_table_says_where_machines_cannot_keep_up(capsys):
    main(["--people", "1000"])
    rows = capsys.readouterr().out.splitlines()
    assert {line.count("|") for line in rows} == {12}
    assert any("cannot keep up" in line for line in rows)
