"""Layers recognised by the calls of their own code, in code that others wrote; and not where one call differs."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archcalc.importing.agreement import agreement_of
from archcalc.importing.imported import from_torch
from archcalc.importing.retracing import scope_of


class Mixing(nn.Module):
    """What `attention` does, under other names; `turned`: with the heads of keys and queries exchanged."""

    def __init__(self, width: int, parts: int, causal: bool = False, exchanged: bool = False) -> None:
        super().__init__()
        self.parts, self.seen, self.exchanged = parts, causal, exchanged
        self.all = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        a, b, c = self.all(x).unflatten(-1, (3, self.parts, -1)).permute(2, 0, 3, 1, 4)
        if self.exchanged:
            a, b = b, a
        y = F.scaled_dot_product_attention(a, b, c, is_causal=self.seen)
        made: Tensor = self.out(y.transpose(1, 2).flatten(2))
        return made


class GRN(nn.Module):
    """It has the name of a layer's class, and divides by something else with `other`."""

    def __init__(self, channels: int, other: bool = False) -> None:
        super().__init__()
        self.other = other
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        size = torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True)
        mean = size.mean(dim=1, keepdim=True) if not self.other else size.amax(dim=1, keepdim=True)
        y: Tensor = x * (size / (mean + 1e-3)) * self.weight + self.bias + x
        return y


class Residual(nn.Module):
    """Three values in one sum, and in two statements."""

    def __init__(self, apart: bool) -> None:
        super().__init__()
        self.a, self.b, self.apart = nn.Linear(4, 4), nn.Linear(4, 4), apart

    def forward(self, x: Tensor) -> Tensor:
        if not self.apart:
            y: Tensor = self.a(x) + self.b(x) + x
            return y
        y = self.a(x) + self.b(x)
        return y + x


def layers_of(model: nn.Module, *shape: int) -> list[str]:
    return [repr(node.layer) for node in from_torch(model, torch.zeros(1, *shape)).graph]


def test_attention_of_others_is_one_layer_with_its_arguments() -> None:
    assert layers_of(Mixing(8, 2), 5, 8) == ["attention(num_heads=2)"]
    assert layers_of(Mixing(8, 4, causal=True), 5, 8) == ["attention(num_heads=4, causal=True)"]


def test_calls_on_other_values_are_another_layer() -> None:
    assert not any(each.startswith("attention") for each in layers_of(Mixing(8, 2, exchanged=True), 5, 8))


@pytest.mark.parametrize("exchanged", [False, True])
def test_what_is_recognised_computes_the_same(exchanged: bool) -> None:
    model = Mixing(8, 2, causal=True, exchanged=exchanged)
    assert agreement_of(model, {"x": torch.zeros(1, 5, 8)}, {}).holds


def test_a_name_is_not_enough() -> None:
    assert layers_of(GRN(4), 4, 6, 6) == ["grn(eps=0.001)"]
    assert "grn" not in " ".join(layers_of(GRN(4, other=True), 4, 6, 6))


def test_a_sum_in_one_statement_is_one_layer() -> None:
    assert [each.partition("(")[0] for each in layers_of(Residual(apart=False), 4)] == ["linear", "linear", "add"]
    assert [each.partition("(")[0] for each in layers_of(Residual(apart=True), 4)] == ["linear", "linear", "add", "add"]


def test_a_layer_keeps_what_matters_at_other_sizes_only() -> None:
    """A window of 4 covers a map of 4x4, where nothing is shifted."""
    spec = from_torch(Windows(), torch.zeros(1, 4, 4, 8)).spec
    assert "shift_size=2" in spec


class Windows(nn.Module):
    """The module that is generated for window attention."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = scope_of("window_attention")["WindowAttention"](8, 2, 4, 2)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.attention(x)
        return made
