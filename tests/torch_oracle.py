"""Torch as the oracle of one layer: its `Call` is executed as generated source would be, and looked at.

Independent of code generation and of every formula: from a layer it takes its `Call` and nothing else.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, lru_cache
from math import prod
from typing import TypeAlias

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archcalc.core.extra import OlderTorch
from archcalc.core.release import RELEASE, numbers
from archcalc.core.torch_modules import text_of
from archcalc.core.volume import Volume
from archcalc.layer import Call, Layer
from archcalc.verification.field.dye import plain_convolutions

Shape: TypeAlias = Sequence[int]

REFUSALS = (RuntimeError, ValueError, TypeError, IndexError, ArithmeticError, AssertionError, Warning)
"""What torch raises where a layer cannot be, or cannot take its input."""


def built(call: Call) -> nn.Module:
    """The module, as generated source builds it."""
    if numbers(torch.__version__) < numbers(call.since):
        raise OlderTorch(f"{call.target} needs torch {call.since}")
    scope = {"torch": torch, "nn": nn, "F": F}
    exec(text_of(call.file) if call.file else "", scope)
    made = eval(call.target, scope)(**call.arguments, **{name: built(part) for name, part in call.parts.items()})
    assert isinstance(made, nn.Module)
    return made


class Applied(nn.Module):
    """A layer as generated source runs it: its module under the name `it`, and the expression that applies it."""

    def __init__(self, call: Call, inputs: int) -> None:
        super().__init__()
        self.it = built(call) if call.target else None
        scope = {"torch": torch, "nn": nn, "F": F}
        names = [f"x{i}" for i in range(inputs)]
        self.expression = eval(f"lambda it, {', '.join(names)}: {call.forward.format(*names, module='it')}", scope)

    def forward(self, *xs: Tensor) -> Tensor:
        y = self.expression(self.it, *xs)
        assert isinstance(y, Tensor)
        return y


def applied(layer: Layer, xs: Sequence[Volume], device: str = "meta") -> Applied:
    """The layer in evaluation mode, built for these inputs."""
    with torch.device(device):
        return Applied(layer.call(*xs), len(xs)).eval()


def zeros(xs: Sequence[Volume], device: str = "meta") -> list[Tensor]:
    return [torch.zeros(x.shape, device=device, dtype=getattr(torch, x.dtype)) for x in xs]


def output_of(layer: Layer, xs: Sequence[Volume], device: str = "meta") -> tuple[tuple[int, ...], str]:
    """Shape and dtype of what comes out."""
    with torch.no_grad():
        y = applied(layer, xs, device)(*zeros(xs, device))
    return tuple(y.shape), str(y.dtype).removeprefix("torch.")


def output_or_refusal(layer: Layer, xs: Sequence[Volume], device: str = "meta") -> tuple[int, ...] | str:
    """The shape of what comes out, or why nothing does. A volume has at least one of everything."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")  # but otherwise
            shape, _ = output_of(layer, xs, device)
    except REFUSALS as refusal:
        return f"{type(refusal).__name__}: {refusal}"
    return f"torch gives {shape}" if 0 in shape else shape


def entries(module: nn.Module) -> Iterator[tuple[str, tuple[int, ...], bool, bool, str]]:
    """Name, shape, whether a buffer, whether trained, and dtype of each entry of `state_dict`."""
    parameters = dict(module.named_parameters(remove_duplicate=False))
    for name, tensor in module.state_dict().items():
        learned = parameters.get(name)
        trained = learned is not None and learned.requires_grad
        yield name, tuple(tensor.shape), learned is None, trained, str(tensor.dtype).removeprefix("torch.")


def flops(layer: Layer, xs: Sequence[Volume]) -> int:
    """FLOPs of one forward pass, on meta, where torch's counter sees every contraction."""
    made, given, counter = applied(layer, xs), zeros(xs), FlopCounterMode(display=False)
    with counter:
        made(*given)
    return int(counter.get_total_flops())


@cache
def measured(layer: Layer, xs: tuple[Volume, ...]) -> tuple[tuple[int, ...], str, int]:
    """Shape and dtype of what comes out, and the multiply-accumulates of one forward pass, on meta."""
    made, given, counter = applied(layer, xs), zeros(xs), FlopCounterMode(display=False)
    made.requires_grad_(False)  # torch's counter fails on a module that returns a view of a parameter without gradients
    with counter, torch.no_grad():
        y = made(*given)
    return tuple(y.shape), str(y.dtype).removeprefix("torch."), counter.get_total_flops() // 2


@dataclass(frozen=True)
class Prepared:
    """A layer with positive weights, positive inputs for it, and what it makes of these."""

    made: Applied
    clean: list[Tensor]
    y: Tensor
    tolerance: Tensor


