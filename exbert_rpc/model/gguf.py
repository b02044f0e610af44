"""GGUF files, dequantized once into a folder of safetensors that loads in a second."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exbert_rpc.errors import ModelNotSupported, StorageFailed
from exbert_rpc.model.fingerprint import file_digest


def convert_gguf(path: Path, cache_dir: Path, report: Callable[[str], None]) -> Path:
    """Folder with the same model in float32 safetensors, made in ``cache_dir`` if it isn't there yet.

    The folder is named by the file's digest and appears whole or not at all.

    Raises:
        ModelNotSupported: The file is not a model that transformers can convert.
        StorageFailed: The cache can't be written.
    """
    target = cache_dir / "gguf" / file_digest(path, "xxh3_128", cache_dir)
    if (target / "config.json").is_file():
        return target
    report(f"converting {path.name} to safetensors, once (about a minute)")
    scratch = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        _convert(path, scratch)
        scratch.replace(target)
    except OSError as exc:
        if (target / "config.json").is_file():  # another process was faster
            return target
        raise StorageFailed(f"the converted model cannot be kept: {exc}", hint="make room in the cache folder") from exc
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report(f"converted {path.name}")
    return target


def _convert(path: Path, scratch: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options = {"gguf_file": path.name, "local_files_only": True, "trust_remote_code": False}
    try:
        with _without_bar():
            model = AutoModelForCausalLM.from_pretrained(path.parent, dtype=torch.float32, **options)
        tokenizer = AutoTokenizer.from_pretrained(path.parent, **options)
    except ImportError as exc:
        raise ModelNotSupported(
            f"{path.name} needs packages that are not installed ({exc})", hint="pip install 'exbert-rpc[gguf]'"
        ) from exc
    except Exception as exc:
        raise ModelNotSupported(f"{path.name} cannot be converted: {exc}") from exc
    _save(model, scratch)
    tokenizer.save_pretrained(scratch)


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
def _without_bar() -> Iterator[None]:
    """Hide the progress bar that transformers always draws for GGUF files."""
    from transformers import modeling_gguf_pytorch_utils as library

    bar = library.tqdm
    library.tqdm = lambda items, **_options: items
    try:
        yield
    finally:
        library.tqdm = bar
