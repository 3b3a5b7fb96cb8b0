"""Kernels: what a layer allocates and what backward needs of it, one operation of torch after the other.

A layer is one kernel, or a few, each reading what earlier ones made. From them follow the bytes that are kept for
backward and the peaks of inference, training and an iteration (archcalc/memory/).
"""

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from archcalc.core.dim import Dim, prod
from archcalc.core.machine import DEFAULT, Machine
from archcalc.core.volume import ITEMSIZE, Volume

RELEASE = "2.13"
"""The release of torch whose kernels, derivatives and engine all of this is read from, and held to."""


@dataclass(frozen=True, slots=True)
class Run:
    """What runs: `device` is "cpu" or "cuda", whose kernels keep and allocate different things.

    `training`: dropout and batch statistics are at work. `dtype`: that of the parameters. `autocast`: the lower dtype
    that `torch.autocast` casts to in the forward pass; "" without it. `machine`: the processor of the CPU.
    """

    training: bool = True
    device: str = "cpu"
    dtype: str = "float32"
    autocast: str = ""
    machine: Machine = DEFAULT

    @property
    def statistics(self) -> str:
        """The dtype that means and deviations are kept in."""
        return self.dtype if self.device == "cpu" else "float32"


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor by what it takes: `numel` elements of `dtype`."""

    numel: Dim
    dtype: str = "float32"

    @property
    def nbytes(self) -> Dim:
        return self.numel * ITEMSIZE[self.dtype]


def tensor(*shape: Dim, dtype: str = "float32") -> Tensor:
    return Tensor(prod(shape), dtype)


def tensor_of(volume: Volume) -> Tensor:
    return Tensor(volume.numel, volume.dtype)


class Gradient(enum.Enum):
    """How backward makes the gradients of what a kernel reads."""

    NEW = "new"  # tensors of their own
    SAME = "same"  # the gradient that came in, handed on
    VIEW = "view"  # the same, seen with another shape
    PART = "part"  # a view of a part of it, which keeps all of it alive


class Cast(enum.Enum):
    """What `torch.autocast` does to what goes into an operation, as the CPU's lists have it
    (aten/src/ATen/autocast_mode.cpp)."""

    NONE = "none"  # nothing: where dtypes meet, the widest comes out
    LOWER = "lower"  # inputs and weights are cast to the lower dtype
    FULL = "full"  # inputs are cast to float32
    WIDEST = "widest"  # to the widest among them, weights included


class Order(enum.Enum):
    """In which order the elements of a tensor lie in memory."""

    AXES = "axes"  # that of its axes
    PART = "part"  # that of its axes, with gaps
    ROWS = "rows"  # that of its axes, with gaps between features alone: rows of a matrix
    STEPS = "steps"  # positions first, and at each the items of the batch, as recurrent layers go through them
    TURNED = "turned"  # features last where they are first by their axes, or the other way round
    MOVED = "moved"  # in another order than their own, and in none of these
    UNKNOWN = "unknown"  # which kernels choose by what goes in: not followed


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """One operation.

    reads     what goes in: "x" (or "x0", "x1" ... of several inputs), or what an earlier kernel of the layer makes;
              nothing where it reads weights alone, or makes a table of numbers
    makes     the name of what comes out; "y" is the layer's output
    also      what comes out beside that, by name: views too, where that is one
    size      what comes out takes; None: as much as the first thing that goes in
    view      it is that thing, seen with another shape, or a part of a weight: nothing is allocated
    in_order  it reads positions as rows of a matrix: what lies in memory in another order is copied first
    gapless   what lies in memory with gaps, as a part of something, is copied first
    order     in which order what comes out lies in memory, where what goes in lies in that of its axes
    even      what comes out lies as what goes in, or as the first of what is largest: element by element, or as images
    settled   and wherever else it lies
    keeps     what backward needs: names of what goes in, comes out, or is its own
    own       further tensors that it allocates, by name: freed as it ends, unless kept
    crosswise of two things that go in, one of them perhaps a weight, each is kept only where the other learns
    pins      of its own what autograd's node holds without packing it: numbers as tensors
    scratch   bytes that its backward takes at its worst beyond the gradients that it makes
    thorough  the dtype in which its backward makes the gradients of all that goes in and of all weights, wanted or not,
              to cast them one by one where theirs is another; "" where it makes those that are wanted, as they are
    dense     whether those gradients can be added to in place, which no view can; of a part: whether it lies in order
    seen      whether those of what goes in are views that lie in order: not added to in place, and yet not copied
    on_demand its own tensors are made only where backward will come
    weights   the weights whose gradients its backward makes
    turned    those whose gradient lies as what goes in: in another order than the weight, it is copied when it is whole
    shown     whether those, and those of `summed`, are views of other tensors, which autograd does not add to in place
    viewed    those whose gradient is a view of the one that came in, and keeps it
    summed    those, or what of `reads` is spread out, whose gradient is the one that came in, which autograd's engine
              sums when the kernel has ended
    gradient  how its backward makes the gradients of what goes in
    negated   what of `reads` is subtracted: its gradient is new, where those of the others are as `gradient` says
    holds     what else is alive while it runs: an earlier result that a variable of torch's own code still names
    cast      what autocast does to what goes in
    copies    weights that are kept: beside the parameters where they have been cast
    """

    reads: tuple[str, ...] = ("x",)
    makes: str = "y"
    also: Mapping[str, Tensor] = field(default_factory=dict)
    size: Tensor | None = None
    view: bool = False
    in_order: bool = False
    gapless: bool = False
    order: Order = Order.AXES
    even: bool = False
    settled: bool = False
    keeps: tuple[str, ...] = ()
    crosswise: bool = False
    pins: tuple[str, ...] = ()
    scratch: Dim = 0
    thorough: str = ""
    dense: bool = True
    seen: bool = False
    own: Mapping[str, Tensor] = field(default_factory=dict)
    on_demand: bool = False
    weights: tuple[str, ...] = ()
    turned: tuple[str, ...] = ()
    shown: bool = False
    viewed: tuple[str, ...] = ()
    summed: tuple[str, ...] = ()
    gradient: Gradient = Gradient.NEW
    negated: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    cast: Cast = Cast.NONE
    copies: tuple[str, ...] = ()


LISTS = tuple(each.name for each in fields(Kernel) if each.type == tuple[str, ...])
"""The fields that are names of tensors or weights."""

FACTOR: Mapping[str, Tensor] = {"factor": Tensor(1, "float64")}
"""A number that a tensor is multiplied with, or that is added to one, as the tensor that torch makes of it."""


def linear_map(
    size: Tensor, weight: str, bias: tuple[str, ...] = (), reads: str = "x", *, matrix: bool = False, **more: Any
) -> Kernel:
    """A map of the features, as `torch.nn.functional.linear` makes it: of a `matrix`, or of what has more axes, which
    is seen as one, so that its gradient is a view."""
    own = (weight,)
    facts: dict[str, Any] = dict(crosswise=True, weights=own, copies=own, summed=bias, cast=Cast.LOWER, seen=not matrix)
    return Kernel(reads=(reads,), size=size, shown=True, settled=True, **facts, **more)


def within(kernels: Iterable[Kernel], name: str, reads: str, makes: str) -> Iterator[Kernel]:
    """The kernels of a layer that is a part of another: what it reads and makes by their names there, all else by its
    own `name` first."""
    known = {"x": reads, "y": makes}

    def called(each: str) -> str:
        return known.get(each, f"{name}.{each}")

    for kernel in kernels:
        lists: dict[str, Any] = {key: tuple(map(called, getattr(kernel, key))) for key in LISTS}
        own, also = ({called(each): size for each, size in tensors.items()} for tensors in (kernel.own, kernel.also))
        yield replace(kernel, makes=called(kernel.makes), own=own, also=also, **lists)


def largest(x: Tensor, y: Tensor, reads: str = "x") -> Kernel:
    """`torch.amax`, whose backward marks the largest values, counts them and shares the gradient out among them.

    Source: `amax` in tools/autograd/derivatives.yaml, `scale_grad_by_count` in torch/csrc/autograd/FunctionsManual.cpp.
    """
    marks, counts = Tensor(x.numel, "bool"), Tensor(y.numel, "int64")
    scratch = marks.nbytes + counts.nbytes + y.nbytes
    return Kernel(reads=(reads,), size=y, keeps=(reads, "y"), scratch=scratch)


def inputs_named(count: int) -> tuple[str, ...]:
    """What kernels call the inputs of a layer.

    >>> inputs_named(1), inputs_named(2)
    (('x',), ('x0', 'x1'))
    """
    return ("x",) if count == 1 else tuple(f"x{i}" for i in range(count))
