"""Whether weights are finite, against a look at each number."""

from __future__ import annotations

import math

import pytest
import torch

from exbert_rpc.errors import ModelNotSupported
from exbert_rpc.model.weights import check_finite

KINDS = [torch.float64, torch.float32, torch.bfloat16, torch.float16, torch.float8_e5m2]


def model_of(tensor):
    model = torch.nn.Module()
    model.register_parameter("first", torch.nn.Parameter(torch.ones(3)))
    model.register_parameter("second", torch.nn.Parameter(tensor, requires_grad=False))
    return model


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf], ids=str)
@pytest.mark.parametrize("at", [0, 33, 66])
def test_one_number_that_is_not_finite_is_found_wherever_it_stands(kind, value, at):
    numbers = torch.randn(67, generator=torch.Generator().manual_seed(at))
    check_finite(model_of(numbers.to(kind)), "m")
    numbers[at] = value
    with pytest.raises(ModelNotSupported, match="not finite: second"):
        check_finite(model_of(numbers.to(kind)), "m")


def test_infinities_that_cancel_each_other_are_found():
    with pytest.raises(ModelNotSupported, match="not finite: second"):
        check_finite(model_of(torch.tensor([math.inf, 1.0, -math.inf])), "m")


@pytest.mark.parametrize("kind", [torch.float32, torch.float16], ids=str)
def test_large_weights_are_finite_although_their_sum_is_not(kind):
    check_finite(model_of(torch.full((500,), torch.finfo(kind).max, dtype=kind)), "m")
