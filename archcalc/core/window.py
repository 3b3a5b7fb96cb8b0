"""Windows: the one fact about an axis that determines both the output size and the receptive field.

Every window answers the same three questions: `slide(n)`, the number of output elements for `n` input elements;
`reach(i)`, the input elements that output element `i` reads (elements outside the input are padding); and `period`,
after how many output elements this pattern repeats, and by how many input elements it then shifts. A window whose
`whole` is true reads every element. `words` describe what `slide` computes; `source` cites the formula.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from math import ceil, floor, gcd
from struct import pack, unpack
from typing import TYPE_CHECKING, Literal

from archcalc.core.catalogue import Late
from archcalc.core.condition import Requirement
from archcalc.core.dim import Dim, PerAxis, ceil_div, is_number, maximum, minimum, per_axis
from archcalc.record import record
from archcalc.sym.expr import NoClosedForm

if TYPE_CHECKING:
    import fractions
else:
    fractions = Late("fractions")

DUMOULIN = "Dumoulin & Visin 2016, arXiv:1603.07285"


class AnyWindow:
    """Abstract: what each kind of window below provides."""

    __slots__ = ()

    @property
    def whole(self) -> bool:
        return False

    @property
    def onto(self) -> int | None:
        """The axis of positions of the output that the axis becomes; None: the one with its own number, or the only
        one."""
        return None

    @property
    def period(self) -> tuple[Dim, Dim]:
        return 1, 1

    @property
    @abstractmethod
    def words(self) -> str: ...

    @property
    def source(self) -> str:
        return ""

    @abstractmethod
    def slide(self, n: Dim) -> Dim: ...

    @abstractmethod
    def reach(self, i: int) -> Sequence[int]: ...

    def runs(self, i: int) -> Sequence[Sequence[int]]:
        """The same elements in parts, evenly spaced where they can be: their ends then say what is seen."""
        return (self.reach(i),)


@record
class Window(AnyWindow):
    """A sliding window: convolution, pooling, padding (kernel 1) and cropping (negative padding).

    Sources: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 15; the ceil clause is torch's
    `pooling_output_shape`: the last window must start inside the input or its left padding.
    """

    kernel: Dim = 1
    stride: Dim = 1
    begin: Dim = 0
    end: Dim = 0
    dilation: Dim = 1
    ceil: bool = False

    @property
    def extent(self) -> Dim:
        """Input elements from the first tap to the last, inclusive: d(k - 1) + 1."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def period(self) -> tuple[Dim, Dim]:
        return 1, self.stride

    @property
    def words(self) -> str:
        clause = ", rounded up; the last one starts in the input or in the padding before it" if self.ceil else ""
        return f"positions of the window{clause}"

    @property
    def source(self) -> str:
        return "torch, pooling_output_shape (ceil_mode)" if self.ceil else f"{DUMOULIN}, relationship 15"

    def slide(self, n: Dim) -> Dim:
        """The number of positions of the window along `n` elements.

        >>> Window(kernel=7, stride=2, begin=3, end=3).slide(224)
        112
        >>> Window(kernel=3, stride=2).slide(6), Window(kernel=3, stride=2, ceil=True).slide(6)
        (2, 3)
        """
        if not self.ceil:
            return (n + self.begin + self.end - self.extent) // self.stride + 1
        return ceil_div(n + self.begin + minimum(0, self.end + self.stride - self.extent), self.stride)

    def reach(self, i: int) -> Sequence[int]:
        first = i * self.stride - self.begin
        return range(first, first + self.extent, self.dilation)

    def taps(self, n: Dim) -> Dim:
        """The number of (position, tap) pairs of the axis that read input, not padding.

        >>> Window(kernel=3, begin=1, end=1).taps(5)
        13
        """
        last = self.slide(n) - 1
        shifts = (self.begin - t * self.dilation for t in self.meeting(n, last))
        firsts = ((shift, maximum(0, ceil_div(shift, self.stride))) for shift in shifts)
        return sum(maximum(0, minimum(last, (n - 1 + s) // self.stride) - first + 1) for s, first in firsts)

    def meeting(self, n: Dim, last: Dim) -> range:
        """The taps that read input at some position; all if that depends on a symbol: the others then count 0."""
        if not is_number(n, last):
            return range(self.kernel)
        first = max(0, ceil_div(self.begin - last * self.stride, self.dilation))
        return range(first, min(self.kernel, (self.begin + n - 1) // self.dilation + 1))

    def filled(self, n: Dim) -> Dim:
        """The number of positions with a tap on input: all, unless the input lies between the taps of a dilated window.

        >>> Window(kernel=2, begin=1, end=1, dilation=2).filled(1), Window(kernel=3, begin=1, end=1).filled(5)
        (0, 5)
        """
        positions = self.slide(n)
        if self.dilation == 1:
            return positions
        if not is_number(n):
            raise NoClosedForm("the dilated windows that miss the input have to be counted one by one")
        return sum(1 for i in range(positions) if self.meets(i, n))

    def meets(self, i: int, n: Dim) -> bool:
        """Whether position `i` has a tap on input: its first tap at or after the input's start is before its end."""
        start = self.reach(i)[0]
        t = max(0, ceil_div(-start, self.dilation))
        return t < self.kernel and start + t * self.dilation < n

    def counted(self, n: Dim) -> str:
        """The arithmetic of `slide`, as messages show it.

        >>> Window(kernel=3).counted(2)
        '(2 + 2*0 - 3)//1 + 1 = 0'
        """
        padding = f"2*{self.begin}" if self.begin == self.end else f"{self.begin} + {self.end}"
        total = f"({n} + {padding} - {self.extent})"
        if self.ceil:
            return f"ceil({total}/{self.stride}) + 1 = {self.slide(n)}"
        return f"{total}//{self.stride} + 1 = {self.slide(n)}"


@record
class TransposedWindow(AnyWindow):
    """A window of a transposed convolution: input element i writes output elements i*s - begin + t*d.

    Source: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 14; torch.nn.ConvTranspose2d (dilation,
    output_padding).
    """

    kernel: Dim
    stride: Dim = 1
    begin: Dim = 0
    end: Dim = 0
    dilation: Dim = 1
    output_padding: Dim = 0

    @property
    def extent(self) -> Dim:
        return self.dilation * (self.kernel - 1) + 1

    @property
    def period(self) -> tuple[Dim, Dim]:
        return self.stride, 1

    @property
    def words(self) -> str:
        return "element i writes to i·s - p + d·t, for each tap t"

    @property
    def source(self) -> str:
        return f"{DUMOULIN}, relationship 14; torch.nn.ConvTranspose2d"

    def slide(self, n: Dim) -> Dim:
        """The length of the output.

        >>> TransposedWindow(kernel=2, stride=2).slide(28)
        56
        """
        return (n - 1) * self.stride - self.begin - self.end + self.extent + self.output_padding

    def written(self, n: Dim) -> Dim:
        """The number of elements that all input elements write to, including those that padding crops.

        >>> TransposedWindow(kernel=3, stride=2).written(3), TransposedWindow(kernel=2, stride=3).written(3)
        (7, 6)
        """
        common = gcd(self.stride, self.dilation)  # what (i, t) writes, (i - d / common, t + s / common) writes too
        twice = maximum(0, n - self.dilation // common) * maximum(0, self.kernel - self.stride // common)
        return n * self.kernel - twice

    def counted(self, n: Dim) -> str:
        """The arithmetic of `slide`, as messages show it.

        >>> TransposedWindow(kernel=2, begin=2, end=2).counted(3)
        '(3 - 1)*1 - 2 - 2 + 2 + 0 = 0'
        """
        cropped = f"({n} - 1)*{self.stride} - {self.begin} - {self.end}"
        return f"{cropped} + {self.extent} + {self.output_padding} = {self.slide(n)}"

    def reach(self, i: int) -> Sequence[int]:
        """The input elements that write to output element `i`.

        >>> [list(TransposedWindow(kernel=3, stride=2).reach(i)) for i in (2, 3)]
        [[0, 1], [1]]
        """
        common = gcd(self.stride, self.dilation)
        every, apart = self.stride // common, self.dilation // common  # of the taps, one in `every` writes to it
        at = (i + self.begin) // common
        tap = at * pow(apart, -1, every) % every
        if (i + self.begin) % common or tap >= self.kernel:
            return range(0)
        last = (at - tap * apart) // every
        return range(last - (self.kernel - 1 - tap) // every * apart, last + 1, apart)


@record
class AdaptiveWindow(AnyWindow):
    """Adaptive pooling of `inputs` to `outputs` elements: output i averages floor(i n / m) .. ceil((i + 1) n / m) - 1.

    Source: torch.nn.AdaptiveAvgPool2d, `aten/src/ATen/native/AdaptivePooling.h`.
    """

    inputs: Dim
    outputs: Dim

    @property
    def period(self) -> tuple[Dim, Dim]:
        common = gcd(self.inputs, self.outputs)
        return self.outputs // common, self.inputs // common

    @property
    def words(self) -> str:
        return "element i of m reads ⌊i·n/m⌋ to ⌈(i + 1)·n/m⌉ - 1 of n"

    @property
    def source(self) -> str:
        return "torch.nn.AdaptiveAvgPool2d, aten/src/ATen/native/AdaptivePooling.h"

    def slide(self, n: Dim) -> Dim:
        return self.outputs

    def taps(self) -> Dim:
        """The number of input elements that all outputs read, counted per output.

        >>> AdaptiveWindow(5, 2).taps()
        6
        """
        if not is_number(self.inputs, self.outputs):
            raise NoClosedForm("the overlap of adaptive windows depends on a greatest common divisor")
        return self.inputs + self.outputs - gcd(self.inputs, self.outputs)

    def reach(self, i: int) -> Sequence[int]:
        """
        >>> [list(AdaptiveWindow(5, 2).reach(i)) for i in (0, 1)]
        [[0, 1, 2], [2, 3, 4]]
        """
        return range(i * self.inputs // self.outputs, ceil_div((i + 1) * self.inputs, self.outputs))


@record
class ResizedWindow(AnyWindow):
    """Resizing to `outputs` elements. `step` = (a, b): b output elements cover a input elements.

    Output i copies element floor(i a / b) ("nearest"), or interpolates the two elements around i a / b ("corners":
    the first and last elements coincide with the input's) or around (i + 1/2) a / b - 1/2 ("centres"). `sides`: how
    many elements it takes on either side, 2 for a cubic. An element of weight zero is not read. `factor`: the nearest
    element is floor(i * factor) in single precision, as in torch, which is off by one for a few sizes. The period is
    then the whole axis.

    Source: torch, aten/src/ATen/native/UpSample.h: area_pixel_compute_source_index and
    nearest_neighbor_compute_source_index.
    """

    outputs: Dim
    step: tuple[Dim, Dim]
    kind: Literal["nearest", "corners", "centres"]
    factor: float | None = None
    sides: int = 1

    @property
    def period(self) -> tuple[Dim, Dim]:
        if not is_number(*self.step):
            raise NoClosedForm("the period of resizing depends on a greatest common divisor")
        common = 1 if self.factor is not None else gcd(*self.step)
        return self.step[1] // common, self.step[0] // common

    @property
    def words(self) -> str:
        if self.kind == "nearest":
            return "element i of m reads element ⌊i·n/m⌋ of n"
        position = "i·(n - 1)/(m - 1)" if self.kind == "corners" else "(i + 1/2)·n/m - 1/2"
        return f"element i of m reads the {('two', 'four')[self.sides - 1]} elements around {position}"

    @property
    def source(self) -> str:
        return UPSAMPLE

    def slide(self, n: Dim) -> Dim:
        return self.outputs

    def reach(self, i: int) -> Sequence[int]:
        """
        >>> [list(ResizedWindow(3, (2, 3), kind).reach(1)) for kind in ("nearest", "corners", "centres")]
        [[0], [0, 1], [0, 1]]
        """
        inputs, outputs = self.step
        turns, element = divmod(i, self.period[0])
        if self.factor is not None:
            first = last = min(int(rounded(element * rounded(self.factor))), inputs - 1)
        elif self.kind == "centres":
            position = fractions.Fraction((2 * element + 1) * inputs - outputs, 2 * outputs)
            first, last = floor(position), ceil(position)
        else:
            position = fractions.Fraction(element * inputs, outputs)
            first, last = floor(position), floor(position) if self.kind == "nearest" else ceil(position)
        more = self.sides - 1 if last > first else 0
        begin = turns * self.period[1]
        return range(begin + first - more, begin + last + more + 1)


@record
class SmoothedWindow(AnyWindow):
    """Resizing after smoothing, so that no element is skipped. `step` = (a, b): b output elements cover a input
    elements.

    Output i is a weighted mean of the elements that are less than `sides` steps from (i + 1/2) a / b, a step being
    a / b or 1, whichever is more. The weight falls linearly with the distance (`sides` 1), or is a cubic (2), which is
    zero one step away. An element of weight zero is not read.

    Source: torch, aten/src/ATen/native/cpu/UpSampleKernel.cpp, _compute_indices_min_size_weights_aa; the cubic: Keys
    1981, doi:10.1109/TASSP.1981.1163711, with a = -1/2.
    """

    inputs: Dim
    outputs: Dim
    step: tuple[Dim, Dim]
    sides: int

    @property
    def period(self) -> tuple[Dim, Dim]:
        if not is_number(*self.step):
            raise NoClosedForm("the period of resizing depends on a greatest common divisor")
        common = gcd(*self.step)
        return self.step[1] // common, self.step[0] // common

    @property
    def words(self) -> str:
        far = "" if self.sides == 1 else f"{self.sides}·"
        return f"element i of m reads what is less than {far}max(n/m, 1) from (i + 1/2)·n/m"

    @property
    def source(self) -> str:
        return UPSAMPLE

    def slide(self, n: Dim) -> Dim:
        return self.outputs

    def taps(self) -> Dim:
        """The number of input elements that all outputs read, counted per output.

        >>> SmoothedWindow(4, 2, (2, 1), 1).taps(), SmoothedWindow(4, 4, (1, 1), 2).taps()
        (6, 4)
        """
        if not is_number(self.inputs, self.outputs, *self.step):
            raise NoClosedForm("how far smoothing reaches depends on a ratio of lengths")
        return sum(sum(0 <= j < self.inputs for j in self.reach(i)) for i in range(self.outputs))

    def reach(self, i: int) -> Sequence[int]:
        """
        >>> SmoothedWindow(6, 2, (3, 1), 1).reach(0), SmoothedWindow(9, 3, (3, 1), 2).reach(1)
        ([-1, 0, 1, 2, 3], [-1, 0, 2, 3, 4, 5, 6, 8, 9])
        """
        ratio = fractions.Fraction(*self.step)
        apart, centre = max(ratio, fractions.Fraction(1)), ratio * (2 * i + 1) / 2
        near = range(floor(centre - self.sides * apart), ceil(centre + self.sides * apart) + 1)
        far = ((j, abs(j + fractions.Fraction(1, 2) - centre) / apart) for j in near)
        return [j for j, steps in far if steps < self.sides and (steps != 1 or self.sides == 1)]


UPSAMPLE = "torch, aten/src/ATen/native/UpSample.h"


def rounded(value: float) -> float:
    """The nearest single-precision number.

    >>> rounded(0.1)
    0.10000000149011612
    """
    return float(unpack("f", pack("f", value))[0])


@record
class BlockWindow(AnyWindow):
    """The axis in blocks of `size` elements; each element reads all of its block. The first block has `shift` elements.
    An axis of at most `size` elements is one block.

    Source: Liu et al. 2021, arXiv:2103.14030, section 3.2 (windows, and windows that are shifted).
    """

    length: Dim
    size: Dim
    shift: Dim = 0

    @property
    def whole(self) -> bool:
        return is_number(self.length) and self.length <= self.size

    @property
    def period(self) -> tuple[Dim, Dim]:
        if not is_number(self.length):
            raise NoClosedForm("whether one window covers the axis depends on its length")
        return self.size, self.size

    @property
    def words(self) -> str:
        return f"blocks of {self.size} elements; an element reads its block"

    @property
    def source(self) -> str:
        return "Liu et al. 2021, arXiv:2103.14030, section 3.2"

    def slide(self, n: Dim) -> Dim:
        """The length of the axis is unchanged."""
        return n

    def reach(self, i: int) -> Sequence[int]:
        """
        >>> [BlockWindow(length=8, size=4, shift=1).reach(i) for i in (0, 1, 4, 5)]
        [range(-3, 1), range(1, 5), range(1, 5), range(5, 9)]
        """
        first = (i - self.shift) // self.size * self.size + self.shift
        return range(first, first + self.size)


@record
class WholeWindow(AnyWindow):
    """Every output element reads the whole axis: global pooling, flattening, attention, statistics over positions."""

    outputs: Dim

    @property
    def whole(self) -> bool:
        return True

    @property
    def period(self) -> tuple[Dim, Dim]:
        return 1, 0

    @property
    def words(self) -> str:
        return "every element reads the whole axis"

    def slide(self, n: Dim) -> Dim:
        return self.outputs

    def reach(self, i: int) -> Sequence[int]:
        raise NotImplementedError("a whole window reads the whole axis, whatever its length")


@record
class EarlierWindow(AnyWindow):
    """Every element reads itself and all earlier elements: causal attention. `more`: elements of the output that follow
    the last one, and read all."""

    more: Dim = 0

    @property
    def words(self) -> str:
        return "every element reads itself and all earlier ones" + "; those that follow read all" * bool(self.more)

    def slide(self, n: Dim) -> Dim:
        return n + self.more

    def reach(self, i: int) -> Sequence[int]:
        """
        >>> list(EarlierWindow().reach(2))
        [0, 1, 2]
        """
        return range(i + 1)


@record
class SequenceWindow(AnyWindow):
    """One axis of an image whose positions are flattened into a sequence, the last axis running fastest.

    `length`: the elements of this axis; `before`, `after`: the number of positions of the axes before and after it.
    """

    length: Dim
    before: Dim = 1
    after: Dim = 1

    @property
    def period(self) -> tuple[Dim, Dim]:
        """Where the axis runs through its elements again and again, each element of the sequence is listed."""
        return (self.after, 1) if self.before == 1 else (self.before * self.length * self.after, 0)

    @property
    def words(self) -> str:
        return "the positions of all axes in one sequence, the last axis running fastest"

    def slide(self, n: Dim) -> Dim:
        """The length of the sequence.

        >>> SequenceWindow(length=14, after=14).slide(14)
        196
        """
        return self.before * n * self.after

    def reach(self, i: int) -> Sequence[int]:
        """
        >>> [list(SequenceWindow(length=2, after=3).reach(i)) for i in (2, 3)]
        [[0], [1]]
        >>> [list(SequenceWindow(length=3, before=2).reach(i)) for i in (2, 3)]
        [[2], [0]]
        """
        element = i // self.after
        return [element if self.before == 1 else element % self.length]


IDENTITY = Window()


def windows_along(
    rank: int,
    kernel: PerAxis,
    stride: PerAxis,
    padding: tuple[tuple[Dim, Dim], ...],
    dilation: PerAxis = 1,
    ceil: bool = False,
) -> tuple[Window, ...]:
    """One window per axis. Kernel, stride and dilation are given once or per axis, padding as (begin, end) pairs."""
    axes = zip(per_axis(kernel, rank), per_axis(stride, rank), padding, per_axis(dilation, rank), strict=True)
    return tuple(Window(k, s, begin, end, d, ceil) for k, s, (begin, end), d in axes)


def slide(windows: Sequence[AnyWindow], spatial: Sequence[Dim]) -> tuple[Dim, ...]:
    """The output size of every axis.

    >>> slide((Window(kernel=3), Window(kernel=5)), (8, 8))
    (6, 4)
    """
    return tuple(w.slide(n) for w, n in zip(windows, spatial, strict=True))


def fits(windows: Sequence[Window], spatial: Sequence[Dim]) -> Iterator[Requirement]:
    """Every window fits on its axis, including padding.

    >>> list(fits((Window(kernel=3),), (2,)))
    [(False, 'a window of 3 does not fit on an axis of length 2: (2 + 2*0 - 3)//1 + 1 = 0')]
    """
    for window, n in zip(windows, spatial, strict=True):
        holds = window.slide(n) >= 1
        yield holds, "" if holds is True else misfit(window, n)


def misfit(window: Window, n: Dim) -> str:
    return f"a window of {window.extent} does not fit on an axis of length {n}: {window.counted(n)}"
