"""``exbert-rpc doctor``: what is installed, what runs, what is wrong and how to mend it."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from packaging.requirements import Requirement

from exbert_rpc import __version__
from exbert_rpc.cli.carriers import CARRIERS, Carrier
from exbert_rpc.cli.main import one_line
from exbert_rpc.cli.output import Screen, write_json
from exbert_rpc.cli.show_corpora import size
from exbert_rpc.cli.text import pad, tidy
from exbert_rpc.cli.work import engine_of, run, store_of
from exbert_rpc.errors import ExbertError

if TYPE_CHECKING:
    from exbert_rpc.engine.facade import Engine

State = Literal["well", "broken", "absent"]
OPTIONAL = {
    "gguf": ("models in GGUF files", "pip install 'exbert-rpc[gguf]'"),
    "pyarrow": ("Parquet files and data sets", "pip install 'exbert-rpc[data]'"),
    "ray": ("builds on several machines", "pip install 'exbert-rpc[ray]'"),
    "peft": ("LoRA adapters", "pip install 'exbert-rpc[peft]'"),
    "anywidget": ("the view in a notebook's cell", "pip install 'exbert-rpc[notebook]'"),
    "mcp": ("tools for agents", "pip install 'exbert-rpc[mcp]'"),
    "exbert-jupyterlab": ("the JupyterLab extension", "pip install exbert-jupyterlab"),
}
_LEAST_FREE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What.
        state: ``well``, ``broken`` (something that is needed), or ``absent`` (something that is optional).
        found: What was found.
        fix: What to do; empty if nothing.
    """

    name: str
    state: State
    found: str
    fix: str = ""


def doctor(options: Namespace) -> int:
    """Report every check; 1 if something that is needed is broken."""
    screen = Screen.of(sys.stdout)
    checks: list[Check] = []
    for check in examine(options):
        checks.append(check)
        if not options.json:
            _show(screen, check)
    broken = [check for check in checks if check.state == "broken"]
    if options.json:
        write_json(sys.stdout, json.dumps({"ok": not broken, "checks": [asdict(check) for check in checks]}).encode())
    elif broken:
        screen.line(screen.bad(f"{len(broken)} broken: {', '.join(check.name for check in broken)}"))
    else:
        screen.line(screen.good("all that is needed works"))
    return 1 if broken else 0


def examine(options: Namespace) -> Iterator[Check]:
    """All checks, each as soon as it is known."""
    yield Check("exbert-rpc", "well", f"{__version__}, Python {platform.python_version()} on {platform.system()}")
    yield from map(_required, requirements())
    with engine_of(options) as engine:
        yield _model(engine, options)
        yield _pipeline(options)
        yield _store(options)
        yield from _corpora(engine)
    yield from (_optional(name, what, fix) for name, (what, fix) in OPTIONAL.items())
    yield from map(_carrier, CARRIERS)


def requirements() -> list[Requirement]:
    """What this installation says that it needs on this system, without extras."""
    named = importlib.metadata.requires("exbert-rpc") or []
    return [one for one in map(Requirement, named) if one.marker is None or one.marker.evaluate({"extra": ""})]


def _required(needed: Requirement) -> Check:
    again = f"pip install '{needed}'"
    found = _version(needed.name)
    if found is None:
        return Check(needed.name, "broken", "not installed", again)
    if not needed.specifier.contains(found, prereleases=True):
        return Check(needed.name, "broken", f"{found}, which is not {needed.specifier}", again)
    return Check(needed.name, "well", found)


def _optional(name: str, what: str, fix: str) -> Check:
    found = _version(name)
    if found is None:
        return Check(name, "absent", f"not installed: {what}", fix)
    return Check(name, "well", f"{found}, {what}")


def _carrier(one: Carrier) -> Check:
    if one.found is None:
        fix = "exbert-rpc setup" if one.for_demo else "exbert-rpc setup --all"
        return Check(one.name, "absent", f"not installed: {one.what}, {size(one.download)} to download", fix)
    return Check(one.name, "well", f"{one.found}, {one.what}, {size(one.installed)}")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _model(engine: Engine, options: Namespace) -> Check:
    from exbert_rpc.engine.defaults import DEFAULT_MODEL

    name = options.model or DEFAULT_MODEL

    def look() -> str:
        started = time.monotonic()
        info = run(lambda task: engine.describe_model(name, task), "model")
        seconds = time.monotonic() - started
        return f"{info.id}, {info.n_layers} layers of {info.n_heads} heads, loads in {seconds:.1f} s on {info.device}"

    return _tried("model", look, "choose another: exbert-rpc models")


def _pipeline(options: Namespace) -> Check:
    from exbert_rpc.engine.defaults import DEFAULT_PIPELINE
    from exbert_rpc.text.annotation.pool import AnnotatorPool

    def look() -> str:
        with AnnotatorPool(options.pipeline or DEFAULT_PIPELINE) as pool:
            info = run(lambda _: pool.info, "pipeline")
            return f"{info.name} {info.version}"

    return _tried("pipeline", look, "exbert-rpc setup, or --pipeline blank:en")


def _store(options: Namespace) -> Check:
    from exbert_rpc.engine.facade import default_store

    folder = store_of(options) or default_store()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"exbert-rpc")
    except OSError as error:
        fix = "choose a folder that can be written: --store DIR or EXBERT_RPC_STORE"
        return Check("store", "broken", f"{folder} cannot be written: {error.strerror}", fix)
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE:
        return Check("store", "broken", f"{folder}, only {size(free)} free", "free some space, or choose --store DIR")
    return Check("store", "well", f"{folder}, {size(free)} free")


def _corpora(engine: Engine) -> Iterator[Check]:
    try:
        names = [info.name for info in engine.list_corpora()]
    except (ExbertError, OSError) as error:
        yield Check("corpora", "broken", str(error), "choose another store: --store DIR")
        return
    if not names:
        yield Check("corpora", "absent", "none yet", "exbert-rpc index NAME SOURCE...")
    for name in names:
        yield _corpus(engine, name)


def _corpus(engine: Engine, name: str) -> Check:
    info = run(lambda _: engine.describe_corpus(name), f"checking {name}")
    if info.damaged:
        found = f"damaged: {', '.join(info.damaged)}"
        return Check(
            f"corpus {name}", "broken", found, f"exbert-rpc index {name} SOURCE... computes only what is damaged"
        )
    return Check(
        f"corpus {name}",
        "well",
        f"{info.documents:,} document{'s' * (info.documents != 1)}, {info.tokens:,} tokens, {size(info.nbytes)}",
    )


def _tried(name: str, look: Callable[[], str], fix: str) -> Check:
    try:
        return Check(name, "well", look())
    except ExbertError as error:
        return Check(name, "broken", one_line(error), "" if error.hint else fix)
    except Exception as error:
        return Check(name, "broken", f"{type(error).__name__}: {error}", fix)


def _show(screen: Screen, check: Check) -> None:
    mark = {"well": screen.good("✓"), "broken": screen.bad("✗"), "absent": screen.dim("·")}[check.state]
    fix = f" → {check.fix}" if check.fix else ""
    screen.line(f"{mark} {pad(check.name, 24)} {tidy(check.found)}{fix}")
