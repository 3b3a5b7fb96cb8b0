"""Modules of code that do what a layer does, call by call.

A layer states the code that is generated for it. That code runs on inputs of the same shapes; if it makes the calls
that a module of the program made, one for one, with the same numbers and with weights of the same shapes, the layer
stands for them. So no pattern is written for any layer: its own code is the pattern. A line of code is looked at in the
same way as a module.
"""

from collections.abc import Hashable, Iterator, Sequence
from functools import cached_property
from itertools import permutations

from archcalc.importing.lengths import Length, lengths_in
from archcalc.importing.lowering.lowering import Lowering
from archcalc.importing.lowering.moving import turned
from archcalc.importing.lowering.searching import Found, Search
from archcalc.importing.lowering.segments import Segment, segment_of
from archcalc.importing.lowering.sharing import brought
from archcalc.importing.lowering.step import Step
from archcalc.importing.lowering.written import kinds_with, may_be_a_layer
from archcalc.importing.program import ModuleCall, Operation, Value, leaves


class Recogniser:
    """`known`: what was found for modules that made the same calls."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering
        self.program = lowering.program
        self.known: dict[Hashable, Found | None] = {}

    @cached_property
    def opened(self) -> dict[int, list[ModuleCall]]:
        """The modules and statements that begin with each call, by its number; the longest first."""
        found: dict[int, list[ModuleCall]] = {}
        parts = [*self.program.calls, *statements(self.program.operations)]
        for each in sorted(parts, key=lambda each: each.first - each.last):
            found.setdefault(each.first, []).append(each)
        return found

    def recognised(self, number: int) -> bool:
        """Whether a layer was placed for a module that begins with the call of this number."""
        if self.program.retrace is None:
            return False
        return any(self.stands_for(each) for each in self.opened.get(number, ()))

    def alone(self, number: int) -> bool:
        """Whether a layer was placed whose line is this call, which no rule takes."""
        operation = self.program.operations[number]
        if self.program.retrace is None or not kinds_with(frozenset((operation.function,)), ""):
            return False
        line = ModuleCall(operation.module, "", number, number + 1)
        return any(self.in_order(line, (operation,), each) for each in self.orders(line, (operation,)))

    def stands_for(self, module: ModuleCall) -> bool:
        operations = self.program.operations[module.first : module.last]
        if not may_be_a_layer(operations, module.kind):
            return False
        return any(self.in_order(module, operations, each) for each in self.orders(module, operations))

    def orders(self, module: ModuleCall, operations: Sequence[Operation]) -> Iterator[Sequence[Value]]:
        """The inputs in the orders in which a layer may take them: as the module was given them, each once, or one of
        them several times; if it was given none, those whose lengths it was given; of a line of code, in any."""
        given = [each for each in module.given if each.varies or not self.lowering.is_shared(each)]
        if module.kind:
            once = list(dict.fromkeys(given)) or list(measured_in(operations))
            yield from (once, given) if 0 < len(once) < len(given) else (once,)
            return
        segment = segment_of(operations, self.is_read)
        if segment is not None:
            yield from permutations(segment.inputs) if len(segment.inputs) <= MOST_ORDERED else [segment.inputs]

    def in_order(self, module: ModuleCall, operations: Sequence[Operation], given: Sequence[Value]) -> bool:
        segment = segment_of(operations, self.is_read, given)
        if segment is None or segment.output is None or not segment.inputs:
            return False
        if any(each.shape[:1] != (self.program.batch,) for each in segment.inputs):
            return False
        if all(each in self.lowering.at for each in segment.inputs):
            return self.with_inputs(module, segment)
        return self.lowering.tried(lambda: self.with_derived(module, segment))

    def with_derived(self, module: ModuleCall, segment: Segment) -> bool:
        """Whether a layer was placed, after what it reads and is computed of weights: learned queries."""
        first = segment.operations[0]
        return all(brought(self.lowering, first, each) for each in segment.inputs) and self.with_inputs(module, segment)

    def with_inputs(self, module: ModuleCall, segment: Segment) -> bool:
        steps = [self.lowering.at[each] for each in segment.inputs]
        return self.placed(module, segment, steps) or self.placed_turned(module, segment, steps)

    def is_read(self, value: Value, inside: set[Operation]) -> bool:
        """Whether others than these operations read a value."""
        readers = self.lowering.readers.get(value, ())
        return value in self.program.outputs or any(each not in inside for each in readers)

    def placed_turned(self, module: ModuleCall, segment: Segment, steps: list[Step]) -> bool:
        """Whether a layer fits inputs whose features come last."""
        if all(each.volume.channels_last or not each.volume.rank for each in steps):
            return False
        last = [turned(self.lowering, segment.operations[0], each, last=True) for each in steps]
        return self.placed(module, segment, last)

    def placed(self, module: ModuleCall, segment: Segment, steps: list[Step]) -> bool:
        volumes, said = tuple(each.volume for each in steps), self.program.said.get(module.path, {})
        key = (segment.calls, volumes, module.kind, tuple(said.items()))
        if key not in self.known:
            self.known[key] = Search(self.program, segment, volumes, said).found(module.kind)
        found = self.known[key]
        return found is not None and self.lowering.tried(lambda: self.place(module, segment, steps, found))

    def place(self, module: ModuleCall, segment: Segment, steps: list[Step], found: Found) -> bool:
        lowering, last = self.lowering, segment.operations[-1]
        assert segment.output is not None
        stored = self.program.stored
        weights = {n: each for n, each in zip(found.weights, segment.stored, strict=True) if stored[each.name].saved}
        made = Operation(found.layer.name, (), {}, last.makes, module.path, last.where)
        if not lowering.place(made, found.layer, steps, weights, segment.output):
            return False
        if weights and module.kind:
            lowering.at[segment.output].path = module.path
        lowering.taken.update(segment.operations)
        return True


def measured_in(operations: Sequence[Operation]) -> Iterator[Value]:
    """The values whose lengths are among the arguments of calls, each once."""
    given = (each for operation in operations for each in leaves((operation.arguments, operation.keywords)))
    lengths = (each for n in given if isinstance(n, Length) for each in lengths_in(n.formula))
    yield from dict.fromkeys(each.value for each in lengths)


MOST_ORDERED = 3
"""The most inputs of a line of code that are looked at in every order."""

LONGEST = 64
"""The most calls of a statement that are looked at."""


def statements(operations: Sequence[Operation]) -> Iterator[ModuleCall]:
    """Calls that follow one another and that one line of a module makes, itself or through the modules in it; also
    those before it calls a module with lines of its own, because another module may run the same line later."""
    for first, operation in enumerate(operations):
        if operation.where is None or (first and operations[first - 1].where == operation.where):
            continue
        path, last = operation.module, first + 1
        for i, each in enumerate(operations[first + 1 : first + LONGEST], first + 1):
            if each.where == operation.where:
                if 1 < last - first < i - first:
                    yield ModuleCall(path, "", first, last)
                path, last = min(path, each.module, key=len), i + 1
            elif not each.module.startswith(f"{path}." if path else ""):
                break
        if last - first > 1:
            yield ModuleCall(path, "", first, last)
