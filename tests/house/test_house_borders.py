"""Each border between rooms holds, and is seen to fail when it is broken on purpose."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
CONTRACTS = [contract["name"] for contract in SETTINGS["importlinter"]["contracts"]]
BANNED = SETTINGS["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]

# contract -> a module, and what it must not import
BREACHES = {
    "the rooms of the engine, and what stands on them": ("text/blocks.py", "exbert_rpc.model.types"),
    "the wire is below what speaks it": ("protocol/jsonrpc.py", "exbert_rpc.methods.method"),
    "the wire knows nothing of the engine": ("protocol/jsonrpc.py", "exbert_rpc.corpus.types"),
    "the engine knows nothing of the wire": ("engine/handles.py", "exbert_rpc.protocol.positions"),
    "a client knows only the wire": ("client/links.py", "exbert_rpc.engine.defaults"),
    "corpus: build and search are independent, both above store": (
        "corpus/search/filters.py",
        "exbert_rpc.corpus.build.memory",
    ),
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the package with the project's own settings."""
    shutil.copytree(ROOT / "exbert_rpc", tmp_path / "exbert_rpc", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(house: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    environment = {**os.environ, "PYTHONPATH": str(house), "COLUMNS": "200"}
    return subprocess.run(
        [*command, "--no-cache"], cwd=house, env=environment, capture_output=True, text=True, timeout=600
    )


def test_the_package_keeps_every_contract(house):
    done = lint(house)
    assert done.returncode == 0, done.stdout
    assert f"{len(CONTRACTS)} kept, 0 broken" in done.stdout


def test_every_contract_has_an_import_that_breaks_it():
    assert sorted(BREACHES) == sorted(CONTRACTS)


@pytest.mark.parametrize("contract", BREACHES)
def test_an_import_over_a_border_is_seen(house, contract):
    module, forbidden = BREACHES[contract]
    path = house / "exbert_rpc" / module
    path.write_text(f"{path.read_text(encoding='utf-8')}\nimport {forbidden}  # noqa\n", encoding="utf-8")
    done = lint(house)
    assert done.returncode != 0
    assert f"{contract} BROKEN" in done.stdout


@pytest.mark.parametrize("library", BANNED)
def test_a_library_in_the_wrong_room_is_seen(library):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--stdin-filename", "exbert_rpc/errors.py", "-"],
        cwd=ROOT,
        input=f"import {library}\n",
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 1 and "TID251" in done.stdout
