"""Pooling: the maximum or the average of each window."""

from collections.abc import Iterator

from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.dim import Dim, PerAxis, maximum, per_axis, prod, same
from archcalc.core.kernel import Backward, Cast, Kernel, Layout, Run, Tensor, tensor, tensor_of
from archcalc.core.layout import channels_before
from archcalc.core.operations import gradient_of_pooled
from archcalc.core.ops import Ops
from archcalc.core.padding import Padding, amounts, in_modules, pads, same_is_even, torch_pad
from archcalc.core.volume import Volume, image
from archcalc.core.window import Window, fits, slide, windows_along
from archcalc.layer import Call, Example, Layer, Requirement, Role, module
from archcalc.record import replace

FAMILY = "Pooling"


class Pooling(Layer):
    """Abstract: windows of `kernel_size` every `stride` elements (default: `kernel_size`), channel by channel."""

    role = Role.POOLING
    ranks = (1, 2, 3)

    kernel_size: PerAxis
    stride: PerAxis | None = None
    padding: Padding = 0
    ceil_mode: bool = False

    @property
    def step(self) -> PerAxis:
        return self.kernel_size if self.stride is None else self.stride

    @property
    def spacing(self) -> PerAxis:
        """The distance between neighbouring taps of a window, in elements."""
        return 1

    def requires(self, x: Volume) -> Iterator[Requirement]:
        kernel, dilation = self.kernel_size, self.spacing
        given = dict(kernel_size=kernel, stride=self.step, dilation=dilation)
        yield channels_before(self.name, x)
        yield from one_for_each_axis(x.rank, padding=self.padding, **given)
        yield from at_least(1, **given)
        yield from at_least(0, padding=amounts(self.padding))
        yield from same_is_even(self.padding, per_axis(kernel, x.rank), per_axis(dilation, x.rank))
        for w in self.windows(x):
            most = maximum(w.begin, w.end)
            yield most <= w.kernel // 2, f"padding={most} is more than half of the kernel of {w.kernel}"
        yield (
            in_modules(self.pads(x)) is not None or not self.ceil_mode,
            "ceil_mode needs the same padding at the beginning and the end; add a pad layer before this one",
        )
        yield from fits(self.windows(x), x.spatial)

    def pads(self, x: Volume) -> tuple[tuple[int, int], ...]:
        return pads(self.padding, x.spatial, self.kernel_size, self.step, self.spacing)

    def given_padding(self, x: Volume) -> Dim | tuple[Dim, ...] | None:
        """The padding that the module takes; None if it cannot pad so, and `F.pad` does."""
        return in_modules(self.pads(x))

    def windows(self, x: Volume) -> tuple[Window, ...]:
        return windows_along(x.rank, self.kernel_size, self.step, self.pads(x), self.spacing, self.ceil_mode)

    def shape(self, x: Volume) -> Volume:
        return x.to(spatial=slide(self.windows(x), x.spatial))

    def taps(self, x: Volume) -> int:
        """The number of values that the windows read, without padding."""
        axes = zip(self.windows(x), x.spatial, strict=True)
        return x.batch * x.channels * prod(w.taps(n) for w, n in axes)

    def cast(self, x: Volume) -> Cast:
        return Cast.FULL_ON_CPU if x.rank == 3 else Cast.NONE

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        reads = "x"
        if self.given_padding(x) is None:
            reads = "padded"
            lengths = [n + w.begin + w.end for n, w in zip(x.spatial, self.windows(x), strict=True)]
            yield Kernel(
                makes=reads,
                size=tensor(x.batch, x.channels, *lengths, dtype=x.dtype),
                layout=Layout(preserves=x.rank == 2),
            )
        own = self.own(y)
        on_demand = own if y.rank == 1 and run.device == "cpu" else {}  # at::max_pool1d makes none without backward
        yield Kernel(
            reads=(reads,),
            size=tensor_of(y),
            also={} if on_demand else own,
            layout=Layout(
                preserves=x.rank == 2,
                chooses=x.rank == 2,
                single=1 in (y.channels, prod(y.spatial)),
                reads_contiguous=bool(on_demand),
                unlearned=True,
            ),
            saves=(reads, *own),
            backward=Backward(on_demand=on_demand),
            gradient=gradient_of_pooled(x),
            cast=self.cast(x),
        )

    def own(self, y: Volume) -> dict[str, Tensor]:
        """The tensors that the kernel makes besides its output."""
        return {}

    def pooling(self, x: Volume, target: str, filler: str) -> Call:
        """The call; `filler` is the value to pad with if the module cannot pad."""
        padding, given = self.given_padding(x), self.stated("padding", "stride")
        if self.stride is not None:
            given["stride"] = self.stride
        if padding:
            given["padding"] = padding
        input = "{0}" if padding is not None else f"F.pad({{0}}, {torch_pad(self.pads(x))}, value={filler})"
        return module(f"torch.nn.{target}{x.rank}d", forward=f"{{module}}({input})", **given)


