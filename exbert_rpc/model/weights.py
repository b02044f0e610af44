"""Weights from safetensors into the right class, with nothing missing and nothing made up."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.dtypes import must_convert
from exbert_rpc.model.experts import missing_experts
from exbert_rpc.model.folders import of_a_compiled_model, without_weights
from exbert_rpc.model.types import Dtype


def weight_files(folder: Path, model_id: str) -> list[Path]:
    """The safetensors files of a model that are read: the one, or those that the index of a sharded one names.

    Only their headers are read. Others may lie beside them, such as the same weights under the names of their author
    (``consolidated.safetensors``).

    Args:
        folder: Where the model lies.
        model_id: The model in messages.

    Raises:
        ModelNotSupported: There are none (pickles are never loaded), or one is missing, cut or damaged; names it.
    """
    files = _files_read(folder)
    lost = [path.name for path in files if not path.is_file()]
    if lost:
        raise ModelNotSupported(
            f"{model_id}: {len(lost)} of its {len(files)} weight files are missing: {_some(lost)}",
            hint="copy or download them to the same folder",
        )
    if not files:
        pickles = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.glob(pattern))
        if pickles:
            found = f"it has only {', '.join(pickles)}, which could run code when read"
            raise ModelNotSupported(f"{model_id}: {found}", hint="save it with safetensors (save_pretrained does)")
        found, step = without_weights(folder) or (
            "it has no weights",
            "save it with safetensors (save_pretrained does)",
        )
        raise ModelNotSupported(f"{model_id}: {found}", hint=step)
    from safetensors import SafetensorError, safe_open

    for path in files:
        try:
            with safe_open(path, framework="pt") as opened:
                opened.keys()
        except (SafetensorError, OSError) as exc:
            raise ModelNotSupported(f"{model_id}: {path.name} is damaged ({exc})", file=path.name) from exc
    return files


def _files_read(folder: Path) -> list[Path]:
    """In the order in which transformers looks: one file, else those of an index, else whatever there is."""
    one, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if one.is_file():
        return [one]
    try:
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return sorted(folder.glob("*.safetensors"))
    return sorted(folder / Path(str(name)).name for name in named)


@dataclass(frozen=True, slots=True)
class NetworkWeights:
    """A model with all of its weights.

    Attributes:
        model: A transformers model in eval mode.
        has_lm_head: Whether it has its language-model head.
        unused: Names of weights of the checkpoint that belong to the model's stacks and that its class does not have.
    """

    model: Any
    has_lm_head: bool
    unused: tuple[str, ...]


def load_network_weights(
    folder: Path,
    config: Any,  # noqa: ANN401
    model_id: str,
    files: Sequence[Path],
    dtype: Dtype = "float32",
    *,
    spread: bool = False,
) -> NetworkWeights:
    """The model in eval mode, whether it has its language-model head, and which weights are left over.

    Args:
        folder: Where its files lie; nothing is downloaded, and no code of the folder runs.
        config: The configuration of transformers.
        model_id: The model in messages.
        files: Those that hold its weights.
        dtype: What weights are kept in.
        spread: Whether they go to all devices; else they are on the processor.

    Raises:
        ModelNotSupported: Weights are missing, of the wrong shape or not finite (named), or the class is unknown.
    """
    import torch

    loader, has_lm_head = _class_of(config, files)
    try:
        one_by_one = must_convert(files, dtype) and getattr(config, "quantization_config", None) is None
        place: Path | None = folder
        if one_by_one:
            loader, config, place = *_of_the_automatic(loader, config), None
        with _read_singly(files if one_by_one else ()) as tensors:
            model, loading = loader.from_pretrained(
                place,
                config=config,
                dtype=getattr(torch, dtype),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
                attn_implementation="eager",
                state_dict=tensors or None,
                device_map="auto" if spread else None,
            )
    except Exception as exc:
        lost = missing_experts(_names_in(files), config)
        if lost:
            raise ModelNotSupported(f"{model_id}: weights of experts are missing: {_some(lost)}", missing=lost) from exc
        raise ModelNotSupported(f"{model_id}: it cannot be loaded ({_line(exc)})") from exc
    check_nothing_is_missing(loading, model_id)
    wrong = sorted(str(entry[0]) for entry in loading.get("mismatched_keys", ()))
    if wrong:
        raise ModelNotSupported(f"{model_id}: weights have the wrong shape: {_some(wrong)}")
    check_finite(model, model_id)
    unused = _unused_in_body(model, loading["unexpected_keys"])
    return NetworkWeights(model.eval().requires_grad_(False), has_lm_head, unused)


def check_finite(model: Any, model_id: str) -> None:  # noqa: ANN401
    """Return if all weights are finite; raises ModelNotSupported that names the others."""
    broken = [name for name, tensor in model.named_parameters() if not _is_finite(tensor)]
    if broken:
        raise ModelNotSupported(f"{model_id}: weights are not finite: {_some(broken)}", broken=broken)


def has_language_head(model: Any) -> bool:  # noqa: ANN401
    """Whether a model's class is that of a language model with its head (not a classifier's, for instance)."""
    name = type(model).__name__
    return any(name in _names_of(part) for part, _loader in _HEADS)


def check_nothing_is_missing(loading: Mapping[str, Any], name: str) -> None:
    """Return at once, or raise ModelNotSupported that names the weights that a checkpoint lacks.

    Args:
        loading: What ``from_pretrained`` says with ``output_loading_info``; tied weights are not missing there.
        name: The model in the message.
    """
    missing = sorted(key for key in loading["missing_keys"] if "pooler" not in key)
    if missing:
        step = of_a_compiled_model(list(loading["unexpected_keys"]))
        said = f"{name}: weights are missing and would be random: {_some(missing)}"
        raise ModelNotSupported(said, hint=step or "", missing=missing)


def _unused_in_body(model: Any, unexpected: Iterable[str]) -> tuple[str, ...]:  # noqa: ANN401
    """Of the weights that the class does not have, those of the stacks: other heads and poolers change no answer."""
    prefix = f"{model.base_model_prefix}."
    parts = {name for name, _child in model.base_model.named_children()}
    inside = (key for key in unexpected if key.removeprefix(prefix).split(".")[0] in parts and "pooler" not in key)
    return tuple(sorted(inside))


def _of_the_automatic(loader: Any, config: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """The class that an automatic class chooses, and the configuration that it gives it."""
    import torch
    from transformers.initialization import no_init_weights

    if not hasattr(loader, "from_config"):
        return loader, config
    with torch.random.fork_rng(devices=[]), torch.device("meta"), no_init_weights():
        empty = loader.from_config(config)
    return type(empty), empty.config


@contextmanager
def _read_singly(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """The tensors of files by name, each read when it is asked for.

    A mapped file that is converted would be in memory a second time: as it is, beside what becomes of it.
    """
    from safetensors import safe_open

    with ExitStack() as stack:
        opened = [stack.enter_context(safe_open(path, framework="pt", backend="pread")) for path in files]
        yield {name: one.get_slice(name) for one in opened for name in one.keys()}  # noqa: SIM118 - not a mapping


def _class_of(config: Any, files: Sequence[Path]) -> tuple[Any, bool]:  # noqa: ANN401
    """Transformers' class for the checkpoint, and whether that class has a language-model head.

    Names that differ from transformers' own in case only are the same class. Without a name, the type decides, if the
    files hold weights of a head.
    """
    import transformers

    architecture = (getattr(config, "architectures", None) or [""])[0]
    wanted = _SYNONYMS.get(architecture, architecture).lower()
    own = _own_class(architecture, config)
    if own is not None:
        return own, any(architecture in _names_of(part) for part, _loader in _HEADS)
    for part, loader in _HEADS:
        known = _names_of(part, config.model_type)
        if wanted and wanted in (name.lower() for name in known):
            return getattr(transformers, loader), True
        if not wanted and known and _holds_a_head(files):
            return getattr(transformers, loader), True
    if architecture == "BertForPreTraining":
        return transformers.AutoModelForMaskedLM, True
    if architecture.endswith("EncoderModel") and hasattr(transformers, architecture):
        return getattr(transformers, architecture), False
    return transformers.AutoModel, False


_HEADS = (
    ("SEQ_TO_SEQ_CAUSAL_LM", "AutoModelForSeq2SeqLM"),
    ("MASKED_LM", "AutoModelForMaskedLM"),
    ("CAUSAL_LM", "AutoModelForCausalLM"),
    ("IMAGE_TEXT_TO_TEXT", "AutoModelForImageTextToText"),
)
_SYNONYMS = {"T5WithLMHeadModel": "T5ForConditionalGeneration"}
_HEAD_WEIGHTS = (
    "lm_head.",
    "embed_out.",
    "cls.predictions.",
    "vocab_transform.",
    "generator_lm_head.",
    "predictions.",
    "mlm_head.",
)


def _own_class(architecture: str, config: Any) -> Any | None:  # noqa: ANN401
    """The class of that name, where the automatic classes don't know its configuration (Emu3, MusicGen's decoder)."""
    import transformers

    named = getattr(transformers, architecture, None)
    if not isinstance(named, type) or getattr(named, "config_class", None) is not type(config):
        return None
    loaders = [transformers.AutoModel, *(getattr(transformers, loader) for _part, loader in _HEADS)]
    return None if any(type(config) in loader._model_mapping for loader in loaders) else named


def _names_of(part: str, model_type: str | None = None) -> tuple[str, ...]:
    """Classes of that kind of head that a type (``None``: any type) has."""
    from transformers.models.auto import modeling_auto

    mapping = getattr(modeling_auto, f"MODEL_FOR_{part}_MAPPING_NAMES")
    found = mapping.values() if model_type is None else [mapping.get(model_type, ())]
    return tuple(name for names in found for name in ((names,) if isinstance(names, str) else names))


def _holds_a_head(files: Sequence[Path]) -> bool:
    return any(name.startswith(_HEAD_WEIGHTS) for name in _names_in(files))


def _names_in(files: Sequence[Path]) -> Iterator[str]:
    from safetensors import safe_open

    for path in files:
        with safe_open(path, framework="pt") as opened:
            yield from opened.keys()


def _is_finite(tensor: Any) -> bool:  # noqa: ANN401
    """Whether all numbers are; a sum that is finite tells.

    Where it is not, it may have overflown: then sums of magnitudes tell, of parts, so that nothing is made that is as
    large as they.
    """
    import torch

    kind = tensor.dtype
    wide = torch.promote_types(kind, torch.float32) if kind.is_floating_point and kind.itemsize > 1 else None
    if wide is not None and math.isfinite(float(tensor.detach().sum(dtype=wide))):
        return True
    parts = tensor.detach().reshape(-1).split(_PART)
    return all(math.isfinite(float(part.double().abs().sum())) for part in parts)


_PART = 1 << 21


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _line(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return lines[0][:300] if lines else type(exc).__name__
