"""``constraints-lowest.txt``: the lowest versions that ``pyproject.toml`` allows, for ``make check-lowest``.

    python -m scripts.lowest            is the file up to date?
    python -m scripts.lowest --write    make it

What users install (the dependencies, and the extras in :data:`EXTRAS`) is pinned to its lower bound, the test tools to
the versions of ``constraints.txt``. What these depend on in turn is left to pip, as it is for users.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
FILE = "constraints-lowest.txt"
EXTRAS = ("gguf",)
TOOLS = "test"
_HEADER = """\
# The lowest versions that pyproject.toml allows, made by `python -m scripts.lowest --write`; `make check-lowest` tests
# them with Python 3.11. Test tools have the versions of constraints.txt.
# Last run with torch 2.13 in place of 2.6, whose wheel for Linux needs several GB of CUDA libraries.
"""


def render(pyproject: str, constraints: str) -> str:
    """Content of ``constraints-lowest.txt``.

    Args:
        pyproject: Content of ``pyproject.toml``.
        constraints: Content of ``constraints.txt``.

    Raises:
        ValueError: A requirement has no lower bound, or a test tool has no pin.
    """
    project = tomllib.loads(pyproject)["project"]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *(line for name in EXTRAS for line in extras[name])]
    pins = {canonicalize_name(name): f"{name}=={version}" for name, version in _pins(constraints)}
    lowest = {canonicalize_name(one.name): f"{one.name}=={_lower_bound(one)}" for one in map(Requirement, required)}
    tools = {canonicalize_name(Requirement(line).name) for line in extras[TOOLS]} - lowest.keys()
    missing = sorted(tools - pins.keys())
    if missing:
        raise ValueError(f"constraints.txt has no pin for {', '.join(missing)}")
    lines = [
        *sorted(lowest.values(), key=str.lower),
        "# test tools",
        *sorted((pins[name] for name in tools), key=str.lower),
    ]
    return _HEADER + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    read = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "constraints.txt")}
    content = render(read["pyproject.toml"], read["constraints.txt"])
    if arguments == ["--write"]:
        (ROOT / FILE).write_text(content, encoding="utf-8", newline="\n")
    elif (ROOT / FILE).read_text(encoding="utf-8") != content:
        print(f"{FILE} is out of date; run: python -m scripts.lowest --write", file=sys.stderr)
        return 1
    return 0


def _pins(constraints: str) -> list[tuple[str, str]]:
    lines = [line.strip() for line in constraints.splitlines()]
    return [(name, version) for line in lines for name, equals, version in [line.partition("==")] if equals]


def _lower_bound(requirement: Requirement) -> str:
    bounds = [one.version for one in requirement.specifier if one.operator in (">=", "==", "~=")]
    if len(bounds) != 1:
        raise ValueError(
            f"{requirement} needs one lower bound. Write >= and the lowest version that passes `make check-lowest`."
        )
    return bounds[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
