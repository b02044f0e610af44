"""Models of the Hub, from a hub on this machine: what is downloaded, what is refused, and how it is said."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from safetensors.torch import load_file, save_file

from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.hub import files_read
from tests.model import zoo

SMALL = ["config.json", "tokenizer.json"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the server has, and what it was asked for."""

    repositories: dict[str, Path]
    gated: frozenset[str] = frozenset()
    dropped: set[str] = field(default_factory=set)
    downloads: list[tuple[str, str | None]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """As much of the Hub's interface as huggingface_hub uses to download a model."""

    protocol_version = "HTTP/1.1"
    hub: ClassVar[Hub]

    def log_message(self, *_args: object) -> None:
        """Nothing is written."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0].strip("/")
        parts = path.split("/")
        if path.startswith("api/models/"):
            self._describe("/".join(parts[2:4]), "tree" in parts[4:5], with_body)
            return
        if len(parts) < 5:
            self._refuse(404, "EntryNotFound", with_body)
            return
        owner, name, _resolve, _revision, file = path.split("/", 4)
        repository = f"{owner}/{name}"
        folder = self.hub.repositories.get(repository)
        if repository in self.hub.gated:
            self._refuse(403, "GatedRepo", with_body)
        elif folder is None or not (folder / file).is_file():
            self._refuse(404, "RepoNotFound" if folder is None else "EntryNotFound", with_body)
        else:
            self._give(repository, file, (folder / file).read_bytes(), with_body)

    def _describe(self, repository: str, as_tree: bool, with_body: bool) -> None:
        folder = self.hub.repositories.get(repository)
        if folder is None:
            self._refuse(401, "RepoNotFound", with_body)
            return
        names = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]
        tree = [{"type": "file", "path": name, "oid": "0", "size": (folder / name).stat().st_size} for name in names]
        files = [{"rfilename": name} for name in names]
        body = {"id": repository, "sha": COMMIT, "siblings": files, "private": False, "tags": [], "downloads": 0}
        self._send(200, json.dumps(tree if as_tree else body).encode(), {"Content-Type": "application/json"}, with_body)

    def _give(self, repository: str, file: str, data: bytes, with_body: bool) -> None:
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        asked = self.headers.get("Range")
        if with_body:
            self.hub.downloads.append((f"{repository}/{file}", asked))
        if with_body and asked is None and file in self.hub.dropped:
            self.hub.dropped.discard(file)
            self._send(200, data[: len(data) // 2], {**headers, "Content-Length": str(len(data))}, with_body)
            self.wfile.flush()
            self.connection.close()
            self.close_connection = True
        elif asked is not None:
            first = int(asked.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
            self._send(206, data[first:], headers, with_body)
        else:
            self._send(200, data, headers, with_body)

    def _refuse(self, status: int, code: str, with_body: bool) -> None:
        self._send(status, b"no", {"X-Error-Code": code, "X-Error-Message": "no"}, with_body)

    def _send(self, status: int, body: bytes, headers: dict[str, str], with_body: bool) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)


@pytest.fixture
def serve():
    servers = []

    def start(hub: Hub) -> str:
        handler = type("OneHub", (Handler,), {"hub": hub})
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


LOAD = """
import json, sys
from pathlib import Path
from exbert_rpc.errors import ExbertError
from exbert_rpc.model.loading import load_model
for name in json.loads(sys.argv[2]):
    for allow_network in (True, False):
        try:
            info = load_model(name, cache_dir=Path(sys.argv[1]), device="cpu", allow_network=allow_network).info
            print(json.dumps([name, allow_network, "loaded", info.architecture]), flush=True)
        except ExbertError as exc:
            print(json.dumps([name, allow_network, exc.message, exc.hint]), flush=True)
"""


def load_from(url: str, names: list[str], tmp_path: Path) -> dict[tuple[str, bool], tuple[str, str]]:
    """What became of each id, in a process of its own: with the network, then without it."""
    own = {"HF_ENDPOINT": url, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}
    environment = {**os.environ, **own}
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN"):
        environment.pop(name, None)
    command = [sys.executable, "-c", LOAD, str(tmp_path / "cache"), json.dumps(names)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {(name, network): (said, more) for name, network, said, more in rows}


def sharded(folder: Path, source: Path) -> Path:
    """A model in two files, with the same weights under another name and in a pickle beside them."""
    shutil.copytree(source, folder)
    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    parts = {f"model-0000{number}-of-00002.safetensors": names[number - 1 :: 2] for number in (1, 2)}
    for part, own in parts.items():
        save_file({name: weights[name] for name in own}, folder / part, metadata={"format": "pt"})
    places = {name: part for part, own in parts.items() for name in own}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    (folder / "model.safetensors").rename(folder / "consolidated.safetensors")
    (folder / "pytorch_model.bin").write_bytes(b"x" * 1000)
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"x" * 1000)
    return folder


def pickled(folder: Path, source: Path) -> Path:
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "pytorch_model.bin").write_bytes(b"x")
    return folder


@pytest.mark.slow
def test_a_hub_gives_what_is_read_and_nothing_else(folder_of, tmp_path, serve, monkeypatch):
    bert = folder_of("bert")
    wide = {**zoo.FAMILIES["bert"].settings, "hidden_size": 512, "intermediate_size": 2048}
    monkeypatch.setitem(zoo.FAMILIES, "wide", zoo.Family("BertConfig", "BertForMaskedLM", "wordpiece", wide))
    large = zoo.make_model("wide", tmp_path / "wide")  # huggingface_hub writes 10 MiB at a time
    hub = Hub(
        {
            "a/sharded": sharded(tmp_path / "sharded", bert),
            "a/pickled": pickled(tmp_path / "pickled", bert),
            "a/gated": bert,
            "a/dropped": large,
        },
        gated=frozenset({"a/gated"}),
        dropped={"model.safetensors"},
    )
    found = load_from(serve(hub), [*hub.repositories, "a/nothing"], tmp_path)

    assert found["a/sharded", True] == found["a/sharded", False] == ("loaded", "BertForMaskedLM")
    files = {name.removeprefix("a/sharded/") for name, _range in hub.downloads if name.startswith("a/sharded/")}
    assert {name for name in files if name.endswith((".safetensors", ".bin", ".onnx"))} == {
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    }

    said, step = found["a/pickled", True]
    assert "only pytorch_model.bin" in said
    assert "safetensors" in step
    assert not any(name.startswith("a/pickled/") for name, _range in hub.downloads)

    said, step = found["a/gated", True]
    assert "is gated" in said
    assert "hf auth login" in step

    assert found["a/dropped", True] == found["a/dropped", False] == ("loaded", "BertForMaskedLM")
    ranges = [asked for name, asked in hub.downloads if name == "a/dropped/model.safetensors"]
    assert (large / "model.safetensors").stat().st_size > 3 * 10 * 2**20
    assert ranges == [None, f"bytes={10 * 2**20}-"]

    said, step = found["a/nothing", True]
    assert "no model 'a/nothing', or it is private" in said
    assert "hf auth login" in step


def test_of_one_file_and_an_index_the_one_file_is_read():
    names = [*SMALL, "model.safetensors", "model.safetensors.index.json", "consolidated.safetensors", "tf_model.h5"]
    assert set(files_read("a/b", names, None)) == {*SMALL, "model.safetensors", "model.safetensors.index.json"}


def test_an_adapter_is_downloaded_with_its_weights():
    names = [*SMALL, "adapter_config.json", "adapter_model.safetensors", "optimizer.pt", "checkpoint-5/config.json"]
    assert set(files_read("a/b", names, None)) == {*SMALL, "adapter_config.json", "adapter_model.safetensors"}


@pytest.mark.parametrize(
    ("names", "said", "step"),
    [
        ([*SMALL, "pytorch_model.bin"], "only pytorch_model.bin", "safetensors"),
        (["m-Q4_K.gguf", "m-Q8_0.gguf"], "GGUF files only: m-Q4_K.gguf, m-Q8_0.gguf", "hf download a/b m-Q4_K.gguf"),
        (SMALL, "has no model.safetensors", "safetensors"),
    ],
)
def test_a_repository_without_safetensors_is_refused_before_anything_is_downloaded(names, said, step):
    with pytest.raises(ModelNotSupported) as caught:
        files_read("a/b", names, None)
    assert said in caught.value.message
    assert step in caught.value.hint


def test_files_of_an_index_that_are_not_there_are_named(folder_of, tmp_path):
    from exbert_rpc.model.loading import load_model

    folder = sharded(tmp_path / "sharded", folder_of("bert"))
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelNotSupported, match=r"1 of its 2 weight files .*: model-00002-of-00002\.safetensors"):
        load_model(str(folder), cache_dir=tmp_path, device="cpu")


def test_copies_of_the_weights_beside_them_do_not_count(folder_of, load, tmp_path):
    from exbert_rpc.model.loading import load_model

    shutil.copytree(folder_of("bert"), tmp_path / "bert")
    save_file(
        {"other": load_file(tmp_path / "bert" / "model.safetensors")["cls.predictions.bias"]},
        tmp_path / "bert" / "consolidated.safetensors",
    )
    model = load_model(str(tmp_path / "bert"), cache_dir=tmp_path, device="cpu")
    assert model.info.fingerprint == load("bert").info.fingerprint
    assert zoo.FAMILIES["bert"].model == model.info.architecture
