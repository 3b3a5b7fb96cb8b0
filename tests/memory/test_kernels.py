"""Compares what every layer's kernels save for backward with what autograd saves. No layer is named here."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from archcalc import layers  # noqa: F401  every file in it registers itself
from archcalc.core.kernel import Run
from archcalc.core.volume import Volume
from archcalc.graph.graph import Graph, Input, Node
from archcalc.graph.inference import Network
from archcalc.layer import LAYERS, Layer
from archcalc.memory.tape import saved
from archcalc.memory.taping import tape_of
from archcalc.verification.processor import machine_here
from tests.torch_oracle import applied, random

DTYPES = ("float32", "bfloat16")


def cases() -> Iterator[tuple[str, Layer, tuple[Volume, ...]]]:
    for name, kind in LAYERS.items():
        for i, example in enumerate(kind.examples):
            layer: Any = kind(**example.given)
            learns = layer.shape(*example.xs).is_floating and not any(getattr(layer, key) for key in layer.ties)
            floats = any(x.is_floating for i, x in enumerate(example.xs) if i not in layer.decided_by)
            learns = learns and (floats or any(not weight.buffer for weight in layer.weights(*example.xs)))
            if learns and not layer.unpredicted(Run(), *example.xs):
                yield f"{name}-{i}", layer, example.xs


CASES = {name: (layer, xs) for name, layer, xs in cases()}


def graph_of(layer: Layer, xs: tuple[Volume, ...], dtype: str = "float32") -> Graph:
    """A network of this layer only; `dtype`: that of what comes of integers, or of nothing."""
    inputs = tuple(Input(f"in{i}", x) for i, x in enumerate(xs))
    y = Network(dtype).output(layer, xs)
    node = Node("it", layer, tuple(each.name for each in inputs), xs, (y,), "it")
    return Graph("one", inputs, (node,), ("it",))


def smaller(xs: tuple[Volume, ...], dtype: str) -> tuple[Volume, ...]:
    return tuple(replace(x, batch=1 if x.shared else 2, dtype=dtype if "float" in x.dtype else x.dtype) for x in xs)


def packed(layer: Layer, xs: tuple[Volume, ...], dtype: str) -> int:
    """Bytes of the storages that autograd saves, without weights and inputs."""
    made = applied(layer, xs, "cpu").train().to(getattr(torch, dtype))
    inputs = [random(x) for x in xs]
    known = {each.untyped_storage()._cdata for each in (*made.parameters(), *made.buffers(), *inputs)}
    found: dict[int, int] = {}
    alive: list[Tensor] = []

    def pack(kept: Tensor) -> Tensor:
        alive.append(kept)
        storage = kept.untyped_storage()
        if storage._cdata not in known:
            found[storage._cdata] = storage.nbytes()
        return kept

    with saved_tensors_hooks(pack, lambda kept: kept):
        y = made(*inputs)
    assert y.requires_grad
    return sum(found.values())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_a_layer_saves_what_autograd_saves(name: str, dtype: str) -> None:
    layer, xs = CASES[name]
    xs = smaller(xs, dtype)
    torch.manual_seed(0)
    tape = tape_of(graph_of(layer, xs, dtype), Run(dtype=dtype, machine=machine_here()), inputs_learn=True)
    lacking = any(x.rank == 3 or layer.name == "lrn" for x in xs) or getattr(layer, "antialias", False)
    if dtype == "bfloat16" and lacking:
        pytest.skip("torch lacks some bfloat16 kernels on the CPU: for three axes, and for smoothing")
    measured = packed(layer, xs, dtype)
    assert sum(nbytes for _, nbytes in saved(tape, {})) == measured


def test_most_layers_are_predicted() -> None:
    assert len({name.partition("-")[0] for name in CASES}) >= 20
