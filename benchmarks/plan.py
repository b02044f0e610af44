"""``python -m benchmarks.plan``: how corpora beyond one machine would be searched, and what that would cost.

A simulation of the plan in docs/scale.md. Nothing here has run on several machines: the parts were measured on one
(:class:`Measured`, from docs/benchmarks.md and docs/scale.md), the machines, network, disks and prices are parameters
(:class:`Machine`, :class:`Prices`), and what follows from both is computed:

1. The vectors of a layer are shared evenly among machines; a machine scans one query after another, with all cores.
   A share that does not fit its memory is read from its disk each time.
2. A query goes to all machines and is answered by the slowest. Scan times vary (log-normal, mean 1).
3. Each machine sends its candidates, all through the network of the machine that merges them, which then scores them,
   fetches the attention of the hits, and makes hits, one query after another on each core.
4. People search at random moments (Poisson).
"""

from __future__ import annotations

import argparse
import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class Measured:
    """Parts measured on one machine.

    Attributes:
        width: Bytes of a vector, int8.
        core_bytes: Bytes that one core scans in a second (1 M × 384 int8 in 19.3 ms on two cores).
        behind: Seconds behind the scan: scoring 512 candidates, attention and fifty hits.
        build_tokens: Tokens that one core indexes in a second: passes of MiniLM (2,382) and annotation (7,200).
        stored: Bytes of a token in a whole corpus, int8 with attention, 13 layers and spaces.
        candidates: Rows that each machine returns.
        candidate_bytes: A row and its score.
        fetched: Bytes of attention and text of fifty hits.
    """

    width: int = 384
    core_bytes: float = 1e6 * 384 / 0.0193 / 2
    behind: float = 0.013
    build_tokens: float = 1 / (1 / 2382 + 1 / 7200)
    stored: float = 6448
    candidates: int = 512
    candidate_bytes: int = 12
    fetched: float = 50 * 7500


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine to be rented: assumed, not measured.

    Attributes:
        cores: Cores.
        memory: Bytes that vectors may take.
        bandwidth: Bytes a second that all its cores read from memory.
        disk: Bytes a second that it reads from its disk.
        network: Bytes a second that it sends or receives.
        round_trip: Seconds to another machine and back.
        spread: Standard deviation of the logarithm of its scan times.
    """

    cores: int = 16
    memory: float = 96e9
    bandwidth: float = 80e9
    disk: float = 3e9
    network: float = 1.25e9
    round_trip: float = 0.0005
    spread: float = 0.15


@dataclass(frozen=True, slots=True)
class Prices:
    """What a lab pays, in dollars: assumed; look at the list of your provider.

    Attributes:
        machine_hour: An hour of a machine.
        gigabyte_month: A month of a gigabyte on a disk that all machines see.
    """

    machine_hour: float = 0.80
    gigabyte_month: float = 0.08


@dataclass(frozen=True, slots=True)
class Plan:
    """What is searched, and by whom.

    Attributes:
        vectors: Vectors of one layer of one space.
        machines: How many scan.
        resident: Layers and spaces that should lie in memory.
        searches: Searches a second, of all people together.
    """

    vectors: float
    machines: int
    resident: int = 1
    searches: float = 0.1
    machine: Machine = field(default_factory=Machine)
    measured: Measured = field(default_factory=Measured)

    @property
    def in_memory(self) -> float:
        """Share of the vectors that fits into memory, 0 to 1."""
        need = self.vectors * self.measured.width * self.resident / self.machines
        return min(1.0, self.machine.memory / need)

    @property
    def scan(self) -> float:
        """Mean seconds that a machine takes for its share of one layer."""
        share = self.vectors * self.measured.width / self.machines
        rate = min(self.machine.cores * self.measured.core_bytes, self.machine.bandwidth)
        return share * self.in_memory / rate + share * (1 - self.in_memory) / self.machine.disk

    @property
    def cold(self) -> float:
        """Seconds to read one layer from the disks of all machines, once."""
        return self.vectors * self.measured.width / self.machines / self.machine.disk

    @property
    def transfer(self) -> float:
        """Seconds that the merging machine's network is busy with one query."""
        candidates = self.machines * self.measured.candidates * self.measured.candidate_bytes
        return (candidates + self.measured.fetched) / self.machine.network

    @property
    def load(self) -> float:
        """Share of the time that a scanning machine is busy; from 1 on, queries pile up."""
        return self.searches * self.scan


