"""One version everywhere: ``exbert_rpc/__init__.py`` states it, and every other file agrees.

    python -m scripts.version                 name the files that disagree
    python -m scripts.version check 0.2.0     the same, and is it this version?
    python -m scripts.version set 0.2.0       write it into all of them

Both Python packages take their version from their ``__init__.py`` when they are built, and so does the Makefile.
``protocol/openrpc.json`` names it and is generated: run ``make protocol`` after ``set``.
"""

from __future__ import annotations

import datetime
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = "exbert_rpc/__init__.py"
_NUMBER = r"\d+\.\d+\.\d+"
_PYTHON = re.compile(rf'(^__version__ = ")({_NUMBER})(")', re.MULTILINE)
_CITATION = re.compile(rf'(^version: "?)({_NUMBER})("?$)', re.MULTILINE)
# the first "version" is that of the package itself; in a lock file so is the second, in "packages" under ""
_PACKAGE = re.compile(rf'("version": ")({_NUMBER})(")')
_CHANGELOGS = {"CHANGELOG.md": "## [{}]", "clients/vscode/CHANGELOG.md": "## {}"}
USAGE = "usage: python -m scripts.version [check [X.Y.Z] | set X.Y.Z]"


def read(root: Path) -> str:
    """The version that ``exbert_rpc/__init__.py`` states."""
    found = _PYTHON.search((root / SOURCE).read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f'{SOURCE} has no line __version__ = "X.Y.Z"')
    return found[2]


def disagreements(root: Path, version: str) -> list[str]:
    """A sentence for each file that states another version than ``version``, or none."""
    found = []
    for path, pattern, count in _places(root):
        stated = [match[2] for match in pattern.finditer(path.read_text(encoding="utf-8"))][:count]
        if stated != [version] * count:
            found.append(
                f"{path.relative_to(root).as_posix()} states {', '.join(stated) or 'no version'}, not {version}"
            )
    for name, heading in _CHANGELOGS.items():
        lines = (root / name).read_text(encoding="utf-8").splitlines()
        if not any(line.startswith(heading.format(version)) for line in lines):
            found.append(f"{name} has no heading {heading.format(version)}")
    return found


def write(root: Path, version: str, day: datetime.date) -> None:
    """Write ``version`` into every file but the changelogs, and the day of its release into ``CITATION.cff``."""
    for path, pattern, count in _places(root):
        text = path.read_text(encoding="utf-8")
        path.write_text(pattern.sub(rf"\g<1>{version}\g<3>", text, count=count), encoding="utf-8", newline="\n")
    citation = root / "CITATION.cff"
    dated = re.sub(
        r"^date-released: .*$", f'date-released: "{day}"', citation.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    citation.write_text(dated, encoding="utf-8", newline="\n")


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    match arguments:
        case ["set", version] if re.fullmatch(_NUMBER, version):
            write(ROOT, version, datetime.datetime.now(datetime.UTC).date())
        case [] | ["check"]:
            version = read(ROOT)
        case ["check", version] if re.fullmatch(_NUMBER, version):
            pass
        case _:
            print(USAGE, file=sys.stderr)
            return 2
    found = disagreements(ROOT, version)
    print("\n".join(found) or f"all files state version {version}", file=sys.stderr if found else sys.stdout)
    return 1 if found else 0


def _places(root: Path) -> list[tuple[Path, re.Pattern[str], int]]:
    """Each file with the pattern of its version, and how often it states it."""
    packages = [
        (path, _PACKAGE, 1 if path.name == "package.json" else 2)
        for folder in ("protocol", "clients", "clients/*", "clients/e2e/*")
        for name in ("package.json", "package-lock.json")
        for path in sorted(root.glob(f"{folder}/{name}"))
    ]
    python = [root / SOURCE, root / "clients/jupyterlab/exbert_jupyterlab/__init__.py"]
    return [*((path, _PYTHON, 1) for path in python), (root / "CITATION.cff", _CITATION, 1), *packages]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
