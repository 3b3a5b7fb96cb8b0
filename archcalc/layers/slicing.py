"""Parts of a volume along an axis, and copies, rolls and chosen elements. No arithmetic."""

from collections.abc import Iterator

from archcalc.core.agreement import same_batch
from archcalc.core.axes import (
    CHANNELS,
    Axis,
    has_axis,
    place_of,
    resized,
    windows_along,
    windows_without,
    without,
)
from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, ceil_div, is_number
from archcalc.core.gaps import Cut
from archcalc.core.kernel import CONTIGUOUS, PRESERVED, VIEW, Gradient, Kernel, Run, Tensor, tensor_of
from archcalc.core.moved import ChosenWindow, FlippedWindow, OneElementWindow, RolledWindow, TiledWindow
from archcalc.core.operations import of_maps, slice_of, view
from archcalc.core.volume import Volume, flat, grid, ids, image, tokens
from archcalc.core.window import IDENTITY, AnyWindow, TransposedWindow, Window
from archcalc.layer import Call, Example, Layer, Merge, Reference, Requirement, Role, expression

FAMILY = "Reshaping, padding and cropping"


class AlongAxis(Layer):
    """Abstract: moves elements along one axis, which `axis` names."""

    role = Role.MOVEMENT
    takes_plain = True

    axis: Axis = CHANNELS

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield has_axis(self.name, self.axis, x)

    def place(self, x: Volume) -> int:
        """The number of the axis, the batch being 0."""
        return place_of(self.axis, x)

    def length(self, x: Volume) -> Dim:
        return x.item_shape[self.place(x) - 1]


def cut_of(x: Volume, place: int, count: Dim, step: Dim = 1, *, gone: bool = False) -> Cut:
    """Some elements along an axis, the batch being 0; of one, the axis may be gone."""
    return Cut(x.shape, place, count, step, gone)


class Slice(AlongAxis, name="slice", positional=("begin", "end", "step")):
    """The elements of an axis from `begin` up to but not including `end`, every `step`th of them.

    x: an axis of n -> y: the same with ceil((end - begin) / step) elements along it. `begin` and `end` below zero count
    from the end; without `end` all elements from `begin` are taken.

    `axis` is `channels` (the default), `length` of a sequence, `height`, `width` or `depth`, or a number as in torch.

    Sources: Dosovitskiy et al. 2020, arXiv:2010.11929, equation 1 (the tokens behind the class token);
    torch.Tensor.__getitem__.
    """

    takes_ids = True

    begin: Dim = 0
    end: Dim | None = None
    step: Dim = 1

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from at_least(1, step=self.step)
        n = self.length(x)
        begin, end = self.bounds(n)
        yield begin >= 0, f"begin={self.begin} lies before the {n} elements of the axis"
        yield end <= n, f"end={self.end} is more than the {n} elements of the axis"
        yield begin < end, f"slice needs begin below end, got {begin} and {end} of {n} elements"

    def bounds(self, n: Dim) -> tuple[Dim, Dim]:
        """Both counted from the beginning."""
        end = n if self.end is None else counted(self.end, n)
        return counted(self.begin, n), end

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        n = self.length(x)
        begin, end = self.bounds(n)
        return windows_along(x, self.place(x), Window(begin=-begin, end=end - n, stride=self.step))

    def shape(self, x: Volume) -> Volume:
        begin, end = self.bounds(self.length(x))
        return resized(x, self.place(x), ceil_div(end - begin, self.step))

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """A view; backward puts its gradient into zeros of the size before."""
        if y == x and self.step == 1:
            yield view()
            return
        place = self.place(x)
        yield slice_of("x", "y", tensor_of(y), cut=cut_of(x, place, y.item_shape[place - 1], self.step))

    def call(self, x: Volume) -> Call:
        end = "" if self.end is None else self.end
        step = "" if self.step == 1 else f":{self.step}"
        return expression(f"{{0}}[{before(self.place(x))}{self.begin or ''}:{end}{step}]")

    examples = (
        Example(
            given=dict(begin=1, axis=Axis("length")), x=tokens(197, 768), y=tokens(196, 768),
            source="the tokens behind the class token: Dosovitskiy et al. 2020, arXiv:2010.11929, equation 1",
        ),
        Example(
            given=dict(end=-1, axis=Axis("height")), x=image(3, 9, 9), y=image(3, 8, 9), source="torch, x[:, :, :-1]"
        ),
        Example(
            given=dict(step=2, axis=Axis("2")), x=image(16, 8, 8), y=image(16, 4, 8),
            source="every second row, as PatchMerging takes them: Liu et al. 2021, arXiv:2103.14030, section 3.1",
        ),
        Example(given=dict(begin=-2), x=tokens(4, 6), y=tokens(4, 2)),
        Example(given=dict(begin=1, end=6, step=2), x=image(8, 3, 3), y=image(3, 3, 3)),
        Example(given=dict(end=2), x=flat(6), y=flat(2)),
        Example(given=dict(begin=3, end=4, axis=Axis("length")), x=ids(26), y=ids(1)),
        Example(given=dict(begin=1, end=5, step=3, axis=Axis("-1")), x=tokens(4, 6), y=tokens(4, 2)),
    )  # fmt: skip


