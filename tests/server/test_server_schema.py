"""`protocol/` says what the code does: nothing drifts."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from exbert_rpc.client import AsyncClient, Client
from exbert_rpc.protocol.client_methods import python_name, render_client
from exbert_rpc.protocol.error_codes import error_kinds
from exbert_rpc.protocol.fields import field_docs
from exbert_rpc.protocol.schema import error_rows, json_schema, method_rows, protocol_hash, render, wire_types
from exbert_rpc.protocol.types import PROTOCOL_VERSION, signatures
from exbert_rpc.protocol.types.base import Result
from exbert_rpc.server import options
from tests.server.harness import ROOT

FOLDER = ROOT / "protocol"
EXAMPLES = sorted((FOLDER / "examples").glob("*.json"))


@pytest.mark.parametrize("name", ["schema.json", "openrpc.json"])
def test_the_generated_documents_are_up_to_date(name):
    assert (FOLDER / name).read_text(encoding="utf-8") == render()[name], "run: exbert-rpc schema --write protocol"


def test_the_methods_of_the_python_client_are_made_from_the_wire_types():
    made = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--stdin-filename", "exbert_rpc/client/methods.py", "-"],
        cwd=ROOT,
        input=render_client(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    kept = (ROOT / "exbert_rpc" / "client" / "methods.py").read_text(encoding="utf-8")
    assert kept == made, "run: make protocol"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_client_has_every_method_and_every_field_of_it(kind):
    for name, signature in signatures().items():
        taken = set(inspect.signature(getattr(kind, python_name(name))).parameters)
        fields = set(signature.params.__struct_fields__) - {"work_done_token", "text_document"}
        assert fields <= taken, name


def test_every_field_that_a_client_sends_says_what_it_means():
    for signature in signatures().values():
        assert set(field_docs(signature.params)) == set(signature.params.__struct_fields__), signature.name


def test_the_typescript_types_are_made_from_this_schema():
    if shutil.which("node") and (FOLDER / "node_modules" / "json-schema-to-typescript").exists():
        subprocess.run(["node", "generate.mjs", "--check"], cwd=FOLDER, check=True)
    digest = hashlib.sha256((FOLDER / "schema.json").read_bytes()).hexdigest()
    assert digest in (FOLDER / "types.ts").read_text(encoding="utf-8"), "run: npm run generate, in protocol/"


def test_the_typescript_types_export_every_struct_method_and_error():
    source = (FOLDER / "types.ts").read_text(encoding="utf-8")
    for name in wire_types():
        assert re.search(rf"^export (interface|type) {name}\b", source, re.MULTILINE), name
    for name, one in signatures().items():
        assert f"  {name}: {{ params: {one.params.__name__}; result: {one.result.__name__} }};" in source
    for kind, (code, _) in error_kinds().items():
        assert f"  {kind}: {code}," in source
    assert f'PROTOCOL_VERSION = "{PROTOCOL_VERSION}"' in source


def test_the_page_was_read_again_after_the_last_change_of_the_protocol():
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert protocol_hash() in page, f"read protocol/README.md again, mend it, and put in {protocol_hash()}"
    for row in [*method_rows(), *error_rows()]:
        assert row in page


def test_every_option_is_on_the_page():
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in options.OPTION_NAMES:
        assert f"| `{name}` |" in page


def test_every_reference_of_the_documents_resolves():
    for name, content in render().items():
        document = json.loads(content)
        for reference in re.findall(r'"\$ref": "#/([^"]+)"', content):
            node = document
            for part in reference.split("/"):
                node = node[part]
            assert isinstance(node, dict), (name, reference)


def test_a_result_in_the_schema_requires_all_its_fields():
    definitions = json_schema()["$defs"]
    for name, wire_type in wire_types().items():
        if issubclass(wire_type, Result):
            assert definitions[name]["required"] == list(wire_type.__struct_encode_fields__)


def test_every_method_has_one_example_and_each_is_valid():
    names = [json.loads(path.read_text())["method"] for path in EXAMPLES]
    assert sorted(names) == sorted(signatures())
    for path in EXAMPLES:
        example = json.loads(path.read_text())
        msgspec.convert(example["params"], signatures()[example["method"]].params)
        assert example["about"] and path.stem.endswith(example["method"])


@pytest.mark.slow
def test_every_example_runs_against_a_real_server():
    done = subprocess.run(
        [sys.executable, str(Path("protocol/examples/run.py")), "--json"],
        cwd=ROOT,
        env={**__import__("os").environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = {line["method"]: line["result"] for line in map(json.loads, done.stdout.splitlines())}
    assert set(answers) == set(signatures())
    for method, result in answers.items():
        msgspec.convert(result, signatures()[method].result)
    assert (
        answers["searchContexts"]["hits"][0]["tokens"][answers["searchContexts"]["hits"][0]["match"]]["pos"] == "VERB"
    )
