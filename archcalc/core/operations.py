"""Operations of torch that many layers run, as kernels: each is a function that says what it reads and makes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from archcalc.core.dim import Dim, prod
from archcalc.core.gaps import Cut
from archcalc.core.kernel import (
    CONTIGUOUS,
    NEW,
    PRESERVED,
    VIEW,
    Backward,
    Cast,
    Gradient,
    Kernel,
    Layout,
    Order,
    Tensor,
)
from archcalc.core.volume import Volume

NUMBER: Mapping[str, Tensor] = {"factor": Tensor(1, "float64", wrapped=True)}
"""A Python number that a tensor is multiplied with, or that is added to one, as torch wraps it."""


def view(
    reads: str = "x", makes: str = "y", size: Tensor | None = None, *, order: Order = Order.CONTIGUOUS, **more: Any
) -> Kernel:
    """What it reads, all of it, seen with another shape or with another `order` of its axes; its gradient is a view."""
    layout = Layout(view=True, order=order)
    return Kernel(reads=(reads,), makes=makes, size=size, layout=layout, gradient=Gradient.VIEW, **more)


def turned(x: Volume) -> Order:
    """How a volume lies in memory where its features are moved to the other end."""
    return Order.EITHER if 1 in (x.channels, prod(x.spatial)) else Order.TRANSPOSED


def reshape(
    reads: str = "x", makes: str = "y", *, shape: tuple[Dim, ...] = (), within_samples: bool = False, **more: Any
) -> Kernel:
    """As `torch.reshape` to axes of these lengths: a view, of a copy where what it reads cannot be seen so.
    `within_samples`: it leaves the batch alone."""
    layout = Layout(view=True, reads_contiguous=True, reads_as=shape, within_samples=within_samples)
    return Kernel(reads=(reads,), makes=makes, layout=layout, gradient=Gradient.VIEW, **more)


def contiguous(reads: str = "x", makes: str = "y", **more: Any) -> Kernel:
    """As `contiguous()` before a view: a copy where what it reads is not contiguous."""
    layout = Layout(view=True, reads_contiguous=True)
    return Kernel(reads=(reads,), makes=makes, layout=layout, gradient=Gradient.VIEW, **more)


def in_order(reads: str = "x", makes: str = "y", **more: Any) -> Kernel:
    """As `contiguous()` alone: itself, or a copy where it is not contiguous, whose gradient is that of the copy."""
    return Kernel(reads=(reads,), makes=makes, layout=Layout(same=True, reads_contiguous=True), **more)


def slice_of(reads: str, makes: str, size: Tensor, *, cut: Cut | None = None, **more: Any) -> Kernel:
    """A view of a part (`narrow`, `select`, `chunk`), or of all for many (`expand`); backward makes a new gradient of
    the size of all."""
    return Kernel(reads=(reads,), makes=makes, size=size, layout=Layout(view=True, cut=cut), **more)


def chunk(reads: str, parts: Mapping[str, Tensor], **more: Any) -> Kernel:
    """All of what it reads in parts (`chunk`, `unbind`): views, whose gradients backward puts side by side again."""
    (makes, size), *others = parts.items()
    return Kernel(reads=(reads,), makes=makes, size=size, also=dict(others), layout=VIEW, **more)


def sum_of(
    size: Tensor | None,
    *terms: str,
    makes: str = "y",
    bias: tuple[str, ...] = (),
    layout: Layout = NEW,
    **more: Any,
) -> Kernel:
    """Terms added up, and a bias that is broadcast: the gradient that came in is that of each term."""
    facts: dict[str, Any] = dict(layout=layout, gradient=Gradient.SAME, backward=Backward(broadcast=bias))
    return Kernel(reads=terms, makes=makes, size=size, weights=bias, **facts, **more)


def plus_number(size: Tensor, reads: str = "x", makes: str = "y", **more: Any) -> Kernel:
    """A tensor and a Python number added up."""
    return sum_of(size, reads, makes=makes, also=NUMBER, **more)


def times_number(size: Tensor | None, reads: str = "x", makes: str = "y", **more: Any) -> Kernel:
    """A tensor multiplied with a Python number."""
    return Kernel(reads=(reads,), makes=makes, size=size, also=NUMBER, saves=tuple(NUMBER), **more)


def product(size: Tensor | None, first: str, second: str, makes: str = "y", **more: Any) -> Kernel:
    """Two tensors multiplied: each is saved only where the gradient of the other is wanted."""
    both = (first, second)
    return Kernel(reads=both, makes=makes, size=size, factors=both, **more)


def times_weight(size: Tensor, reads: str = "x", makes: str = "y", **more: Any) -> Kernel:
    """A tensor multiplied with a weight that is broadcast: backward makes the weight's gradient for every element, and
    then sums it."""
    backward = Backward(unreduced={"weight": size.nbytes}, summed=("weight",))
    facts: dict[str, Any] = dict(layout=PRESERVED, backward=backward)
    factors = (reads, "weight")
    return Kernel(reads=(reads,), makes=makes, size=size, factors=factors, weights=("weight",), **facts, **more)


def linear_map(
    size: Tensor,
    weight: str,
    bias: tuple[str, ...] = (),
    reads: str = "x",
    *,
    matrix: bool = False,
    reads_contiguous: bool = False,
    reads_as: tuple[Dim, ...] = (),
    within_samples: bool = False,
    **more: Any,
) -> Kernel:
    """A map of the features, as `torch.nn.functional.linear` makes it: of a `matrix`, or of what has more axes, which
    is seen as one, so that its gradient is a view."""
    return Kernel(
        reads=(reads,),
        size=size,
        layout=Layout(fixed=True, reads_contiguous=reads_contiguous, reads_as=reads_as, within_samples=within_samples),
        factors=(reads, weight),
        weights=(weight, *bias),
        gradient=Gradient.NEW if matrix else Gradient.NEW_VIEW,
        backward=Backward(broadcast=bias, weight_views=True, weights_first=bool(bias) and not matrix),
        cast=Cast.LOWER,
        **more,
    )


def largest(x: Tensor, y: Tensor, reads: str = "x") -> Kernel:
    """`torch.amax`, whose backward marks the largest values, counts them and shares the gradient out among them.

    Source: `amax` in tools/autograd/derivatives.yaml, `scale_grad_by_count` in torch/csrc/autograd/FunctionsManual.cpp.
    """
    marks, counts = Tensor(x.numel, "bool"), Tensor(y.numel, "int64")
    scratch = marks.nbytes + counts.nbytes + y.nbytes
    return Kernel(reads=(reads,), size=y, saves=(reads, "y"), backward=Backward(scratch=scratch))


def within(kernels: Iterable[Kernel], name: str, reads: str, makes: str) -> Iterator[Kernel]:
    """The kernels of a layer that is a part of another: what it reads and makes by their names there, all else by its
    own `name` first."""
    known = {"x": reads, "y": makes}
    for kernel in kernels:
        yield kernel.renamed(lambda each: known.get(each, f"{name}.{each}"))


def gradient_of_pooled(x: Volume) -> Gradient:
    """Along one axis, torch pools a map of one row: the gradient is a view without that row."""
    return Gradient.NEW_VIEW if x.rank == 1 else Gradient.NEW


def of_maps(x: Volume) -> Layout:
    """How what operations on images make of a volume lies in memory: as the volume does, if it is maps."""
    return Layout(maps=True, single=x.channels == 1) if x.rank > 1 and not x.channels_last else CONTIGUOUS
