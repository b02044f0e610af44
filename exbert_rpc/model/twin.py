"""A second model with another configuration and the same weights, which are shared and not copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exbert_rpc.model.placement import place_as

if TYPE_CHECKING:
    import torch


def build_twin(model: Any, config: Any) -> Any:  # noqa: ANN401 - transformers objects
    """A model of the same class built from ``config``, in eval mode, on the same devices.

    1. It is constructed without initializing weights: their memory is reserved, and never touched.
    2. Each parameter (and each buffer of numbers that checkpoints hold) of the same shape is the model's own.
    3. Where lowered numbers make a parameter smaller, it is a corner of the model's; what is larger is random.

    Errors that the class raises for a configuration are passed on.
    """
    import torch
    from transformers.initialization import no_init_weights

    with torch.random.fork_rng(devices=[]), no_init_weights():
        twin = type(model)(config)
    own = {**dict(model.named_parameters(remove_duplicate=False)), **_stored_numbers(model)}
    wanted = {**dict(twin.named_parameters(remove_duplicate=False)), **_stored_numbers(twin)}
    with torch.no_grad():
        for name, tensor in wanted.items():
            _put(twin, name, _fitted(own.get(name), tensor, model.dtype))
    return place_as(twin, model).eval().requires_grad_(False)


def _stored_numbers(model: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401
    """Buffers that a checkpoint holds, if they are floating point (masks and positions follow the configuration)."""
    kept = model.state_dict(keep_vars=True)
    return {name: buffer for name, buffer in model.named_buffers() if name in kept and buffer.is_floating_point()}


def _fitted(own: torch.Tensor | None, wanted: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A tensor of the wanted shape; in ``dtype``, if it is not the model's own."""
    import torch

    if own is None or own.dim() != wanted.dim() or any(a < b for a, b in zip(own.shape, wanted.shape, strict=True)):
        generator = torch.Generator().manual_seed(wanted.numel())
        return torch.randn(wanted.shape, generator=generator).mul_(0.05).to(dtype)
    if own.shape == wanted.shape:
        return own
    return own[tuple(slice(size) for size in wanted.shape)].contiguous()


def _put(model: Any, name: str, tensor: torch.Tensor) -> None:  # noqa: ANN401
    import torch

    parent, _, leaf = name.rpartition(".")
    module = model.get_submodule(parent)
    if leaf in module._parameters:
        module._parameters[leaf] = (
            tensor if isinstance(tensor, torch.nn.Parameter) else torch.nn.Parameter(tensor, requires_grad=False)
        )
    else:
        module._buffers[leaf] = tensor
