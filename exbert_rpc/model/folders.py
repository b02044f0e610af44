"""Folders that hold no model that can be read: what they are, and what to do next."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_OTHER_WEIGHTS = ("*.h5", "*.msgpack", "*.onnx", "*.ot", "*.tflite")
COMPILED = "_orig_mod."
"""What ``torch.compile`` puts before the names of a model's weights."""


def without_config(folder: Path) -> tuple[str, str] | None:
    """What a folder without ``config.json`` is, and the next step; ``None`` if it is nothing that is known."""
    for describe in (_sentence_transformer, _checkpoints, _inner):
        found = describe(folder)
        if found is not None:
            return found
    return None


def without_weights(folder: Path) -> tuple[str, str] | None:
    """What a folder with a ``config.json`` and no safetensors holds instead; ``None`` if nothing that is known."""
    others = sorted(path.name for pattern in _OTHER_WEIGHTS for path in folder.glob(pattern))
    if others:
        kinds = "TensorFlow, Flax or ONNX"
        return (
            f"it has weights of {kinds} only: {', '.join(others[:5])}",
            "convert it once: with transformers 4, AutoModel.from_pretrained(folder, from_tf=True or from_flax=True)"
            ".save_pretrained(folder)",
        )
    return _checkpoints(folder)


def of_a_compiled_model(unexpected: list[str]) -> str | None:
    """The next step, if the names of weights show that a compiled model was saved."""
    if not any(name.startswith(COMPILED) for name in unexpected):
        return None
    return f"names of weights begin with {COMPILED}: a compiled model was saved; save model._orig_mod instead"


def tokenizer_class(folder: Path) -> str | None:
    """The tokenizer that a folder without a tokenizer's files names, for instance one of bytes."""
    named = _json(folder / "tokenizer_config.json").get("tokenizer_class")
    return named if isinstance(named, str) else None


def adapter_of(folder: Path) -> tuple[str, str | None] | None:
    """Kind (``LORA``) and base model of the adapter in a folder; ``None`` if there is none."""
    adapter = _json(folder / "adapter_config.json")
    if not adapter:
        return None
    base, kind = adapter.get("base_model_name_or_path"), adapter.get("peft_type")
    return kind if isinstance(kind, str) else "PEFT", base if isinstance(base, str) and base else None


def adapter_command() -> str:
    """What merges an adapter, for whoever wants to do it by hand."""
    return (
        "pip install peft, then AutoPeftModel.from_pretrained(folder).merge_and_unload().save_pretrained(merged), "
        "and copy the tokenizer's files there"
    )


def _sentence_transformer(folder: Path) -> tuple[str, str] | None:
    modules = _json_list(folder / "modules.json")
    paths = [one.get("path") for one in modules if isinstance(one, dict)]
    inner = next((path for path in paths if isinstance(path, str) and (folder / path / "config.json").is_file()), None)
    if inner is None:
        return None
    return f"it is a sentence-transformers folder, whose model is in {inner}", f"give the path {folder / inner}"


def _checkpoints(folder: Path) -> tuple[str, str] | None:
    found = [
        (int(match[1]), child.name)
        for child in folder.iterdir()
        if (match := _CHECKPOINT.fullmatch(child.name)) and (child / "config.json").is_file()
    ]
    if not found:
        return None
    _step, latest = max(found)
    return f"it is a trainer's output with {len(found)} checkpoints", f"give one of them: {folder / latest} is the last"


def _inner(folder: Path) -> tuple[str, str] | None:
    inner = sorted(child.name for child in folder.iterdir() if (child / "config.json").is_file())
    if not inner:
        return None
    return f"its folders {', '.join(inner[:5])} hold models", f"give the path of one: {folder / inner[0]}"


def _json(path: Path) -> Mapping[str, Any]:
    value = _read(path)
    return value if isinstance(value, dict) else {}


def _json_list(path: Path) -> list[Any]:
    value = _read(path)
    return value if isinstance(value, list) else []


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
