"""A model that somebody has in memory, as one of ours: copied, so that neither changes the other, and verified.

1. What cannot be reproduced is refused by name: other classes than transformers', weights that are not float32, hooks.
2. The copy runs in eval mode with eager attention, as a model that was loaded does.
3. A class with another head than a language model's (a classifier) is read without its head, as when it is loaded.
4. Its fingerprint is that of the numbers themselves, with configuration, tokenizer and versions.
"""

from __future__ import annotations

import copy
import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.encoding import literal_tokenizer
from exbert_rpc.model.loaded import LoadedModel
from exbert_rpc.model.loading import make_ready, plain_config
from exbert_rpc.model.weights import NetworkWeights, check_finite, has_language_head

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_SHORT = 8


def given_id(model: object, tokenizer: object) -> str:
    """Class and digest: ``BertModel@1a2b3c4d``; the same for the same numbers.

    Raises:
        ModelNotSupported: It is no model, or no tokenizer, that can be used; says why.
    """
    return f"{_checked(model, tokenizer)}@{_digest(model, tokenizer)[:_SHORT]}"


def prepare_given(model: object, tokenizer: object, name: str, cache_dir: Path) -> LoadedModel:
    """The model, ready under that name.

    Args:
        model: A transformers model; it is not changed, and later changes of it are not seen.
        tokenizer: Its fast tokenizer.
        name: Of :func:`given_id`.
        cache_dir: Where it is kept what was verified.

    Raises:
        ModelNotSupported: It cannot be copied, or not be reproduced exactly; says why.
    """
    _checked(model, tokenizer)
    literal = _literal(tokenizer)
    weights = NetworkWeights(*_copy(model, name), unused=())
    check_finite(weights.model, name)
    return make_ready(
        weights,
        copy.deepcopy(tokenizer),
        literal,
        name,
        _digest(model, tokenizer),
        cache_dir,
        str(weights.model.device),
        lambda info: info,
        _silent,
    )


_TOKENIZER_HINT = "give AutoTokenizer.from_pretrained(…), which makes a fast one"


def _checked(model: object, tokenizer: object) -> str:
    """The name of the model's class, if it can be taken."""
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    name = type(model).__name__
    if not isinstance(model, PreTrainedModel):
        raise ModelNotSupported(f"{name} is not a transformers model", hint="give the model inside, if it is wrapped")
    if not isinstance(tokenizer, PreTrainedTokenizerBase):
        raise ModelNotSupported(f"{type(tokenizer).__name__} is not a transformers tokenizer", hint=_TOKENIZER_HINT)
    dtypes = {str(one.dtype).removeprefix("torch.") for one in model.parameters()} - {"float32"}
    if dtypes:
        raise ModelNotSupported(f"{name} has weights in {', '.join(sorted(dtypes))}", hint="give model.float()")
    hooked = [part for part, module in model.named_modules() if _is_hooked(module)]
    if hooked:
        raise ModelNotSupported(
            f"{name} has hooks on {hooked[0] or 'itself'}, which may change what it computes",
            hint="remove them, or give a model without them",
        )
    changed = [part for part, module in model.named_modules() if "forward" in vars(module)]
    if changed:
        raise ModelNotSupported(f"{name}: the forward of {changed[0] or 'itself'} was replaced", hint="load it again")
    return name


def _literal(tokenizer: Any) -> Tokenizer:  # noqa: ANN401 - a transformers tokenizer
    """Its copy that text is cut by; raises ModelNotSupported where it has no offsets."""
    if not getattr(tokenizer, "is_fast", False):
        raise ModelNotSupported(f"{type(tokenizer).__name__} does not provide character offsets", hint=_TOKENIZER_HINT)
    return literal_tokenizer(tokenizer.backend_tokenizer.to_str())


def _is_hooked(module: Any) -> bool:  # noqa: ANN401 - a torch module
    """Whether somebody's hook is on it; transformers' own, which note what a pass gives, change nothing."""
    hooks = [hook for kind in _HOOKS for hook in vars(module).get(kind, {}).values()]
    return any(not str(getattr(hook, "__module__", "")).startswith("transformers.") for hook in hooks)


def _copy(model: Any, name: str) -> tuple[Any, bool]:  # noqa: ANN401 - a transformers model
    """A copy in eval mode, and whether it has its language-model head."""
    whole = has_language_head(model)
    try:
        copied = copy.deepcopy(model if whole else model.base_model)
    except Exception as error:
        raise ModelNotSupported(f"{name} cannot be copied: {error}", hint="load it again, and give that") from error
    try:
        copied.set_attn_implementation("eager")
    except (ValueError, NotImplementedError) as error:
        raise ModelNotSupported(f"{name}: it has no eager attention, which shows weights ({error})") from error
    return copied.eval().requires_grad_(False), whole


def _digest(model: Any, tokenizer: Any) -> str:  # noqa: ANN401
    """32 hex characters that change whenever numbers or tokens could."""
    digest = xxhash.xxh3_128(type(model).__name__.encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy())
    literal = _literal(tokenizer)
    for part in (plain_config(model.config), literal.to_str()):
        digest.update(part.encode("utf-8", "surrogatepass"))
    for library in ("torch", "transformers", "tokenizers"):
        digest.update(f"{library}={importlib.metadata.version(library)};".encode())
    return str(digest.hexdigest())


def _silent(_sentence: str) -> None:
    return
