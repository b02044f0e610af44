"""Attention in forms of its own: windows, scores, sinks on outputs, two attentions a layer, both stacks in one call.

Each family is tiny and random, and compared with the stock model's eager pass; head outputs with what the stock model's
output projection takes.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers as tf

from benchmarks import models_table
from benchmarks.tiny_models import make_config, text_classes
from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.call_layers import place_calls
from exbert_rpc.model.given_weights import as_weights, form_of
from exbert_rpc.model.intervene import Ablation, Interventions
from exbert_rpc.model.loading import load_model
from tests.model import zoo
from tests.samples import slow

N = 24


def inputs_of(encoding) -> dict[str, torch.Tensor]:
    ids = torch.from_numpy(encoding.ids)[None]
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def stock_pass(stock, encoding, projection):
    """The stock model's output, and what its modules of that name take: ``[n, width]`` each."""
    taken = []
    handles = [
        module.register_forward_pre_hook(lambda _module, given: taken.append(given[0].detach().clone()))
        for name, module in stock.named_modules()
        if name.endswith(projection)
    ]
    with torch.inference_mode():
        out = stock(**inputs_of(encoding), output_attentions=True, output_hidden_states=True, use_cache=False)
    for handle in handles:
        handle.remove()
    return out, taken


def heads_of(taken, n_heads: int, n: int = N) -> np.ndarray:
    """``[H, n, d]`` of what a projection takes."""
    rows = taken.reshape(-1, taken.shape[-1])[:n]
    return rows.reshape(n, n_heads, -1).transpose(0, 1).numpy()


@pytest.mark.parametrize(
    ("marks", "n_calls", "places"),
    [
        ({0: 0, 1: 1, 2: 2}, 2, None),
        ({0: 0, 1: 0, 2: 1, 3: 1}, 1, (1,)),
        ({0: 0, 1: 2, 2: 4}, 4, (0, 0, 1, 1)),
        ({0: 0, 1: 1, 2: 1, 3: 3}, 3, (0, 2, 2)),
        ({0: 1, 1: 2}, 2, None),
        ({0: 0, 1: 1}, 2, None),
        ({}, 2, None),
    ],
)
def test_a_call_belongs_to_the_layer_between_whose_states_it_comes(marks, n_calls, places):
    assert place_calls(marks, n_calls) == places


@pytest.mark.parametrize(("n", "half"), [(1, 2), (5, 2), (9, 1), (4, 6)])
def test_windows_become_a_matrix_with_zeros_outside(n, half):
    rng = np.random.default_rng(n)
    band = np.zeros((2, 3, n, 2 * half + 1), dtype=np.float32)
    expected = np.zeros((2, 3, n, n), dtype=np.float32)
    for row in range(n):
        for column in range(2 * half + 1):
            if 0 <= row + column - half < n:
                band[:, :, row, column] = expected[:, :, row, row + column - half] = rng.random((2, 3))
    given = torch.from_numpy(band)
    assert form_of(given, n, has_windows=True) == ("band" if 2 * half + 1 != n else None)
    assert form_of(given, n, has_windows=False) is None
    np.testing.assert_array_equal(as_weights(given, "band").numpy(), expected)


def test_scores_become_weights():
    scores = torch.tensor([[[[0.0, 1.0, -1.0], [2.0, 0.0, -2.0]]]])
    assert form_of(scores, 3, has_windows=False) == "scores"
    np.testing.assert_allclose(as_weights(scores, "scores").numpy(), torch.softmax(scores, -1).numpy())
    assert form_of(torch.softmax(scores, -1), 3, has_windows=False) is None


@pytest.mark.parametrize(
    ("name", "projection"),
    [
        ("FalconForCausalLM", "self_attention.dense"),
        slow("CodeGenForCausalLM", "attn.out_proj"),
        ("LongformerForMaskedLM", "attention.output.dense"),
        ("GraniteSWAForCausalLM", "self_attn.o_proj"),
        slow("Llama4ForCausalLM", "self_attn.o_proj"),
        slow("GraniteMoeSWAForCausalLM", "self_attn.o_proj"),
    ],
)
def test_head_outputs_are_what_the_stock_models_projection_takes(made, name, projection):
    model, stock = made(name)
    encoding = models_table._encoding(N, 0)
    capture = model.capture(encoding)
    _out, taken = stock_pass(stock, encoding, projection)
    assert len(taken) == model.info.n_layers
    for layer, given in enumerate(taken):
        expected = heads_of(given, model.info.n_heads)
        np.testing.assert_allclose(capture.head_output(layer), expected, atol=5e-5 * max(1, np.abs(expected).max()))