class MaxPool(Pooling, name="maxpool", positional=("kernel_size", "stride"), aliases=("pool", "max_pool")):
    """The maximum of each window; padding is never the maximum.

    x: C at *spatial -> y: C at *spatial', o = floor((n + 2p - (d(k - 1) + 1)) / s) + 1; with `ceil_mode` rounded up if
    the last window then begins inside the input or its left padding

    Sources: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 7; torch.nn.MaxPool1d, 2d, 3d (names, `ceil_mode`,
    padding of half a kernel at most).
    """

    dilation: PerAxis = 1

    @property
    def spacing(self) -> PerAxis:
        return self.dilation

    def ops(self, y: Volume, x: Volume) -> Ops:
        axes = zip(self.windows(x), x.spatial, strict=True)
        return Ops(compare=self.taps(x) - x.batch * x.channels * prod(w.filled(n) for w, n in axes))

    def own(self, y: Volume) -> dict[str, Tensor]:
        return {"indices": Tensor(y.numel, "int64")}

    def call(self, x: Volume) -> Call:
        return self.pooling(x, "MaxPool", filler="-torch.inf")

    examples = (
        Example(
            given=dict(kernel_size=3, stride=2, padding=1),
            x=image(64, 112, 112), y=image(64, 56, 56), scalar=1_584_192,
            source="ResNet-50 pool1: He et al. 2015, arXiv:1512.03385, table 1",
        ),
        Example(
            given=dict(kernel_size=3, stride=2),
            x=image(96, 55, 55), y=image(96, 27, 27), scalar=559_872,
            source="AlexNet, overlapping pooling: Krizhevsky et al. 2012, section 3.4",
        ),
        Example(
            given=dict(kernel_size=3, stride=2, ceil_mode=True),
            x=image(64, 112, 112), y=image(64, 56, 56), scalar=1_584_192,
            source="GoogLeNet: Szegedy et al. 2014, arXiv:1409.4842, table 1; torchvision maxpool1",
        ),
        Example(
            given=dict(kernel_size=3, stride=2, padding="same_upper"),
            x=image(64, 112, 112), y=image(64, 56, 56), scalar=1_584_192,
            source="tf.nn.max_pool, padding SAME",
        ),
        Example(
            given=dict(kernel_size=3, stride=2, padding=1, dilation=2),
            x=image(2, 10), y=image(2, 4), scalar=14,
            source="torch.nn.MaxPool1d: dilation",
        ),
        Example(
            given=dict(kernel_size=(2, 3), stride=(1, 2), padding=(1, 1), dilation=2),
            x=image(1, 4, 6), y=image(1, 4, 2), scalar=22,
            source="torch.nn.MaxPool2d: dilation, padding of half a kernel at most",
        ),
        Example(
            given=dict(kernel_size=(1, 2, 2)),
            x=image(64, 16, 112, 112), y=image(64, 16, 56, 56), scalar=9_633_792,
            source="C3D pool1: Tran et al. 2014, arXiv:1412.0767, figure 3",
        ),
    )  # fmt: skip


