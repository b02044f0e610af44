"""What a package index shows of the package: links that work there, and true metadata."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
README = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]


@pytest.fixture
def shown() -> str:
    """The README as the build puts it into the package."""
    (fragment,) = README["fragments"]
    text = (ROOT / fragment["path"]).read_text(encoding="utf-8")
    for one in README["substitutions"]:
        text = re.sub(one["pattern"], one["replacement"], text)
    return text


def test_every_link_of_the_readme_is_absolute_and_leads_to_a_file_of_the_repository(shown: str) -> None:
    prose = re.sub(r"^```.*?^```$", "", shown, flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)", prose)
    assert len(targets) > 15
    assert [one for one in targets if not one.startswith("https://")] == []
    ours = [one.partition("/main/")[2].partition("#")[0] for one in targets if "/exbert-rpc/exbert-rpc/" in one]
    assert len(ours) > 10
    assert [one for one in ours if not (ROOT / one).is_file()] == []


def test_pictures_come_from_where_files_are_served_as_they_are(shown: str) -> None:
    pictures = re.findall(r"!\[[^\]]*\]\((\S+)\)", shown)
    assert len(pictures) >= 4
    assert [one for one in pictures if not one.startswith("https://raw.githubusercontent.com/")] == []


def test_code_of_the_readme_is_left_as_it_is(shown: str) -> None:
    code = re.compile(r"^```python\n.*?^```$", re.MULTILINE | re.DOTALL)
    assert code.findall(shown) == code.findall((ROOT / "README.md").read_text(encoding="utf-8"))


def test_classifiers_begin_with_the_version_that_is_required() -> None:
    versions = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    assert PROJECT["requires-python"] == f">={versions[0]}"
    assert versions == sorted(versions, key=lambda one: int(one.partition(".")[2]))


@pytest.mark.parametrize(
    "document",
    ["README.md", "docs/guide.md", "CONTRIBUTING.md", "clients/vscode/README.md", "clients/vscode/package.json"],
)
def test_extras_that_a_page_names_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = {one for group in re.findall(r"exbert-rpc\[([\w,]+)\]", text) for one in group.split(",")}
    assert named <= set(PROJECT["optional-dependencies"])


def test_extras_that_hints_name_exist() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "exbert_rpc").rglob("*.py"))
    named = {one for group in re.findall(r"exbert-rpc\[([\w,]+)\]", sources) for one in group.split(",")}
    assert named and named <= set(PROJECT["optional-dependencies"])
