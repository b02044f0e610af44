"""What decoders read is what transformers gives them when it is called with labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers as tf

from exbert_rpc.model.decoder_input import decoder_input, start_token
from exbert_rpc.model.types import Encoding

SIZES = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
FFN = {"d_model": 16, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_position_embeddings": 32}
IDS = {"vocab_size": 40, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 5}
BART = {**SIZES, **FFN, **IDS}
T5 = {"d_model": 16, "d_kv": 8, "num_heads": 2, "num_layers": 1, "d_ff": 16, **IDS}
FAMILIES = {
    "Bart": BART,
    "MBart": BART,
    "Marian": BART,
    "Pegasus": BART,
    "M2M100": BART,
    "Blenderbot": BART,
    "PLBart": BART,
    "LED": {
        **BART,
        "attention_window": 4,
        "max_encoder_position_embeddings": 32,
        "max_decoder_position_embeddings": 32,
    },
    "T5": T5,
    "UMT5": T5,
    "SwitchTransformers": {**T5, "num_sparse_encoder_layers": 0, "num_sparse_decoder_layers": 0},
}
TARGET = (0, 7, 8, 9, 2)


def make(family: str, kind: str):
    config = getattr(tf, f"{family}Config")(**FAMILIES[family])
    tf.set_seed(0)
    return getattr(tf, f"{family}{kind}")(config).eval()


def text_of(ids: tuple[int, ...]) -> Encoding:
    """A text of one character a token, between two tokens of the tokenizer."""
    n = len(ids)
    special = np.arange(n) % (n - 1) == 0
    start = np.where(special, 0, np.arange(n) - 1).astype(np.int32)
    return Encoding(
        text="a" * (n - 2),
        pair=None,
        ids=np.array(ids),
        tokens=tuple(f"<{id_}>" for id_ in ids),
        start=start,
        end=np.where(special, 0, start + 1).astype(np.int32),
        segment=np.zeros(n, dtype=np.int32),
        is_special=special,
        is_masked=np.zeros(n, dtype=np.bool_),
    )


def read_by_stock_decoder(model) -> list[int]:
    """What the decoder is called with when the stock model gets labels."""
    seen = []
    model.get_decoder().register_forward_pre_hook(
        lambda _module, _arguments, named: seen.append(named["input_ids"][0].tolist()), with_kwargs=True
    )
    with torch.no_grad():
        model(input_ids=torch.tensor([[0, 6, 7, 2]]), labels=torch.tensor([TARGET]))
    return seen[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_decoder_reads_what_it_reads_with_labels(family):
    model = make(family, "ForConditionalGeneration" if family != "Marian" else "MTModel")
    read = decoder_input(model, text_of(TARGET), [f"<{id_}>" for id_ in range(40)])
    assert read.ids.tolist() == read_by_stock_decoder(model)
    assert read.tokens == tuple(f"<{id_}>" for id_ in read.ids)
    assert [one.id for one in read.expected] == list(TARGET)
    assert read.is_special.tolist() == [True, True, False, False, False]
    assert read.start.tolist() == [0, 0, 0, 1, 2]
    assert read.end.tolist() == [0, 0, 1, 2, 3]
    assert (read.ids.dtype, read.start.dtype, read.is_special.dtype) == (np.int64, np.int32, np.bool_)


@pytest.mark.parametrize("family", ["Bart", "T5", "M2M100"])
def test_a_checkpoint_without_a_head_starts_with_the_same_token(family):
    assert start_token(make(family, "Model"), np.array(TARGET)) == 5


def test_the_decoder_of_two_models_put_together_starts_as_configured():
    small = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    encoder = tf.BertConfig(**small, intermediate_size=16)
    decoder = tf.BertConfig(**small, intermediate_size=16, is_decoder=True, add_cross_attention=True)
    config = tf.EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    model = tf.EncoderDecoderModel(config=config)
    assert start_token(model, np.array(TARGET)) is None
    model.config.decoder_start_token_id = 3
    assert start_token(model, np.array(TARGET)) == 3
    model.config.pad_token_id = 0
    assert start_token(model, np.array(TARGET)) == 3


@pytest.mark.parametrize("family", ["Bart", "T5", "M2M100"])
def test_a_checkpoint_without_a_head_may_name_no_start_token(family):
    model = make(family, "Model")
    model.config.decoder_start_token_id = None
    assert start_token(model, np.array(TARGET)) is None


def test_a_decoder_with_a_configuration_of_its_own_starts_as_that_says():
    part = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 8}
    part |= {"num_key_value_heads": 2, "intermediate_size": 16, "pad_token_id": 1, "bos_token_id": 5, "eos_token_id": 2}
    config = tf.T5GemmaConfig(encoder=dict(part), decoder=dict(part), pad_token_id=1)
    model = tf.T5GemmaForConditionalGeneration(config).eval()
    read = decoder_input(model, text_of(TARGET), [str(id_) for id_ in range(40)])
    assert read.ids.tolist() == read_by_stock_decoder(model) == [5, *TARGET[:-1]]
