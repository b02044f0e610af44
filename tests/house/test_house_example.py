"""The worked example of CONTRIBUTING.md: three files make a method, and nothing else is edited."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.model import zoo

ROOT = Path(__file__).parents[2]
EXAMPLE = re.compile(r"^`(exbert_rpc/[\w/]+\.py)`[^\n]*\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = dict(EXAMPLE.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
TEXT = "a cat sat on the mat ."


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Path:
    """A copy of the package with the example's files, and what ``make protocol`` makes of them."""
    house = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "exbert_rpc", house / "exbert_rpc", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", house)
    for name, source in FILES.items():
        assert not (house / name).exists(), name
        (house / name).write_text(source, encoding="utf-8")
    run(house, "-m", "exbert_rpc", "schema", "--write", "protocol", "--client", "exbert_rpc/client/methods.py")
    return house


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return zoo.make_model("bert", tmp_path_factory.mktemp("tiny"))


def run(house: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(house), "EXBERT_RPC_STORE": str(house / "store")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=house, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_touches_one_file_in_each_of_three_rooms():
    assert [str(Path(name).parent) for name in FILES] == [
        "exbert_rpc/analysis",
        "exbert_rpc/protocol/types",
        "exbert_rpc/methods",
    ]


def test_the_schema_and_the_openrpc_page_know_the_method(house):
    schema = json.loads((house / "protocol" / "schema.json").read_text(encoding="utf-8"))
    assert schema["methods"]["attentionEntropy"]["result"] == "AttentionEntropyResult"
    assert schema["$defs"]["AttentionEntropyParams"]["properties"]["text"]["description"] == "The text to read."
    openrpc = json.loads((house / "protocol" / "openrpc.json").read_text(encoding="utf-8"))
    assert "attentionEntropy" in [method["name"] for method in openrpc["methods"]]


def test_the_example_passes_the_checks_of_the_project(house):
    run(house, "-m", "ruff", "check", *FILES)
    run(house, "-m", "ruff", "format", "--check", *FILES)
    run(house, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])")


@pytest.mark.slow
def test_the_method_answers_through_server_client_and_command_line(house, model):
    script = f"""
import json
from exbert_rpc.client import Client, to_array
with Client.spawn(model={str(model)!r}) as exbert:
    weights = to_array(exbert.attend(text={TEXT!r}, annotate=False).attention)
    entropy = exbert.attention_entropy({TEXT!r}).entropy
print(json.dumps([weights.tolist(), entropy]))
"""
    weights, entropy = json.loads(run(house, "-c", script))
    rows = np.array(weights)
    oracle = [
        [-sum(p * np.log(p) for row in head for p in row if p > 0) / len(head) / np.log(len(head)) for head in layer]
        for layer in rows
    ]
    np.testing.assert_allclose(entropy, oracle, atol=2e-3)  # attention came as float16
    params = json.dumps({"text": TEXT, "model": str(model)})
    answer = json.loads(run(house, "-m", "exbert_rpc", "call", "attentionEntropy", params))
    assert answer["entropy"] == entropy
