"""How much each token hands over: the norm of its value behind a head's output projection, ‖v_j · W_O^h‖.

Source: Kobayashi et al. 2020, "Attention is Not Only a Weight: Analyzing Transformers with Vector Norms".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.model.contributions import NotSeparable, product_matrix, same_numbers
from exbert_rpc.model.taps import first_tensor, listening

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.network import Network


def value_norms(network: Network, inputs: dict[str, torch.Tensor], n_layers: int) -> NDArray[np.float32]:
    """‖v_j · W_O^h‖ of each token in each layer that has attention, of models with one stack.

    Args:
        network: The model, verified.
        inputs: One text: int64 ``[1, n]`` each.
        n_layers: Layers, with or without attention.

    Returns:
        float32 ``[A, H, n]``, at least 0, in the unit of the residual stream; ``A`` layers have attention, ascending.

    Raises:
        NotSeparable: The values or the output projections cannot be seen.
    """
    import torch

    if network.is_encoder_decoder:
        raise NotSeparable("values are read of models with one stack only")
    if network.route == "eager":
        raise NotSeparable("it is off transformers' attention interface, so its values are not seen")
    found = _Projections()
    modules = [module for module in network.body.modules() if next(module.children(), None) is None]
    with network.lock, torch.inference_mode(), listening(modules, found):
        raw = network.run(inputs, keep_values=True, edit=found.note_heads)
        rows = []
        for layer in network.attention_layers(n_layers):
            calls, matrix = raw.attention["self"][layer].calls, found.matrices.get(layer)
            if len(calls) != 1 or calls[0].value is None or matrix is None:
                raise NotSeparable(f"in layer {layer} no output projection takes the head outputs")
            rows.append(_norms(calls[0].value[0], matrix, network.n_heads))
    return np.stack(rows)


def _norms(value: torch.Tensor, matrix: torch.Tensor, n_heads: int) -> NDArray[np.float32]:
    """float32 ``[H, n]`` of values ``[h, n, d]`` and a projection ``[H·d, D]``."""
    import torch

    group = n_heads // value.shape[0]
    value, of_head = value.float(), matrix.float().reshape(n_heads, value.shape[2], -1)
    norms = [(value[head // group] @ of_head[head]).norm(dim=-1) for head in range(n_heads)]
    stacked: NDArray[np.float32] = torch.stack(norms).float().cpu().numpy()
    return stacked


@dataclass(slots=True)
class _Projections:
    """The matrix of each layer's output projection."""

    layer: int = -1
    heads: torch.Tensor | None = None
    matrices: dict[int, torch.Tensor] = field(default_factory=dict)

    def note_heads(self, layer: int, output: torch.Tensor) -> torch.Tensor:
        """The heads of a layer have run."""
        self.layer, self.heads = layer, output
        return output

    def takes(self, module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        """A module is called."""

    def gives(self, module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
        """A module without children has run."""
        given, weight = first_tensor(args), getattr(module, "weight", None)
        if self.heads is None or given is None or weight is None or weight.dim() != 2 or self.layer in self.matrices:
            return
        if same_numbers(given, self.heads):
            self.matrices[self.layer] = product_matrix(module, given, output)
