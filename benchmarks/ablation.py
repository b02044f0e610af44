"""All heads of a model ablated in one call, against one pass of the stock model a head.

The passes of the stock model are as it runs them: one text, one after the other, each with the columns of a head set to
zero in the input of the output projection. Both sides take turns on one thread and are measured in processor time; the
fastest of three rounds counts, as other load on the machine slows memory for both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from exbert_rpc.engine import Engine
from exbert_rpc.engine.requests import AblateRequest, TextInput
from exbert_rpc.tasks import Task

MODEL = "SmolLM2-135M"
TEXTS = (
    "The capital of France is",
    "The girl ran to a local pub to escape the din of her city, and when she came home late at night, her mother was",
)
_ONE_BY_ONE = 9
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Ablated:
    """One text. Seconds of processor time on one thread, and operations in floating point.

    Attributes:
        tokens: Tokens of the text.
        heads: Heads of the model.
        together: Seconds of one call for all heads.
        alone: Seconds of one pass of the stock model a head, all heads.
        operations: Of all heads, one pass each, in matrix products with weights; then those of the call.
        least: Seconds of the call if its matrix products ran at the rate of large ones and all else took no time.
    """

    tokens: int
    heads: int
    together: float
    alone: float
    operations: tuple[float, float]
    least: float


def measure_ablation(engine: Engine, text: str) -> Ablated:
    """All heads of the model, and some of them one by one."""
    model = engine._models.get(MODEL, Task())
    request = AblateRequest("bench", TextInput(text), model=MODEL, mode="zero")
    encoding = model.tokenize(text)
    stock = model._network.model
    model._interventions.plan()  # found out once
    ids = torch.tensor(encoding.ids)[None]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _one_by_one(stock, ids, 2)
        rounds = [
            (
                _seconds(lambda: engine.ablate_heads(request, Task())),
                _seconds(lambda: _one_by_one(stock, ids, _ONE_BY_ONE)) / _ONE_BY_ONE,
            )
            for _ in range(_ROUNDS)
        ]
        together, alone = (min(side) for side in zip(*rounds, strict=True))
        rate = _rate(stock.config.hidden_size, stock.config.intermediate_size)
    finally:
        torch.set_num_threads(before)
    info, n = model.info, len(encoding.ids)
    heads = info.n_layers * info.n_heads
    operations = _operations(stock, info.n_layers, info.n_heads, n)
    return Ablated(n, heads, together, heads * alone, operations, operations[1] / rate)


def _operations(stock: Any, n_layers: int, n_heads: int, n_tokens: int) -> tuple[float, float]:
    """Of one pass a head, and of one sweep that rows join at the layers of their heads.

    A multiplication and an addition for each weight and token: n · 2 · (weights of a layer) for a layer, and 2 · (size
    of the vocabulary) · (width) for a prediction, which the stock model makes at all ``n`` positions.
    """
    of_layer = sum(weight.numel() for weight in stock.model.layers[0].parameters()) * 2 * n_tokens
    of_prediction = stock.lm_head.weight.numel() * 2
    passes = n_layers * n_heads * (n_layers * of_layer + n_tokens * of_prediction)
    rows = sum(n_heads * (n_layers - layer) for layer in range(n_layers)) + n_layers
    return float(passes), float(rows * of_layer + (n_layers * n_heads + 1) * of_prediction)


def _rate(width: int, inner: int) -> float:
    """Operations a second of one core in a matrix product of 1,024 rows with the weights of an MLP."""
    rows, weights = torch.randn(1024, width), torch.randn(inner, width)
    seconds = min(_seconds(lambda: torch.nn.functional.linear(rows, weights)) for _ in range(20))
    return 2 * 1024 * width * inner / seconds


def _one_by_one(stock: Any, ids: torch.Tensor, n: int) -> None:
    """Passes with a head of the middle layer zeroed."""
    projection = stock.model.layers[stock.config.num_hidden_layers // 2].self_attn.o_proj
    size = projection.in_features // stock.config.num_attention_heads
    for head in range(n):

        def zero(_module: Any, given: tuple[torch.Tensor, ...], head: int = head) -> tuple[torch.Tensor, ...]:
            changed = given[0].clone()
            changed[..., head * size : (head + 1) * size] = 0
            return (changed,)

        handle = projection.register_forward_pre_hook(zero)
        with torch.inference_mode():
            stock(input_ids=ids, use_cache=False)
        handle.remove()


def _seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started
