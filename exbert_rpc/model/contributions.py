"""Where a number at the end of a pass comes from: embedding, heads, MLPs and biases, whose contributions sum to it.

1. The model runs unmodified over the text. The output of each matrix product inside the layers becomes a constant, and
   each norm a linear map: its mean is taken of its input, its scale is the one of this pass (Elhage et al. 2021; for
   post-norm encoders Kobayashi et al. 2021). Only residual connections and frozen norms are left between these
   constants and the end, which is therefore linear in them.
2. So the end is the sum of gradient times value over the constants, exactly. Automatic differentiation finds the
   gradients whatever the layers look like: pre-norm or post-norm, norms on both sides, parallel blocks.
3. The matrix product that takes a layer's head outputs is its output projection; its share falls apart by heads. All
   other products of a layer are its MLP. Biases of products and norms are a part of their own.
4. Numbers decide: what a module is follows from what it gives for what it takes, never from its name. Where something
   else is not linear (experts, capped logits, a masked-LM head), the parts do not sum, which the caller can see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.model.taps import Tap, first_tensor, listening, tapping

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.network import Network
    from exbert_rpc.model.passes import Ending

FIT = 1e-4
TINY = 1e-30


class NotSeparable(Exception):
    """The model's parts cannot be told apart; says why. Never leaves ``model/``."""


