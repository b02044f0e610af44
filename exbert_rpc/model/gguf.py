"""GGUF files, dequantized once into a folder of safetensors that loads in a second."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xxhash

from exbert_rpc.errors import ModelNotSupported, StorageFailed
from exbert_rpc.model.fingerprint import file_digest
from exbert_rpc.model.gguf_parts import reading_together
from exbert_rpc.model.weights import check_nothing_is_missing


def convert_gguf(paths: Sequence[Path], cache_dir: Path, report: Callable[[str], None]) -> Path:
    """Folder with the same model in float32 safetensors, made in ``cache_dir`` if it isn't there yet.

    The folder is named by the files' digests and appears whole or not at all. Earlier versions did not check what they
    converted; their folders lack a note of that, and are made again.

    Args:
        paths: The file, or all files of a model that was split, in order.
        cache_dir: Where conversions are kept.
        report: Is told in a sentence what takes long.

    Raises:
        ModelNotSupported: The file is not a model that transformers can convert, or lacks weights; names them.
        StorageFailed: The cache can't be written.
    """
    name = paths[0].name
    target = cache_dir / "gguf" / _digest(paths, cache_dir)
    if (target / _NOTE).is_file():
        return target
    report(f"converting {name} to safetensors, once (about a minute)")
    scratch = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        _convert(paths, scratch)
        shutil.rmtree(target, ignore_errors=True)
        scratch.replace(target)
    except OSError as exc:
        if (target / _NOTE).is_file():  # another process was faster
            return target
        raise StorageFailed(f"the converted model cannot be kept: {exc}", hint="make room in the cache folder") from exc
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report(f"converted {name}")
    return target


def unused_tensors(folder: Path) -> tuple[str, ...]:
    """Names of tensors in GGUF files that transformers has no weight for, such as factors of rotary positions.

    Args:
        folder: Of :func:`convert_gguf`.
    """
    return tuple(json.loads((folder / _NOTE).read_text(encoding="utf-8")).get("unusedTensors", ()))


def quantization_of_gguf(folder: Path, dtype: str) -> str | None:
    """In words what was dequantized to ``dtype``; ``None``: nothing was.

    How many tensors were of which kind is known unless an earlier version converted them.

    Args:
        folder: Of :func:`convert_gguf`.
        dtype: What weights are kept in.
    """
    kinds = json.loads((folder / _NOTE).read_text(encoding="utf-8")).get("kinds")
    if kinds == {}:
        return None
    named = ", ".join(f"{count} × {kind}" for kind, count in sorted((kinds or {}).items()))
    return f"gguf{f' ({named})' if named else ''}, dequantized to {dtype}"


_NOTE = "conversion.json"
_PLAIN = frozenset({"F64", "F32", "F16", "BF16"})
_ONE_AT_A_TIME = threading.Lock()
"""Guards the names in libraries that a conversion replaces."""


def _digest(paths: Sequence[Path], cache_dir: Path) -> str:
    digests = [file_digest(path, "xxh3_128", cache_dir) for path in paths]
    return digests[0] if len(digests) == 1 else xxhash.xxh3_128_hexdigest("".join(digests).encode())


def _convert(paths: Sequence[Path], scratch: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = paths[0]
    options = {"gguf_file": path.name, "local_files_only": True, "trust_remote_code": False}
    try:
        with _ONE_AT_A_TIME, _without_bar(), _recorded_names() as known, reading_together(paths) as tensors:
            model, loading = AutoModelForCausalLM.from_pretrained(
                path.parent, dtype=torch.float32, output_loading_info=True, **options
            )
        tokenizer = AutoTokenizer.from_pretrained(path.parent, **options)
    except ImportError as exc:
        raise ModelNotSupported(
            f"{path.name} needs packages that are not installed ({exc})", hint="pip install 'exbert-rpc[gguf]'"
        ) from exc
    except ModelNotSupported:
        raise
    except Exception as exc:
        raise ModelNotSupported(f"{path.name} cannot be converted: {exc}") from exc
    check_nothing_is_missing(loading, path.name)
    _save(model, scratch)
    tokenizer.save_pretrained(scratch)
    unused = sorted(name for name in tensors if name not in known and "_exps." not in name)  # experts are merged
    kinds = Counter(kind for kind in tensors.values() if kind not in _PLAIN)
    note = {"files": [one.name for one in paths], "unusedTensors": unused, "kinds": kinds}
    (scratch / _NOTE).write_text(json.dumps(note), encoding="utf-8")


def _save(model: Any, scratch: Path) -> None:  # noqa: ANN401 - a transformers model
    """Weights and configuration as of a model that never was quantized (transformers would refuse to save this one)."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    weights = {name: tensor.detach().contiguous() for name, tensor in model.named_parameters()}
    try:
        save_file(weights, scratch / "model.safetensors", metadata={"format": "pt"})
    except SafetensorError as exc:  # raised when the disk is full
        raise OSError(str(exc)) from exc
    config = model.config.to_dict()
    config.pop("quantization_config", None)
    config["architectures"] = [type(model).__name__]
    (scratch / "config.json").write_text(json.dumps(config, indent=2, default=str), encoding="utf-8")


@contextmanager
def _recorded_names() -> Iterator[set[str]]:
    """Names of tensors that transformers can place in the model, filled in while it converts."""
    from transformers import modeling_gguf_pytorch_utils as library

    original = library.get_gguf_hf_weights_map
    known: set[str] = set()

    def recording(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as the library's
        names = original(*arguments, **named)
        known.update(names)
        return names

    library.get_gguf_hf_weights_map = recording
    try:
        yield known
    finally:
        library.get_gguf_hf_weights_map = original


@contextmanager
def _without_bar() -> Iterator[None]:
    """Hide the progress bar that transformers always draws for GGUF files."""
    from transformers import modeling_gguf_pytorch_utils as library

    bar = library.tqdm
    library.tqdm = lambda items, **_options: items
    try:
        yield
    finally:
        library.tqdm = bar