def counted(at: Dim, n: Dim) -> Dim:
    """A place of an axis counted from its beginning."""
    return n + at if is_number(at) and at < 0 else at


def before(place: int) -> str:
    """The slices of an index that leave the axes before one as they are."""
    return ":, " * place


class Take(AlongAxis, name="take", positional=("index", "axis")):
    """One element of an axis, which is removed; an `index` below zero counts from the end.

    x: an axis of n -> y: the other axes. Features stay where they are, first or last: where their axis is the one that
    is removed, the next axis on that side has the features.

    Sources: a slice of a volume: Tran et al. 2018, arXiv:1711.11248, section 3; torch.select.
    """

    index: Dim

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        n = self.length(x)
        yield x.rank > 0, f"take would leave nothing of {x}: write slice({self.index}, {self.index + 1})"
        at = counted(self.index, n)
        yield at >= 0, f"index={self.index} lies before the {n} elements of the axis"
        yield at < n, f"index={self.index} is out of range: an axis of {n} elements has indices 0 to {n - 1}"

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        y, place = self.shape(x), self.place(x)
        element = OneElementWindow(y.spatial[0] if y.rank else 1, counted(self.index, self.length(x)))
        return windows_without(x, (place,), element)

    def shape(self, x: Volume) -> Volume:
        return without(x, (self.place(x),))

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield slice_of("x", "y", tensor_of(y), cut=cut_of(x, self.place(x), 1, gone=True))

    def call(self, x: Volume) -> Call:
        return expression(f"{{0}}[{before(self.place(x))}{self.index}]")

    examples = (
        Example(
            given=dict(index=-1, axis=Axis("length")), x=tokens(25, 512), y=flat(512),
            source="the last state of an encoder: Sutskever, Vinyals & Le 2014, arXiv:1409.3215",
        ),
        Example(given=dict(index=4, axis=Axis("depth")), x=image(64, 8, 14, 14), y=image(64, 14, 14),
                source="torch.select: one frame of a video"),
        Example(given=dict(index=0, axis=Axis("height")), x=grid(3, 4, 6), y=tokens(4, 6)),
        Example(given=dict(index=2), x=image(5, 4, 3), y=image(4, 3)),
        Example(given=dict(index=2), x=tokens(4, 6), y=flat(4)),
        Example(given=dict(index=1, axis=Axis("width")), x=image(5, 4, 3), y=image(5, 4)),
    )  # fmt: skip


class Roll(AlongAxis, name="roll", positional=("shift", "axis")):
    """Moves the elements of an axis by `shift`; those that leave at the end come back at the beginning.

    x: C at *spatial -> y: the same

    Sources: the cyclic shift of windows: Liu et al. 2021, arXiv:2103.14030, section 3.2; torch.roll.
    """

    saves = ()

    shift: Dim

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return windows_along(x, self.place(x), RolledWindow(self.length(x), self.shift))

    def shape(self, x: Volume) -> Volume:
        return x

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield Kernel(size=tensor_of(y), layout=of_maps(x))

    def call(self, x: Volume) -> Call:
        return expression(f"{{0}}.roll({self.shift}, {self.place(x)})")

    examples = (
        Example(
            given=dict(shift=-3, axis=Axis("height")), x=grid(14, 14, 192), y=grid(14, 14, 192),
            source="Swin-T, windows of 7 shifted by 3: Liu et al. 2021, arXiv:2103.14030, section 3.2",
        ),
        Example(given=dict(shift=2, axis=Axis("length")), x=image(3, 5), y=image(3, 5)),
        Example(given=dict(shift=1), x=image(4, 3, 3), y=image(4, 3, 3)),
    )  # fmt: skip


class Flip(AlongAxis, name="flip", positional=("axis",)):
    """Reverses the order of the elements of an axis.

    x: C at *spatial -> y: the same

    Sources: the backward direction of a recurrent network: Schuster & Paliwal 1997, "Bidirectional recurrent neural
    networks", section II; torch.flip.
    """

    saves = ()

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return windows_along(x, self.place(x), FlippedWindow(self.length(x)))

    def shape(self, x: Volume) -> Volume:
        return x

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield Kernel(size=tensor_of(y), layout=PRESERVED)

    def call(self, x: Volume) -> Call:
        return expression(f"{{0}}.flip({self.place(x)})")

    examples = (
        Example(
            given=dict(axis=Axis("length")), x=tokens(7, 5), y=tokens(7, 5),
            source="a sequence from its end: Schuster & Paliwal 1997, section II",
        ),
        Example(given=dict(axis=Axis("width")), x=image(3, 4, 5), y=image(3, 4, 5), source="torch.flip"),
        Example(x=image(4, 3, 3), y=image(4, 3, 3)),
    )  # fmt: skip


