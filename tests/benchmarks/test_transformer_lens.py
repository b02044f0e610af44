"""The comparison with TransformerLens' list follows from the two lists alone."""

from __future__ import annotations

import pytest

from benchmarks.models_table import PAGE
from benchmarks.transformer_lens import BEGIN, END, compare, read_architectures, results_of

SOURCE = """
OTHER = {"NotThisForCausalLM": 1}
SUPPORTED_ARCHITECTURES = {"T5WithLMHeadModel": A, "bForCausalLM": B, "GPT2LMHeadModel": C, "MPTForCausalLM": D}
"""


def test_the_list_is_read_without_running_anything():
    names = ["bForCausalLM", "GPT2LMHeadModel", "MPTForCausalLM", "T5WithLMHeadModel"]
    assert read_architectures(SOURCE) == names
    with pytest.raises(LookupError):
        read_architectures("SUPPORTED = {}")


def test_classes_are_found_by_their_names_in_any_spelling():
    results = {"MptForCausalLM": "exact", "T5ForConditionalGeneration": "refused", "LlamaForCausalLM": "exact"}
    listed = ["MPTForCausalLM", "T5WithLMHeadModel", "ViTModel", "TheirOwnForCausalLM"]
    section = compare(listed, results, "4.3.0", "2026-11-28")
    assert "1 exact, 1 refused, 1 no prediction of tokens, 1 not in transformers." in section
    assert "Of the 2 classes that are exact here, 1 are not on its list." in section
    assert "| MPTForCausalLM | exact |" in section


def test_the_page_holds_what_follows_from_its_own_table():
    page = PAGE.read_text(encoding="utf-8")
    written = page.split(BEGIN)[1].split(END)[0].strip()
    listed = [line.split(" | ")[0].removeprefix("| ") for line in written.splitlines() if line.startswith("| ")][1:]
    version, date = written.split()[1], written.split("(")[1].split(")")[0]
    assert compare(listed, results_of(page), version, date) == written