class AvgPool(Pooling, name="avgpool", positional=("kernel_size", "stride"), aliases=("avg", "avg_pool")):
    """The average of each window; padding counts as zeros unless `count_include_pad` is off.

    x: C at *spatial -> y: C at *spatial', sizes as in maxpool

    Additions of padding are not counted.

    Sources: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 7; torch.nn.AvgPool1d, 2d, 3d (names, `ceil_mode`,
    padding of half a kernel at most).
    """

    count_include_pad: bool = True

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        if not self.count_include_pad and in_modules(self.pads(x)) is None:
            for w, cut, n in zip(self.windows(x), self.cut(x), x.spatial, strict=True):
                text = (
                    f"with count_include_pad=false, torch cannot add {w.begin} before and {w.end} behind {n} elements"
                )
                yield same(w.slide(n), cut.slide(n)), text
        if x.rank == 3 and self.given_padding(x) is not None:
            for w, n in zip(self.windows(x), x.spatial, strict=True):
                yield (
                    w.kernel <= n,
                    f"torch.nn.AvgPool3d rejects a window of {w.kernel} on an axis of {n} elements, even with padding",
                )

    def remedy(self, *xs: Volume) -> str:
        if self.count_include_pad or in_modules(self.pads(*xs)) is not None:
            return super().remedy(*xs)
        return "leave count_include_pad out: padding then counts as zeros"

    def cut(self, x: Volume) -> tuple[Window, ...]:
        """The windows of `ceil_mode`, which may run over the end: what is not there does not count."""
        pairs = tuple((begin, begin) for begin, _ in self.pads(x))
        return windows_along(x.rank, self.kernel_size, self.step, pairs, self.spacing, ceil=True)

    def given_padding(self, x: Volume) -> Dim | tuple[Dim, ...] | None:
        return (
            in_modules(tuple((w.begin, w.begin) for w in self.cut(x))) if self.is_cut(x) else super().given_padding(x)
        )

    def is_cut(self, x: Volume) -> bool:
        """Whether padding that the module cannot add is what `ceil_mode` leaves out."""
        if self.count_include_pad or self.ceil_mode or in_modules(self.pads(x)) is not None:
            return False
        axes = zip(self.windows(x), self.cut(x), x.spatial, strict=True)
        return all(same(w.slide(n), cut.slide(n)) is not False for w, cut, n in axes)

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(add=self.taps(x) - y.numel, div=y.numel)

    def call(self, x: Volume) -> Call:
        made = self.pooling(x, "AvgPool", filler="0.0")
        return replace(made, arguments={**made.arguments, "ceil_mode": True}) if self.is_cut(x) else made

    examples = (
        Example(
            given=dict(kernel_size=2),
            x=image(6, 28, 28), y=image(6, 14, 14), scalar=4_704,
            source="LeNet-5 as lectures table it: Y. Avrithis, lecture 7 (2018-19)",
        ),
        Example(
            given=dict(kernel_size=5, stride=3, padding=2),
            x=image(512, 14, 14), y=image(512, 5, 5), scalar=247_808,
            source="GoogLeNet's first auxiliary classifier: Y. Avrithis, lecture 7 (2018-19)",
        ),
        Example(
            given=dict(kernel_size=3, stride=1, padding=1, count_include_pad=False),
            x=image(192, 35, 35), y=image(192, 35, 35), scalar=2_036_928,
            source="Inception-v3, pooling branch at 35x35: Szegedy et al. 2015, arXiv:1512.00567, figure 5",
        ),
        Example(
            given=dict(kernel_size=3, stride=2, ceil_mode=True),
            x=image(1, 6), y=image(1, 3), scalar=8,
            source="torch.nn.AvgPool1d: ceil_mode",
        ),
        Example(
            given=dict(kernel_size=2, stride=1, padding=((0, 1), (1, 0))),
            x=image(2, 3, 4), y=image(2, 3, 4), scalar=70,
            source="ONNX operator AveragePool: auto_pad SAME_UPPER and SAME_LOWER, one on each axis",
        ),
        Example(
            given=dict(kernel_size=3, stride=2, padding="same_upper", count_include_pad=False),
            x=image(84, 42, 42), y=image(84, 21, 21), scalar=322_896,
            source="tf.nn.avg_pool, padding SAME; a reduction cell of NASNet: Zoph et al. 2017, arXiv:1707.07012",
        ),
        Example(
            given=dict(kernel_size=(3, 2), stride=(2, 3), padding=((0, 1), (1, 1)), count_include_pad=False),
            x=image(2, 6, 7), y=image(2, 3, 3), scalar=80,
        ),
        Example(
            given=dict(kernel_size=(2, 7, 7), stride=1),
            x=image(1024, 8, 7, 7), y=image(1024, 7, 1, 1), scalar=702_464,
            source="I3D, last pooling: Carreira & Zisserman 2017, arXiv:1705.07750, figure 3",
        ),
    )  # fmt: skip