def simulate(plan: Plan, n_queries: int = 2000, seed: int = 0) -> np.ndarray:
    """Seconds from the question to its answer of each query, float64 ``[n_queries]``."""
    rng = np.random.default_rng(seed)
    asked = np.cumsum(rng.exponential(1 / plan.searches, n_queries))
    spread = plan.machine.spread
    times = plan.scan * rng.lognormal(-(spread**2) / 2, spread, (n_queries, plan.machines))
    free = np.zeros(plan.machines)
    network, cores = 0.0, [0.0] * plan.machine.cores
    waits = np.empty(n_queries)
    for number, moment in enumerate(asked.tolist()):
        free = np.maximum(free, moment + plan.machine.round_trip / 2) + times[number]
        network = max(network, float(free.max()) + plan.machine.round_trip / 2) + plan.transfer
        done = max(network + plan.machine.round_trip, heapq.heappop(cores)) + plan.measured.behind
        heapq.heappush(cores, done)
        waits[number] = done - moment
    return waits


def costs(plan: Plan, prices: Prices, hours_a_month: float) -> tuple[float, float, float]:
    """Dollars: an hour of searching, a month of it with the storage of the whole corpus, and the build, once."""
    hour = plan.machines * prices.machine_hour
    month = hour * hours_a_month + plan.vectors * plan.measured.stored / 1e9 * prices.gigabyte_month
    build_hours = plan.vectors / plan.measured.build_tokens / plan.machine.cores / 3600
    return hour, month, build_hours * prices.machine_hour


def least_machines(vectors: float, resident: int, machine: Machine, measured: Measured) -> int:
    """Machines whose memory holds so many layers."""
    return max(1, math.ceil(vectors * measured.width * resident / machine.memory))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plan", description=__doc__)
    parser.add_argument("--people", type=int, default=10, help="who search once in half a minute each")
    parser.add_argument("--hours", type=float, default=160, help="hours a month that machines are rented")
    for name, usual in (("network", 1.25), ("disk", 3.0), ("memory", 96.0), ("bandwidth", 80.0)):
        parser.add_argument(f"--{name}", type=float, default=usual, help=f"of a machine, GB or GB/s (default {usual})")
    parser.add_argument("--machine-hour", type=float, default=Prices().machine_hour, help="dollars")
    parser.add_argument("--gigabyte-month", type=float, default=Prices().gigabyte_month, help="dollars")
    given = parser.parse_args(arguments)
    sizes = {name: getattr(given, name) * 1e9 for name in ("network", "disk", "memory", "bandwidth")}
    machine, measured = Machine(**sizes), Measured()
    prices = Prices(given.machine_hour, given.gigabyte_month)
    alone, busy = "alone | 95 %", f"{given.people} people | 95 %"
    print(
        f"| tokens | in memory | machines | {alone} | {busy} | from cold disks | $ an hour | $ a month | $ to build |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for vectors in (1e8, 1e9):
        for resident, count in (
            (1, least_machines(vectors, 1, machine, measured)),
            (13, least_machines(vectors, 13, machine, measured)),
            (13, least_machines(vectors, 1, machine, measured)),
        ):
            print(row(Plan(vectors, count, resident, given.people / 30, machine, measured), prices, given.hours))


def row(plan: Plan, prices: Prices, hours: float) -> str:
    """One line of the table."""
    one = Plan(plan.vectors, plan.machines, plan.resident, 1e-6, plan.machine, plan.measured)
    alone = np.quantile(simulate(one), (0.5, 0.95))
    busy = [f"{second:.2f} s" for second in np.quantile(simulate(plan), (0.5, 0.95))]
    if plan.load >= 1:
        busy = ["cannot keep up", f"{plan.load:.1f} × too much"]
    hour, month, build = costs(plan, prices, hours)
    held = f"{plan.resident} of 13, {plan.in_memory:.0%}"
    cells = [f"{plan.vectors:,.0f}", held, str(plan.machines), *(f"{second:.2f} s" for second in alone), *busy]
    cells += [f"{plan.cold:,.0f} s", f"{hour:,.2f}", f"{month:,.0f}", f"{build:,.0f}"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
