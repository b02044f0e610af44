"""A model's tokenizer, and how long a text its model can take."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.encoding import literal_tokenizer
from exbert_rpc.model.folders import tokenizer_class
from exbert_rpc.model.slow_tokenizer import SlowTokenizer

if TYPE_CHECKING:
    from exbert_rpc.model.encoding import Cutter

UNSTATED_LIMIT = 4096
"""Tokens that a model with relative positions and no stated limit is given."""

HIGHEST_LIMIT = 8192
"""Tokens that any model is given at most: attention grows with the square."""

_POSITION_FIELDS = ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx")
_OF_ONE_STACK = ("max_target_positions", "max_encoder_position_embeddings", "max_decoder_position_embeddings")
"""Positions that a stack has (Whisper's decoder, LED), whatever the whole model has."""
_SANE = 1_000_000
_TOKENIZER_FILES = ("tokenizer.json", "vocab*", "*.model", "*.tiktoken", "tekken.json")


def load_tokenizer(folder: Path, model_id: str) -> tuple[Any, Cutter]:
    """The model's tokenizer, and its literal copy that text is cut by.

    Raises:
        ModelNotSupported: There is no tokenizer, it cannot be loaded, or its tokens do not spell a text again.
    """
    tokenizer = _load(folder, model_id)
    if getattr(tokenizer, "is_fast", False):
        return tokenizer, literal_tokenizer(tokenizer.backend_tokenizer.to_str())
    if not hasattr(tokenizer, "tokens_trie"):
        raise ModelNotSupported(
            f"{model_id}: its tokenizer ({type(tokenizer).__name__}) gives no character offsets",
            hint="a folder with a tokenizer.json is needed",
        )
    try:
        return tokenizer, SlowTokenizer(lambda: _load(folder, model_id), folder)
    except ModelNotSupported as exc:
        raise ModelNotSupported(f"{model_id}: {exc.message}", hint=exc.hint) from exc


def target_tokenizer(tokenizer: Cutter) -> Cutter | None:
    """The tokenizer that cuts what a decoder writes, where that is another one (Marian)."""
    return tokenizer.of_target() if isinstance(tokenizer, SlowTokenizer) else None


def vocabulary_of(tokenizer: Any) -> tuple[str, ...]:  # noqa: ANN401 - a transformers tokenizer
    """Vocabulary form of each id."""
    known = {**tokenizer.get_vocab(), **getattr(tokenizer, "lang_token_to_id", {})}  # M2M100's are in no vocabulary
    forms = [f"<{id_}>" for id_ in range(1 + max(known.values(), default=-1))]
    for form, id_ in known.items():
        forms[id_] = form
    return tuple(forms)


def _load(folder: Path, model_id: str) -> Any:  # noqa: ANN401 - a transformers tokenizer
    from transformers import AutoTokenizer

    has_files = any(path.is_file() for pattern in _TOKENIZER_FILES for path in folder.glob(pattern))
    named = tokenizer_class(folder)
    # mistral-common, where it is installed, gives no offsets; transformers converts the same file to what does
    own: dict[str, Any] = {"mistral_format": False} if (folder / "tekken.json").is_file() else {}
    if not has_files and named is None:
        raise ModelNotSupported(f"{model_id}: it has no tokenizer", hint="a folder with a tokenizer.json is needed")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Recommended: pip install")  # of what cutting does not use
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **own)
    except Exception as exc:
        raise ModelNotSupported(f"{model_id}: its tokenizer cannot be loaded ({exc})", hint=_missing(exc)) from exc
    if not has_files and tokenizer.vocab_files_names:  # transformers makes up a vocabulary, which is not the model's
        raise ModelNotSupported(
            f"{model_id}: its tokenizer ({named}) has no file with its vocabulary",
            hint="a folder with a tokenizer.json is needed",
        )
    return tokenizer


def _missing(exc: Exception) -> str:
    """What to install, where a library is missing; empty where none is."""
    found = re.search(r"(?:pip install|You need to install) ([\w.=-]+)", str(exc))
    if found is not None:
        return f"pip install {found[1]}"
    name = getattr(exc, "name", None) if isinstance(exc, ImportError) else None
    return f"pip install {name}" if name else ""


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
