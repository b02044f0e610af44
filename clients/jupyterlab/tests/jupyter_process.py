"""A real Jupyter Server in a process of its own, for the tests and the measurement of the bridge."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
STUB = Path(__file__).parent / "stub"
TOKEN = "a-token-of-the-test"


@dataclass(frozen=True)
class Jupyter:
    """Where the server listens, and its process."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def socket_url(self, token: str | None = TOKEN, path: str = "exbert/rpc") -> str:
        query = "" if token is None else f"?token={token}"
        return f"ws://127.0.0.1:{self.port}/{path}{query}"

    def fetch(
        self, path: str, *, method: str = "GET", token: str | None = TOKEN, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Ask for an address; answers with the status and the body."""
        all_headers = dict(headers or {})
        if token is not None:
            all_headers["Authorization"] = f"token {token}"
        request = urllib.request.Request(f"{self.origin}/{path}", method=method, headers=all_headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def cookie(self) -> str:
        """Log in as a browser does, and give its cookies."""
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        with opener.open(f"{self.origin}/login?token={TOKEN}", timeout=60):
            return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)

    def status(self) -> dict:
        """The state of the server behind the bridge."""
        return json.loads(self.fetch("exbert/status")[1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running_jupyter(
    folder: Path, *, options: tuple[str, ...] = (), python: str = sys.executable, extension: str = "exbert_jupyterlab"
) -> Iterator[Jupyter]:
    """Start Jupyter Server with one extension and nobody's configuration; end it and all it started."""
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(PACKAGE), str(STUB)]),
        "JUPYTER_NO_CONFIG": "1",
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_PLATFORM_DIRS": "1",
    }
    root = folder / "root"
    root.mkdir(parents=True, exist_ok=True)
    command = [python, "-m", "jupyter_server", f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1"]
    command += ["--no-browser", "--allow-root", f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0"]
    command += [f"--ServerApp.root_dir={root}", f"--ServerApp.jpserver_extensions={extension}=True", *options]
    log = folder / "jupyter.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(command, env=environment, stdout=sink, stderr=sink, cwd=folder)
        jupyter = Jupyter(port, process, log)
        try:
            _wait_until_up(jupyter)
            yield jupyter
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_up(jupyter: Jupyter) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if jupyter.process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            if jupyter.fetch("api")[0] == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"Jupyter did not start:\n{jupyter.log.read_text()}")
