"""One version everywhere, and floors that are the ones in pyproject.toml."""

from __future__ import annotations

import datetime
import json
import os
import shutil
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import exbert_rpc
from scripts import lowest, version

ROOT = Path(__file__).parents[2]
STATING = ("package.json", "package-lock.json", "__init__.py", "CITATION.cff", "CHANGELOG.md")
SKIPPED = {"node_modules", ".venv", ".venv-lowest", ".git", ".cache", "dist", "lib", "labextension", "tests", "site"}


def test_all_files_state_the_version_of_the_package():
    assert version.read(ROOT) == exbert_rpc.__version__
    assert version.disagreements(ROOT, exbert_rpc.__version__) == []


@pytest.mark.parametrize("name", ["package.json", "package-lock.json"])
def test_json_says_the_same_as_the_patterns_that_are_searched_for(name):
    found = list(files_named(ROOT, name))
    assert len(found) >= 5
    for path in found:
        stated = json.loads(path.read_text(encoding="utf-8"))
        assert stated["version"] == exbert_rpc.__version__, path
        if name == "package-lock.json":
            assert stated["packages"][""]["version"] == exbert_rpc.__version__, path


def test_a_new_version_is_written_into_every_file_and_into_nothing_else(tree):
    old = exbert_rpc.__version__
    version.write(tree, "9.8.7", datetime.date(2031, 2, 3))
    assert version.read(tree) == "9.8.7"
    assert version.disagreements(tree, "9.8.7") == [
        "CHANGELOG.md has no heading ## [9.8.7]",
        "clients/vscode/CHANGELOG.md has no heading ## 9.8.7",
    ]
    assert 'date-released: "2031-02-03"' in (tree / "CITATION.cff").read_text(encoding="utf-8")
    for name in ("package.json", "package-lock.json"):
        for path in files_named(tree, name):
            before = json.loads((ROOT / path.relative_to(tree)).read_text(encoding="utf-8"))
            before["version"] = "9.8.7"
            if name == "package-lock.json":
                before["packages"][""]["version"] = "9.8.7"
            assert json.loads(path.read_text(encoding="utf-8")) == before, f"{path}: was {old}"


@pytest.mark.parametrize("name", ["CITATION.cff", "clients/view/package.json", "clients/vscode/package-lock.json"])
def test_a_file_that_states_another_version_is_named(tree, name):
    path = tree / name
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(exbert_rpc.__version__, "0.0.9", 1), encoding="utf-8")
    [sentence] = version.disagreements(tree, exbert_rpc.__version__)
    assert sentence.startswith(f"{name} states 0.0.9")


def test_the_lowest_versions_are_those_of_pyproject():
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    content = (ROOT / lowest.FILE).read_text(encoding="utf-8")
    assert content == lowest.render(pyproject, constraints), "run: python -m scripts.lowest --write"
    pins = [Requirement(line) for line in content.splitlines() if not line.startswith("#")]
    assert {pin.name for pin in pins} >= {"torch", "transformers", "numpy", "pytest"}


def test_a_dependency_without_a_lower_bound_is_named():
    with pytest.raises(ValueError, match=r"numpy<3 needs one lower bound"):
        lowest.render(project('"numpy<3"'), "pytest==9.0.0")


def test_a_test_tool_without_a_pin_is_named():
    with pytest.raises(ValueError, match=r"constraints\.txt has no pin for pytest"):
        lowest.render(project('"numpy>=2.0"'), "numpy==2.4.0")


def test_floors_and_pins_are_written_side_by_side():
    content = lowest.render(project('"numpy>=2.0,<3"'), "numpy==2.4.0\npytest==9.0.0\n")
    assert [line for line in content.splitlines() if not line.startswith("# ") or line == "# test tools"] == [
        "gguf==0.10",
        "numpy==2.0",
        "# test tools",
        "pytest==9.0.0",
    ]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the files that state a version, and of no others."""
    for name in STATING:
        for path in files_named(ROOT, name):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return tmp_path


def files_named(root: Path, name: str):
    """Files of that name, outside of what is installed or built."""
    for folder, folders, names in os.walk(root):
        folders[:] = [one for one in folders if one not in SKIPPED]
        if name in names:
            yield Path(folder, name)


def project(dependencies: str) -> str:
    return f"""
        [project]
        dependencies = [{dependencies}]
        [project.optional-dependencies]
        gguf = ["gguf>=0.10"]
        test = ["pytest>=8"]
    """
