"""What a model writes behind a text: the stock model's tokens, one step over one token each, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from exbert_rpc.model.loading import load_model
from tests.model import zoo
from tests.samples import sampled, slow

STEPS = 12
FAMILIES = ["llama", "gpt2", "mistral", "gemma2", "gpt_neo", "bloom", "gptj", "opt", "gemma3", "gpt_oss", "phi3"]
"""Windows of some of them are of 6 tokens, which the longer text exceeds."""


def stock_ids(folder, ids, *, use_cache: bool = True) -> list[int]:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    inputs = torch.from_numpy(ids)[None]
    with torch.inference_mode():
        written = model.generate(
            input_ids=inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=STEPS,
            do_sample=False,
            use_cache=use_cache,
        )
    return written[0].tolist()


def written(model, encoding, n: int = STEPS):
    return model.continued(encoding, n, lambda _written: None)


@pytest.fixture
def tokens_read():
    """Counts the tokens that a model embeds while a function runs."""

    def count(model, action) -> int:
        seen = []
        embedding = model._network.model.get_input_embeddings()
        hook = embedding.register_forward_pre_hook(lambda _module, given: seen.append(given[0].numel()))
        action()
        hook.remove()
        return sum(seen)

    return count


@pytest.mark.parametrize("family", sampled(FAMILIES, 4))
@pytest.mark.parametrize("text", ["The girl ran to", zoo.TEXT])
def test_tokens_are_those_that_the_stock_model_generates(load, folder_of, family, text):
    model = load(family)
    encoding = model.tokenize(text)
    assert written(model, encoding).ids.tolist() == stock_ids(folder_of(family), encoding.ids)


@pytest.mark.parametrize("family", sampled(FAMILIES, 4))
def test_a_step_reads_the_newest_token_alone(load, tokens_read, family):
    model = load(family)
    encoding = model.tokenize(zoo.TEXT)
    found = []
    read = tokens_read(model, lambda: found.append(written(model, encoding)))
    n_written = len(found[0].ids) - len(encoding.ids)
    assert n_written > 2
    assert read == len(encoding.ids) + n_written - 1


@pytest.mark.parametrize("family", ["llama", slow("mistral"), slow("gemma3"), slow("gpt_oss")])
def test_a_capture_of_written_tokens_is_one_pass_in_which_each_was_the_likeliest(load, family):
    model = load(family)
    encoding = model.tokenize(zoo.TEXT)
    whole = written(model, encoding)
    rows = model.capture(whole).predictions(1)
    for index in np.flatnonzero(whole.generated).tolist():
        assert rows[index - 1][0].id == whole.ids[index]


def test_a_model_whose_frequencies_depend_on_the_length_reads_the_whole_text_at_each_step(load, folder_of, tokens_read):
    model = load("phi3-long")
    encoding = model.tokenize("The girl ran to")
    found = []
    read = tokens_read(model, lambda: found.append(written(model, encoding)))
    expected = stock_ids(folder_of("phi3-long"), encoding.ids, use_cache=False)
    assert found[0].ids.tolist() == expected
    assert read > 2 * len(expected)


def test_a_class_whose_cache_fails_writes_without_it(load, monkeypatch):
    model = load("llama")
    encoding = model.tokenize("The girl ran to")
    expected = written(model, encoding).ids.tolist()
    stock = model._network.model.generate
    asked = []

    def without_cache(*args, **settings):
        asked.append(settings["use_cache"])
        if settings["use_cache"]:
            raise TypeError("there is no cache here")
        return stock(*args, **settings)

    monkeypatch.setattr(model._network.model, "generate", without_cache)
    assert written(model, encoding).ids.tolist() == expected
    assert asked == [True, False]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, {}),
        ({"temperature": 0.6, "top_p": 0.9, "do_sample": True}, {}),
        ({"repetition_penalty": 1.3}, {"repetition_penalty": 1.3}),
        ({"repetition_penalty": 1.0, "suppress_tokens": [5, 6]}, {"suppress_tokens": ...}),
    ],
)
def test_settings_of_the_checkpoint_hold_and_are_named(tmp_path, settings, named):
    from transformers import GenerationConfig

    folder = zoo.make_model("llama", tmp_path / "model")
    config = GenerationConfig.from_pretrained(folder)
    config.update(**settings)
    config.save_pretrained(folder)
    model = load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu")
    encoding = model.tokenize("The girl ran to")
    assert model.generation_settings == named
    assert written(model, encoding).ids.tolist() == stock_ids(folder, encoding.ids)
