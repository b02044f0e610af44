"""``serve`` as editors start it: addresses, secrets and folders reach the server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exbert_rpc.client import Client, ServerGone
from exbert_rpc.errors import InvalidParams
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
SECRET = "a secret of sixteen characters or more"


def _start(*arguments: str, **environment: str) -> tuple[subprocess.Popen[str], dict[str, object]]:
    command = [sys.executable, "-m", "exbert_rpc", "serve", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith('{"listening"'):
            return process, json.loads(line)["listening"]
    raise AssertionError("the server did not say where it listens")


def _end(process: subprocess.Popen[str]) -> int:
    process.terminate()
    code = process.wait(timeout=PATIENCE)
    assert process.stderr is not None
    process.stderr.close()
    return code


def test_a_websocket_server_takes_its_secret_from_the_environment(tmp_path: Path) -> None:
    process, where = _start("--websocket", "127.0.0.1:0", "--store", str(tmp_path), EXBERT_RPC_TOKEN=SECRET)
    try:
        with Client.connect(str(where["address"]), token=SECRET) as exbert:
            assert exbert.list_corpora().corpora == []
        with pytest.raises(ServerGone):
            Client.connect(str(where["address"]), token="another secret of many characters")
    finally:
        assert _end(process) == 0


def test_a_unix_socket_reads_files_of_its_roots_only(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside.txt").write_text("A sentence that is nobody's business.")
    socket = tmp_path / "socket"
    process, where = _start(
        "--unix", str(socket), "--store", str(tmp_path / "store"), "--root", str(tmp_path / "inside")
    )
    try:
        with Client.connect(str(where["address"])) as exbert, pytest.raises(InvalidParams, match="outside"):
            exbert.index_corpus("x", [tmp_path / "outside.txt"])
    finally:
        assert _end(process) == 0


def test_a_port_file_carries_a_new_secret(tmp_path: Path) -> None:
    file = tmp_path / "port.json"
    process, _ = _start("--tcp", "127.0.0.1:0", "--port-file", str(file), "--store", str(tmp_path), EXBERT_RPC_TOKEN="")
    try:
        for _ in range(5000):  # the file comes right after the line
            if file.exists():
                break
            time.sleep(0.02)
        where = json.loads(file.read_text())
        with Client.connect(where["address"], token=where["token"]) as exbert:
            assert exbert.ping().protocol_version
    finally:
        assert _end(process) == 0
