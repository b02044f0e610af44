"""`exbert-rpc report` writes one page that holds what the other commands answer."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from exbert_rpc.report import page as page_module
from tests.cli.conftest import TEXT, Run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
BUILT = Path(page_module.__file__).with_name("built") / "report.js"


@pytest.fixture
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "read_bundle", lambda name: f"/* {name} */")


def held(path: Path) -> dict[str, Any]:
    (data,) = re.findall(r'id="recording">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)
    value: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(data)))
    return value


@pytest.mark.usefixtures("_stand_in")
def test_the_page_holds_what_search_and_summarize_answer(run: Run, built: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    asked = ("--corpus", "notes", "--token", "escape", "--layer", "1", "--k", "4", "--store", built)
    done = run("report", TEXT, "-o", page, *asked)
    assert done.code == 0, done.err
    assert done.out.startswith(f"wrote {page} (")
    found = held(page)
    assert found["attend"]["layers"] == [0, 1, 2]
    token = found["view"]["pinned"]["token"]
    assert found["attend"]["tokens"][token]["text"] == "es"
    plain = [at for at, one in enumerate(found["attend"]["tokens"]) if not one["isSpecial"]]
    searched = {(one["token"], one["layer"], tuple(one["heads"] or ())) for one in found["searches"]}
    assert {(at, 1, ()) for at in plain} <= searched
    assert searched - {(at, 1, ()) for at in plain} == {
        *((token, layer, ()) for layer in (0, 2)),
        *((token, 1, (head,)) for head in range(4)),
    }
    mine = next(one for one in found["searches"] if (one["token"], one["layer"], one["heads"]) == (token, 1, None))
    direct = json.loads(run("search", "notes", TEXT, *asked[2:], "--distinct", "--json").out)
    assert [(hit["score"], hit["sentence"]["text"]) for hit in mine["answer"]["hits"]] == [
        (hit["score"], hit["sentence"]["text"]) for hit in direct["hits"]
    ]
    assert mine["summary"]["searchId"] == mine["answer"]["searchId"]


@pytest.mark.usefixtures("_stand_in")
def test_a_text_from_standard_input_is_read_once(
    run: Run, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(TEXT))
    page = tmp_path / "page.html"
    done = run(
        "report", "-", "-o", page, "--corpus", "notes", "--token", "0", "--layer", "1", "--k", "2", "--store", built
    )
    assert done.code == 0, done.err
    found = held(page)
    assert found["attend"]["text"] == TEXT
    # a special token that was chosen is searched for, too
    assert (0, 1, None) in [(one["token"], one["layer"], one["heads"]) for one in found["searches"]]


@pytest.mark.usefixtures("_stand_in")
def test_the_page_does_not_tell_where_files_lie(run: Run, built: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run("report", TEXT, "-o", page, "--corpus", "notes", "--layer", "1", "--store", built).code == 0
    whole = json.dumps(held(page))
    assert "notes0/pub.txt" in whole
    assert str(tmp_path.parent) not in whole and "file:" not in whole


@pytest.mark.usefixtures("_stand_in")
def test_what_cannot_be_reported_is_said(run: Run, built: Path, tiny_model: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    without = run("report", TEXT, "-o", tmp_path / "none" / "page.html", "--model", tiny_model)
    assert (without.code, "there is no folder" in without.err) == (2, True)
    unknown = run("report", TEXT, "-o", page, "--corpus", "nots", "--token", "escape", "--store", built)
    assert unknown.code == 1 and "nots" in unknown.err
    assert not page.exists()
    beyond = run("report", TEXT, "-o", page, "--corpus", "notes", "--layer", "9", "--store", built)
    assert beyond.code == 2 and "layer" in beyond.err


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None or not BUILT.exists(), reason="needs Chromium, and the page of `make page`")
def test_a_browser_draws_the_page_from_the_disk(run: Run, built: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    asked = ("--corpus", "notes", "--token", "escape", "--layer", "1", "--store", built)
    assert run("report", TEXT, "-o", page, *asked).code == 0
    drawn = subprocess.run(
        [
            str(CHROMIUM),
            *("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,900"),
            *("--virtual-time-budget=20000", "--dump-dom"),
            *(f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    ).stdout
    body = " ".join(re.sub(r"<[^>]+>", " ", drawn.partition("<main")[2].partition("<script")[0]).split())
    assert "Contexts like “es”" in body
    assert "notes0/ pub.txt :2" in body
    assert "cannot be drawn" not in body
