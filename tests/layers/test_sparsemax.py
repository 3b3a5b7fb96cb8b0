"""Sparsemax against the nearest probabilities, found by bisection; and of values that are no numbers."""

import math

import pytest
import torch
from torch import Tensor

from archcalc.layers.torch_modules.sparsemax import Sparsemax


def nearest(scores: list[float]) -> list[float]:
    """max(x - t, 0) with a sum of 1: the sum falls as t grows (Martins & Astudillo 2016, proposition 1)."""
    low, high = min(scores) - 1, max(scores)
    for _ in range(100):
        t = (low + high) / 2
        low, high = (t, high) if sum(max(x - t, 0) for x in scores) > 1 else (low, t)
    return [max(x - low, 0) for x in scores]


@pytest.mark.parametrize("dim", [1, 2])
def test_it_is_the_nearest_point_of_the_simplex(dim: int) -> None:
    torch.manual_seed(0)
    x = 2 * torch.randn(3, 5, 4, dtype=torch.float64)
    y: Tensor = Sparsemax(dim)(x)
    rows = [each.movedim(dim, -1).reshape(-1, x.shape[dim]) for each in (x, y)]
    for scores, found in zip(*rows, strict=True):
        assert found.tolist() == pytest.approx(nearest(scores.tolist()), abs=1e-9)
    assert (y == 0).any()


def test_a_row_with_what_is_no_number_is_none_itself_and_the_others_are() -> None:
    x = torch.tensor([[math.nan, 1.0, 2.0], [0.0, 1.0, 1.0]])
    y = Sparsemax(1)(x)
    assert y[0].isnan().all()
    assert y[1].tolist() == [0.0, 0.5, 0.5]