@lru_cache(maxsize=1)
def prepared(layer: Layer, xs: tuple[Volume, ...], below: bool = False) -> Prepared:
    """The last one is kept: each of its axes is asked about. `below`: inputs are below zero instead."""
    seed()
    made = applied(layer, xs, "cpu")
    for parameter in made.parameters():
        nn.init.uniform_(parameter.data, 0.5, 1.5)
        if parameter.dim() == 2:  # of a map, whose outputs are means then: no softmax is left with one score alone
            parameter.data /= parameter.shape[1]
    clean = [-positive(x) if below and x.is_floating else positive(x) for x in xs]
    y = run(made, clean)
    return Prepared(made, clean, y, 1e-6 + 1e-5 * y.abs())


def seed() -> None:
    """`torch.manual_seed` on the CPU alone: for each other device it writes down the whole stack, which takes longer
    than most layers."""
    torch.default_generator.manual_seed(0)


@torch.no_grad()
def run(made: Applied, xs: Sequence[Tensor]) -> Tensor:
    """What comes out for the first item; noise is the same in every run."""
    seed()
    y = made(*xs)[0]
    assert isinstance(y, Tensor)
    return y


@torch.no_grad()
def reached(
    layer: Layer, xs: Sequence[Volume], source: int, axis: int, units: Sequence[int], *, nan: bool = False,
    below: bool = False,
) -> Tensor:  # fmt: skip
    """Whether dye in one element of an axis of one input reaches an output: [units, *output axes without the batch].

    Dye is another value in all channels of that unit, across the other axes. Weights and inputs are positive, so that
    nothing cancels; a difference, unlike NaN, does not pass a weight of zero. With `nan` that is the dye: it is not
    lost where functions saturate, as differences are on their way through a sequence. `below`: inputs are below zero,
    dye is above, which shows what a layer chooses by a sign.
    """
    it = prepared(layer, tuple(xs), below)
    assert it.y.isfinite().all()
    at = axis + 1 if xs[source].channels_last else axis + 2
    found = torch.empty((len(units), *it.y.shape), dtype=torch.bool)
    stained = list(it.clean)
    stained[source] = it.clean[source].clone()
    with plain_convolutions() if nan else nullcontext():  # oneDNN bounds values, NaN among them
        for i, unit in enumerate(units):
            stain, own = stained[source].select(at, unit), it.clean[source].select(at, unit)
            stain.copy_(dye(own, nan))
            y = run(it.made, stained)
            found[i] = y.isnan() if nan else (y - it.y).abs_() > it.tolerance
            stain.copy_(own)
    return found


def dye(own: Tensor, nan: bool) -> Tensor:
    """Other values than these."""
    if nan:
        return torch.full_like(own, torch.nan)
    return 4 + 4 * torch.rand_like(own) if own.is_floating_point() else 1 - own


def random(x: Volume) -> Tensor:
    """An input in which gradients flow where they can."""
    return positive(x) if x.is_ids else torch.rand(x.shape, dtype=getattr(torch, x.dtype)).requires_grad_()


def positive(x: Volume) -> Tensor:
    shape = x.shape
    dtype = getattr(torch, x.dtype)
    return torch.rand(shape, dtype=dtype) if dtype.is_floating_point else torch.randint(0, 2, shape, dtype=dtype)


def convolution_backward_flops(
    grad_out: Shape, x: Shape, weight: Shape, bias: object, stride: object, padding: object, dilation: object,
    transposed: bool, output_padding: object, groups: int, output_mask: Sequence[bool], **more: object,
) -> int:  # fmt: skip
    """Each of both gradients takes as many FLOPs as the forward pass, which has prod(weight) MACs at every place.

    torch's own formula takes the gradient of a grouped weight `groups` times.
    """
    places = (x if transposed else grad_out)[2:]
    return 2 * x[0] * prod(weight) * prod(places) * sum(output_mask[:2])


GROUPED = {torch.ops.aten.convolution_backward: convolution_backward_flops}


def training_flops(module: nn.Module, xs: Sequence[Tensor], *, grouped: bool = False) -> tuple[int, int]:
    """FLOPs of a forward pass, and of a backward pass from the sum of all that comes out, on meta.

    `grouped`: the network has grouped convolutions, whose backward pass torch 2.13 counts wrongly.
    """
    counter = FlopCounterMode(display=False, custom_mapping=GROUPED if grouped else None)
    with counter:
        out = module(*xs)
        forward = counter.get_total_flops()
        loss = sum(each.sum() for each in (out if isinstance(out, tuple) else (out,)))
        if isinstance(loss, Tensor) and loss.requires_grad:
            backward(loss)
    return forward, counter.get_total_flops() - forward


WITHOUT_VALUES = "aten::_weight_norm_interface_backward"
"""An operation that runs on meta in later releases only, by torch/_meta_registrations.py: 2.7 lacks it, 2.11 has it."""


def backward(loss: Tensor) -> None:
    """The backward pass from a sum. Skips the test where this release lacks an operation on meta."""
    try:
        loss.backward()  # type: ignore[no-untyped-call]
    except NotImplementedError as lacking:
        if numbers(torch.__version__) >= numbers(RELEASE) or not str(lacking).startswith(WITHOUT_VALUES):
            raise
        pytest.skip(f"{WITHOUT_VALUES} does not run on meta in torch {torch.__version__}")
