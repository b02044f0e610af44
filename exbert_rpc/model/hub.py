"""Models of the Hugging Face Hub: only the files that are read, from the local cache or (if allowed) the network."""

from __future__ import annotations

import glob
import json
from collections.abc import Sequence
from pathlib import Path

from exbert_rpc.errors import ExbertError, ModelNotFound, ModelNotSupported

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")
_SMALL = (".json", ".txt", ".model", ".jinja", ".tiktoken")


def cached_snapshot(model_id: str) -> Path | None:
    """The folder of a model in the local cache; ``None`` if it is not there, or is no id of the Hub. No network."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for name in ("config.json", "adapter_config.json"):
        try:
            found = try_to_load_from_cache(model_id, name)
        except HFValidationError:
            return None
        if isinstance(found, str):
            return Path(found).parent
    return None


def download_snapshot(model_id: str) -> Path:
    """The folder of a model, downloaded as far as it is not there: configuration, tokenizer, and the weights read.

    An interrupted download goes on where it was.

    Raises:
        ModelNotFound: There is no such model, it may not be read without logging in, or the Hub cannot be reached.
        ModelNotSupported: It has no safetensors; names what it has.
    """
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download

    try:
        listed = HfApi().model_info(model_id).siblings or []
        names = [one.rfilename for one in listed]
        index = None
        if INDEX in names and WEIGHTS not in names:
            index = json.loads(Path(hf_hub_download(model_id, INDEX)).read_text(encoding="utf-8"))
        wanted = [glob.escape(name) for name in files_read(model_id, names, index)]
        return Path(snapshot_download(model_id, allow_patterns=wanted))
    except ExbertError:
        raise
    except Exception as exc:  # the Hub's client raises errors of several libraries
        raise _failed(model_id, exc) from exc


def files_read(model_id: str, names: Sequence[str], index: object | None) -> list[str]:
    """Those of a repository's files that loading it reads.

    Args:
        model_id: For messages.
        names: All files of the repository.
        index: Which file each weight is in (``model.safetensors.index.json``), if there is one and it is needed.

    Raises:
        ModelNotSupported: None of them holds weights that can be read.
    """
    top = [name for name in names if "/" not in name]
    small = [name for name in top if name.endswith(_SMALL) and not name.endswith((".bin.index.json", ".h5.index.json"))]
    if WEIGHTS in top:
        return [*small, WEIGHTS]
    if isinstance(index, dict) and isinstance(index.get("weight_map"), dict):
        return [*small, *sorted({str(name) for name in index["weight_map"].values()})]
    if ADAPTER_WEIGHTS in top:
        return [*small, ADAPTER_WEIGHTS]
    raise _unreadable(model_id, top, names)


def _unreadable(model_id: str, top: Sequence[str], names: Sequence[str]) -> ModelNotSupported:
    gguf = [name for name in names if name.endswith(".gguf")]
    if gguf:
        return ModelNotSupported(
            f"{model_id} has GGUF files only: {_some(gguf)}",
            hint=f"download one of them (hf download {model_id} {gguf[0]} --local-dir DIR), and give its path",
        )
    pickles = [name for name in top if name.endswith(_PICKLES)]
    if pickles:
        return ModelNotSupported(
            f"{model_id} has only {_some(pickles)}, which could run code when read",
            hint="https://huggingface.co/spaces/safetensors/convert makes safetensors, which its authors can accept",
        )
    return ModelNotSupported(f"{model_id} has no {WEIGHTS}", hint="choose a model whose weights are safetensors")


def _failed(model_id: str, exc: Exception) -> ModelNotFound:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    log_in = "run `hf auth login`, or set HF_TOKEN"
    if isinstance(exc, GatedRepoError):
        return ModelNotFound(
            f"{model_id!r} is gated: its authors give access on request",
            hint=f"Accept its conditions at https://huggingface.co/{model_id}. Then {log_in}.",
        )
    if isinstance(exc, RepositoryNotFoundError):
        return ModelNotFound(
            f"the Hugging Face Hub has no model {model_id!r}, or it is private",
            hint=f"Check the id. If private: {log_in}.",
        )
    lines = str(exc).strip().splitlines()
    return ModelNotFound(
        f"{model_id!r} cannot be downloaded from the Hugging Face Hub: {lines[0] if lines else type(exc).__name__}",
        hint="Try again: a download goes on where it was.",
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
