"""The sweep over all text classes of transformers: a sample here, everything in the slow form, and a control."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks import models_table
from benchmarks.tiny_models import text_classes
from tests.samples import sampled

PARTS = 4
SAMPLE = [
    "GraniteForCausalLM",
    "ErnieForMaskedLM",
    "PegasusForConditionalGeneration",
    "Qwen3VLForConditionalGeneration",
]
SAMPLE += ["GlmMoeDsaForCausalLM", "Gemma4ForCausalLM", "Qwen3_5ForConditionalGeneration", "JambaForCausalLM"]
SAMPLE += ["FSMTForConditionalGeneration", "LEDForConditionalGeneration", "SqueezeBertForMaskedLM"]
SAMPLE += ["XLNetLMHeadModel", "HYV4ForCausalLM", "ProphetNetForConditionalGeneration"]


def tried(name, folder):
    (one,) = [one for one in text_classes() if one.name == name]
    return models_table._try(one, folder)


@pytest.mark.parametrize("name", sampled(SAMPLE, 3))
def test_a_sample_of_classes_is_exact(name, tmp_path):
    assert tried(name, tmp_path) == ("exact", "")


def test_a_class_without_softmax_attention_is_refused_by_name(tmp_path):
    result, why = tried("RwkvForCausalLM", tmp_path)
    assert result == "refused"
    assert why.startswith("RwkvForCausalLM has no softmax attention")


def test_the_sweep_sees_a_model_that_is_wrong(tmp_path, monkeypatch):
    load = models_table._load

    def broken(folder, name):
        model = load(folder, name)
        model._network.model.get_input_embeddings().weight.mul_(1.01)
        return model

    monkeypatch.setattr(models_table, "_load", broken)
    assert tried("GraniteForCausalLM", tmp_path)[0] == "wrong"


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))  # minutes each: side by side, and none is left to the end alone
def test_no_text_class_is_wrong_in_silence_or_fails_by_an_internal_error(part):
    classes = text_classes()[part::PARTS]
    findings = models_table._measure(classes, jobs=1)
    counts = Counter(finding.result for finding in findings)
    bad = [(finding.name, finding.detail) for finding in findings if finding.result in ("wrong", "error")]
    assert bad == []
    assert len(findings) == len(classes)
    assert counts["exact"] > 290 / PARTS
