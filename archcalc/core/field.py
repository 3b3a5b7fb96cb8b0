"""Receptive fields: which input units an output unit of one axis sees.

Sources: Araujo, Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill (chains and
joins of sliding windows). Phases extend it to transposed convolution, upsampling and adaptive pooling.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd, lcm

from archcalc.core.dim import Dim
from archcalc.core.window import AnyWindow, EarlierWindow

Span = tuple[Dim, Dim] | None
"""First and last input unit seen; None where a phase sees nothing (a transposed kernel smaller than its stride)."""


@dataclass(frozen=True, slots=True)
class Field:
    """Output unit P*q + r sees input units lo + step*q .. hi + step*q, where (lo, hi) is spans[r] and P = len(spans).

    After sliding windows alone there is one phase; transposed windows multiply them. `whole`: every unit sees all of
    the input. `aligned`: at every join so far, the branches' fields had one centre and one jump. `earlier`: every unit
    sees the input from its first unit on, whose n units all spans then reach back.
    """

    spans: tuple[Span, ...] = ((0, 0),)
    step: Dim = 1
    whole: bool = False
    aligned: bool = True
    earlier: bool = False

    @classmethod
    def all_of(cls, n: Dim, aligned: bool = True) -> "Field":
        return cls(((0, n - 1),), 0, whole=True, aligned=aligned)

    @property
    def size(self) -> Dim:
        """Input units from the first to the last one seen, both counted; the largest over the phases."""
        return max((hi - lo + 1 for lo, hi in filter(None, self.spans)), default=0)

    @property
    def start(self) -> Dim:
        """The first input unit that output unit 0 sees; negative where that is padding."""
        return next((span[0] for span in self.spans if span), 0)

    @property
    def jump(self) -> Fraction:
        """Input units between neighbouring output units; below 1 after upsampling, 0 where all see the same."""
        return Fraction(self.step, len(self.spans))

    @property
    def centres(self) -> tuple[Dim, ...]:
        """Twice the centre of what each phase sees."""
        return tuple(span[0] + span[1] for span in self.spans if span)

    def at(self, i: int) -> Span:
        """What output unit `i` sees."""
        turns, phase = divmod(i, len(self.spans))
        span = self.spans[phase]
        return span and (span[0] + self.step * turns, span[1] + self.step * turns)

    def phases_through(self, window: AnyWindow) -> int:
        """How many phases the field of a window's output has."""
        outputs, inputs = window.period
        return outputs * len(self.spans) // gcd(len(self.spans), inputs)

    def through(self, window: AnyWindow, n: Dim) -> "Field":
        """The field of the window's output, given this field of its input; `n` is the length of the network's input.

        >>> from archcalc.core.window import Window
        >>> Field().through(Window(kernel=7, stride=2, begin=3, end=3), 224).through(Window(kernel=3, stride=2), 224)
        Field(spans=((-3, 7),), step=4, whole=False, aligned=True, earlier=False)
        """
        if self.whole or window.whole:
            return Field.all_of(n, self.aligned)
        outputs, inputs = window.period
        phases = self.phases_through(window)
        spans = tuple(hull(self.at(unit) for unit in ends(window.reach(i), self)) for i in range(phases))
        made = replace(self, spans=spans, step=self.step * phases // outputs * inputs // len(self.spans))
        return made.from_first(1 - n) if self.earlier or isinstance(window, EarlierWindow) else made

    def from_first(self, lo: Dim) -> "Field":
        """The field of units that see all before, too."""
        return replace(self, spans=tuple(span and (lo, span[1]) for span in self.spans), earlier=True)

    def unrolled(self, phases: int) -> "Field":
        """The same field written with a multiple of its phases."""
        return replace(self, spans=tuple(self.at(i) for i in range(phases)), step=self.step * phases // len(self.spans))


def ends(reach: Sequence[int], field: Field) -> Sequence[int]:
    """The units that can decide the hull: of those evenly apart the first and the last of each phase.

    >>> [*ends(range(1_000_000), Field(((0, 4), (2, 3)), step=2))]
    [0, 1, 999998, 999999]
    """
    phases = len(field.spans)
    evenly = phases == 1 or isinstance(reach, range)
    return (*reach[:phases], *reach[-phases:]) if evenly and len(reach) > 2 * phases else reach


def hull(spans: Iterable[Span]) -> Span:
    seen = [span for span in spans if span]
    return (min(lo for lo, _ in seen), max(hi for _, hi in seen)) if seen else None


def union(fields: Sequence[Field]) -> Field:
    """What several branches see together where they join.

    >>> union([Field(((-1, 1),)), Field()])
    Field(spans=((-1, 1),), step=1, whole=False, aligned=True, earlier=False)
    """
    first = fields[0]
    if all(field == first for field in fields):
        return first
    aligned = all(field.aligned for field in fields)
    for field in fields:
        if field.whole:
            return replace(field, aligned=aligned)
    if lows := [span[0] for field in fields if field.earlier for span in field.spans if span]:
        return replace(union([replace(field.from_first(lows[0]), earlier=False) for field in fields]), earlier=True)
    if len({field.jump for field in fields}) > 1:
        return replace(first, spans=(hull(span for field in fields for span in field.spans),), aligned=False)
    phases = lcm(*(len(field.spans) for field in fields))
    unrolled = [field.unrolled(phases) for field in fields]
    aligned = aligned and len({field.centres for field in unrolled}) == 1
    spans = tuple(hull(branch) for branch in zip(*(field.spans for field in unrolled), strict=True))
    return Field(spans, unrolled[0].step, aligned=aligned)