@dataclass(frozen=True, slots=True)
class Contributions:
    """What sums to ``total``, up to ``residual``.

    Attributes:
        total: The number that is explained: a difference of logits, or a cosine in [-1, 1]. Every part has its unit.
        embedding: Share of hidden state 0.
        heads: float64 ``[L, H]``: share of each head through its output projection; 0 in layers without attention.
        mlps: float64 ``[L]``: share of each layer's other products, without biases: its MLP, and what mixes tokens in
            a layer without attention.
        bias: Share of all biases: of projections, MLPs, norms and the language-model head.
    """

    total: float
    embedding: float
    heads: NDArray[np.float64]
    mlps: NDArray[np.float64]
    bias: float

    @property
    def residual(self) -> float:
        """``total`` less the sum of the parts; rounding, unless the model is not linear where it should be."""
        return self.total - (self.embedding + float(self.heads.sum()) + float(self.mlps.sum()) + self.bias)

    @property
    def largest(self) -> float:
        """Largest part, by amount."""
        return max(abs(self.embedding), abs(self.bias), float(np.abs(self.heads).max()), float(np.abs(self.mlps).max()))


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read, and by which layers.

    Attributes:
        network: The model.
        inputs: One text: int64 ``[1, n]`` each, as :func:`exbert_rpc.model.loaded.model_inputs` gives them.
        n_layers: Layers, with or without attention (of the encoder, if there are two stacks).
        layers: The modules of these layers; ``None`` where they are not one each.
    """

    network: Network
    inputs: dict[str, torch.Tensor]
    n_layers: int
    layers: tuple[torch.nn.Module, ...] | None


def of_prediction(reading: Reading, position: int, target: int, contrast: int | None) -> Contributions:
    """Parts of the logit of ``target`` at ``position``, less the mean of all logits (or less that of ``contrast``).

    Args:
        reading: The text and its model, which has a language-model head.
        position: Token, in [0, n).
        target: Id of a vocabulary entry, in [0, vocabulary).
        contrast: Another id; ``None``: the mean of all logits.

    Raises:
        NotSeparable: No output projection takes the head outputs, or hidden state 0 cannot be told apart.
    """
    network = reading.network

    def measure(logits: torch.Tensor) -> torch.Tensor:
        row = logits[0, 0].double()
        return row[target] - (row.mean() if contrast is None else row[contrast])

    def end(ending: Ending) -> torch.Tensor:
        return measure(network.logits(ending.final, position, position + 1, differentiable=True))

    def constant(ending: Ending) -> float:
        """What the language-model head gives for nothing: its bias."""
        import torch

        nothing = replace(ending.final, last_hidden_state=torch.zeros_like(ending.final.last_hidden_state))
        return float(measure(network.logits(nothing, position, position + 1)))

    return _contributions(reading, end, constant)


def of_similarity(reading: Reading, other: NDArray[np.float32]) -> Contributions:
    """Parts of the cosine of the mean last hidden state with ``other``, whose norms are fixed.

    Args:
        reading: The text and its model.
        other: float32 ``[D]``, not all zeros: the mean last hidden state of another text, or of the same one changed.

    Raises:
        NotSeparable: No output projection takes the head outputs, or hidden state 0 cannot be told apart.
    """
    import torch

    def end(ending: Ending) -> torch.Tensor:
        pooled = ending.hidden[0].double().mean(dim=0)
        second = torch.from_numpy(other).to(pooled)
        return pooled @ second / (pooled.detach().norm() * second.norm())

    return _contributions(reading, end, lambda _ending: 0.0)


def _contributions(
    reading: Reading, end: Callable[[Ending], torch.Tensor], constant: Callable[[Ending], float]
) -> Contributions:
    import torch

    network = reading.network
    reader = network.model.get_encoder() if network.is_encoder_decoder else network.body
    cutter = _Cutter()
    with network.lock, torch.enable_grad():
        network.model.requires_grad_(False)
        modules = [module for module in reader.modules() if next(module.children(), None) is None]
        # the tap comes last: what the module of hidden state 0 gives is a constant, too
        with (
            listening(reading.layers or (), _LayerMarks(cutter, reading.layers or ())),
            listening(modules, cutter),
            tapping([_start(reading)], cutter.begin),
        ):
            ending = network.run_to_end(reading.inputs, edit=cutter.note_heads, decode=False, differentiable=True)
        if cutter.embedding is None or cutter.heads is None:
            raise NotSeparable("what its first layer reads cannot be told apart")
        total = end(ending)
        _fill_gradients(total, cutter)
    return _summed(cutter, reading, float(total.detach()), constant(ending))


def _start(reading: Reading) -> Tap:
    """Where hidden state 0 passes: into the first layer, else out of the embedding."""
    if reading.layers is not None:
        return Tap(reading.layers[0], 0, of_input=True)
    if reading.network.hidden_taps is None:
        raise NotSeparable("its embedding output cannot be told apart")
    return reading.network.hidden_taps[0]


@dataclass(slots=True)
class _Constant:
    """A tensor that stands for what was computed, and its gradient once that is known."""

    leaf: torch.Tensor
    gradient: torch.Tensor | None = None

    def share(self, value: torch.Tensor) -> float:
        """Gradient times value, summed in float64; the value may lack axes that the gradient has."""
        if self.gradient is None:
            return 0.0
        return float((self.gradient.double() * value.double()).sum())


@dataclass(slots=True)
class _Product:
    """A matrix product: ``input`` is kept only for output projections, where it is the head outputs."""

    layer: int
    module: Any
    output: _Constant
    input: torch.Tensor | None


@dataclass(frozen=True, slots=True)
class _LayerMarks:
    """Tells a cutter when the next layer begins, where layers without attention would go unnoticed."""

    cutter: _Cutter
    layers: tuple[torch.nn.Module, ...]

    def takes(self, module: torch.nn.Module, args: tuple[Any, ...]) -> None:  # noqa: ARG002
        """A layer begins."""
        self.cutter.layer = next(number for number, layer in enumerate(self.layers) if layer is module)

    def gives(self, module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
        """A layer has run."""


@dataclass(slots=True)
class _Cutter:
    """Makes constants of products and linear maps of norms while a model runs."""

    layer: int = -1
    heads: torch.Tensor | None = None
    embedding: _Constant | None = None
    products: list[_Product] = field(default_factory=list)
    biases: list[_Constant] = field(default_factory=list)

    def begin(self, _number: int, tensor: torch.Tensor) -> torch.Tensor:
        """Hidden state 0 is there."""
        self.embedding = _Constant(tensor.detach().requires_grad_())
        return self.embedding.leaf.clone()

    def note_heads(self, layer: int, output: torch.Tensor) -> torch.Tensor:
        """The heads of a layer have run."""
        self.layer, self.heads = layer, output.detach()
        return output

    def takes(self, module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        """A module is called."""

    def gives(self, module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> Any:  # noqa: ANN401
        """A module without children has run."""
        import torch

        given = first_tensor(args)
        if self.embedding is None or given is None or not isinstance(output, torch.Tensor):
            return None
        weight = getattr(module, "weight", None)
        if isinstance(weight, torch.Tensor) and weight.dim() == 2 and output.shape[:-1] == given.shape[:-1]:
            constant = _Constant(output.detach().requires_grad_())
            is_projection = self.heads is not None and same_numbers(given, self.heads)
            self.products.append(_Product(self.layer, module, constant, given.detach() if is_projection else None))
            return constant.leaf.clone()
        if given.requires_grad and given.shape == output.shape:
            return self._frozen(module, given, output.detach())
        return None

    def _frozen(self, module: torch.nn.Module, given: torch.Tensor, output: torch.Tensor) -> torch.Tensor | None:
        """The same numbers as a linear function of what came in, if the module is a norm."""
        fitted = _fit_norm(module, given.detach(), output)
        if fitted is None:
            return None
        centered, factor = fitted
        linear = (given - given.mean(dim=-1, keepdim=True) if centered else given) * factor
        bias = getattr(module, "bias", None)
        if bias is not None:
            constant = _Constant(bias.detach().clone().requires_grad_())
            self.biases.append(constant)
            linear = linear + constant.leaf
        return output + (linear - linear.detach())


def _fit_norm(module: torch.nn.Module, given: torch.Tensor, output: torch.Tensor) -> tuple[bool, torch.Tensor] | None:
    """Whether the mean is subtracted, and the factor of each number: a scale a position, times the norm's weights.

    ``None`` if no such linear map gives the output: the module is no norm.
    """
    import torch

    size = given.shape[-1]
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    if any(one is not None and one.shape != (size,) for one in (weight, bias)) or torch.equal(given, output):
        return None
    without_bias = (output if bias is None else output - bias).double()
    weights = [torch.ones(size, device=given.device)] if weight is None else [weight, 1 + weight]
    tolerance = FIT * float(without_bias.abs().max())
    for centered in (True, False) if bias is not None or isinstance(module, torch.nn.LayerNorm) else (False, True):
        source = (given - given.mean(dim=-1, keepdim=True) if centered else given).double()
        for one in weights:
            shape = source * one.double()
            # a position of zeros (an embedding of padding) fits any scale
            scale = (without_bias * shape).sum(-1, keepdim=True) / (shape * shape).sum(-1, keepdim=True).clamp_min(TINY)
            if bool(((scale * shape - without_bias).abs() <= tolerance).all()):
                return centered, (scale * one.double()).to(given.dtype)
    return None


def same_numbers(given: torch.Tensor, heads: torch.Tensor) -> bool:
    """Whether head outputs are what a product takes: the same numbers bit for bit, whatever the axes.

    Args:
        given: float, any shape: what a module takes.
        heads: float ``[b, n, H, d]``.
    """
    import torch

    return given.numel() == heads.numel() and bool(torch.equal(given.detach().reshape(-1), heads.reshape(-1)))


def _fill_gradients(total: torch.Tensor, cutter: _Cutter) -> None:
    import torch

    assert cutter.embedding is not None
    constants = [cutter.embedding, *cutter.biases, *(product.output for product in cutter.products)]
    gradients = torch.autograd.grad(total, [one.leaf for one in constants], allow_unused=True)
    for one, gradient in zip(constants, gradients, strict=True):
        one.gradient = gradient


def _summed(cutter: _Cutter, reading: Reading, total: float, head_bias: float) -> Contributions:
    assert cutter.embedding is not None and cutter.heads is not None
    n_layers = reading.n_layers
    n_heads = cutter.heads.shape[2]
    heads, mlps = np.zeros((n_layers, n_heads)), np.zeros(n_layers)
    embedding = cutter.embedding.share(cutter.embedding.leaf.detach())
    bias = head_bias + sum(one.share(one.leaf.detach()) for one in cutter.biases)
    projected: set[int] = set()
    for product in cutter.products:
        if product.output.gradient is None:
            continue
        added = getattr(product.module, "bias", None)
        value = product.output.leaf.detach()
        if added is not None:
            bias += product.output.share(added)
            value = value - added
        if product.input is not None:
            heads[product.layer] += _by_head(product, n_heads)
            projected.add(product.layer)
        elif product.layer < 0:
            embedding += product.output.share(value)
        else:
            mlps[product.layer] += product.output.share(value)
    missing = sorted(set(reading.network.attention_layers(n_layers)) - projected)
    if missing:
        raise NotSeparable(f"in layer {missing[0]} no output projection takes the head outputs")
    return Contributions(total, embedding, heads, mlps, bias)


def _by_head(product: _Product, n_heads: int) -> NDArray[np.float64]:
    """float64 ``[H]``: each head's share of a projection."""
    assert product.input is not None and product.output.gradient is not None
    matrix = product_matrix(product.module, product.input, product.output.leaf.detach())
    pulled = product.output.gradient.double() @ matrix.double().T
    shares = (pulled * product.input.double()).reshape(-1, n_heads, matrix.shape[0] // n_heads).sum(dim=(0, 2))
    found: NDArray[np.float64] = shares.cpu().numpy()
    return found


def product_matrix(module: Any, given: torch.Tensor, output: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    """float ``[in, out]``: what a module multiplies by, as its numbers show; its bias is left out.

    Args:
        module: A module with a ``weight`` of two axes, in either order, and perhaps a ``bias`` ``[out]``.
        given: float ``[..., in]``: what it took.
        output: float ``[..., out]``: what it gave.

    Raises:
        NotSeparable: It does something else; the numbers differ by more than 1e-4 of the largest one.
    """
    import torch

    plain = output if getattr(module, "bias", None) is None else output - module.bias
    unit = float(torch.finfo(output.dtype).eps)
    tolerance = max(FIT, 4 * unit) * max(1e-6, float(plain.abs().max()))
    for matrix in (module.weight.T, module.weight):
        if matrix.shape == (given.shape[-1], output.shape[-1]) and bool(
            ((given @ matrix - plain).abs() <= tolerance).all()
        ):
            found: torch.Tensor = matrix
            return found
    raise NotSeparable("its output projection is no matrix product")
