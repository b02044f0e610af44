"""``heads``, ``ablate``, ``decompose`` and ``compare`` on tiny models: what they show, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from exbert_rpc.cli.progress import ProgressBar
from exbert_rpc.protocol.types.profile_heads import ProfileResult
from tests.cli.conftest import TEXT, Run
from tests.golden.test_golden_disk import STORE
from tests.model import zoo


@pytest.fixture(scope="session")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(zoo.make_model("gpt2", tmp_path_factory.mktemp("cli-insight") / "tiny"))


@pytest.fixture(scope="session")
def headless(tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny BERT without its masked-LM head."""
    from transformers import BertModel

    bare = tmp_path_factory.mktemp("cli-headless")
    BertModel.from_pretrained(tiny_model, add_pooling_layer=False).save_pretrained(bare)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (bare / name).write_bytes((Path(tiny_model) / name).read_bytes())
    return str(bare)


def test_heads_gives_one_line_for_each_head(run: Run, built: Path) -> None:
    done = run("heads", "notes", "--store", built)
    assert done.code == 0, done.err
    names = [line.split()[0] for line in done.out.splitlines() if line[:1].isdigit()]
    assert names == [f"{layer}.{head}" for layer in range(3) for head in range(4)]
    assert "entropy" in done.out and "add --layer L --head H" in done.out


def test_heads_gives_a_card_of_a_single_head(run: Run, built: Path) -> None:
    done = run("heads", "notes", "--layer", "1", "--head", "2", "--min-pairs", "1", "--store", built)
    assert done.out.count("head 1.2") == 1 and "head 1.3" not in done.out
    assert "distance in tokens" in done.out and "special tokens" in done.out


def test_heads_json_is_the_protocols_answer(run: Run, built: Path) -> None:
    done = run("heads", "notes", "--layer", "1", "--store", built, "--json")
    answer = msgspec.json.decode(done.out.encode(), type=ProfileResult)
    assert [(one.layer, one.head) for one in answer.heads] == [(1, head) for head in range(4)]
    assert answer.documents == 2 and answer.tokens > 0


def test_heads_says_why_there_are_no_roles(run: Run, built: Path) -> None:
    said = " ".join(run("heads", "notes", "--store", built).out.split())
    assert "note: No roles or relations: the pipeline blank:en gives no dependencies." in said
    assert "they need at least 3 documents of some length, and there" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("heads", "nots"), ["there is no corpus 'nots'", "notes"]),
        (("heads", "notes", "--layer", "3"), ["layers: 3 is out of range", "0 to 2"]),
        (("heads", "notes", "--head", "4"), ["heads: 4 is out of range", "0 to 3"]),
        (("heads", "notes", "--min-pairs", "0"), ["--min-pairs"]),
        (("heads", "notes", "--examples", "21"), ["examples: 21 is out of range", "0 to 20"]),
        (("heads", "notes", "--examples", "20"), ["too large", "Name fewer"]),
    ],
)
def test_heads_names_what_cannot_be_profiled(
    run: Run, built: Path, arguments: tuple[str, ...], words: list[str]
) -> None:
    done = run(*arguments, "--store", built)
    assert done.code in (1, 2) and done.out == ""
    assert done.err.count("\n") == 1
    assert [word for word in words if word not in done.err] == []


def test_heads_of_a_corpus_without_a_peak_table_says_to_index_again(run: Run) -> None:
    done = run("heads", "int8", "--store", STORE)
    assert done.code == 1 and done.out == ""
    assert "built by an earlier version, which kept no profile of heads" in done.err
    assert "index the corpus again" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ablate", TEXT, "--mode", "zero", "--target", "The girl"), ["'The girl' is not one token"]),
        (("ablate", TEXT, "--mode", "zero", "--target", "#999999"), ["no token with the id 999999"]),
        (("ablate", TEXT, "--mode", "zero", "--token", "99"), ["99 is out of range"]),
        (("ablate", TEXT, "--mode", "zero", "--heads", "0.4"), ["there is no head 4", "0 to 3"]),
        (("ablate", TEXT, "--mode", "zero", "--target", "#7", "--against", "A pub."), ["together with `against`"]),
        (("ablate", TEXT, "--mode", "zero", "--against", " "), ["against: is empty or blank"]),
        (("ablate", TEXT, "--corpus", "nots"), ["there is no corpus 'nots'"]),
        (("decompose", TEXT, "--target", "The girl"), ["'The girl' is not one token"]),
        (("decompose", TEXT, "--contrast", "#999999"), ["no token with the id 999999"]),
        (("decompose", TEXT, "--against", ""), ["against: is empty or blank"]),
        (("compare", TEXT, "--mask", "99"), ["99 is not a token of this text"]),
        (("compare", TEXT, "--heads", "0.0", "--mask", "1"), ["one of --mask, --heads and --other"]),
    ],
)
def test_effects_name_what_is_wrong(
    run: Run, decoder: str, tiny_model: str, arguments: tuple[str, ...], words: list[str]
) -> None:
    model = tiny_model if "--mask" in arguments else decoder
    done = run(*arguments, "--model", model)
    assert done.code in (1, 2) and done.out == ""
    assert done.err.strip().splitlines()[-1].startswith("exbert-rpc: ")
    assert [word for word in words if word not in done.err] == []


@pytest.mark.parametrize("wanted", [("--target", "#7"), ("--token", "3")])
def test_a_model_without_a_language_model_head_has_no_target(run: Run, headless: str, wanted: tuple[str, str]) -> None:
    done = run("ablate", TEXT, "--mode", "zero", "--model", headless, *wanted)
    assert done.code == 2 and done.out == ""
    assert "has no language-model head, so it predicts no tokens" in done.err and "against" in done.err


def test_such_a_model_compares_the_text_with_itself_and_says_so(run: Run, headless: str) -> None:
    done = run("ablate", TEXT, "--mode", "zero", "--model", headless)
    assert done.code == 0, done.err
    assert "the text with itself, as the model predicts no tokens: 1.0000" in done.out


def test_such_a_model_cannot_be_decomposed_without_a_second_text(run: Run, headless: str) -> None:
    done = run("decompose", TEXT, "--model", headless)
    assert done.code == 2 and "against: is required" in done.err
    assert "cosine of the two texts" in run("decompose", TEXT, "--against", "A pub.", "--model", headless).out


def test_passes_over_other_tokens_cannot_be_compared(run: Run, tiny_model: str, decoder: str) -> None:
    done = run("compare", TEXT, "--model", tiny_model, "--other", decoder)
    assert done.code == 2 and done.out == ""
    assert "the captures have 27 and 28 tokens (compare passes over the same text)" in done.err


def test_all_heads_show_how_far_they_are(run: Run, decoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[float] = []
    update = ProgressBar.update

    def remember(self: ProgressBar, message: str, share: float | None) -> None:
        shown.extend([] if share is None else [share])
        update(self, message, share)

    monkeypatch.setattr(ProgressBar, "update", remember)
    assert run("ablate", TEXT, "--mode", "zero", "--model", decoder).code == 0
    assert len(shown) >= 3 and shown == sorted(shown) and shown[-1] == 1
