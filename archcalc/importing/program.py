"""The program of a network: what its code did in one run, or what its file says, free of any framework.

In: a front end (tape.py, a reader of a file format) writes it. Out: lowering/ turns it into layers.

Values are in single assignment: an operation makes new values, also where the code overwrote one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from archcalc.core.location import Location
from archcalc.layer import Call
from archcalc.record import field, record

BATCH = 1009
"""The batch size of a run: a prime, so that an axis has the batch in it if and only if its size is divisible by it."""

ONE = 1
"""The batch size of a run with values: a first axis of length 1 is the batch, and other values have none."""

Plain: TypeAlias = bool | int | float | str | tuple[Any, ...] | None
"""A setting of a module; a tuple has whole numbers, or tuples of them."""

INPUT, WEIGHT, BUFFER, CONSTANT, DERIVED, MADE = "input", "weight", "buffer", "constant", "derived", "made"
"""The kinds of values: from outside; learned; stored; of nothing; of weights alone; of inputs."""


@record(frozen=False, eq=False)
class Value:
    """A tensor. `name`: of an input, or the first name of a weight or buffer."""

    kind: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    name: str = ""
    maker: "Operation | None" = None

    @property
    def varies(self) -> bool:
        """Whether it depends on an input."""
        return self.kind in (INPUT, MADE)


@record(frozen=False, eq=False)
class Operation:
    """One call: `function` by its short name (`conv2d`), arguments in order and by name, with values for tensors.

    `module`: the path of the innermost module that made it. `where`: the line of the user's code.
    """

    function: str
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    makes: tuple[Value, ...]
    module: str = ""
    where: Location | None = None

    @property
    def values(self) -> list[Value]:
        """The values among its arguments, in order."""
        return list(values_in((self.arguments, dict(self.keywords))))

    @property
    def is_empty(self) -> bool:
        """Whether nothing that it makes has an element: it ran on nothing."""
        return bool(self.makes) and all(0 in each.shape for each in self.makes)


@record
class ModuleCall:
    """A module that ran: the operations from number `first` up to but not including `last`. `given`: the values that
    it was called with, in order; `named`: also those by keyword, by the names that its code has for them."""

    path: str
    kind: str
    first: int
    last: int
    given: tuple[Value, ...] = ()
    named: Mapping[str, Value] = field(default_factory=dict)


@record
class Stored:
    """A weight or buffer, with all its names. `registered`: whether its framework knows that the model has it.
    `frozen`: whether a weight is not trained. `saved`: whether it is kept with the weights; buffers can be left out."""

    shape: tuple[int, ...]
    dtype: str
    names: tuple[str, ...]
    buffer: bool = False
    registered: bool = True
    frozen: bool = False
    saved: bool = True

    @property
    def numel(self) -> int:
        total = 1
        for n in self.shape:
            total *= n
        return total


def not_known(value: Value) -> None:
    return None


def no_macs(operation: Operation) -> int:
    return 0


@record(frozen=False, eq=False)
class Program:
    """What ran, in order.

    `stored`: weights and buffers by their first names. `kinds`: the class of every module by its path. `said`: what
    modules call their settings, such as `num_heads`: numbers, words and truths, by the module's path. `macs`: the MACs
    of one operation, for the whole batch, as its framework counts them. `batch`: the size of the batch axis.
    `integers`: the elements of a constant of integers, in memory's order, where they are known. `numbers`: those of any
    constant; of one with an axis for the batch, those of a sample, if all have the same. `retrace`: the program of a
    layer on such inputs; `rerun`: the shapes that an operation makes, with other values for some, None if it fails;
    both are None if nothing can run. `whole`: for values that are a batch of one, those that stand for them.
    """

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    operations: tuple[Operation, ...]
    calls: tuple[ModuleCall, ...] = ()
    stored: Mapping[str, Stored] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, Mapping[str, Plain]] = field(default_factory=dict)
    macs: Callable[[Operation], int] = no_macs
    integers: Callable[[Value], tuple[int, ...] | None] = not_known
    numbers: Callable[[Value], tuple[float, ...] | None] = not_known
    batch: int = BATCH
    retrace: "Callable[[Call, Sequence[Value]], Program] | None" = None
    rerun: "Callable[[Operation, Mapping[Value, Value]], list[tuple[int, ...]] | None] | None" = None
    whole: Mapping[Value, Value] = field(default_factory=dict)

    @property
    def trains(self) -> bool:
        """Whether some weights are trained, or there are none."""
        learned = [each for each in self.stored.values() if not each.buffer]
        return not learned or any(not each.frozen for each in learned)

    @property
    def idle(self) -> tuple[str, ...]:
        """The learned weights that no operation reads, or that were applied to nothing."""
        read = {value.name for operation in self.operations if not operation.is_empty for value in operation.values}
        return tuple(name for name, each in self.stored.items() if not each.buffer and name not in read)


def values_in(tree: Any) -> Iterator[Value]:
    """The values in nested lists, tuples, mappings and slices, in order."""
    return (each for each in leaves(tree) if isinstance(each, Value))


def leaves(tree: Any) -> Iterator[Any]:
    """What nested lists, tuples, mappings and slices hold, in order."""
    if isinstance(tree, slice):
        tree = tree.start, tree.stop, tree.step
    if isinstance(tree, tuple | list | Mapping):
        for each in tree.values() if isinstance(tree, Mapping) else tree:
            yield from leaves(each)
    else:
        yield tree
