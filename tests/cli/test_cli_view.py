"""`exbert-rpc view` serves the page, says where it is, and tells the browser so that nobody else reads it."""

from __future__ import annotations

import base64
import json
import stat
import threading
import webbrowser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from exbert_rpc.cli import viewing
from exbert_rpc.cli.arguments import make_parser
from exbert_rpc.report import window as window_module
from exbert_rpc.server.options import EngineSettings
from exbert_rpc.server.transports import entry
from tests.cli.conftest import TEXT, Run
from tests.patience import PATIENCE

PORT = 4321


class Served:
    """Stands in for the server: it listens at once, and ends when the test has seen what it wants."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.engine: Any = None
        self.opened: list[tuple[str, str, int]] = []
        self.seen = threading.Event()

    def serve(self, factory: Any, transport: Any, settings: Any) -> int:
        transport.check()
        self.transport, self.engine = transport, factory(settings)
        transport.on_listening(PORT)
        if self.expects_browser:
            assert self.seen.wait(PATIENCE)
        return 0

    expects_browser = False

    def browse(self, address: str) -> bool:
        file = Path(unquote(urlsplit(address).path))
        self.opened.append((address, file.read_text(encoding="utf-8"), stat.S_IMODE(file.parent.stat().st_mode)))
        self.seen.set()
        return True


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    made = Served()
    monkeypatch.setattr(entry, "serve", made.serve)
    monkeypatch.setattr(webbrowser, "open", made.browse)
    monkeypatch.setattr(window_module, "read_bundle", lambda name: f"/* {name} */")
    return made


def state_of(address: str) -> dict[str, Any]:
    encoded = address.rpartition("exbert=")[2]
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return value


def test_the_address_holds_the_token_and_what_was_asked_for(
    run: Run, served: Served, built: Path, tiny_model: str
) -> None:
    asked = ("--corpus", "notes", "--token", "pub", "--layer", "1", "--heads", "0,2")
    done = run("view", TEXT, "--no-open", *asked, "--store", built)
    assert done.code == 0, done.err
    address = done.out.strip()
    token = served.transport.token
    assert address.startswith(f"http://127.0.0.1:{PORT}/#token={token}&exbert=") and len(token) > 40
    state = state_of(address)
    pinned = state.pop("pinned")
    assert pinned["side"] == "left" and pinned["token"] > 0
    assert state == {
        "version": 1,
        "corpus": "notes",
        "layer": 1,
        "heads": [0, 2],
        "model": tiny_model,
        "input": {"text": TEXT},
        "label": "command line",
    }
    assert served.opened == []
    assert token not in served.transport.page.html and "script-src 'sha256-" in served.transport.page.policy


def test_a_browser_is_sent_through_a_file_that_only_the_user_reads(run: Run, served: Served, tmp_path: Path) -> None:
    served.expects_browser = True
    assert run("view", "--store", tmp_path).code == 0
    ((address, content, mode),) = served.opened
    assert address.startswith("file:") and served.transport.token not in address
    assert f"#token={served.transport.token}&amp;exbert=" in content
    assert mode == 0o700
    assert not Path(unquote(urlsplit(address).path)).exists(), "the file stays"


def test_a_corpus_that_is_not_there_is_said_before_anything_opens(run: Run, served: Served, tmp_path: Path) -> None:
    done = run("view", TEXT, "--corpus", "none", "--store", tmp_path)
    assert done.code == 1 and "none" in done.err
    assert served.transport is None


def test_what_is_asked_of_the_engine_reaches_it() -> None:
    asked = [
        "--store",
        "s",
        "--model",
        "m",
        "--pipeline",
        "p",
        "--device",
        "cuda",
        "--dtype",
        "bfloat16",
        "--allow-network",
    ]
    settings = viewing._settings(make_parser().parse_args(["view", *asked]))
    assert settings == EngineSettings(Path("s"), "m", "cuda", allow_network=True, pipeline="p", dtype="bfloat16")
