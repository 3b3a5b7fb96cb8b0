"""The layer, and its arguments, whose generated code makes the calls of a segment.

What a layer states without running anything comes first: its requirements, its output and the shapes of its weights.
Arguments that agree with these are tried on the tape, and those are followed whose calls agree with the program's for
longer. What the module itself calls by an argument's name is tried before anything else.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations, islice, product
from typing import Any

from archcalc.core.volume import Volume
from archcalc.importing.lowering.batches import with_whole_batches
from archcalc.importing.lowering.choosing import Arguments, Choices, changes, referring, related
from archcalc.importing.lowering.segments import Described, Segment, numbers_in, segment_of
from archcalc.importing.lowering.written import kinds_with
from archcalc.importing.program import BATCH, MADE, Plain, Program, Value
from archcalc.layer import Layer
from archcalc.record import record, replace

MOST_STARTS = 5_000
"""The most values of required arguments that are looked at."""

WIDTH, ROUNDS = 8, 4
"""How many arguments are followed at once, and how often one of them is changed, until facts agree."""

AROUND = 6
"""How many calls after the first one that differs are looked at for numbers, when arguments are changed."""


@record
class Found:
    """A layer, and its names for the weights of a segment, in their order."""

    layer: Layer
    weights: tuple[str, ...]


class Search:
    """For a segment, on inputs of these volumes."""

    def __init__(self, program: Program, segment: Segment, inputs: Sequence[Volume], said: Mapping[str, Plain]) -> None:
        self.program, self.segment, self.inputs = program, segment, inputs
        self.choosing = Choices(segment, said)
        self.tried: dict[Layer, int] = {}

    def found(self, module: str) -> Found | None:
        """`module`: the name of the class that made the calls; empty for a line of code."""
        functions = frozenset(each.function for each in self.segment.operations)
        for kind in kinds_with(functions, module):
            for reads in referring(kind, len(self.inputs)):
                found = self.of_kind(kind, reads)
                if found is not None:
                    return found
        return None

    def of_kind(self, kind: type[Layer], reads: Arguments) -> Found | None:
        choices = self.choosing.of(kind)
        best = self.best(self.agreeing(kind, reads, choices))
        while best is not None and self.agreement(best) < len(self.segment.calls):
            more = self.better(best, choices)
            if more is None:
                return None
            best = more
        return self.named(best) if best is not None else None

    # --- facts -----------------------------------------------------------------------------------------------------

    def agreeing(self, kind: type[Layer], reads: Arguments, choices: Mapping[str, list[Any]]) -> list[Layer]:
        """Layers whose output and weights have the segment's shapes."""
        required = sorted(kind.required - reads.keys())
        if not choices.keys() >= set(required):
            return []
        said = self.choosing.settings(kind)
        starts = product(*([said[name]] if name in said else choices[name] for name in required))
        found: dict[Layer, int] = {}
        for values in islice(starts, MOST_STARTS):
            given = reads | dict(zip(required, values, strict=True))
            self.consider(kind, self.accepted(kind, given, said), found)
            self.consider(kind, given, found)
        if not found:
            for values in islice(product(*(choices[name] for name in required)), MOST_STARTS):
                self.consider_words(kind, reads | dict(zip(required, values, strict=True)), choices, found)
        for _ in range(ROUNDS):
            least = sorted(found, key=found.__getitem__)
            exact = [each for each in least if found[each] == 0]
            if exact or not least:
                return exact
            before = len(found)
            for each in least[:WIDTH]:
                for name, value in changes(each, choices):
                    self.consider(kind, each.stated() | {name: value}, found)
            if len(found) == before:
                return []
        return [each for each, gap in found.items() if gap == 0]

    def accepted(self, kind: type[Layer], given: Arguments, said: Arguments) -> Arguments:
        """The arguments with all settings, or with those that the layer accepts."""
        if self.gap(kind(**said | given)) is not None:
            return said | given
        found = dict(given)
        for name, value in (*said.items(), *said.items()):
            if name not in found and self.gap(kind(**found | {name: value})) is not None:
                found[name] = value
        return found

    def consider(self, kind: type[Layer], given: Arguments, found: dict[Layer, int]) -> None:
        layer = kind(**given)
        if layer not in found and (gap := self.gap(layer)) is not None:
            found[layer] = gap

    def consider_words(
        self, kind: type[Layer], given: Arguments, choices: Mapping[str, list[Any]], found: dict[Layer, int]
    ) -> None:
        """With each truth and each word, one at a time."""
        for name, values in choices.items():
            for value in values:
                if name not in given and isinstance(value, bool | str):
                    self.consider(kind, given | {name: value}, found)

    def gap(self, layer: Layer) -> int | None:
        """How many shapes of weights differ, and whether that of the output does; None if it refuses its inputs."""
        try:
            if layer.ranks and self.inputs[0].rank not in layer.ranks:
                return None
            if not all(holds for holds, _ in layer.requires(*self.inputs)):
                return None
            made = layer.shape(*self.inputs)
            mine = Counter(each.shape for each in layer.weights(*self.inputs))
        except (ArithmeticError, TypeError, ValueError):
            return None
        assert self.segment.output is not None
        theirs = Counter(each.shape for each in self.segment.stored if self.program.stored[each.name].saved)
        differ = (mine - theirs) + (theirs - mine)
        return differ.total() + (made.item_shape != (self.segment.output.shape[1:] or (1,)))

    # --- calls -----------------------------------------------------------------------------------------------------

    def agreement(self, layer: Layer) -> int:
        """How many calls are those of the segment, before the first one that is not."""
        if layer not in self.tried:
            made = self.segment_of(layer)
            self.tried[layer] = -1 if made is None else in_common(made.calls, self.segment.calls)
        return self.tried[layer]

    def segment_of(self, layer: Layer, inputs: Sequence[Volume] = (), values: Sequence[Value] = ()) -> Segment | None:
        """What its code does to the inputs of the segment, or to others."""
        assert self.program.retrace is not None
        try:
            call = layer.call(*(inputs or self.inputs))
            made = with_whole_batches(self.program.retrace(call, values or self.segment.inputs))
        except (ArithmeticError, TypeError, ValueError, RuntimeError, IndexError):
            return None
        if not 0 < len(made.operations) <= len(self.segment.operations) + AROUND:
            return None
        outputs = set(made.outputs or made.operations[-1].makes)  # one that depends on no input is not among them
        return segment_of(made.operations, lambda value, _: value in outputs, made.inputs)

    def best(self, layers: Sequence[Layer]) -> Layer | None:
        return max(layers[: WIDTH * WIDTH], key=self.agreement, default=None)

    def better(self, layer: Layer, choices: Mapping[str, list[Any]]) -> Layer | None:
        """The layer with one argument changed, or two of which one is a truth, if its calls agree for longer."""
        reached = self.agreement(layer)
        near = set(numbers_in(self.segment.calls[reached : reached + AROUND])) if reached >= 0 else set()
        near |= {other for n in near for other in related(n)}
        beside = [layer]
        for start in beside:
            for other in self.changed(start, choices, near):
                if self.agreement(other) > reached:
                    return other
                if start is layer and self.agreement(other) == reached and differs_in_words(layer, other):
                    beside.append(other)
        words = [(name, value) for name, value in changes(layer, choices) if type(value) not in (int, float)]
        pairs = (type(layer)(**layer.stated() | dict(pair)) for pair in combinations(words, 2))
        return next((each for each in pairs if self.gap(each) == 0 and self.agreement(each) > reached), None)

    def changed(self, layer: Layer, choices: Mapping[str, list[Any]], near: Collection[float]) -> Iterator[Layer]:
        """The layers with one other argument, a number among those that are near, that state the segment's shapes."""
        for name, value in changes(layer, choices):
            if type(value) not in (int, float) or value in near:
                other = type(layer)(**(layer.stated() | {name: value}))
                if self.gap(other) == 0:
                    yield other

    def named(self, layer: Layer) -> Found | None:
        """What was found, if its code makes just the calls of the segment, and the same one of them its output."""
        layer = self.shortest(layer)
        made = self.segment_of(layer)
        if made is None or made.calls != self.segment.calls or made.output is None or self.segment.output is None:
            return None
        if place_of(made) != place_of(self.segment):
            return None
        return Found(layer, tuple(each.name.removeprefix("module.") for each in made.stored))

    def shortest(self, layer: Layer) -> Layer:
        """The layer without arguments that follow from its inputs: without them its code does the same, on larger
        inputs, too."""
        for name in layer.stated(*layer.required, *layer.reads):
            other = type(layer)(**layer.stated(name))
            alike = self.gap(other) == 0 and self.agreement(other) == self.agreement(layer)
            if alike and self.larger_calls(layer) == self.larger_calls(other):
                layer = other
        return layer

    def larger_calls(self, layer: Layer) -> Described | None:
        """What it does to inputs that are twice as long along each axis."""
        inputs = [replace(each, spatial=tuple(2 * n for n in each.spatial)) for each in self.inputs]
        shapes = [Value(MADE, (BATCH, *each.item_shape), each.dtype) for each in inputs]
        made = self.segment_of(layer, inputs, shapes) if all(holds for holds, _ in layer.requires(*inputs)) else None
        return None if made is None else made.calls


def differs_in_words(layer: Layer, other: Layer) -> bool:
    """Whether the arguments that differ are truths or words."""
    values = ((getattr(layer, name), getattr(other, name)) for name in layer.known)
    return all(type(value) not in (int, float) for pair in values if pair[0] != pair[1] for value in pair)


def in_common(a: Sequence[object], b: Sequence[object]) -> int:
    """How many elements two sequences begin with that are the same; -1 if the first has all of the second, and more."""
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return same if len(a) <= len(b) or same < len(b) else same - 1


def place_of(segment: Segment) -> int:
    """Which of its values the output is."""
    made = [each for operation in segment.operations for each in operation.makes]
    return next(i for i, each in enumerate(made) if each is segment.output)