class Repeat(AlongAxis, name="repeat", positional=("n", "axis")):
    """Repeats a volume `n` times along an axis: one copy after the other, or with `interleave` element by element.

    x: an axis of m -> y: the same with n m elements along it

    Sources: keys and values that several heads share: Ainslie et al. 2023, arXiv:2305.13245, section 2.2; torch.tile;
    torch.repeat_interleave (`interleave`).
    """

    saves = ()

    n: Dim
    interleave: bool = False

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from at_least(1, n=self.n)

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        m = self.length(x)
        window = TransposedWindow(self.n, self.n) if self.interleave else TiledWindow(self.n * m, m)
        return windows_along(x, self.place(x), window)

    def shape(self, x: Volume) -> Volume:
        return resized(x, self.place(x), self.n * self.length(x))

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        gradient = Gradient.VIEW if self.n == 1 else Gradient.NEW
        yield Kernel(size=tensor_of(y), layout=CONTIGUOUS, gradient=gradient)

    def call(self, x: Volume) -> Call:
        place = self.place(x)
        if self.interleave:
            return expression(f"{{0}}.repeat_interleave({self.n}, {place})")
        times = tuple(self.n if each == place else 1 for each in range(len(x.shape)))
        return expression(f"{{0}}.repeat{times}")

    examples = (
        Example(
            given=dict(n=4, axis=Axis("height"), interleave=True), x=grid(2, 25, 64), y=grid(8, 25, 64),
            source="2 heads of keys for 8 of queries: Ainslie et al. 2023, arXiv:2305.13245, section 2.2",
        ),
        Example(given=dict(n=3), x=image(1, 28, 28), y=image(3, 28, 28), source="torch.tile: grey pictures as colour"),
        Example(given=dict(n=2, axis=Axis("length")), x=tokens(3, 4), y=tokens(6, 4)),
        Example(given=dict(n=2, interleave=True), x=flat(3), y=flat(6)),
    )  # fmt: skip


class Gather(Merge, name="gather", positional=("by",)):
    """The tokens that an input of integers names: number `by[i]` becomes token i.

    x: C at T tokens; by: integers from 0 to T - 1 at *spatial -> y: C at *spatial; features come last

    The receptive field of the output is the whole sequence, because values decide which tokens are read.

    Sources: tokens in a random order, and back: He et al. 2021, arXiv:2111.06377, section 3; neighbours of points:
    Qi et al. 2017, arXiv:1706.02413; torch.gather.
    """

    role = Role.MOVEMENT
    inputs = (1, 1)
    reads = ("by",)
    takes_ids = True

    by: Reference

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, by = xs
        tokens_last = x.rank == 1 and x.channels_last and not x.is_ids
        yield tokens_last, f"gather needs tokens, a sequence whose features come last; got {x}"
        yield by.is_ids and by.rank > 0, f"by must be integers with positions, such as an input of int64; got {by}"
        yield from same_batch(*xs)

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return self.windows_of_inputs(*xs)[0]

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        by = xs[1]
        return (ChosenWindow(by.spatial[0]),), (IDENTITY,) * by.rank

    def shape(self, *xs: Volume) -> Volume:
        x, by = xs
        return x.to(spatial=by.spatial)

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        """Backward adds the gradients to zeros of the size of the tokens, which it keeps for that."""
        rows = Tensor(y.numel, "int64")
        yield Kernel(reads=("x1",), makes="rows", size=rows, layout=VIEW)
        makes = "y" if y.rank == 1 else "gathered"
        yield Kernel(reads=("x0", "rows"), makes=makes, size=tensor_of(y), layout=CONTIGUOUS, saves=("x0", "rows"))
        if y.rank > 1:
            yield view("gathered")

    def call(self, *xs: Volume) -> Call:
        x, by = xs
        rows = "{1}" if by.rank == 1 else "{1}.flatten(1)"
        back = "" if by.rank == 1 else ".unflatten(1, {1}.shape[1:])"
        return expression(f"{{0}}.gather(1, {rows}[..., None].expand(-1, -1, {x.channels})){back}")

    examples = (
        Example(
            given=dict(by=Reference("kept")), x=(tokens(196, 768), ids(49)), y=tokens(49, 768),
            source="a quarter of the patches is kept: He et al. 2021, arXiv:2111.06377, section 3",
        ),
        Example(given=dict(by=Reference("neighbours")), x=(tokens(6, 4), ids(3, 2)), y=grid(3, 2, 4)),
    )  # fmt: skip