def test_values_that_many_heads_share_are_told_by_their_columns(made):
    model, _stock = made("FalconForCausalLM")
    assert model.info.n_heads == 4
    assert model._network.route == "eager"
    with torch.inference_mode():
        value = model._network.model.transformer.h[0].self_attention.query_key_value
        seen = []
        handle = value.register_forward_hook(lambda _module, _given, output: seen.append(output[0].numpy()))
        capture = model.capture(models_table._encoding(N, 0))
        handle.remove()
    shared = seen[0][:, -8:]
    for head in range(4):
        expected = capture.attention([0], [head])[0, 0] @ shared
        np.testing.assert_allclose(capture.head_output(0)[head], expected, atol=1e-4)


def test_sinks_on_the_output_leave_the_shown_rows_whole(made):
    model, _stock = made("GraniteSWAForCausalLM")
    capture = model.capture(models_table._encoding(N, 0))
    np.testing.assert_allclose(capture.attention(range(3)).sum(-1), 1, atol=1e-5)


def test_two_attentions_of_a_layer_have_heads_of_their_own(made):
    model, stock = made("LongcatFlashForCausalLM")
    info, encoding = model.info, models_table._encoding(N, 0)
    assert (info.attentions_per_layer, info.n_heads) == (2, 8)
    capture = model.capture(encoding)
    out, taken = stock_pass(stock, encoding, ("self_attn.0.o_proj", "self_attn.1.o_proj"))
    for layer in range(info.n_layers):
        pair = slice(2 * layer, 2 * layer + 2)
        expected = np.concatenate([weights[0].numpy() for weights in out.attentions[pair]])
        np.testing.assert_allclose(capture.attention([layer])[0], expected, atol=1e-5)
        heads = np.concatenate([heads_of(given, 4) for given in taken[pair]])
        np.testing.assert_allclose(capture.head_output(layer), heads, atol=1e-4)


def ablated(model, encoding, heads) -> np.ndarray:
    """Mean last hidden state with heads that give nothing."""
    info, inputs = model.info, inputs_of(encoding)
    nothing = np.zeros((info.n_layers, info.n_heads, max(info.head_sizes)), dtype=np.float32)
    interventions = Interventions(model._network, info.n_layers, inputs)
    alone = list(interventions.each(inputs, heads, nothing, None)) if len(heads) == 1 else []
    together = interventions.end(inputs, Ablation(tuple(heads), nothing), None)
    for one in alone:
        np.testing.assert_allclose(one.pooled, together.pooled, atol=1e-4)
    return together.pooled


def test_a_head_of_the_second_attention_is_replaced_there(made):
    model, stock = made("LongcatFlashForCausalLM")
    encoding = models_table._encoding(N, 0)

    def cut(_module, given):
        changed = given[0].clone()
        changed.reshape(1, N, 4, -1)[:, :, 1] = 0
        return (changed,)

    handle = stock.model.layers[1].self_attn[1].o_proj.register_forward_pre_hook(cut)
    out, _taken = stock_pass(stock, encoding, "none")
    handle.remove()
    expected = out.hidden_states[-1][0].mean(0).numpy()
    np.testing.assert_allclose(ablated(model, encoding, [(1, 5)]), expected, atol=1e-4)


def test_attention_that_mixes_two_sets_of_values_has_both_in_its_heads(made):
    model, stock = made("DiffLlamaForCausalLM")
    encoding = models_table._encoding(N, 0)
    assert (model.info.n_heads, model.info.attentions_per_layer) == (4, 1)
    layer = stock.model.layers[1].self_attn
    handle = layer.o_proj.register_forward_pre_hook(lambda _module, given: (torch.zeros_like(given[0]),))
    out, _taken = stock_pass(stock, encoding, "none")
    handle.remove()
    expected = out.hidden_states[-1][0].mean(0).numpy()
    found = ablated(model, encoding, [(1, head) for head in range(4)])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def zero_head(given, layout: str, head: int, size: int):
    """What a projection takes, with the columns of a head set to 0; ``layout``: where tokens and columns are."""
    changed = given.clone()
    columns = slice(head * size, (head + 1) * size)
    if layout == "channels first":
        changed[:, columns] = 0
    else:
        changed[..., columns] = 0
    return changed


