"""The system calls of a build: in which order they come, and what happens when one of them fails or is the last.

Needs strace; :func:`available` tells.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.store_faults.building import build, open_folder, small_segments
from tests.store_faults.forks import run_child
from tests.store_faults.kills import finished_blocks, texts_of
from tests.store_faults.worker import BEGIN, STATES

MUTATING = "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,ftruncate,flock"
_PROJECT = Path(__file__).parents[2]
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += +(-?\d+|\?)")
_UNFINISHED = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")


@cache
def available() -> str:
    """Empty if processes can be traced here; else the reason why not."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    ran = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return "" if ran.returncode == 0 else f"strace may not trace here: {ran.stderr.strip()[:200]}"


@dataclass(frozen=True)
class Call:
    """One system call of the build: its name, its arguments as strace shows them, the path that it is about."""

    name: str
    args: str
    failed: bool

    @property
    def path(self) -> str:
        """The file that is named (of a rename: its target), else the one behind the descriptor."""
        named, opened = re.findall(r'"([^"]*)"', self.args), re.findall(r"<([^<>]+)>", self.args)
        if self.name in ("write", "pwrite64"):
            return str(opened[0]) if opened else ""
        return str((named or opened or [""])[-1])

    @property
    def source(self) -> str:
        """What a rename renames."""
        found = re.findall(r'"([^"]*)"', self.args)
        return found[0] if found else ""

    @property
    def creates(self) -> bool:
        """Whether it opens a file for writing."""
        return self.name == "openat" and ("O_CREAT" in self.args or "O_WRONLY" in self.args or "O_RDWR" in self.args)


def trace(root: Path, state: int, log: Path, options: Sequence[str] = (), inject: str = "") -> tuple[int, str]:
    """Run the worker under strace; its exit code (minus the signal, if one ended it) and what it printed."""
    command = ["strace", "-f", "-y", "-s", "4096", "-e", f"trace={MUTATING},stat,newfstatat", "-e", "signal=none"]
    command += ["-e", f"inject={inject}"] if inject else []
    command += ["-o", str(log), sys.executable, "-m", "tests.store_faults.worker", str(root), str(state), *options]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=_PROJECT, env=environment, timeout=600
    )
    return ran.returncode, ran.stdout + ran.stderr


def whole_lines(log: str) -> Iterator[str]:
    """The lines of a trace; a call that another thread's call interrupted is one line, where it returned."""
    begun: dict[str, str] = {}
    for line in log.splitlines():
        if match := _UNFINISHED.match(line):
            begun[match[1]] = match[2]
        elif match := _RESUMED.match(line):
            yield f"{match[1]} {begun.pop(match[1], '')}{match[2]}"
        else:
            yield line


def calls_of(log: Path) -> tuple[list[Call], Counter[str]]:
    """The calls of the build in order, and how many of each name the process had made before it began."""
    before: Counter[str] = Counter()
    calls: list[Call] = []
    begun = False
    for line in whole_lines(log.read_text(errors="replace")):
        match = _CALL.match(line)
        if match is None:
            continue
        call = Call(match[1], match[2], match[3].startswith("-"))
        if BEGIN in call.args:
            begun = True
        elif begun:
            calls.append(call)
        else:
            before[call.name] += 1
    return calls, before


# --- order ---------------------------------------------------------------------------------------


def order_violations(calls: Sequence[Call], root: Path) -> list[str]:
    """What a power cut could undo although it was promised: must be empty.

    1. A file's bytes are flushed after its last write and before it gets its name.
    2. Its folder is flushed after it got its name, before anything else is renamed.
    3. A folder that is made is made to last in its parent before the manifest is renamed.
    4. The manifest is the last to get its name; nothing is deleted before it lasts.
    """
    manifest = str(root / "corpus" / "manifest.json")
    dirty: set[str] = set()
    unsynced_names: set[str] = set()
    wrong: list[str] = []
    renamed: list[str] = []
    for call in calls:
        if call.failed or not call.path.startswith(str(root)):
            continue
        if call.name in ("write", "pwrite64", "ftruncate"):
            dirty.add(call.path)
        elif call.name in ("fsync", "fdatasync"):
            dirty.discard(call.path)
            unsynced_names = {name for name in unsynced_names if str(Path(name).parent) != call.path}
        elif call.name == "mkdir":
            unsynced_names.add(call.path)
        elif call.name.startswith("rename"):
            if call.source in dirty:
                wrong.append(f"{Path(call.path).name} got its name before its bytes were flushed")
            if unsynced_names:
                wrong.append(f"{Path(call.path).name} got its name before {sorted(unsynced_names)} lasted")
            unsynced_names.add(call.path)
            renamed.append(Path(call.path).name)
        elif call.name.startswith("unlink") and (renamed[-1:] != ["manifest.json"] or manifest in unsynced_names):
            wrong.append(f"{Path(call.path).name} was deleted before the new manifest lasted")
    if not renamed or renamed[-1] != "manifest.json" or renamed.count("manifest.json") != 1:
        wrong.append(f"the manifest was not the last to be renamed: {renamed}")
    if unsynced_names:
        wrong.append(f"never flushed: {sorted(unsynced_names)}")
    return wrong


