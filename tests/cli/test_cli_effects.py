"""``ablate``, ``decompose`` and ``compare``: tables, JSON and usage errors, on tiny models."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from exbert_rpc.protocol.types.ablate_heads import AblateHeadsResult
from exbert_rpc.protocol.types.compare_captures import CompareCapturesResult
from exbert_rpc.protocol.types.decompose import DecomposeResult
from tests.cli.conftest import TEXT, Run
from tests.model import zoo


@pytest.fixture(scope="session")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(zoo.make_model("gpt2", tmp_path_factory.mktemp("cli-decoder") / "tiny"))


def test_ablate_lists_the_strongest_effects_first(run: Run, decoder: str) -> None:
    done = run("ablate", TEXT, "--model", decoder, "--mode", "zero", "--rows", "5")
    assert done.code == 0, done.err
    assert "log-probability" in done.out and "each head gives nothing instead" in done.out
    rows = [line.split() for line in done.out.splitlines() if line.strip()[:2] in ("0.", "1.", "2.")]
    deltas = [abs(float(row[1])) for row in rows]
    assert len(deltas) == 5
    assert deltas == sorted(deltas, reverse=True)
    assert "7 heads with smaller effects are left out" in done.out


def test_ablate_json_is_the_protocols_answer(run: Run, tiny_model: str) -> None:
    done = run("ablate", TEXT, "--against", "A pub.", "--heads", "1.2,0.3", "--model", tiny_model, "--json")
    answer = msgspec.json.decode(done.out.encode(), type=AblateHeadsResult)
    assert answer.measure == "cosine"
    assert [(one.layer, one.head) for one in answer.effects] == [(None, None)]
    assert answer.effects[0].delta == pytest.approx(answer.effects[0].value - answer.base, abs=2e-6)


def test_ablate_of_two_texts_shows_cosines(run: Run, tiny_model: str) -> None:
    done = run("ablate", TEXT, "--against", "A pub.", "--heads", "1.2,0.3", "--model", tiny_model)
    assert "Δ cosine" in done.out and "together" in done.out


def test_decompose_shows_parts_that_sum_and_what_each_state_predicts(run: Run, decoder: str) -> None:
    done = run("decompose", TEXT, "--token", "escape", "--model", decoder)
    assert done.code == 0, done.err
    assert "above the mean" in done.out and "head " in done.out
    assert "smaller parts together" in done.out
    assert "what each hidden state predicts" in done.out
    raw = run(
        "decompose", TEXT, "--token", "escape", "--target", "#50", "--contrast", "#60", "--model", decoder, "--json"
    )
    answer = msgspec.json.decode(raw.out.encode(), type=DecomposeResult)
    assert answer.measure == "logitDifference"
    assert sum(part.value for part in answer.parts) == pytest.approx(answer.total, abs=1e-4)
    assert len(answer.parts) == 3 * (4 + 1) + 2
    assert [one.hidden_layer for one in answer.lens] == [0, 1, 2, 3]


def test_compare_shows_what_a_mask_or_a_head_changes(run: Run, tiny_model: str, decoder: str) -> None:
    masked = run("compare", TEXT, "--mask", "3", "--model", tiny_model)
    assert masked.code == 0, masked.err
    assert "attention differs most" in masked.out and "mean cosine" in masked.out
    raw = run("compare", TEXT, "--heads", "1.2", "--mode", "zero", "--model", decoder, "--json")
    answer = msgspec.json.decode(raw.out.encode(), type=CompareCapturesResult)
    assert max(one.divergence for one in answer.heads if one.layer < 2) < 1e-6
    assert min(one.divergence for one in answer.heads if one.layer == 2) > 1e-6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", TEXT), "one of --mask, --heads and --other is needed"),
        (("ablate", TEXT, "--heads", "5"), "no list of heads such as 5.9,4.1"),
        (("ablate", TEXT, "--heads", "9.0", "--mode", "zero"), "there is no layer 9"),
        (("decompose", TEXT, "--token", "zebra"), "'zebra' is no word of the text"),
    ],
)
def test_bad_input_is_one_line_with_the_fix(
    run: Run, decoder: str, arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = run(*arguments, "--model", decoder)
    assert done.code == 2
    assert message in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_attend_shows_value_weighted_attention_and_says_so(run: Run, tiny_model: str) -> None:
    done = run(
        "attend", TEXT, "--model", tiny_model, "--pipeline", "blank:en", "--layer", "1", "--weights", "valueNorm"
    )
    assert done.code == 0, done.err
    assert "times the norm of what each token hands over" in " ".join(done.out.split())