@pytest.mark.parametrize(
    ("name", "layout", "size"),
    [
        ("FalconForCausalLM", "batch first", 8),
        slow("ConvBertForMaskedLM", "batch first", 8),
        ("FSMTForConditionalGeneration", "tokens first", 8),
        slow("SqueezeBertForMaskedLM", "channels first", 8),
        ("LongformerForMaskedLM", "batch first", 8),
    ],
)
def test_a_head_is_replaced_wherever_its_output_passes(made, name, layout, size):
    model, stock = made(name)
    encoding = models_table._encoding(N, 0)
    assert (model._network.route, model._network.head_places.layout) == ("eager", layout)
    place = model._network.head_places.taps[1].module
    (path,) = [path for path, module in model._network.model.named_modules() if module is place]
    handle = stock.get_submodule(path).register_forward_pre_hook(
        lambda _module, given: (zero_head(given[0], layout, 1, size), *given[1:])
    )
    reader = stock.get_encoder() if model.info.kind == "encoderDecoder" else stock.base_model
    with torch.inference_mode():
        expected = reader(**inputs_of(encoding)).last_hidden_state[0].mean(0).numpy()
    handle.remove()
    with torch.inference_mode():
        unchanged = reader(**inputs_of(encoding)).last_hidden_state[0].mean(0).numpy()
    assert np.abs(unchanged - expected).max() > 1e-4
    network, n_heads = model._network, model.info.n_heads
    nothing = np.zeros((model.info.n_layers, n_heads, size), dtype=np.float32)
    inputs = inputs_of(encoding) | (
        {"decoder_input_ids": inputs_of(encoding)["input_ids"]} if path.count("encoder") else {}
    )
    found = Interventions(network, model.info.n_layers, inputs).end(inputs, Ablation(((1, 1),), nothing), None)
    np.testing.assert_allclose(found.pooled, expected, atol=1e-4)


def test_a_decoder_that_looks_at_both_stacks_at_once_is_shown_as_two(made):
    model, stock = made("T5Gemma2ForConditionalGeneration")
    encoding, decoder = models_table._encoding(N, 0), models_table._encoding(N, 0, N - 3)
    capture = model.capture(encoding, decoder)
    own, cross = (capture.attention(range(2), stream=stream) for stream in ("decoder", "cross"))
    assert (own.shape[2:], cross.shape[2:]) == ((N - 3, N - 3), (N - 3, N))
    np.testing.assert_allclose(own.sum(-1) + cross.sum(-1), 1, atol=1e-5)
    with torch.inference_mode():
        ids = torch.from_numpy(decoder.ids)[None]
        out = stock(**inputs_of(encoding), decoder_input_ids=ids, output_attentions=True)
    for layer in range(2):
        np.testing.assert_allclose(own[layer], out.decoder_attentions[layer][0].numpy(), atol=1e-5)
        np.testing.assert_allclose(cross[layer], out.cross_attentions[layer][0].numpy(), atol=1e-5)


def test_a_model_that_reads_several_codes_at_once_is_refused_as_such(made):
    with pytest.raises(ModelNotSupported, match="something else than one sequence of tokens"):
        made("MusicgenForCausalLM")


@pytest.mark.parametrize(
    ("name", "asked"),
    [("BlipForConditionalGeneration", "`pixel_values`"), slow("UdopForConditionalGeneration", "`bbox`")],
)
def test_a_model_that_reads_more_than_text_names_what_it_asks_for(made, name, asked):
    with pytest.raises(ModelNotSupported, match=f"does not run on text alone: transformers asks for {asked} as well"):
        made(name)


def test_layers_with_other_numbers_of_heads_are_refused_with_the_numbers(tmp_path, monkeypatch):
    (one,) = [one for one in text_classes() if one.name == "LagunaForCausalLM"]
    config = make_config(one)
    config.num_attention_heads_per_layer = [4, 8, 4]
    monkeypatch.setattr(models_table, "make_config", lambda _one: config)
    models_table._make(one, tmp_path)
    with pytest.raises(ModelNotSupported, match=r"different numbers of heads \(4, 8\), and heads are numbered alike"):
        models_table._load(tmp_path, one.name)


def test_whispers_decoder_takes_as_many_tokens_as_it_has_positions(tmp_path):
    tokenizer = zoo.make_tokenizer("bpe", tmp_path / "model")
    sizes = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 2, "encoder_ffn_dim": 40, "decoder_ffn_dim": 40}
    sizes |= {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "max_target_positions": 40}
    special = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 0}
    torch.manual_seed(0)
    config = tf.WhisperConfig(vocab_size=len(tokenizer), **sizes, **special)
    tf.WhisperForCausalLM(config).eval().save_pretrained(tmp_path / "model")
    model = load_model(str(tmp_path / "model"), cache_dir=tmp_path / "cache", device="cpu")
    assert model.info.max_tokens == 40
    text = "a" * 38
    assert model.capture(model.tokenize(text)).attention([1]).shape[2:] == (40, 40)
