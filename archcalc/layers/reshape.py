"""Other sizes for the same values, in the same order."""

from collections.abc import Iterator
from typing import Literal

from archcalc.core.arrangement import Arrangement, MixedWindow, resized
from archcalc.core.dim import Dim, divides, exact, is_number, prod, same
from archcalc.core.kernel import Kernel, Layout, Run
from archcalc.core.operations import reshape, view
from archcalc.core.volume import Volume, apart, flat, grid, image, tokens
from archcalc.core.window import AnyWindow
from archcalc.layer import Call, Example, Layer, Requirement, Role, Sizes, expression

FAMILY = "Reshaping, padding and cropping"

REST = -1
"""Stands for the size that the other sizes leave, as in torch and Keras."""


class Reshape(Layer, name="reshape", positional=("sizes",)):
    """Gives the values of a sample other axes, of `sizes`, without changing their order: `reshape(256, 7, 7)`.

    x: any volume -> y: a volume of `sizes` with the same number of elements

    `sizes` are written as those of an input, without the batch; -1 stands for what the other sizes leave. The features
    come first, or last where those of the input come last; `features` says otherwise. No element moves: to exchange
    axes, write `rearrange`. The receptive field is followed while every axis of the output is a part of an axis of the
    input, or made of whole parts of several.

    Source: torch.reshape, without the batch.
    """

    role = Role.MOVEMENT
    takes_plain = True

    sizes: Sizes
    features: Literal["first", "last"] | None = None

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield 1 <= len(self.sizes) <= 4, f"reshape takes 1 to 4 sizes, got {len(self.sizes)}"
        yield self.sizes.count(REST) <= 1, f"only one size can be {REST}"
        if wrong := [n for n in self.sizes if is_number(n) and n < 1 and n != REST]:
            yield False, f"sizes must be at least 1, or {REST} for what the others leave, got {wrong[0]}"
            return
        written = " x ".join(map(str, self.sizes))
        holds = divides if REST in self.sizes else same
        yield (
            holds(self.stated_part(), prod(x.item_shape)),
            f"{prod(x.item_shape)} elements of {x} do not make {written}",
        )

    def misread(self, y: Volume) -> str:
        if self.features is not None:
            return ""
        now, then = ("last", "first") if y.channels_last else ("first", "last")
        sizes = ", ".join(map(str, self.sizes))
        return f"its features come {now}, unless it says more: reshape({sizes}, features={then})"

    def stated_part(self) -> Dim:
        """The product of the sizes that are given."""
        return prod(n for n in self.sizes if n != REST)

    def made(self, x: Volume) -> tuple[Dim, ...]:
        left = exact(prod(x.item_shape), self.stated_part()) if REST in self.sizes else 1
        return tuple(left if n == REST else n for n in self.sizes)

    def plan(self, x: Volume) -> Arrangement | None:
        """The parts of the axes; None where they have none in common, or that depends on what symbols stand for."""
        return resized(x.item_shape, self.made(x))

    def shape(self, x: Volume) -> Volume:
        made = self.made(x)
        last = len(made) > 1 and (x.channels_last if self.features is None else self.features == "last")
        features, spatial = apart(made, last)
        return Volume(
            features, spatial, x.batch, channels_last=last, dtype=x.dtype, plain=x.plain and not self.features
        )

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        plan, y = self.plan(x), self.shape(x)
        if plan is None:
            return tuple(MixedWindow(y.spatial[axis] if axis < y.rank else 1) for axis in range(x.rank))
        return plan.windows(plan.given, x.channels_last, y.channels_last)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        if not x.rank and not y.rank:
            yield Kernel(layout=Layout(view=True, same=True))
            return
        if x.rank:
            flat = (x.batch, prod(x.item_shape))
            yield reshape(shape=flat, makes="flat" if y.rank else "y", within_samples=True)
        if y.rank:
            yield view("flat" if x.rank else "x")

    def call(self, x: Volume) -> Call:
        flattened = "{0}.flatten(1)" if x.rank else "{0}"
        return expression(f"{flattened}.unflatten(1, {tuple(self.sizes)})" if len(self.sizes) > 1 else flattened)

    examples = (
        Example(
            given=dict(sizes=Sizes((1024, 4, 4))), x=flat(16384), y=image(1024, 4, 4),
            source="DCGAN, the generator's first map: Radford et al. 2015, arXiv:1511.06434, figure 1",
        ),
        Example(given=dict(sizes=Sizes((8, -1, 6))), x=image(8, 2, 3, 6), y=image(8, 6, 6), source="torch.reshape"),
        Example(given=dict(sizes=Sizes((4, -1)), features="last"), x=flat(12), y=tokens(4, 3)),
        Example(given=dict(sizes=Sizes((2, 6))), x=tokens(4, 3), y=tokens(2, 6)),
        Example(given=dict(sizes=Sizes((-1,))), x=image(2, 3), y=flat(6)),
        Example(given=dict(sizes=Sizes((4, 3, 5))), x=image(2, 6, 5), y=image(4, 3, 5)),
        Example(
            given=dict(sizes=Sizes((3, 4, 7))), x=grid(3, 7, 4), y=grid(3, 4, 7),
            source="scores of distances, each row shifted: Dai et al. 2019, arXiv:1901.02860, appendix B",
        ),
    )  # fmt: skip
