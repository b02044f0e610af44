"""A model's fast tokenizer, and how long a text its model can take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.encoding import literal_tokenizer
from exbert_rpc.model.folders import tokenizer_class

if TYPE_CHECKING:
    from tokenizers import Tokenizer

UNSTATED_LIMIT = 4096
"""Tokens that a model with relative positions and no stated limit is given."""

HIGHEST_LIMIT = 8192
"""Tokens that any model is given at most: attention grows with the square."""

_POSITION_FIELDS = ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx")
_OF_ONE_STACK = ("max_target_positions", "max_encoder_position_embeddings", "max_decoder_position_embeddings")
"""Positions that a stack has (Whisper's decoder, LED), whatever the whole model has."""
_SANE = 1_000_000
_TOKENIZER_FILES = ("tokenizer.json", "vocab.*", "*.model", "*.tiktoken", "tekken.json")


def load_tokenizer(folder: Path, model_id: str) -> tuple[Any, Tokenizer]:
    """The model's tokenizer, and its literal copy that text is cut by.

    Raises:
        ModelNotSupported: There is no tokenizer, or it does not provide offsets.
    """
    from transformers import AutoTokenizer

    if not any(path.is_file() for pattern in _TOKENIZER_FILES for path in folder.glob(pattern)):
        named = tokenizer_class(folder)
        found = "it has no tokenizer" if named is None else f"its tokenizer ({named}) has no file that gives offsets"
        raise ModelNotSupported(f"{model_id}: {found}", hint="a folder with a tokenizer.json is needed")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as exc:
        raise ModelNotSupported(f"{model_id}: its tokenizer cannot be loaded ({exc})") from exc
    if not getattr(tokenizer, "is_fast", False):
        raise ModelNotSupported(
            f"{model_id}: its tokenizer ({type(tokenizer).__name__}) does not provide character offsets",
            hint="a folder with a tokenizer.json is needed",
        )
    return tokenizer, literal_tokenizer(tokenizer.backend_tokenizer.to_str())


def longest_input(model: Any, tokenizer: Any) -> int:  # noqa: ANN401 - transformers objects
    """Tokens that the model takes, special ones included.

    The smallest of: the configured number of positions (less the padding offset of RoBERTa's kind), the tokenizer's
    ``model_max_length`` where it is a real one, and :data:`HIGHEST_LIMIT`.
    """
    from torch.nn import Embedding

    limits = [HIGHEST_LIMIT]
    configured = [getattr(model.config, name, None) for name in _POSITION_FIELDS]
    limits += [value for value in configured if isinstance(value, int) and value > 0][:1]
    of_stacks = [getattr(model.config, name, None) for name in _OF_ONE_STACK]
    limits += [value for value in of_stacks if isinstance(value, int) and value > 0]
    for name, module in model.named_modules():
        if isinstance(module, Embedding) and "position" in name and module.padding_idx is not None:
            limits.append(module.num_embeddings - module.padding_idx - 1)
    stated = tokenizer.model_max_length
    if isinstance(stated, int) and 1 < stated < _SANE:
        limits.append(stated)
    return min(limits) if len(limits) > 1 else UNSTATED_LIMIT
