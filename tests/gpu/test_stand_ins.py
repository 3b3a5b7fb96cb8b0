"""Layers on a GPU that is not there: tensors without values, that say they are on one.

What a module makes for itself (tables, masks, states) has to be where its input is; on a real GPU, everything else
fails. Nothing is computed, so that no CUDA kernel is needed; operations that ask for the device itself are left out.
"""

import warnings
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from archcalc.layer import LAYERS, Example
from tests.torch_oracle import applied

UNAVAILABLE = (
    "not linked with support for cuda",
    "not compiled with CUDA",
    "from the 'CUDA' backend",
    "no NVIDIA driver",
    "CUDA driver version is insufficient",
    "Expected mat_a to be BFloat16",
    "Expected inputs of BF16 type",  # of products in groups, in releases that ask more here than where values are
    "'NoneType' object has no attribute 'device'",  # of LSTMs, in torch's own code for tensors without values
)
"""What torch says without CUDA, of operations that ask for the device."""

WITHOUT_VALUES = (DataDependentOutputException, NotImplementedError)
"""Operations that read values, and layers that stand for code that is not known."""


def moved(module: nn.Module, dtype: torch.dtype = torch.float32) -> None:
    """Puts all weights on the GPU that is not there."""

    def there(tensor: torch.Tensor) -> torch.Tensor:
        of = dtype if tensor.is_floating_point() else tensor.dtype
        return torch.empty_like(tensor, device="cuda", dtype=of)

    for part in module.modules():
        weights: dict[str, Any] = part._parameters
        for name, weight in weights.items():
            if weight is not None:
                weights[name] = nn.Parameter(there(weight), requires_grad=weight.requires_grad)
        buffers: dict[str, Any] = part._buffers
        for name, buffer in buffers.items():
            buffers[name] = None if buffer is None else there(buffer)


def tried(kind: str, example: Example) -> str | None:
    """Where the output of a layer is, or why there is none; None if torch cannot say without CUDA."""
    layer = LAYERS[kind](**example.given)
    try:
        with FakeTensorMode(), torch.no_grad():
            made = applied(layer, example.xs, "cpu")
            moved(made)
            xs = [torch.empty(x.shape, device="cuda", dtype=getattr(torch, x.dtype)) for x in example.xs]
            return str(made(*xs).device)
    except WITHOUT_VALUES:
        return None
    except (RuntimeError, AssertionError, AttributeError) as error:
        if any(text in str(error) for text in UNAVAILABLE):
            return None
        return f"{type(error).__name__}: {error}"


def test_what_layers_make_for_themselves_is_where_their_input_is() -> None:
    """The first example of every layer. Enough of them can be tried without CUDA for the test to mean something."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {kind: tried(kind, layer.examples[0]) for kind, layer in LAYERS.items() if layer.examples}
    known = {kind: where for kind, where in found.items() if where is not None}
    assert {kind: where for kind, where in known.items() if where != "cuda:0"} == {}
    assert len(known) > 0.6 * len(found), sorted(set(found) - set(known))


def test_a_table_that_is_made_on_the_cpu_is_seen() -> None:
    class Planted(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.arange(x.shape[-1])

    with FakeTensorMode(), pytest.raises(RuntimeError, match="device"):
        Planted()(torch.empty(2, 3, device="cuda"))
