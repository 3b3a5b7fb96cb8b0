"""Receptive fields: which input elements an output element sees along one axis.

Sources: Araujo, Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill (chains and
joins of sliding windows). Phases extend it to transposed convolution, upsampling and adaptive pooling.
"""

from collections.abc import Iterable, Sequence
from math import gcd, lcm
from typing import TYPE_CHECKING

from archcalc.core.catalogue import Late
from archcalc.core.dim import Dim, is_number
from archcalc.core.window import AnyWindow, EarlierWindow, Window
from archcalc.record import record, replace
from archcalc.sym.expr import NoClosedForm

if TYPE_CHECKING:
    import fractions
    from fractions import Fraction
else:
    fractions = Late("fractions")

Span = tuple[Dim, Dim] | None
"""First and last input element seen; None if a phase sees nothing (a transposed kernel smaller than its stride)."""


@record
class Field:
    """Output element P*q + r sees input elements lo + step*q .. hi + step*q; (lo, hi) is spans[r] and P = len(spans).

    A field whose step is 0 lists all elements; with one span they all see the same.
    Sliding windows alone give one phase; transposed windows multiply the phases. `whole`: every element sees all of
    the input. `aligned`: at every join so far, the fields of the branches had the same centre and the same jump.
    `earlier`: every element sees the input from element `first` on; all spans begin at 1 - n + 2*first.
    `along`: the axis of positions along which elements are counted; None: the one with the number of the input's axis,
    or the only one.
    """

    spans: tuple[Span, ...] = ((0, 0),)
    step: Dim = 1
    whole: bool = False
    aligned: bool = True
    earlier: bool = False
    first: int = 0
    along: int | None = None

    @classmethod
    def all_of(cls, n: Dim, aligned: bool = True) -> "Field":
        return cls(((0, n - 1),), 0, whole=True, aligned=aligned)

    @property
    def size(self) -> Dim:
        """Input elements from the first to the last one seen, inclusive; the largest over the phases."""
        return max((hi - lo + 1 for lo, hi in filter(None, self.spans)), default=0)

    @property
    def start(self) -> Dim:
        """The first input element that output element 0 sees; negative if that is padding."""
        return next((span[0] for span in self.spans if span), 0)

    @property
    def begin(self) -> int:
        """The same without padding, where it is a number."""
        return max(0, self.start) if is_number(self.start) else 0

    @property
    def jump(self) -> "Fraction":
        """Input elements between neighbouring output elements; below 1 after upsampling, 0 if all see the same."""
        return fractions.Fraction(self.step, len(self.spans))

    @property
    def centres(self) -> tuple[Dim, ...]:
        """Twice the centre of what each phase sees."""
        return tuple(span[0] + span[1] for span in self.spans if span)

    def at(self, i: int) -> Span:
        """What output element `i` sees; nothing where it is none of those that are listed."""
        count = len(self.spans)
        if count > 1 and self.step == 0 and not 0 <= i < count:  # listed, without a call for each of many elements
            return None
        turns, phase = divmod(i, count)
        span = self.spans[phase]
        if span is None:
            return None
        lo, hi = span[0] + self.step * turns, span[1] + self.step * turns
        return (self.first or min(lo, 0) if self.earlier and is_number(lo) else lo), hi

    def over(self, elements: Sequence[int]) -> Span:
        """What several output elements see together: the hull of `at`, without a call for each of many elements.

        >>> Field(((0, 2),), step=2).over([0, 3]), Field(((0, 0), (4, 4)), step=0).over([1, 2])
        ((0, 8), (4, 4))
        """
        spans, step, count = self.spans, self.step, len(self.spans)
        if self.earlier:
            return hull(map(self.at, elements))
        if count == 1 and (span := spans[0]) is not None and is_number(step, *span):
            return (span[0] + step * min(elements), span[1] + step * max(elements)) if elements else None
        if not self.listed:
            return hull(map(self.at, elements))
        if isinstance(elements, range) and elements.step > 0:
            first = elements.start if elements.start >= 0 else elements.start % elements.step
            return hull(spans[first : max(0, elements.stop) : elements.step])
        return hull(spans[i] for i in elements if 0 <= i < count)

    @property
    def alike(self) -> bool:
        """Whether all elements see the same."""
        return self.whole or (len(self.spans) == 1 and is_number(self.step) and self.step == 0)

    @property
    def listed(self) -> bool:
        return len(self.spans) > 1 and is_number(self.step) and self.step == 0

    def phases_through(self, window: AnyWindow) -> int:
        """How many phases the field of a window's output has."""
        if self.listed:  # as many as there are elements
            return window.slide(len(self.spans))
        outputs, inputs = window.period
        return outputs * len(self.spans) // gcd(len(self.spans), inputs)

    def through(self, window: AnyWindow, n: Dim) -> "Field":
        """The field of the window's output, given this field of its input; `n` is the length of the network's input.

        >>> from archcalc.core.window import Window
        >>> Field().through(Window(kernel=7, stride=2, begin=3, end=3), 224).through(Window(kernel=3, stride=2), 224)
        Field(spans=((-3, 7),), step=4, whole=False, aligned=True, earlier=False, first=0, along=None)
        """
        if window.whole and is_number(n, self.step) and self.step == 0 and not self.whole:
            return self.gathered(n)
        if self.whole or window.whole:
            return Field.all_of(n, self.aligned)
        outputs, inputs = window.period
        phases = self.phases_through(window)
        spans = tuple([self.over(tips(window, i, self)) for i in range(phases)])
        made = replace(self, spans=spans, step=self.step * phases // outputs * inputs // len(self.spans))
        if made.step == 0 and is_number(n) and all(covers(span, n) for span in spans):
            return Field.all_of(n, self.aligned)
        all_alike = len(spans) == 1 and is_number(made.step) and made.step == 0  # earlier ones see nothing else
        from_first = self.earlier or (isinstance(window, EarlierWindow) and not all_alike and not self.listed)
        if not from_first:
            return made
        return made.from_first(1 - n + 2 * made.begin, made.begin)

    def slid(self, window: AnyWindow) -> "Field | None":
        """The same where a window slides over elements of which each sees one span, as most do; None elsewhere."""
        if window.__class__ is not Window or len(self.spans) != 1 or self.whole or self.earlier:
            return None
        span, step, kernel, begin = self.spans[0], self.step, window.kernel, window.begin
        if span is None:
            return None
        last = window.dilation * (kernel - 1) - begin
        jump, lo, hi = step * window.stride, span[0] - step * begin, span[1] + step * last
        if not (jump.__class__ is lo.__class__ is hi.__class__ is int) or jump == 0:  # they depend on all of these
            return None
        if (lo, hi, jump) == (*span, step) and self.along is None:
            return self
        return Field(((lo, hi),), jump, False, self.aligned)

    def gathered(self, n: int) -> "Field":
        """The field of elements that each see all that the listed ones see.

        >>> Field(((0, 1), (2, 4)), step=0).gathered(9).spans, Field(((0, 1), (2, 4)), step=0).gathered(5).whole
        (((0, 4),), True)
        """
        seen = hull(self.spans)
        if seen is None or covers(seen, n):
            return Field.all_of(n, self.aligned)
        return replace(self, spans=(seen,))

    def together(self, count: int, n: Dim) -> "Field":
        """The field of elements that each see all that the first `count` see; `n` as in `through`.

        >>> Field(step=2).together(3, 9).spans, Field().together(9, 9).whole
        (((0, 4),), True)
        """
        seen = self.over(range(count))
        if self.whole or (is_number(n) and seen is not None and is_number(*seen) and covers(seen, n)):
            return Field.all_of(n, self.aligned)
        return Field((seen,), 0, aligned=self.aligned)

    def from_first(self, lo: Dim, first: int) -> "Field":
        """The field of elements that also see all earlier ones."""
        return replace(self, spans=tuple(span and (lo, span[1]) for span in self.spans), earlier=True, first=first)

    def at_first(self) -> "Field":
        """The field of elements that all see what element 0 sees."""
        return self if self.whole else replace(self, spans=(self.at(0),), step=0, earlier=False, first=0, along=None)

    def unrolled(self, phases: int) -> "Field":
        """The same field, written with a multiple of its phases."""
        if phases == len(self.spans) and not self.earlier:
            return self
        return replace(self, spans=tuple(self.at(i) for i in range(phases)), step=self.step * phases // len(self.spans))


def covers(span: Span, n: int) -> bool:
    """Whether all of `n` input elements are seen."""
    return span is not None and span[0] <= 0 and span[1] >= n - 1


def tips(window: AnyWindow, i: int, field: Field) -> Sequence[int]:
    """The elements of `field` that determine what output element `i` of a window sees."""
    first, *others = window.runs(i)
    return [*ends(first, field), *(j for run in others for j in ends(run, field))] if others else ends(first, field)


def ends(reach: Sequence[int], field: Field) -> Sequence[int]:
    """The elements that can determine the hull: of evenly spaced ones, the first and the last of each phase.

    >>> [*ends(range(1_000_000), Field(((0, 4), (2, 3)), step=2))]
    [0, 1, 999998, 999999]
    """
    if not isinstance(reach, range):
        return reach
    phases = len(field.spans)
    evenly = phases == 1 or isinstance(reach, range)
    return (*reach[:phases], *reach[-phases:]) if evenly and len(reach) > 2 * phases else reach


def hull(spans: Iterable[Span]) -> Span:
    seen = [span for span in spans if span]
    if len(seen) < 2:
        return seen[0] if seen else None
    return min([lo for lo, _ in seen]), max([hi for _, hi in seen])


def have_one_jump(fields: Sequence[Field]) -> bool:
    """Whether neighbouring elements of all fields are equally far apart in the input."""
    step, phases = fields[0].step, len(fields[0].spans)
    return all(field.step * phases == step * len(field.spans) for field in fields)


def phases_of_union(fields: Sequence[Field], length: Dim = 0) -> int:
    """How many phases the union of several fields of `length` elements has."""
    if any(field.whole for field in fields):
        return 1
    if any(field.listed for field in fields):
        return max(len(field.spans) for field in fields)
    if have_one_jump(fields):
        return lcm(*(len(field.spans) for field in fields))
    return length if is_number(length) else 1


def union(fields: Sequence[Field], length: Dim | None = None) -> Field:
    """What several branches see together at a join, of `length` elements.

    Neighbouring elements of branches with different jumps come apart: each element is listed.

    >>> union([Field(((-1, 1),)), Field()])
    Field(spans=((-1, 1),), step=1, whole=False, aligned=True, earlier=False, first=0, along=None)
    >>> union([Field(step=2), Field()], 3).spans
    ((0, 0), (1, 2), (2, 4))
    """
    first = fields[0]
    if all(field == first for field in fields):
        return first
    aligned = all(field.aligned for field in fields)
    for field in fields:
        if field.whole:
            return replace(field, aligned=aligned)
    along = next((field.along for field in fields if not field.alike), None)
    return replace(union_along_one_axis(fields, length, aligned), along=along)


def union_along_one_axis(fields: Sequence[Field], length: Dim | None, aligned: bool) -> Field:
    """The same, where no field is whole."""
    if lows := [span[0] for field in fields if field.earlier for span in field.spans if span]:
        begin = min(field.first if field.earlier else field.begin for field in fields)
        alike = [replace(field.from_first(lows[0], begin), earlier=False, first=0) for field in fields]
        return replace(union(alike, length), earlier=True, first=begin)
    if any(field.listed for field in fields):
        return union_of_listed(fields, aligned)
    if not have_one_jump(fields):
        if length is None or not is_number(length):
            raise NoClosedForm("branches meet whose neighbouring elements are differently far apart in the input")
        spans = tuple([hull([field.at(i) for field in fields]) for i in range(length)])
        return Field(spans, 0, aligned=False)
    phases = lcm(*(len(field.spans) for field in fields))
    unrolled = [field.unrolled(phases) for field in fields]
    aligned = aligned and len({field.centres for field in unrolled}) == 1
    spans = tuple(hull(branch) for branch in zip(*(field.spans for field in unrolled), strict=True))
    return Field(spans, unrolled[0].step, aligned=aligned)


def union_of_listed(fields: Sequence[Field], aligned: bool) -> Field:
    """The same, where the elements of a field are listed: element by element.

    >>> union([Field(((2, 2), (0, 1)), step=0), Field()]).spans
    ((0, 2), (0, 1))
    """
    count = min(len(field.spans) for field in fields if field.listed)
    spans = tuple(hull(field.at(i) for field in fields) for i in range(count))
    centres = {tuple(span[0] + span[1] for span in map(field.at, range(count)) if span) for field in fields}
    return Field(spans, 0, aligned=aligned and len(centres) == 1)
