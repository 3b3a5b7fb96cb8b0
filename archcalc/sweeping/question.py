"""The question of a sweep: which designs, under which conditions, and which of them are wanted. Workers receive it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from archcalc.closed_forms.budget import judged, parts
from archcalc.core.diagnostic import SpecError, problem
from archcalc.core.location import Location, Source
from archcalc.graph.graph import Graph
from archcalc.measure import MEASURES
from archcalc.memory.training_setup import DEFAULT_SETUP, TrainingSetup
from archcalc.record import field, record, replace
from archcalc.spec.declaration import Document
from archcalc.spec.expression import Expression, Names, check_bytes, names_in, parse_expression
from archcalc.spec.value import number_of
from archcalc.sweeping.network import VARIANT, can_be_free, check_name, network_of
from archcalc.sweeping.quantity import KNOWN, Quantity, with_plain_names
from archcalc.sweeping.space import Axis, Space, checked
from archcalc.sym.expr import Claim, Expr, NoClosedForm, expression, symbol

SMALL = 1 << 16
"""Designs of a space whose axes keep their order."""

FRONT, TOP, ROWS, COUNT = "front", "top", "rows", "count"
"""What can be wanted of the designs that meet the conditions."""


@record
class Parsed:
    """An expression over quantities, axes and parameters: its text and the quantities in it, by their names there."""

    text: str
    tree: Expression
    quantities: Mapping[str, Quantity]

    def value(self, names: Names) -> "Expr | int":
        """Its value, in symbols for quantities and axes. Raises SpecError if it is not whole."""
        found = number_of(self.tree.evaluate(known(self.quantities, names)), self.tree.where)
        if isinstance(found, int | Expr):
            return found
        raise problem(
            "AC141", f"an objective must be a whole number, and {self.text} is not", self.tree.where, help=WHOLE
        )

    def claim(self, names: Names) -> Claim | bool:
        """Whether the comparison holds, in these symbols."""
        left, right = (
            number_of(side.evaluate(known(self.quantities, names)), side.where)
            for side in (self.tree.left, self.tree.right)  # type: ignore[attr-defined]  # a comparison
        )
        return judged(self.tree.op, left, right)  # type: ignore[attr-defined]


WHOLE = "multiply it by the divisor, or round it with floor(...)"


def known(quantities: Mapping[str, Quantity], names: Names) -> Names:
    """The names of an expression: all quantities, and parameters and axes, which come first."""
    found = {name: Quantity(name) for name in KNOWN} | dict(quantities)
    return {**names, **{name: symbol(symbol_of(each)) for name, each in found.items() if name not in names}}


def symbol_of(quantity: Quantity) -> str:
    """The symbol that stands for a quantity; no symbol of a spec has its form."""
    return "_" + "".join(letter if letter.isalnum() else f"_{ord(letter)}_" for letter in str(quantity))


def parsed(text: str, option: str) -> Parsed:
    """An expression. Raises SpecError."""
    found: dict[str, Quantity] = {}
    plain = with_plain_names(text, option, found)
    tree = parse_expression(plain, Location(Source(option, text)))
    return Parsed(text, tree, with_quantities(tree, found))


def with_quantities(tree: Expression, found: Mapping[str, Quantity]) -> dict[str, Quantity]:
    used = dict.fromkeys(name.id for name in names_in(tree))
    return {name: found.get(name) or Quantity(name) for name in used if name in found or name in KNOWN}


def conditions(texts: Sequence[str], option: str = "--where") -> Iterator[Parsed]:
    """The comparisons that several texts join with `and`."""
    for text in texts:
        whole = parsed(text, option)
        for part in parts(whole.tree):
            column, length = part.where.column, part.where.length
            quantities = with_quantities(part, whole.quantities)
            if any(each.is_bytes for each in quantities.values()):
                check_bytes(part)
            yield Parsed(text[column : column + length], part, quantities)


@record
class Objective:
    """What is to be small, or large if `sign` is -1."""

    parsed: Parsed
    sign: int

    @property
    def words(self) -> str:
        return f"{'min' if self.sign > 0 else 'max'} {self.parsed.text}"


@record(slots=False)
class Question:
    """A sweep, without its results.

    `documents`: the spec, by the names of its variants; "" is the spec as given. `columns`: further quantities of the
    designs that are kept. `wanted`: FRONT, TOP, ROWS or COUNT; `top`: how many. `histogram`: the expression whose
    values are counted.
    """

    documents: Mapping[str, Document]
    space: Space
    where: tuple[Parsed, ...] = ()
    objectives: tuple[Objective, ...] = ()
    columns: tuple[Parsed, ...] = ()
    wanted: str = ROWS
    top: int = 1
    histogram: Parsed | None = None
    setup: TrainingSetup = DEFAULT_SETUP
    batch: int = 1
    dtype: str = "float32"
    inner: int = 0
    """The last axes, so many, whose designs are evaluated in blocks."""
    spec: str = ""
    """What the command line calls the spec."""
    options: tuple[str, ...] = field(default=())
    """Further options of the command that reports a design."""

    @cached_property
    def structural(self) -> int:
        """How many axes, the first ones, make a network of their own for each of their values."""
        return sum(self.is_structural(axis) for axis in self.space.axes)

    def is_structural(self, axis: Axis) -> bool:
        """Whether the values of an axis cannot be a symbol."""
        document = self.documents[""]
        return axis.is_structural or not all(can_be_free(name, document, self.dtype) for name in axis.columns)

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """All quantities that have to be known of a design that is kept, each once: objectives first."""
        trees = [*self.computed, *self.where, *self.columns]
        return tuple(dict.fromkeys(each for tree in trees for each in tree.quantities.values()))

    @property
    def shown(self) -> list[Parsed]:
        """The expressions that are shown of the designs that are kept: objectives and columns."""
        return [*(each.parsed for each in self.objectives), *self.columns]

    @property
    def computed(self) -> list[Parsed]:
        """The expressions that are computed for every design: objectives, and what the histogram counts."""
        return [*(each.parsed for each in self.objectives), *([self.histogram] if self.histogram else [])]


def arranged(question: Question) -> Question:
    """The question with its axes checked and in the order that is quickest: structures first, numbers of copies next,
    and last the axes along which the closed forms have fewest terms."""
    document = question.documents[""]
    for axis in question.space.axes:
        for name, values in axis.columns.items():
            if name != VARIANT:
                check_name(name, values[0], document, "--choose" if axis.chosen else "--over")
    axes = checked(question.space.axes).axes
    first = [axis for axis in axes if question.is_structural(axis)]
    rest = [axis for axis in axes if axis not in first]
    if question.space.size > SMALL:
        rest = sorted(rest, key=lambda axis: order_of(axis, form_of(question, rest)))
    return replace(question, space=Space((*first, *rest)), inner=inner_axes(rest))


def form_of(question: Question, axes: Sequence[Axis]) -> tuple[Graph, Expr] | None:
    """The network with all numbers free, and its MACs and parameters; None if there is no such form."""
    names = [name for axis in axes for name in axis.columns]
    try:
        graph = network_of(question.documents[""], names, question.batch, question.dtype).graph
        return graph, expression(MEASURES["macs"].total(graph)) + MEASURES["params"].total(graph)
    except (SpecError, NoClosedForm):
        return None


def order_of(axis: Axis, found: tuple[Graph, Expr] | None) -> tuple[int, int]:
    """Axes that are set one by one come first, then those with many different factors in the form."""
    if found is None:
        return 0, 0
    graph, form = found
    symbols = {name.replace("[", "_").replace("]", "") for name in axis.columns} & form.symbols()
    counted = {name for each in graph.repeats for name in expression(each.count).symbols()}
    factors = {
        tuple((atom, exponent) for atom, exponent in monomial if Expr({((atom, 1),): 1}).symbols() & symbols)
        for monomial in form.terms
    }
    return (0 if symbols & counted else 1), -len(factors)


WIDTH = 1 << 7
"""Designs along the inner axes of a block, at least, where the axes have so many."""

WIDEST = 1 << 13


def inner_axes(axes: Sequence[Axis]) -> int:
    """How many of the last axes make the inner side of a block. Of one long axis, a block has a part."""
    width = count = 0
    for axis in reversed(axes):
        wider = max(1, width) * len(axis)
        if (count and wider > WIDEST) or width >= WIDTH:
            break
        width, count = wider, count + 1
    return count
