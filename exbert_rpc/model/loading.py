"""A model id becomes a verified model: files, weights, tokenizer, probe.

Only safetensors (or GGUF, converted once) are read, never pickles; no code of a model's author is run; no weight is
made up; nothing is printed and nothing asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exbert_rpc.errors import ModelNotFound, ModelNotSupported
from exbert_rpc.model import attention_function
from exbert_rpc.model.adapters import base_of, merge_adapter
from exbert_rpc.model.dtypes import check_dtype, choose_dtype, describe_quantization
from exbert_rpc.model.encoding import Cutter, TextTokenizer
from exbert_rpc.model.fingerprint import fingerprint, verify_sha256
from exbert_rpc.model.gguf import convert_gguf, quantization_of_gguf, unused_tensors
from exbert_rpc.model.libraries import import_libraries
from exbert_rpc.model.loaded import LoadedModel
from exbert_rpc.model.network import Network
from exbert_rpc.model.placement import check_all_in_memory, check_spreading, choose_device, is_too_large, name_of
from exbert_rpc.model.prompts import Prompts
from exbert_rpc.model.shared_batches import pad_id_of
from exbert_rpc.model.sources import ModelSource, find_model
from exbert_rpc.model.tokenizer import load_tokenizer, longest_input, target_tokenizer, vocabulary_of
from exbert_rpc.model.types import ModelDescription
from exbert_rpc.model.verified import note_of, recall, remember
from exbert_rpc.model.verify import verify
from exbert_rpc.model.weights import NetworkWeights, load_network_weights, weight_files

if TYPE_CHECKING:
    from exbert_rpc.model.verify import Facts


def load_model(
    model_id: str,
    *,
    device: str = "auto",
    dtype: str = "float32",
    allow_network: bool = False,
    cache_dir: Path,
    allowed_roots: Sequence[Path] | None = None,
    report: Callable[[str], None] | None = None,
) -> LoadedModel:
    """Load, check and verify a model.

    Args:
        model_id: A folder, a ``.gguf`` file, ``package:…``, a short name, or a Hub id; see ``model/sources.py``.
        device: ``auto`` (CUDA if there is one; several devices where the model is larger than one), ``spread`` (all
            devices), or a torch device.
        dtype: ``float32``, ``bfloat16``, ``float16``, or ``auto`` for the checkpoint's own.
        allow_network: Whether a Hub id may be downloaded.
        cache_dir: Where converted models, file digests and what was verified are kept; made if need be.
        allowed_roots: Folders that local paths must be inside of; ``None``: anywhere.
        report: Is told in a sentence what takes long.

    Raises:
        ModelNotFound: There is no such model where we may look.
        ModelNotSupported: It cannot be loaded safely, or not reproduced exactly; says why.
        InvalidParams: There is no such device or dtype.
    """
    say = report if report is not None else _ignore
    import_libraries()
    place = choose_device(device)
    check_dtype(dtype)
    source = find_model(model_id, allow_network=allow_network, allowed_roots=allowed_roots)
    _quiet()
    folder = source.folder
    if source.gguf:
        folder = convert_gguf([source.folder / name for name in source.gguf], cache_dir, say)
    if source.is_adapter:
        folder = _merged(source, allow_network, allowed_roots, cache_dir, say)
    files = weight_files(folder, model_id)
    if source.sha256 is not None and not source.gguf:
        verify_sha256(files[0], source.sha256, cache_dir)
    config = _config(folder, model_id)
    tokenizer, literal = load_tokenizer(folder, model_id)
    say(f"loading {model_id}")
    kept_in = choose_dtype(dtype, files)
    if is_too_large(place, files, kept_in) and device == "auto":
        place = None
    if place is None:
        check_spreading(model_id)
    weights = load_network_weights(folder, config, model_id, files, kept_in, spread=place is None)
    check_all_in_memory(weights.model, model_id)
    weights = replace(weights, model=weights.model if place is None else weights.model.to(place))
    digest = fingerprint(files, plain_config(config), literal.to_str(), kept_in, cache_dir)
    unused = (*weights.unused, *(unused_tensors(folder) if source.gguf else ()))
    kind = (
        quantization_of_gguf(folder, kept_in) if source.gguf else describe_quantization(config, weights.model, kept_in)
    )
    return make_ready(
        weights,
        tokenizer,
        literal,
        model_id,
        digest,
        cache_dir,
        name_of(place, weights.model),
        lambda info: replace(info, unused_weights=unused, dtype=kept_in, quantization=kind),
        say,
    )


def make_ready(
    weights: NetworkWeights,
    tokenizer: Any,  # noqa: ANN401 - a transformers tokenizer
    literal: Cutter,
    model_id: str,
    digest: str,
    cache_dir: Path,
    where: str,
    complete: Callable[[ModelDescription], ModelDescription],
    say: Callable[[str], None],
) -> LoadedModel:
    """A model whose weights and tokenizer are there, verified if it was not before.

    Args:
        weights: The model in eval mode, on its device.
        tokenizer: Its tokenizer.
        literal: Its copy that text is cut by.
        model_id: How it is asked for.
        digest: Its fingerprint.
        cache_dir: Where it is kept what was verified.
        where: Name of its device.
        complete: Adds to the description what only the files tell.
        say: Is told in a sentence what takes long.

    Raises:
        ModelNotSupported: It cannot be reproduced exactly; says why.
    """
    model, has_lm_head = weights.model, weights.has_lm_head
    network = Network(model)
    attention_function.register()
    max_tokens = longest_input(model, tokenizer)
    name = type(model).__name__
    note = note_of(cache_dir, digest, name, where, max_tokens)
    facts = recall(note, network)
    if facts is None:
        say(f"verifying {model_id}, once")
        forbidden = set(tokenizer.all_special_ids)
        facts = verify(network, name, has_lm_head=has_lm_head, forbidden_ids=forbidden, max_tokens=max_tokens)
        remember(note, network, facts)
    max_tokens = facts.max_tokens
    info = describe(model_id, name, facts, has_lm_head, tokenizer.mask_token, digest, where)
    info = complete(info)
    vocabulary = vocabulary_of(tokenizer)
    text_tokenizer = TextTokenizer(
        tokenizer=literal,
        vocabulary=vocabulary,
        max_tokens=max_tokens,
        mask_id=tokenizer.mask_token_id if tokenizer.mask_token is not None else None,
        mask_token=tokenizer.mask_token,
        gives_types="token_type_ids" in tokenizer.model_input_names and network.reads("token_type_ids"),
    )
    of_target = target_tokenizer(literal)
    return LoadedModel(
        info,
        network,
        text_tokenizer,
        vocabulary,
        pad_id_of(network),
        target_tokenizer=None if of_target is None else replace(text_tokenizer, tokenizer=of_target),
        prompts=Prompts(tokenizer, text_tokenizer),
    )


def _merged(
    source: ModelSource,
    allow_network: bool,
    allowed_roots: Sequence[Path] | None,
    cache_dir: Path,
    say: Callable[[str], None],
) -> Path:
    """Folder of an adapter and its base model as one."""
    name = base_of(source.folder, source.id)
    try:
        base = find_model(name, allow_network=allow_network, allowed_roots=allowed_roots)
    except ModelNotFound as exc:
        raise ModelNotFound(
            f"{source.id!r} is an adapter, whose base model is not there: {exc.message}", hint=exc.hint
        ) from exc
    if base.gguf or base.is_adapter:
        kind = "another adapter" if base.is_adapter else "a GGUF file"
        raise ModelNotSupported(f"{source.id} is an adapter for {kind}, into which it cannot be merged")
    config = _config(base.folder, name)
    return merge_adapter(source.folder, base.folder, source.id, cache_dir, config, say)


def describe(
    model_id: str,
    name: str,
    facts: Facts,
    has_lm_head: bool,
    mask_token: str | None,
    digest: str,
    device: str,
) -> ModelDescription:
    """What a verified model is; ``name`` is that of its class, ``digest`` its fingerprint."""
    return ModelDescription(
        id=model_id,
        architecture=name,
        kind=facts.kind,
        n_layers=facts.n_layers,
        n_heads=facts.n_heads,
        n_kv_heads=facts.n_kv_heads,
        hidden_size=facts.hidden_size,
        head_size=facts.head_size,
        max_tokens=facts.max_tokens,
        has_lm_head=has_lm_head,
        mask_token=mask_token,
        fingerprint=digest,
        device=device,
        n_decoder_layers=facts.n_decoder_layers,
        attention_layers=facts.attention_layers,
        head_sizes=facts.head_sizes,
        hidden_sizes=facts.hidden_sizes,
        attentions_per_layer=facts.attentions_per_layer,
        hidden_view=None if facts.streams is None else _VIEWS[facts.streams],
    )


_VIEWS = {
    "first": "the first of several residual streams, the one that layers read and predict",
    "mean": "the mean of several residual streams",
}


def _config(folder: Path, model_id: str) -> Any:  # noqa: ANN401 - a transformers configuration
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as exc:
        raise ModelNotSupported(
            f"{model_id}: its config.json is not of a model that transformers knows ({_line(exc)})",
            hint="models that bring their own code are not run",
        ) from exc


def plain_config(config: Any) -> str:  # noqa: ANN401
    """The configuration as JSON, without what does not change the numbers (names, versions, kernels)."""
    import json

    kept = {key: value for key, value in config.to_dict().items() if key not in _IRRELEVANT and not key.startswith("_")}
    return json.dumps(kept, sort_keys=True, default=str)


_IRRELEVANT = frozenset({"transformers_version", "dtype", "torch_dtype", "name_or_path"})


def _quiet() -> None:
    """No progress bars and no advice from transformers: what matters is raised or reported."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()


def _line(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return lines[0][:300] if lines else type(exc).__name__


def _ignore(_message: str) -> None:
    return