# --- injection -----------------------------------------------------------------------------------


@dataclass
class InjectionReport:
    """Counts of a run; ``violations`` is what must be empty."""

    injected: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


def injections(root: Path, every: int = 1, errors: Sequence[str] = ("kill", "EIO", "ENOSPC")) -> list[str]:
    """One strace expression for each mutating call of the second build (or every n-th) and each way to fail."""
    _first_build(root)
    trace(root / "store", 1, root / "log")
    calls, before = calls_of(root / "log")
    seen: Counter[str] = Counter()
    found: list[str] = []
    for call in calls:
        seen[call.name] += 1
        if not call.path.startswith(str(root / "store")) or call.name not in MUTATING.split(","):
            continue
        if call.name == "openat" and not call.creates:
            continue
        number = before[call.name] + seen[call.name]
        found += [
            f"{call.name}:{'signal=KILL' if error == 'kill' else f'error={error}'}:when={number}" for error in errors
        ]
    return found[::every]


def run_injections(root: Path, expressions: Sequence[str]) -> InjectionReport:
    """The second build again and again, each time with another call that fails or is the last."""
    report = InjectionReport()
    started = time.monotonic()
    for expression in expressions:
        _first_build(root)
        store = root / "store"
        code, told = trace(store, 1, root / "log", inject=expression)
        report.injected += 1
        name, error, _ = expression.split(":")
        report.kinds[error.split("=")[1]] += 1
        end = {0: "built", 3: "told", -9: "killed", 137: "killed"}.get(code, f"ended {code}")
        report.ends[end] += 1
        where = f"{expression} ({end})"
        if end not in ("built", "told", "killed"):
            report.violations.append(f"{where}: {told[-300:]}")
        if end == "built" and name not in ("unlink", "unlinkat", "rmdir", "openat"):
            report.violations.append(f"{where}: the failure was not told")
        _check_after(report, store, where, built=end == "built")
    report.seconds = time.monotonic() - started
    return report


def _check_after(report: InjectionReport, store: Path, where: str, *, built: bool) -> None:
    """The corpus holds the old texts or the new ones, and the next build goes through."""
    try:
        finished_blocks(store)
        found = texts_of(store)
        if found not in ([STATES[1]] if built else STATES):
            report.violations.append(f"{where}: neither the old texts nor the new ones")
        ended = run_child(lambda _say: _second_build(store))
        if ended.code != 0 or texts_of(store) != STATES[1]:
            report.violations.append(f"{where}: the next build went wrong: {ended.said}")
        leftover = [path.name for path in (store / "corpus").iterdir() if path.name.endswith(".tmp")]
        if leftover:
            report.violations.append(f"{where}: {leftover} was left for good")
    except Exception as error:
        report.violations.append(f"{where}: {type(error).__name__}: {error}")


def _first_build(root: Path) -> None:
    """A store that holds the first state; built once, then copied."""
    kept = root / "first"
    if not kept.exists():
        small_segments(tokens=150, nbytes=12_000)
        ended = run_child(lambda _say: _build(kept, 0))
        assert ended.code == 0, ended.said
    shutil.rmtree(root / "store", ignore_errors=True)
    shutil.copytree(kept, root / "store")
    open_folder(root / "store").manifest()


def _second_build(store: Path) -> None:
    _build(store, 1)


def _build(store: Path, state: int) -> None:
    build(store, STATES[state])
