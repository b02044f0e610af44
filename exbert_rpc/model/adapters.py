"""Adapters (LoRA and the like): merged into their base model by peft, once.

The merged model is kept in float32: what an adapter adds is often smaller than the rounding of 16 bits.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xxhash

from exbert_rpc.errors import ModelNotSupported, StorageFailed
from exbert_rpc.model.fingerprint import file_digest
from exbert_rpc.model.folders import adapter_command, adapter_of
from exbert_rpc.model.weights import load_network_weights, weight_files

WEIGHTS = "adapter_model.safetensors"
_TOKENIZER = (
    "tokenizer*",
    "special_tokens_map.json",
    "vocab*",
    "merges.txt",
    "*.model",
    "added_tokens.json",
    "*.jinja",
)


def merge_adapter(
    folder: Path,
    base: Path,
    model_id: str,
    cache_dir: Path,
    config: Any,  # noqa: ANN401
    report: Callable[[str], None],
) -> Path:
    """Folder with the base model and the adapter as one, made in ``cache_dir`` if it isn't there yet.

    Args:
        folder: Of the adapter.
        base: Of the model that it was trained for.
        model_id: The adapter's name in messages.
        cache_dir: Where merged models are kept.
        config: The base model's configuration.
        report: Is told in a sentence what takes long.

    Raises:
        ModelNotSupported: peft is missing, it is a kind that cannot be merged, or weights don't fit; says which.
        StorageFailed: The cache can't be written.
    """
    peft = _import_peft(folder, model_id)
    _check_files(folder, model_id)
    files = weight_files(base, model_id)
    target = cache_dir / "merged" / _key(folder, base, files, cache_dir, peft.__version__)
    if (target / "config.json").is_file():
        return target
    report(f"merging {model_id} into its base model, once")
    model = load_network_weights(base, config, model_id, files).model
    merged = _merged(peft, model, folder, model_id)
    scratch = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        for source in (base, folder):  # an adapter may bring tokens of its own
            _copy_tokenizer(source, scratch)
        merged.config.quantization_config = None
        merged.save_pretrained(scratch)
        shutil.rmtree(target, ignore_errors=True)
        scratch.replace(target)
    except OSError as exc:
        raise StorageFailed(f"the merged model cannot be kept: {exc}", hint="make room in the cache folder") from exc
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _import_peft(folder: Path, model_id: str) -> Any:  # noqa: ANN401
    try:
        import peft
    except ImportError as exc:
        kind, base = adapter_of(folder) or ("", None)
        raise ModelNotSupported(
            f"{model_id}: it is an adapter ({kind}) for {base}, and peft, which merges it, is not installed",
            hint=f"pip install 'exbert-rpc[peft]'. Or merge it yourself: {adapter_command()}",
        ) from exc
    return peft


def _check_files(folder: Path, model_id: str) -> None:
    if not (folder / WEIGHTS).is_file():
        pickles = ", ".join(sorted(path.name for path in folder.glob("*.bin")))
        found = f"it has only {pickles}, which could run code when read" if pickles else f"it has no {WEIGHTS}"
        raise ModelNotSupported(f"{model_id}: {found}", hint="save the adapter again (save_pretrained)")
    whole = sorted(path.name for path in folder.glob("*.safetensors") if path.name != WEIGHTS)
    if whole:
        raise ModelNotSupported(
            f"{model_id}: it holds an adapter and other weights ({', '.join(whole[:3])}), so what it is cannot be told",
            hint=f"move adapter_config.json and {WEIGHTS} to a folder of their own",
        )


def _key(folder: Path, base: Path, files: list[Path], cache_dir: Path, version: str) -> str:
    read = [folder / "adapter_config.json", folder / WEIGHTS, base / "config.json", *files]
    tokenizers = [path for one in (base, folder) for pattern in _TOKENIZER for path in sorted(one.glob(pattern))]
    parts = [version, *(file_digest(path, "xxh3_128", cache_dir) for path in (*read, *tokenizers) if path.is_file())]
    return xxhash.xxh3_128_hexdigest("\x00".join(parts).encode())


def _merged(peft: Any, model: Any, folder: Path, model_id: str) -> Any:  # noqa: ANN401
    """The base model with what the adapter adds to its weights.

    Raises:
        ModelNotSupported: It cannot be merged, or one of its weights has no place in the model.
    """
    import warnings

    kind, base = adapter_of(folder) or ("", None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it warns of is checked below
            adapted = peft.PeftModel.from_pretrained(model, str(folder), is_trainable=False)
    except Exception as exc:
        line = (str(exc).strip().splitlines() or [type(exc).__name__])[0][:300]
        raise ModelNotSupported(f"{model_id}: the adapter ({kind}) does not fit {base}: {line}") from exc
    if not hasattr(adapted.base_model, "merge_and_unload"):
        raise ModelNotSupported(
            f"{model_id}: an adapter of the kind {kind} adds to what a model reads, not to its weights",
            hint="choose an adapter that changes weights, such as LoRA",
        )
    _check_all_placed(peft, adapted, folder, model_id)
    return adapted.merge_and_unload().eval()


def _check_all_placed(peft: Any, adapted: Any, folder: Path, model_id: str) -> None:  # noqa: ANN401
    """Return at once, or raise ModelNotSupported that names weights that one side has and the other lacks."""
    from safetensors import safe_open

    with safe_open(folder / WEIGHTS, framework="pt") as opened:
        given = set(opened.keys())
    expected = set(peft.get_peft_model_state_dict(adapted))
    for said, names in (("are missing", expected - given), ("have no place in its base model", given - expected)):
        lost = sorted(name for name in names if _adapts(name))
        if lost:
            more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
            raise ModelNotSupported(
                f"{model_id}: {len(lost)} weights of the adapter {said}: {', '.join(lost[:3])}{more}", weights=lost
            )


def _adapts(name: str) -> bool:
    """Whether a weight belongs to an adapted module: heads for other tasks may come along, and change no answer."""
    return any(mark in name for mark in ("lora_", "ia3_", "hada_", "lokr_", "oft_", "vera_", "adalora"))


def _copy_tokenizer(source: Path, target: Path) -> None:
    for pattern in _TOKENIZER:
        for path in source.glob(pattern):
            shutil.copy(path, target / path.name)


def base_of(folder: Path, model_id: str) -> str:
    """Id or path of the model that an adapter was trained for.

    Raises:
        ModelNotSupported: It names none.
    """
    known = adapter_of(folder)
    base = None if known is None else known[1]
    if base is None:
        raise ModelNotSupported(
            f"{model_id}: it is an adapter that names no base model",
            hint="write the path or id of its base model into adapter_config.json: base_model_name_or_path",
        )
    path = folder / base
    return str(path.resolve()) if not base.startswith(("/", "~")) and (path / "config.json").is_file() else base
