"""Models of unusual shapes: shown as they are, or refused with a reason that is true."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import transformers as tf

from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.loading import load_model
from tests.model import zoo
from tests.oracles_model import softmax, stock_model

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "max_position_embeddings": 512,
    "initializer_range": 0.3,
}
T5_SIZES = {"d_model": 32, "d_kv": 8, "num_layers": 2, "num_heads": 4, "d_ff": 40, "decoder_start_token_id": 0}
BART_SIZES = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 40, "decoder_ffn_dim": 40}


@pytest.fixture
def save(tmp_path):
    """A folder with a tokenizer of that kind and the model that ``make`` gives for its vocabulary size."""

    def made(kind, make):
        tokenizer = zoo.make_tokenizer(kind, tmp_path / "model")
        torch.manual_seed(0)
        make(len(tokenizer)).eval().save_pretrained(tmp_path / "model")
        return tmp_path / "model"

    return made


@pytest.fixture
def load_from(tmp_path):
    return lambda folder: load_model(str(folder), cache_dir=tmp_path / "cache", device="cpu")


def refused(load_from, folder) -> ModelNotSupported:
    with pytest.raises(ModelNotSupported) as caught:
        load_from(folder)
    return caught.value


def change_config(folder, **values) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def longformer(n):
    return tf.LongformerForMaskedLM(
        tf.LongformerConfig(vocab_size=n, attention_window=[8, 8, 4], pad_token_id=0, **SMALL)
    )


def led(n):
    config = {**BART_SIZES, "encoder_attention_heads": 4, "decoder_attention_heads": 4, "attention_window": [8, 4]}
    return tf.LEDForConditionalGeneration(tf.LEDConfig(vocab_size=n, **config))


@pytest.mark.parametrize(("kind", "make"), [("wordpiece", longformer), ("bpe", led)])
def test_windows_are_shown_as_a_matrix_with_zeros_outside_of_them(save, load_from, kind, make):
    folder = save(kind, make)
    model = load_from(folder)
    capture = model.capture(model.tokenize(zoo.TEXT))
    n = len(capture.encoding.ids)
    assert n > 10
    ids = torch.tensor(capture.encoding.ids)[None]
    decoder = {} if capture.decoder_encoding is None else {"decoder_input_ids": ids}
    with torch.inference_mode():
        out = stock_model(folder)(input_ids=ids, output_attentions=True, **decoder)
    given = out.attentions if capture.decoder_encoding is None else out.encoder_attentions
    for layer, band in enumerate(given):
        width, expected = band.shape[-1], np.zeros((4, n, n))
        for row in range(n):
            for column in range(width):
                if 0 <= row + column - width // 2 < n:
                    expected[:, row, row + column - width // 2] = band[0, :, row, column]
        np.testing.assert_allclose(capture.attention([layer])[0], expected, atol=1e-5)


def test_block_sparse_attention_is_refused_with_what_makes_it_work(save, load_from):
    config = tf.BigBirdConfig(block_size=4, num_random_blocks=1, pad_token_id=0, **SMALL)
    folder = save("wordpiece", lambda n: tf.BigBirdForMaskedLM(_sized(config, n)))
    error = refused(load_from, folder)
    assert "block-sparse" in error.message
    assert "original_full" in error.hint
    change_config(folder, attention_type="original_full")
    assert load_from(folder).info.n_layers == 3


def test_local_attention_is_refused_as_such(save, load_from):
    config = tf.LongT5Config(local_radius=4, **T5_SIZES)
    folder = save("unigram", lambda n: tf.LongT5ForConditionalGeneration(_sized(config, n)))
    assert "local attention" in refused(load_from, folder).message


def _sized(config, n):
    config.vocab_size = n
    return config


def test_of_several_residual_streams_one_view_is_shown_and_named(save, load_from):
    sizes = {**SMALL, "num_key_value_heads": 2, "head_dim": 8, "num_kv_shared_layers": 0, "laurel_rank": 8}
    sizes |= {"hidden_size_per_layer_input": 8, "altup_num_inputs": 2, "sliding_window": 8}

    def make(n):
        config = tf.Gemma3nTextConfig(vocab_size=n, vocab_size_per_layer_input=n, **sizes)
        return tf.Gemma3nForCausalLM(config)

    folder = save("bpe", make)
    model = load_from(folder)
    assert "first of several" in model.info.hidden_view
    encoding = model.tokenize(zoo.TEXT)
    with torch.inference_mode():
        out = stock_model(folder)(input_ids=torch.tensor(encoding.ids)[None], output_hidden_states=True)
    capture = model.capture(encoding)
    for layer, state in enumerate(out.hidden_states):
        expected = (state[0, 0] if state.dim() == 4 else state[0]).numpy()
        np.testing.assert_allclose(capture.hidden_state(layer), expected, atol=1e-5 * np.abs(expected).max())
    with pytest.raises(ModelNotSupported, match="residual stream is several"):
        model.lens(encoding, 3)


@pytest.mark.parametrize("decoder_width", [32, 48])
def test_two_models_put_together_are_shown_as_one(save, load_from, decoder_width):
    def make(n):
        encoder = tf.BertConfig(vocab_size=n, pad_token_id=0, **SMALL)
        sizes = {**SMALL, "hidden_size": decoder_width, "num_hidden_layers": 2}
        decoder = tf.BertConfig(vocab_size=n, pad_token_id=0, is_decoder=True, add_cross_attention=True, **sizes)
        config = tf.EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
        config.decoder_start_token_id, config.pad_token_id = 2, 0
        return tf.EncoderDecoderModel(config=config)

    folder = save("wordpiece", make)
    model = load_from(folder)
    capture = model.capture(model.tokenize("The girl ran to a pub", "She didn't know why"))
    stock = tf.EncoderDecoderModel.from_pretrained(folder, attn_implementation="eager").eval()
    ids = {"input_ids": capture.encoding.ids, "decoder_input_ids": capture.decoder_encoding.ids}
    with torch.inference_mode():
        out = stock(**{name: torch.tensor(row)[None] for name, row in ids.items()}, output_attentions=True)
    for stream, expected in (
        ("self", out.encoder_attentions),
        ("decoder", out.decoder_attentions),
        ("cross", out.cross_attentions),
    ):
        found = capture.attention(range(len(expected)), stream=stream)
        np.testing.assert_allclose(found, np.stack([layer[0].numpy() for layer in expected]), atol=1e-5)
    best = [row[0].probability for row in capture.predictions(1)]
    np.testing.assert_allclose(best, softmax(out.logits[0].numpy()).max(-1), atol=1e-5)


def test_a_layer_that_changes_nothing_keeps_its_own_attention(save, load_from):
    def make(n):
        model = tf.LlamaForCausalLM(tf.LlamaConfig(vocab_size=n, **SMALL))
        with torch.no_grad():  # as in block expansion, where new layers begin as the identity
            model.model.layers[1].self_attn.o_proj.weight.zero_()
            model.model.layers[1].mlp.down_proj.weight.zero_()
        return model

    folder = save("metaspace-bpe", make)
    model = load_from(folder)
    assert (model.info.attention_layers, model.info.n_heads, model.info.attentions_per_layer) == ((0, 1, 2), 4, 1)
    capture = model.capture(model.tokenize(zoo.TEXT))
    with torch.inference_mode():
        out = stock_model(folder)(input_ids=torch.tensor(capture.encoding.ids)[None], output_attentions=True)
    expected = np.stack([layer[0].numpy() for layer in out.attentions])
    np.testing.assert_allclose(capture.attention(range(3)), expected, atol=1e-5)


def narrow_opt(n):
    sizes = {**SMALL, "ffn_dim": 40, "word_embed_proj_dim": 16, "do_layer_norm_before": False, "pad_token_id": 1}
    return tf.OPTForCausalLM(tf.OPTConfig(vocab_size=n, init_std=0.3, **sizes))


def uneven_heads(n):
    """Heads of layers with full attention are larger, as in Gemma 4."""
    sizes = {**SMALL, "num_key_value_heads": 2, "head_dim": 8, "global_head_dim": 16, "sliding_window": 8}
    sizes |= {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": n, "num_kv_shared_layers": 0}
    layers = ["sliding_attention", "sliding_attention", "full_attention"]
    return tf.Gemma4ForCausalLM(tf.Gemma4TextConfig(vocab_size=n, layer_types=layers, **sizes))


@pytest.mark.parametrize(("kind", "make", "what"), [("bpe", narrow_opt, "hidden"), ("bpe", uneven_heads, "heads")])
def test_layers_of_different_widths_are_shown_each_as_it_is(save, load_from, kind, make, what):
    folder = save(kind, make)
    model = load_from(folder)
    encoding = model.tokenize(zoo.TEXT)
    capture = model.capture(encoding)
    with torch.inference_mode():
        ids = torch.tensor(encoding.ids)[None]
        out = stock_model(folder)(input_ids=ids, output_attentions=True, output_hidden_states=True)
    expected = np.stack([layer[0].numpy() for layer in out.attentions])
    np.testing.assert_allclose(capture.attention(range(3)), expected, atol=1e-5)
    (batched,) = model.capture_batch([encoding], hidden_layers=range(4), layers=range(3), attention_layers=[])
    for layer, state in enumerate(out.hidden_states):
        np.testing.assert_allclose(capture.hidden_state(layer), state[0].numpy(), atol=1e-5 * state.abs().max())
        np.testing.assert_array_equal(batched.hidden_states[layer].shape, capture.hidden_state(layer).shape)
    assert [heads.shape[-1] for heads in batched.head_outputs] == list(model.info.head_sizes)
    assert [capture.head_output(layer).shape[-1] for layer in range(3)] == list(model.info.head_sizes)
    assert [capture.hidden_state(layer).shape[-1] for layer in range(4)] == list(model.info.hidden_sizes)
    with pytest.raises(ModelNotSupported, match="different widths"):
        _ = capture.hidden_states if what == "hidden" else capture.head_outputs
