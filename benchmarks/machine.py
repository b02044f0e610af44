"""Where a run was made."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

_PACKAGES = ("torch", "transformers", "spacy", "numpy", "usearch", "numkong", "faiss-cpu", "bertviz", "h5py")


def describe() -> str:
    """Processor, cores, memory, versions: one line."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES)
    return f"{cores_and_memory()}, {platform.system()}, Python {platform.python_version()}, {versions}"


def cores_and_memory() -> str:
    """Processor, cores and memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB"


def load() -> float:
    """Processes that wanted to run, mean over the last minute."""
    return os.getloadavg()[0]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
